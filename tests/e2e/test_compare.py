"""Two steps and two runs, seen: trails, onion skin, overlay, side by side, difference of health."""

import dataclasses
from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import Locator, Page, expect

import tb_attnviz
from tb_attnviz.events import Layer, ProbeRecord, RunWriter, Samples
from tests.conftest import LAYERS, PROBE, make_samples, wait_until
from tests.e2e.conftest import Pixels, Tab, like
from tests.e2e.test_projections import Holding
from tests.e2e.test_tab import around
from tests.e2e.test_timeline import middle, x_of

QUERY, ACCENT = (0, 158, 115), (230, 81, 0)
LINE = (0, 122, 89)
STEPS = range(0, 500, 100)
HEADS = sum(layer.heads for layer in LAYERS)
PARTS = np.array([1, -1, 2, -2, 3, -3, 4, -4, 5, -9]) / 20  # of the entropies of two runs


def write_run(
    directory: Path, entropy: np.ndarray, probe: ProbeRecord = PROBE, layers: tuple[Layer, ...] = LAYERS
) -> None:
    """Checkpoints at 0, 100, … 400 whose heads drift, each with this entropy."""
    writer = RunWriter(str(directory))
    writer.write_probe(probe, step=0)
    for step in STEPS:
        share = np.float32(step / 400)
        drifted = []
        for index, layer in enumerate(layers):
            start, end = (make_samples(layer, seed=seed) for seed in (index, index + 100))
            queries, keys = (
                (a * (1 - share) + b * share)[:, : probe.tokens]
                for a, b in ((start.queries, end.queries), (start.keys, end.keys))
            )
            drifted.append((layer, Samples(queries, keys)))
        writer.write_checkpoint(step, drifted)
        writer.write_health(step, {"entropy": entropy.astype(np.float32)})
    writer.close()


@pytest.fixture(scope="module")
def logdir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """`a`; `twin`, of other entropies; `partly`, without a layer; `short`, of another probe; `small`, of others."""
    directory = tmp_path_factory.mktemp("compare")
    write_run(directory / "a", np.full(HEADS, 0.5))
    write_run(directory / "twin", 0.5 - PARTS)
    write_run(directory / "partly", 0.5 - PARTS[4:], layers=(dataclasses.replace(LAYERS[1], number=1),))
    write_run(directory / "short", np.full(HEADS, 0.5), ProbeRecord(PROBE.sequences[:2]))
    write_run(directory / "small", np.full(3, 0.5), layers=(Layer("attention", 3, 3, 8, 1.0, causal=True),))
    return directory


def corner(tab: Tab, layer: int, head: int) -> Pixels:
    """The colour of a cell where no point lies."""
    x, y = tab.cell(layer, head)
    return around(tab.pixels(tab.matrix), x, y, 45)[-4, 4]


def coloured(pixels: Pixels) -> int:
    """How many pixels are no grey: those of points, full or hollow."""
    return int((pixels.max(axis=-1) - pixels.min(axis=-1) > 20).sum())


def choose(tab: Tab, run: str, *, way: str = "Overlay") -> Tab:
    tab.frame.get_by_role("button", name="Compare").click()
    tab.frame.get_by_role("combobox", name="Second run").select_option(run)
    tab.frame.get_by_role("dialog", name="Compare").get_by_role("radio", name=way).check()
    tab.page.keyboard.press("Escape")
    return tab.ready()


def place_of(canvas: Locator, point: np.ndarray) -> tuple[int, int]:
    """The column and row of the head view where a point of the frame is drawn: in a square in the middle of it, with a
    rim of 7 %."""
    box = canvas.bounding_box()
    assert box
    side = min(box["width"], box["height"]) - 12
    left, top = (box["width"] - side) / 2, 6 + (box["height"] - 12 - side) / 2
    x, y = (0.5 + 0.5 * 0.93 * point[0]) * side, (0.5 - 0.5 * 0.93 * point[1]) * side
    return round(left + x), round(top + y)


def test_a_selected_token_leaves_a_trail(tab: Tab, logdir: Path) -> None:
    tab.page.set_viewport_size({"width": 1680, "height": 945})
    tab.open(run="a", layer=1, head=4, sequence=0, token=2, trail=0, large="points")
    canvas = tab.head_view.get_by_role("img", name="Queries and keys of layer 1")
    without, cells = tab.pixels(canvas), tab.pixels(tab.matrix)
    trails = tab.frame.get_by_role("combobox", name="Trails")
    expect(trails).to_have_value("0")
    tab.slider.press("t")
    expect(trails).to_have_value("3")
    tab.ready()
    changed = (tab.pixels(canvas) != without).any(axis=-1)
    way = tb_attnviz.open_run(logdir / "a").project("biplot", 1, 4)[:, 2]  # the token's query, step after step
    rows, columns = np.nonzero(changed)

    def distance(point: np.ndarray) -> float:
        """From the place to the nearest pixel that the trail changed."""
        column, row = place_of(canvas, point)
        return float(np.hypot(rows - row, columns - column).min())

    assert distance(way[3]) < 2
    assert distance((way[2] + way[3]) / 2) < 2
    assert distance(way[0]) > 4  # four checkpoints ago: before the trail begins
    assert (tab.pixels(tab.matrix) != cells).any()
    tab.expect_address(trail="3")


def test_an_onion_skin_lies_under_the_other_steps(tab: Tab) -> None:
    tab.open(run="a", layer=1, head=2, words="off")
    plain = tab.pixels(tab.matrix)
    canvas = tab.head_view.get_by_role("img", name="Queries and keys of layer 1")
    tab.slider.press("o")
    onion = tab.frame.get_by_role("slider", name="Onion skin")
    expect(onion).to_have_attribute("aria-valuenow", "400")
    expect(tab.frame.get_by_text("Go to another step: this one stays under it.")).to_be_visible()
    alone = coloured(tab.ready().pixels(canvas))
    onion.press("Home")
    expect(onion).to_have_attribute("aria-valuenow", "0")
    comparison = tab.ready().frame.get_by_role("group", name="Comparison")
    expect(comparison).to_contain_text("step 400")
    expect(comparison).to_contain_text("step 0")
    under_0 = tab.pixels(canvas)
    assert coloured(under_0) > 1.2 * alone  # hollow ones beside the full ones
    onion.press("ArrowRight")
    expect(onion).to_have_attribute("aria-valuenow", "100")
    assert (tab.ready().pixels(canvas) != under_0).any()
    tab.expect_address(against_step="100", against="a")
    tab.page.reload()
    expect(tab.ready().frame.get_by_role("slider", name="Onion skin")).to_have_attribute("aria-valuenow", "100")
    onion.press("Delete")
    expect(onion).to_have_count(0)
    wait_until(lambda: (tab.ready().pixels(tab.matrix) == plain).all(), seconds=60)
    tab.page.keyboard.down("Alt")
    tab.page.mouse.click(x_of(tab, 200), middle(tab))
    tab.page.keyboard.up("Alt")
    expect(onion).to_have_attribute("aria-valuenow", "200")
    expect(tab.slider).to_have_attribute("aria-valuenow", "400")  # the hand stayed where it was
    tab.frame.get_by_role("button", name="End the comparison").click()
    expect(onion).to_have_count(0)


def test_an_onion_skin_in_3d(tab: Tab) -> None:
    tab.open(run="a", layer=0, head=1, dims=3, against="a", against_step=400, words="off")
    canvas = tab.head_view.get_by_role("img", name="Queries and keys of layer 0")
    alone = coloured(tab.pixels(canvas))
    tab.frame.get_by_role("slider", name="Onion skin").press("Home")
    assert coloured(tab.ready().pixels(canvas)) > 1.2 * alone


def test_an_onion_skin_is_outlined_and_what_is_selected_shows_its_way(tab: Tab, logdir: Path) -> None:
    shown = {"run": "a", "layer": 1, "head": 4, "words": "off", "lines": "off", "strip": "folded", "trail": 0}
    tab.open(**shown)
    canvas = tab.head_view.get_by_role("img", name="Queries and keys of layer 1")

    def lines() -> Pixels:
        """Where the head view has the dark green of no point, but of the line around the queries."""
        return np.argwhere(like(tab.pixels(canvas), LINE, tolerance=12))

    assert len(lines()) < 10
    tab.frame.get_by_role("slider", name="Training step").press("o")
    tab.frame.get_by_role("slider", name="Onion skin").press("Home")
    tab.ready()
    outline = lines()
    run = tb_attnviz.open_run(logdir / "a").project("biplot", 1, 4)
    assert len(outline) > 100
    queries = np.array([place_of(canvas, point) for point in run[0][: PROBE.tokens]])
    middle_of_it = queries.mean(axis=0)
    # The line goes around most of the queries as they were, not as they are.
    reach = np.hypot(*(outline[:, ::-1] - middle_of_it).T)
    assert 0.6 < np.mean(np.hypot(*(queries - middle_of_it).T) < reach.max()) <= 1
    tab.visit("&p.attnviz.run=a&p.attnviz.step=400")  # the selection's own lines
    shown |= {"sequence": 0, "token": 2, "large": "points", "step": 400}
    tab.open(**shown)
    alone = tab.pixels(canvas)
    tab.open(**shown, against="a", against_step=0, way="overlay")
    changed = np.argwhere((np.abs(tab.pixels(canvas) - alone) > 40).any(axis=-1))
    then, now = (place_of(canvas, run[at][2]) for at in (0, 4))
    for share in (0.25, 0.5, 0.75):
        column, row = (then[axis] + share * (now[axis] - then[axis]) for axis in (0, 1))
        assert np.hypot(*(changed - (row, column)).T).min() < 4, share


def test_two_runs_side_by_side(tab: Tab) -> None:
    tab.open(run="a", tint="none")
    choose(tab, "twin", way="Side by side")
    second = tab.frame.get_by_role("img", name="Second matrix, twin: 2 layers × 6 heads, step 400")
    expect(second).to_be_visible()
    tab.press_on_slider("Home", "ArrowRight")
    expect(tab.frame.get_by_role("img", name="Second matrix, twin")).to_have_attribute("data-step", "100")
    pixels, twins = tab.pixels(tab.matrix), tab.pixels(tab.frame.get_by_role("img", name="Second matrix"))
    assert like(pixels, QUERY).sum() > 50
    inner = (slice(None), slice(2, -2))  # without the line between them
    np.testing.assert_array_equal(twins[inner], pixels[inner])  # the same samples are the same picture
    heads = tab.frame.get_by_role("application", name="Matrix of heads")
    for key in ("ArrowRight", "ArrowDown", "Enter"):
        heads.press(key)
    tab.ready()
    for matrix in (tab.matrix, tab.frame.get_by_role("img", name="Second matrix")):  # opened in both
        assert like(tab.pixels(matrix), ACCENT).sum() > 50
    tab.expect_address(against="twin", way="beside")


def test_what_stands_in_for_the_second_ones_slow_pictures_says_so(tab: Tab, page: Page) -> None:
    holding = Holding(page, lambda asked: asked["projection"] == "tsne" and asked["run"] == "twin")
    shown = {"run": "a", "tint": "none", "cells": "points", "projection": "tsne", "against": "twin", "way": "beside"}
    tab.visit("".join(f"&p.attnviz.{name}={value}" for name, value in shown.items()))
    second = tab.frame.get_by_role("application", name="The second one’s heads")
    expect(second.get_by_text("biplot", exact=True)).to_have_count(HEADS)
    expect(second.get_by_role("status")).to_contain_text(f"t-SNE 0 of {HEADS} heads")
    holding.let_go()
    tab.ready()
    expect(second.get_by_text("biplot", exact=True)).to_have_count(0)
    expect(second.get_by_role("status")).to_have_count(0)


def test_the_difference_of_health(tab: Tab) -> None:
    tab.open(run="a", tint="entropy", against="twin", way="difference")
    named = tab.frame.get_by_role("list", name="Heads that differ most").get_by_role("button")
    expect(named.first).to_have_text("L1 H5 −45 %")
    expect(named.nth(1)).to_have_text("L1 H4 +25 %")
    expect(tab.frame.get_by_role("img", name="Colours from less to more entropy")).to_be_visible()
    less, more = corner(tab, 1, 5), corner(tab, 1, 4)
    assert less[0] > less[2] + 60  # orange
    assert more[2] > more[0] + 40  # blue, as more of a tint or of a weight is
    assert (corner(tab, 0, 1) > 200).all()  # hardly any
    named.first.click()
    expect(tab.head_view.get_by_role("heading", name="Layer 1 · Head 5")).to_be_visible()
    tab.frame.get_by_role("combobox", name="Tint").select_option("none")
    comparison = tab.frame.get_by_role("group", name="Comparison")
    expect(comparison.get_by_role("status")).to_have_text("Choose a tint: its difference is what is shown.")
    tab.frame.get_by_role("group", name="Way of comparing").get_by_role("button", name="Overlay").click()
    expect(comparison).to_contain_text("twin · step 400")
    marks = [mark.bounding_box() for mark in comparison.locator("i").all()]
    assert [box["width"] < 20 for box in marks if box] == [True, True]  # beside the names, and not over the page


def test_the_layers_that_both_recorded_are_compared(tab: Tab) -> None:
    tab.open(run="a", tint="entropy", against="partly", way="difference")
    said = tab.frame.get_by_role("group", name="Comparison").get_by_role("status")
    expect(said).to_have_text("Not compared: blocks.0.attention (L0), which partly did not record.")
    named = tab.frame.get_by_role("list", name="Heads that differ most").get_by_role("button")
    expect(named.first).to_have_text("L1 H5 −45 %")
    tab.frame.get_by_role("group", name="Way of comparing").get_by_role("button", name="Side by side").click()
    second = tab.ready().frame.get_by_role("img", name="Second matrix, partly")
    rows = np.nonzero(like(tab.pixels(second), QUERY))[0]
    labels = tab.frame.locator(".rows").last
    boxes = [one.bounding_box() for one in (second, *(labels.get_by_text(f"L{i}", exact=True) for i in (0, 1)))]
    top, *middles = (box["y"] if i == 0 else box["y"] + box["height"] / 2 for i, box in enumerate(boxes) if box)
    assert len(rows) > 50
    assert rows.min() > np.mean(middles) - top  # none in the row of layer 0


def test_what_cannot_be_compared_is_said(tab: Tab) -> None:
    tab.open(run="a", against="short")
    plain = tab.pixels(tab.matrix)
    said = tab.frame.get_by_role("group", name="Comparison").get_by_role("status")
    expect(said).to_have_text(
        "short was recorded with another probe: the health of its heads can be compared, their points cannot."
    )
    choose(tab, "small")
    expect(said).to_contain_text("small recorded attention with 3 heads, a blocks.0.attention with 4 heads")
    tab.page.keyboard.press("Escape")
    expect(tab.frame.get_by_role("group", name="Comparison")).to_have_count(0)
    assert tab.ready().pixels(tab.matrix).shape == plain.shape  # nothing moves for it
