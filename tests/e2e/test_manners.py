"""Manners of a tab: Back closes, a click begins a search, it comes back with its server, its files open."""

import csv
import re
import shutil
import xml.dom.minidom
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import Page, expect

from tb_attnviz.events import Layer, ProbeRecord, RunWriter, Samples, Sequence
from tests.conftest import serving, wait_until
from tests.e2e.conftest import SECONDS, Tab
from tests.e2e.test_export import menu, taken


def open_by_key(tab: Tab, head: int) -> None:
    """Opens the head beside the one where the keys were last."""
    matrix = tab.frame.get_by_role("application", name="Matrix of heads")
    for key in ("ArrowRight", "Enter"):
        matrix.press(key)
    expect(tab.head_view).to_be_visible()
    tab.expect_address(layer=0, head=head)


@pytest.mark.in_tensorboard
def test_back_closes_what_was_opened_and_keeps_the_rest(tab: Tab) -> None:
    tab.page.goto("about:blank")
    tab.open(run="run")
    tab.expect_address(layer=None, step=None)
    open_by_key(tab, 0)
    tab.frame.get_by_role("application", name="Scatterplot").press("Enter")
    expect(tab.sentence_view).to_be_visible()
    token = tab.hash_of("token")  # whichever the keyboard comes to first
    query = tab.sentence_view.get_by_role("button", name=f"query {token}: ")
    expect(query).to_have_attribute("aria-pressed", "true")
    tab.press_on_slider("Home")
    tab.expect_address(step=0)
    tab.page.go_back()
    expect(tab.sentence_view).not_to_be_visible()
    expect(tab.head_view).to_be_visible()
    tab.expect_address(step=0, layer=0, token=None)
    tab.page.go_back()
    expect(tab.head_view).not_to_be_visible()
    expect(tab.slider).to_have_attribute("aria-valuenow", "0")
    tab.expect_address(step=0, layer=None)
    # What was closed otherwise does not have to be gone back through.
    open_by_key(tab, 1)
    tab.page.keyboard.press("Escape")
    expect(tab.head_view).not_to_be_visible()
    tab.expect_address(layer=None)
    tab.page.go_back()
    expect(tab.page).to_have_url("about:blank")


@pytest.mark.parametrize(
    "width", [900, pytest.param(1440, marks=pytest.mark.full), pytest.param(1920, marks=pytest.mark.full)]
)
def test_a_click_on_the_glass_begins_a_search(tab: Tab, width: int) -> None:
    tab.page.set_viewport_size({"width": width, "height": 900})
    tab.open()
    glass = tab.frame.get_by_role("search").get_by_role("button", name="Find tokens")
    box = glass.bounding_box()
    assert box
    tab.page.mouse.click(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2, delay=50)
    tab.page.keyboard.type("sky", delay=20)
    expect(tab.frame.get_by_role("combobox", name="Find tokens")).to_have_value("sky")
    expect(tab.frame.get_by_role("group", name="Found tokens")).to_contain_text("1 token in 1 sequence")


ODD = ("a\ufffeb", "\uffff", "\ud83d", "bell\u0007", "nul\0", "\U0001fffe", "😀" * 40)
SHOWN = ("a\\ufffeb", "\\uffff", "\\ud83d", "bell\\u0007", "nul\\u0000", "\\u{1fffe}", "😀" * 40)


@pytest.fixture
def odd(tmp_path: Path, page: Page) -> Iterator[Tab]:
    """A run whose tokens are no text."""
    writer = RunWriter(str(tmp_path / "logs" / "run"))
    writer.write_probe(ProbeRecord((Sequence(ODD), Sequence(("x", "y")))), step=0)
    rng = np.random.default_rng(0)
    queries, keys = (rng.normal(size=(2, len(ODD) + 2, 4)).astype(np.float32) for _ in range(2))
    writer.write_checkpoint(0, [(Layer("attention", 2, 2, 4, 0.5, causal=False), Samples(queries, keys))])
    writer.close()
    with serving("--load_fast=false", f"--logdir={tmp_path / 'logs'}") as address:
        yield Tab(page, address)


def test_files_with_tokens_that_are_no_text_open(odd: Tab, tmp_path: Path) -> None:
    odd.open(layer=0, head=0, sequence=0, token=0)
    menu(odd)
    names = [name.get_attribute("aria-label") or "" for name in menu(odd).get_by_role("button", name="as SVG").all()]
    assert len(names) > 3
    for name in names:
        document = xml.dom.minidom.parse(str(taken(odd, name, tmp_path)))
        if name.startswith("Sentence"):
            texts = {text.firstChild.nodeValue for text in document.getElementsByTagName("text") if text.firstChild}
            assert set(SHOWN[:-1]) <= texts
    with taken(odd, "Points of L0 H0, step 0 as CSV", tmp_path).open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["token"] for row in rows][: len(ODD)] == list(SHOWN)


@pytest.mark.first
def test_the_tab_comes_back_with_its_server_and_its_run(page: Page, logdir: Path, tmp_path: Path) -> None:
    own = tmp_path / "logs"
    shutil.copytree(logdir / "run", own / "run")
    arguments = ("--load_fast=false", f"--logdir={own}")
    alerts = page.get_by_role("alert")
    with serving(*arguments) as address:
        tab = Tab(page, address).open(layer=1, head=2, sequence=0, token=1)
        expect(alerts).to_have_count(0)
    tab.slider.press("Home")
    expect(alerts).to_have_count(1)
    expect(alerts).to_contain_text("TensorBoard does not answer")
    tab.frame.get_by_role("button", name="Next head").click()
    for _ in range(2):  # it goes on asking
        page.wait_for_event("requestfailed", timeout=60 * SECONDS)
    expect(alerts).to_have_count(1)
    expect(tab.frame.get_by_role("button", name="Retry")).to_have_count(0)
    expect(tab.matrix).to_be_visible()
    assert float(tab.frame.locator("main").evaluate("main => getComputedStyle(main).opacity")) < 1

    shutil.move(own / "run", tmp_path / "elsewhere")
    with serving(*arguments, port=int(address.rpartition(":")[2])):
        expect(alerts).to_contain_text("is gone")
        expect(alerts).to_have_count(1)
        expect(tab.matrix).to_be_visible()
        shutil.move(tmp_path / "elsewhere", own / "run")
        expect(alerts).to_have_count(0, timeout=60 * SECONDS)
        tab.ready()
        expect(tab.head_view.get_by_role("heading", name=re.compile("Head 3"))).to_be_visible()
        expect(tab.slider).to_have_attribute("aria-valuenow", "0")
        wait_until(lambda: tab.weight("key", 0) == tab.weight("key", 0), seconds=60)  # a number


def test_the_help_says_what_every_figure_is(tab: Tab) -> None:
    tab.open()
    titles = tab.frame.get_by_role("combobox", name="Tint").locator("option").all_inner_texts()[1:]
    assert {"Entropy", "Max logit"} <= set(titles)
    tab.frame.get_by_role("button", name="Help").press("Enter")
    figures = tab.frame.get_by_role("dialog", name="Help").locator("section", has_text="Figures of heads")
    assert set(titles) <= set(figures.locator("dt").all_inner_texts())
    assert all(len(text) > 20 for text in figures.locator("dd").all_inner_texts())
    # From when on a head is called so, the rules' own limits: tests/findings/test_rules.py compares them.
    limits = tab.frame.get_by_role("dialog", name="Help").locator("section", has_text="From when on a head has a name")
    expect(limits).to_contain_text("50 % or more, until under 40 %")


@pytest.mark.parametrize(("height", "pins"), [(330, False), (720, True)])
def test_a_click_in_the_corner_of_a_cell_pins_a_large_one_and_opens_a_small_one(
    tab: Tab, height: int, pins: bool
) -> None:
    tab.open().resize(1280, height)
    (left, _), (x, y) = tab.cell(0, 0), tab.cell(0, 1)
    box, side = tab.matrix.bounding_box(), 0.94 * (x - left)
    assert box
    assert (side >= 72) == pins
    tab.page.mouse.move(box["x"] + x, box["y"] + y)
    expect(tab.frame.get_by_role("tooltip")).to_be_visible()
    expect(tab.frame.get_by_role("button", name="Pin L0 H1")).to_have_count(int(pins))
    tab.page.mouse.click(box["x"] + x + side / 2 - 14, box["y"] + y - side / 2 + (31 if side >= 58 else 14))
    tab.expect_address(head=None if pins else 1, pinned="0-1" if pins else None)


COMMANDS = """(element) => [
  ['ArrowLeft', 'altKey'], ['ArrowRight', 'altKey'], ['-', 'ctrlKey'], ['x', 'metaKey'],
].filter(([key, modifier]) =>
    !element.dispatchEvent(new KeyboardEvent('keydown', { key, [modifier]: true, bubbles: true, cancelable: true })))"""


def test_commands_are_the_browsers_and_letters_the_searchs(tab: Tab) -> None:
    tab.open(layer=1, head=2, sequence=0, token=1, form="map", figures="shown")
    heat_map = tab.frame.get_by_role("application", name="Heat map of attention").first
    histogram = tab.frame.get_by_role("application", name="Entropy of all heads")
    scatter = tab.frame.get_by_role("application", name="heads by")
    tokens = tab.sentence_view.get_by_role("group", name="Tokens of the sequence")
    splitter = tab.frame.get_by_role("separator", name="Width of the head view")
    for part in (tab.slider, heat_map, histogram, scatter, splitter):
        assert part.evaluate(COMMANDS) == []
    tab.sentence_view.get_by_role("button", name="Lines").click()
    assert tokens.evaluate(COMMANDS) == []
    tab.expect_address(step=None, token=1)
    search = tab.frame.get_by_role("search")
    tab.page.keyboard.press("/")
    tab.page.keyboard.type("s")
    search.get_by_role("button", name="Match case").click()
    tab.page.keyboard.type("ky")
    expect(search.get_by_role("combobox")).to_have_value("sky")
