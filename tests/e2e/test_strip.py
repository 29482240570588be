"""Heads over steps, seen: the figure that tints the cells, above the timeline and on its axis."""

import re
from pathlib import Path
from urllib.parse import quote

import numpy as np
import pytest
from playwright.sync_api import Locator, expect

from tb_attnviz.events import RunWriter
from tests.conftest import LAYERS, PROBE, write_checkpoint
from tests.e2e.conftest import Tab

STEPS = range(0, 500, 100)
HEADS = sum(layer.heads for layer in LAYERS)
FOLLOWS = "follows/parent & child"  # a relation that was given to the recorder
FORMED = 6  # of all heads: L1 H2, whose induction is 1 from step 200 on
MOVING, MOVED = 24, 240  # steps of the run whose heads move, and the step at which FORMED does
PAD = 9.0  # css pixels from the timeline's end to its first step
SURFACE, MOST = (255, 255, 255), (180, 211, 244)  # the light theme's cells at both ends of the tint


@pytest.fixture(scope="module")
def logdir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One head becomes an induction head; L0 H0 has no value at step 100; four heads in layer 0, six in layer 1."""
    directory = tmp_path_factory.mktemp("strip")
    writer = RunWriter(str(directory / "run"))
    writer.write_probe(PROBE, step=0)
    for step in STEPS:
        write_checkpoint(writer, step)
        induction = np.zeros(HEADS, np.float32)
        induction[FORMED] = step >= 200
        induction[0] = np.nan if step == 100 else 0.5
        writer.write_health(step, {"induction": induction})
    writer.close()
    writer = RunWriter(str(directory / "told"))
    writer.write_probe(PROBE, step=0)
    for step in STEPS:
        write_checkpoint(writer, step)
        writer.write_health(step, {FOLLOWS: np.where(np.arange(HEADS) == FORMED, np.float32(step >= 200), 0.1)})
    writer.close()
    writer = RunWriter(str(directory / "turned"))
    writer.write_probe(PROBE, step=0)
    rng = np.random.default_rng(0)
    for step in range(0, 20 * MOVING, 20):
        write_checkpoint(writer, step)
        levels = np.where((np.arange(HEADS) == FORMED) & (step >= MOVED), 0.8, 0.1)
        writer.write_health(step, {"induction": (levels + rng.normal(0, 0.01, HEADS)).astype(np.float32)})
    writer.close()
    return directory


def strip(tab: Tab) -> Locator:
    return tab.frame.get_by_role("application", name="Heads over steps")


def place(tab: Tab, row: int, step: int) -> tuple[float, float]:
    """The middle of a head's cell, of the `row`-th head from the top, at a step; in pixels of the strip."""
    box = strip(tab).bounding_box()
    assert box
    at = PAD + (box["width"] - 2 * PAD) * step / STEPS[-1]
    inner = {STEPS[0]: at + 8, STEPS[-1]: at - 8}  # half of their cells lies beyond the end
    return inner.get(step, at + 8), (row + 0.5) / HEADS * box["height"]  # beside the mark of the shown step


def hover(tab: Tab, row: int, step: int) -> None:
    box = strip(tab).bounding_box()
    assert box
    x, y = place(tab, row, step)
    tab.page.mouse.move(box["x"] + x, box["y"] + y)


def colour(tab: Tab, row: int, step: int) -> tuple[int, ...]:
    x, y = place(tab, row, step)
    return tuple(int(value) for value in tab.pixels(strip(tab))[int(y), int(x)])


def test_one_sees_a_head_form_in_the_colours_of_its_cell_by_name_and_opens_it(tab: Tab) -> None:
    tab.open(tint="induction", strip="shown")
    canvas, track = strip(tab).locator("canvas").bounding_box(), tab.slider.bounding_box()
    assert canvas
    assert track
    assert (canvas["x"], canvas["width"]) == (track["x"], track["width"])  # one axis
    assert [colour(tab, FORMED, step) for step in STEPS] == [SURFACE] * 2 + [MOST] * 3
    assert colour(tab, FORMED + 1, 300) == SURFACE
    halfway = np.array(colour(tab, 0, 0))
    assert all((np.array(MOST) < halfway) & (halfway < np.array(SURFACE)))
    x, y = tab.cell(0, 0)
    background = tab.pixels(tab.matrix)[int(y) - 24, int(x) - 24]  # of a cell without points there
    assert np.abs(background - colour(tab, 0, 400)).max() <= 1
    hint = strip(tab).locator(".hint")
    hover(tab, FORMED, 200)
    expect(hint).to_have_text("L1 H2, step 200: induction 100 %")
    hover(tab, FORMED, 100)
    expect(hint).to_have_text("L1 H2, step 100: induction 0 %")
    hover(tab, 0, 100)
    expect(hint).to_have_text("L0 H0, step 100: induction not known")
    tab.page.mouse.move(5, 5)
    expect(hint).to_have_count(0)
    # rows stand as the heads are arranged
    tab.frame.get_by_role("combobox", name="Arrange heads by").select_option("induction")
    tab.ready()
    hover(tab, 0, 300)
    expect(hint).to_have_text("L1 H2, step 300: induction 100 %")
    hover(tab, 1, 300)
    expect(hint).to_have_text("L0 H0, step 300: induction 50 %")
    tab.frame.get_by_role("combobox", name="Arrange heads by").select_option("layer")
    tab.ready()
    hover(tab, 0, 300)
    expect(hint).to_have_text("L0 H0, step 300: induction 50 %")
    # a click opens the head at the step
    hover(tab, FORMED, 200)
    tab.page.mouse.down()
    tab.page.mouse.up()
    expect(tab.slider).to_have_attribute("aria-valuenow", "200")
    expect(tab.head_view.get_by_role("heading", name="Layer 1 · Head 2")).to_be_visible()
    now = strip(tab).locator(".now").bounding_box()
    box = strip(tab).bounding_box()
    assert now
    assert box
    assert now["x"] - box["x"] == pytest.approx(place(tab, 0, 200)[0] - 8, abs=1)  # the shown step is marked


def test_keys_walk_and_open(tab: Tab) -> None:
    tab.open(tint="induction", strip="shown", step=200)
    button = tab.frame.get_by_role("button", name="Heads over steps")
    button.focus()
    for _ in range(20):
        if strip(tab).evaluate("element => element === document.activeElement"):
            break
        tab.page.keyboard.press("Shift+Tab")
    expect(strip(tab)).to_be_focused()
    hint = strip(tab).locator(".hint")
    expect(hint).to_have_text("L0 H0, step 200: induction 50 %")
    for key in ["ArrowDown"] * FORMED + ["End", "ArrowLeft"]:
        tab.page.keyboard.press(key)
    expect(hint).to_have_text("L1 H2, step 300: induction 100 %")
    tab.page.keyboard.press("Enter")
    expect(tab.slider).to_have_attribute("aria-valuenow", "300")
    expect(tab.head_view.get_by_role("heading", name="Layer 1 · Head 2")).to_be_visible()


def test_it_folds_away_and_the_address_keeps_it(tab: Tab) -> None:
    tab.open(tint="induction")
    button = tab.frame.get_by_role("button", name="Heads over steps")
    expect(button).to_have_attribute("aria-pressed", "true")  # there is room at 1280 × 720
    button.click()
    expect(strip(tab)).to_have_count(0)
    tab.expect_address(strip="folded")
    tab.page.reload()
    tab.ready()
    expect(strip(tab)).to_have_count(0)
    button.click()
    expect(strip(tab)).to_be_visible()
    tab.expect_address(strip="shown")
    tab.frame.get_by_role("combobox", name="Tint").select_option("none")
    expect(strip(tab)).to_have_count(0)
    expect(button).to_be_disabled()


def test_how_heads_follow_a_relation_is_a_figure_like_any_other_and_names_them(tab: Tab) -> None:
    tab.open(run="told", tint=quote(FOLLOWS, safe=""), strip="shown", layer=1, head=2, step=400)
    tint = tab.frame.get_by_role("combobox", name="Tint")
    expect(tint.locator("option:checked")).to_have_text("Follows parent & child")
    hint = strip(tab).locator(".hint")
    hover(tab, FORMED, 200)
    expect(hint).to_have_text("L1 H2, step 200: follows parent & child 100 %")
    assert [colour(tab, FORMED, step) for step in STEPS] == [SURFACE] * 2 + [MOST] * 3
    chart = tab.head_view.get_by_role("group", name="Health over steps").get_by_role("figure").first
    expect(chart).to_contain_text("Follows parent & child")
    expect(tab.head_view).to_contain_text("attends along “parent & child”, 100 %")
    tab.frame.get_by_role("combobox", name="Arrange heads by").select_option(FOLLOWS)
    tab.ready()
    hover(tab, 0, 300)
    expect(hint).to_have_text("L1 H2, step 300: follows parent & child 100 %")


def test_a_stroke_marks_where_a_head_moved_to_another_level(tab: Tab) -> None:
    tab.open(run="turned", tint="induction")
    marks = strip(tab).locator(".marks path")
    expect(marks).to_have_count(1)
    stroke = marks.evaluate("e => { const b = e.getBBox(); return [b.x, b.y, b.height]; }")
    box = strip(tab).bounding_box()
    assert box
    x = PAD + (box["width"] - 2 * PAD) * MOVED / (20 * (MOVING - 1))
    step = (box["width"] - 2 * PAD) / (MOVING - 1)
    assert x - step < stroke[0] < x + 1  # its column begins half a step before it
    row = box["height"] / HEADS
    assert FORMED * row - 2 < stroke[1] < (FORMED + 1) * row
    tab.page.mouse.move(box["x"] + x, box["y"] + (FORMED + 0.5) * row)
    level = r"another level from here on: mean [\d.]+ % before, \d+ % after"
    levels = re.compile(rf"L1 H2, step 240: induction [\d.]+ %; {level}")
    expect(strip(tab)).to_contain_text(levels)
    for away, near in ((3, True), (6, False)):  # to the left is another step
        tab.page.mouse.move(box["x"] + stroke[0] - away, box["y"] + (FORMED + 0.5) * row)
        expect(strip(tab).get_by_text(levels)).to_have_count(int(near))
    tab.open(run="turned", tint="max_logit")  # levels of what is no share are not compared
    expect(marks).to_have_count(0)
