"""First light, seen: the tab appears, draws every head, moves with the slider, opens heads and sentences."""

from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import Page, expect

import tb_attnviz
from tb_attnviz.events import RunWriter
from tests.conftest import LAYERS, PROBE, serving, wait_until, write_checkpoint, write_run
from tests.e2e.conftest import Pixels, Tab, TabInTensorBoard, like, nearest

QUERY, KEY = (0, 158, 115), (204, 121, 167)
UNLIT = (51, 177, 143)  # a query on a light page while nothing is selected: four fifths of its colour


def around(pixels: Pixels, x: float, y: float, radius: int = 25) -> Pixels:
    return pixels[int(y) - radius : int(y) + radius, int(x) - radius : int(x) + radius]


@pytest.mark.parametrize("loader", [pytest.param("--load_fast=false", marks=pytest.mark.full), "--load_fast=true"])
def test_the_tab_appears_and_draws_with_both_loaders_and_a_path_prefix(page: Page, logdir: Path, loader: str) -> None:
    with serving(loader, f"--logdir={logdir}", "--path_prefix=/some/prefix") as address:
        tab = TabInTensorBoard(page, address)
        page.goto(f"{address}/")
        page.get_by_role("tab", name="Attention").click()
        tab.ready()
        expect(tab.matrix).to_have_attribute("data-step", "300")
        assert like(tab.pixels(tab.matrix), QUERY).sum() > 100
        assert tab.complaints == []


def test_the_matrix_draws_every_head(tab: Tab) -> None:
    tab.open()
    expect(tab.matrix).to_have_accessible_name("Attention heads: 2 layers × 6 heads, step 300")
    expect(tab.matrix).to_have_attribute("data-visible-heads", "10")
    pixels = tab.pixels(tab.matrix)
    for layer, described in enumerate(LAYERS):
        for head in range(described.heads):
            x, y = tab.cell(layer, head)
            cell = around(pixels, x, y, 40)
            assert like(cell, QUERY).sum() > 10, f"no queries in L{layer}H{head}"
            assert like(cell, KEY).sum() > 10, f"no keys in L{layer}H{head}"
    missing = around(pixels, *tab.cell(0, 5), radius=40)  # layer 0 has 4 heads
    assert not like(missing, QUERY).any()


def test_the_slider_moves_the_points_stops_between_checkpoints_and_plays(tab: Tab) -> None:
    newest = tab.open().pixels(tab.matrix)
    tab.press_on_slider("Home")
    expect(tab.slider).to_have_attribute("aria-valuenow", "0")
    first = tab.pixels(tab.matrix)
    tab.press_on_slider("End")
    expect(tab.slider).to_have_attribute("aria-valuenow", "300")
    for layer in range(2):
        x, y = tab.cell(layer, 1)
        assert (around(first, x, y, 40) != around(newest, x, y, 40)).any()
    np.testing.assert_array_equal(tab.pixels(tab.matrix), newest)
    # dragged, it stops between two checkpoints
    at_100 = tab.press_on_slider("Home", "ArrowRight").pixels(tab.matrix)
    at_200 = tab.press_on_slider("ArrowRight").pixels(tab.matrix)
    box = tab.slider.bounding_box()
    assert box
    tab.page.mouse.move(box["x"] + box["width"] * 2 / 3, box["y"] + box["height"] / 2)
    tab.page.mouse.down()
    tab.page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2, steps=4)
    tab.ready()
    between = tab.pixels(tab.matrix)
    tab.page.mouse.up()
    assert (between != at_100).any()
    assert (between != at_200).any()
    tab.press_on_slider("Home")
    tab.frame.get_by_role("combobox", name="Speed").select_option(index=3)
    tab.frame.get_by_role("button", name="Play").click()
    expect(tab.slider).to_have_attribute("aria-valuenow", "300")
    expect(tab.frame.get_by_role("button", name="Play")).to_be_visible()


def test_the_tint_is_a_health_figure_and_colours_say_more(tab: Tab, logdir: Path) -> None:
    tinted = tab.open().pixels(tab.matrix)  # by entropy, unless told otherwise
    tab.frame.get_by_role("combobox", name="Tint").select_option("none")
    plain = tab.ready().pixels(tab.matrix)
    entropy = tb_attnviz.open_run(logdir / "run").health()["entropy"][-1]
    corners = []
    for index in (0, 9):  # the first and the last head: the most and the least
        layer, head = (0, index) if index < 4 else (1, index - 4)
        x, y = tab.cell(layer, head)
        corners.append(around(tinted, x, y, 45)[-4, 4].sum())
        assert around(plain, x, y, 45)[-4, 4].sum() >= corners[-1]
    assert entropy[0] > entropy[9]
    assert corners[0] < corners[1]  # more is darker, on a light page
    seen = [plain]
    colour = tab.frame.get_by_role("combobox", name="Colour")
    for option in ("position", "sequence"):
        colour.select_option(option)
        seen.append(tab.ready().pixels(tab.matrix))
    by_kind, *others = (like(pixels, QUERY).sum() for pixels in seen)
    assert all(number < 0.5 * by_kind for number in others), (by_kind, others)
    assert (seen[1] != seen[2]).any()


def test_a_wheel_zooms_in_and_keys_show_all_again_and_walk_between_heads(tab: Tab, page: Page) -> None:
    all_heads = tab.open().pixels(tab.matrix)
    x, y = tab.cell(1, 1)
    box = tab.matrix.bounding_box()
    assert box
    page.mouse.move(box["x"] + x, box["y"] + y)
    for _ in range(8):
        page.mouse.wheel(0, -300)
    wait_until(lambda: int(tab.matrix.get_attribute("data-visible-heads") or 10) < 10, seconds=60)
    tab.frame.get_by_role("application", name="Matrix of heads").press("0")
    expect(tab.matrix).to_have_attribute("data-visible-heads", "10")
    inner = (slice(10, -10), slice(10, -10))  # within the ring that shows the focus
    wait_until(lambda: (tab.pixels(tab.matrix)[inner] == all_heads[inner]).mean() > 0.999, seconds=60)
    tab.click_cell(0, 3)
    matrix = tab.frame.get_by_role("application", name="Matrix of heads")
    matrix.focus()
    matrix.press("ArrowDown")
    matrix.press("ArrowRight")
    matrix.press("Enter")
    expect(tab.head_view.get_by_role("heading", name="Layer 1 · Head 4")).to_be_visible()


def test_hovering_names_the_token(tab: Tab) -> None:
    tab.open()
    x, y = tab.cell(1, 2)
    pixels = around(tab.pixels(tab.matrix), x, y, 40)
    row, column = nearest(pixels, QUERY)
    box = tab.matrix.bounding_box()
    assert box
    tab.page.mouse.move(box["x"] + int(x) - 40 + column, box["y"] + int(y) - 40 + row)
    tooltip = tab.frame.get_by_role("tooltip")
    expect(tooltip).to_contain_text("query")
    expect(tooltip).to_contain_text("Layer 1 · Head 2")
    words = {token for sequence in PROBE.sequences for token in sequence.tokens}
    assert any(word in tooltip.inner_text() for word in words)


def test_a_click_opens_the_head_with_its_health(tab: Tab) -> None:
    tab.open().click_cell(1, 4)
    expect(tab.head_view.get_by_role("heading", name="Layer 1 · Head 4")).to_be_visible()
    expect(tab.head_view).to_contain_text("blocks.1.attention")
    expect(tab.head_view.get_by_role("img", name="Entropy over steps")).to_be_visible()
    expect(tab.head_view.get_by_role("img", name="Max logit over steps")).to_be_visible()
    scatter = tab.head_view.get_by_role("img", name="Queries and keys of Layer 1 · Head 4, step 300, in 2-D")
    flat = tab.pixels(scatter)
    assert like(flat, QUERY).sum() > 50
    tab.frame.get_by_role("button", name="3D").click()
    solid = tab.head_view.get_by_role("img", name="Queries and keys of Layer 1 · Head 4, step 300, in 3-D")
    expect(solid).to_be_visible()
    before = tab.ready().pixels(solid)
    box = solid.bounding_box()
    assert box
    tab.page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    tab.page.mouse.down()
    tab.page.mouse.move(box["x"] + box["width"] / 2 + 80, box["y"] + box["height"] / 2 + 20, steps=5)
    tab.page.mouse.up()
    wait_until(lambda: (tab.pixels(solid) != before).any(), seconds=60)
    tab.frame.get_by_role("button", name="Close the head view").click()
    expect(tab.head_view).to_be_hidden()


def test_a_click_on_a_token_shows_its_attention(tab: Tab, logdir: Path) -> None:
    tab.open(words="off").click_cell(1, 4)
    scatter = tab.head_view.get_by_role("img", name="Queries and keys of Layer 1 · Head 4")
    unlit = tab.pixels(tab.matrix)
    row, column = nearest(tab.pixels(scatter), QUERY)
    box = scatter.bounding_box()
    assert box
    tab.page.mouse.click(box["x"] + column, box["y"] + row)
    tab.ready()
    expect(tab.sentence_view).to_be_visible()
    wait_until(lambda: tab.hash().keys() >= {"sequence", "token"}, seconds=60)
    state = tab.hash()
    sequence, token = int(state["sequence"]), int(state["token"])
    attention = tb_attnviz.open_run(logdir / "run").attention(300, 1, 4, sequence)
    words = PROBE.sequences[sequence].tokens
    pressed = tab.sentence_view.get_by_role("button", name=f"query {token}: {words[token]}", exact=True)
    expect(pressed).to_have_attribute("aria-pressed", "true")
    for key, word in enumerate(words):
        expect(tab.sentence_view.get_by_role("button", name=f"key {key}: {word}")).to_be_visible()
        tab.expect_weight("key", key, 100 * attention[token, key])
    # its sequence is lit in every head, the others fade
    lit = tab.ready().pixels(tab.matrix)
    assert like(lit, QUERY, tolerance=20).sum() > like(unlit, QUERY, tolerance=20).sum()
    assert like(lit, UNLIT, tolerance=20).sum() < 0.5 * like(unlit, UNLIT, tolerance=20).sum()


def test_the_sentence_follows_the_step(tab: Tab, logdir: Path) -> None:
    tab.open(layer=1, head=4, sequence=0, token=2)
    tab.press_on_slider("Home")
    expected = tb_attnviz.open_run(logdir / "run").attention(0, 1, 4, 0)[2, 0] * 100
    tab.expect_weight("key", 0, expected)


@pytest.mark.in_tensorboard
def test_the_address_restores_the_view(tab: Tab, page: Page) -> None:
    tab.open().click_cell(1, 2)
    tab.frame.get_by_role("combobox", name="Projection").select_option("pca")
    tab.frame.get_by_role("combobox", name="Tint").select_option("max_logit")
    tab.press_on_slider("Home", "ArrowRight")
    tab.expect_address(run="run", step=100, layer=1, head=2, projection="pca", tint="max_logit")
    address, shown = page.url, tab.pixels(tab.matrix)
    page.goto("about:blank")
    page.goto(address)
    tab.ready()
    np.testing.assert_allclose(tab.pixels(tab.matrix), shown, atol=2)
    expect(tab.head_view.get_by_role("heading", name="Layer 1 · Head 2")).to_be_visible()


def test_a_live_step_appears_and_moves_no_other(page: Page, tmp_path: Path) -> None:
    writer = write_run(tmp_path / "live", (0, 100))
    with serving("--load_fast=false", f"--logdir={tmp_path}") as address:
        tab = Tab(page, address).open(tint="none")  # its scale would grow with the figures of the new step
        expect(tab.slider).to_have_attribute("aria-valuenow", "100")
        shown = tab.pixels(tab.matrix)
        write_checkpoint(writer, 200)
        # the newest step is followed, without a reload
        expect(tab.slider).to_have_attribute("aria-valuenow", "200")
        expect(tab.slider).to_have_attribute("aria-valuetext", "step 200 of 200 · live")
        expect(tab.matrix).to_have_attribute("data-frame", "100")
        assert (tab.ready().pixels(tab.matrix) != shown).any()
        tab.press_on_slider("ArrowLeft")
        np.testing.assert_array_equal(tab.pixels(tab.matrix), shown)
        # until the user asks for it
        tab.frame.get_by_role("button", name="Refit").click()
        expect(tab.matrix).to_have_attribute("data-frame", "200")
        assert (tab.ready().pixels(tab.matrix) != shown).any()
        # and once the user has taken over, the next step does not pull the view along
        write_checkpoint(writer, 300)
        expect(tab.slider).to_have_attribute("aria-valuetext", "step 100 of 300 · live")
        assert tab.complaints == []


def test_an_empty_log_directory_says_how_to_start(page: Page, tmp_path: Path) -> None:
    with serving("--load_fast=false", f"--logdir={tmp_path}") as address:
        tab = TabInTensorBoard(page, address)
        tab.visit()
        expect(tab.frame.get_by_text("from tb_attnviz.callbacks import AttentionRecorder, Probe")).to_be_visible()
        expect(tab.frame.get_by_text("recorder.step(step)")).to_be_visible()
        assert tab.complaints == []


def test_errors_are_shown_where_they_happen(page: Page, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    writer = RunWriter(str(tmp_path / "damaged"))
    writer.write_probe(PROBE, step=0)
    write_checkpoint(writer, 0)
    for samples in (tmp_path / "damaged" / "plugins" / "attnviz").iterdir():
        samples.write_bytes(samples.read_bytes()[:-40])  # within the record of the last layer
    newer = RunWriter(str(tmp_path / "newer"))
    monkeypatch.setattr("tb_attnviz.events.documents.VERSION", 99)
    newer.write_probe(PROBE, step=0)
    monkeypatch.undo()
    with serving("--load_fast=false", f"--logdir={tmp_path}") as address:
        tab = Tab(page, address)
        tab.visit("&p.attnviz.run=damaged")
        row = tab.frame.get_by_role("alert")
        expect(row).to_contain_text("step 0 is left out in layer 1: its samples are damaged")
        expect(row.get_by_role("button", name="Retry")).to_be_visible()
        cell = tab.cell(0, 1)  # of the other layer, which is there
        wait_until(lambda: like(around(tab.pixels(tab.matrix), *cell, radius=40), QUERY).any(), seconds=60)
        tab.frame.get_by_role("combobox", name="Run").select_option("newer")
        expect(tab.frame.get_by_text("recorded in format version 99")).to_be_visible()


def test_every_control_has_a_name(tab: Tab) -> None:
    tab.open(layer=1, head=4, sequence=0, token=2)
    for role in ("button", "combobox", "slider", "img", "region", "application"):
        controls = tab.frame.get_by_role(role).all()
        assert controls, role
        for control in controls:
            name = control.get_attribute("aria-label") or control.inner_text() or control.get_attribute("title")
            labelled = control.evaluate(
                "element => element.labels?.length > 0 || !!element.ariaLabelledByElements?.length"
            )
            assert name or labelled, control.evaluate("element => element.outerHTML")


def test_what_is_left_out_is_said_at_the_run_and_on_the_timeline(page: Page, tmp_path: Path) -> None:
    write_run(tmp_path / "run", range(0, 500, 100)).close()
    [lost] = (tmp_path / "run" / "plugins" / "attnviz").glob("samples-*200-*")
    lost.unlink()
    with serving("--load_fast=false", f"--logdir={tmp_path}") as address:
        tab = Tab(page, address).open().ready()
        slider = tab.frame.get_by_role("slider", name="Training step")
        expect(slider).to_have_attribute("aria-valuenow", "400")
        tab.frame.get_by_role("button", name="1 part is left out").click()
        said = tab.frame.get_by_role("dialog", name="What of this run cannot be read")
        expect(said).to_contain_text("step 200 is left out: its samples are gone from the log directory")
        page.keyboard.press("Escape")
        expect(tab.frame.locator("path.missing")).to_have_count(1)
        box = slider.bounding_box()
        assert box
        page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
        expect(tab.frame.get_by_text("200 · cannot be read")).to_be_visible()


@pytest.mark.in_tensorboard
def test_in_tensorboard_it_comes_back_follows_the_theme_and_fits_any_screen(tab: Tab, page: Page) -> None:
    shown = tab.open(layer=1, head=4, sequence=0, token=2).pixels(tab.matrix)
    page.get_by_role("tab", name="Time Series").click()
    expect(page.get_by_text("attnviz/entropy/mean").first).to_be_visible()
    page.get_by_role("tab", name="Attention").click()
    expect(tab.head_view).to_be_visible()
    # The browser composes the page anew: a colour may come out one step of 256 otherwise.
    wait_until(lambda: np.allclose(tab.ready().pixels(tab.matrix), shown, rtol=0, atol=2), seconds=60)
    page.get_by_role("button", name="light or dark theme").click()
    page.get_by_role("menuitem", name="Dark").click()
    expect(tab.frame.locator(".dark").first).to_be_visible()
    wait_until(lambda: np.median(tab.pixels(tab.matrix)) < 100 < np.median(shown), seconds=60)
    assert like(tab.pixels(tab.matrix), (29, 200, 150), tolerance=70).sum() > 100
    overflow = "e => [e.scrollWidth > e.clientWidth, e.scrollHeight > e.clientHeight]"
    for size in ((1280, 720), (1920, 1080), (3840, 2160)):
        tab.resize(*size)
        expect(tab.slider).to_be_in_viewport(ratio=1)
        expect(tab.head_view).to_be_in_viewport(ratio=0.99)
        assert tab.frame.locator("html").evaluate(overflow) == [False, False], size
