"""Figures of all heads: histograms to brush, two figures against each other, both linked with the matrix."""

from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import Locator, Page, expect

import tb_attnviz
from tb_attnviz.events import RunWriter
from tests.conftest import LAYERS, PROBE, make_samples
from tests.e2e.conftest import Tab

HEADS = sum(layer.heads for layer in LAYERS)
ENTROPY = np.linspace(0, 1, HEADS, dtype=np.float32)
SINK = np.array([0, 0.9, 0.1, 0.8, 0.2, 0.7, 0.3, 0.6, 0.4, 1], np.float32)


@pytest.fixture(scope="module")
def logdir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("figures")
    writer = RunWriter(str(directory / "run"))
    writer.write_probe(PROBE, step=0)
    for step in (0, 100):
        writer.write_checkpoint(step, [(layer, make_samples(layer, seed=i)) for i, layer in enumerate(LAYERS)])
        writer.write_health(step, {"entropy": ENTROPY if step else ENTROPY[::-1].copy(), "sink": SINK})
    writer.close()
    return directory


def histogram(tab: Tab, title: str) -> Locator:
    return tab.frame.get_by_role("application", name=f"{title} of all heads")


def scatter(tab: Tab) -> Locator:
    return tab.frame.get_by_role("application", name=f"{HEADS} heads by")


def drag(page: Page, over: Locator, start: tuple[float, float], end: tuple[float, float]) -> None:
    """From one place to another, in shares of the width and the height."""
    box = over.bounding_box()
    assert box
    places = [(box["x"] + x * box["width"], box["y"] + y * box["height"]) for x, y in (start, end)]
    page.mouse.move(*places[0])
    page.mouse.down()
    page.mouse.move(*places[1], steps=4)
    page.mouse.up()


def shown(tab: Tab) -> int:
    return int(tab.ready().matrix.get_attribute("data-visible-heads") or -1)


@pytest.mark.parametrize("dark", [False, pytest.param(True, marks=pytest.mark.full)])
def test_a_brushed_histogram_leaves_the_heads_in_that_range(tab: Tab, page: Page, logdir: Path, dark: bool) -> None:
    tab.open()
    if dark:
        tab.darken()
    tab.frame.get_by_role("button", name="Figures of all heads").click()
    drag(page, histogram(tab, "Entropy"), (0.51, 0.5), (0.999, 0.5))
    tab.expect_address(figures="shown", range="entropy..0.5..", tint="entropy")
    values = tb_attnviz.open_run(logdir / "run").health()["entropy"][-1]
    assert shown(tab) == int((values >= 0.5).sum())
    drag(page, histogram(tab, "Sink"), (0.01, 0.5), (0.49, 0.5))
    assert shown(tab) == int(((values >= 0.5) & (SINK <= 0.5)).sum())
    tab.expect_address(range="entropy..0.5..~sink....0.5")
    page.reload()
    assert shown(tab) == int(((values >= 0.5) & (SINK <= 0.5)).sum())
    sink = histogram(tab, "Sink")
    sink.click(button="right", position={"x": 5, "y": 10})  # a menu of the browser's, and no brush
    tab.expect_address(range="entropy..0.5..~sink....0.5")
    box = sink.bounding_box()
    assert box
    sink.click(position={"x": box["width"] - 2, "y": 10})  # beside what is brushed: that bar instead
    tab.expect_address(range="entropy..0.5..~sink..0.958..")
    sink.click(position={"x": box["width"] - 2, "y": 10})  # into it: all again
    tab.expect_address(range="entropy..0.5..")
    drag(page, sink, (0.01, 0.5), (0.49, 0.5))
    tab.frame.get_by_role("button", name="Show heads of any Sink").click()
    histogram(tab, "Entropy").press("Delete")
    assert shown(tab) == HEADS
    tab.expect_address(range=None)


def test_two_figures_stand_against_each_other(tab: Tab, page: Page) -> None:
    tab.open(figures="shown")
    plot = scatter(tab)
    box = plot.bounding_box()
    assert box
    inner = {side: box[side] - 13 for side in ("width", "height")}  # within the rim and the axes

    def at(head: int) -> tuple[float, float]:
        return float(box["x"] + 7 + ENTROPY[head] * inner["width"]), float(
            box["y"] + 6 + (1 - SINK[head]) * inner["height"]
        )

    page.mouse.move(*at(3))
    expect(tab.frame.get_by_role("tooltip").filter(has_text="L0 H3")).to_contain_text("Sink 80 %")
    page.mouse.click(*at(5))
    expect(tab.head_view.get_by_role("heading", name="Layer 1 · Head 1")).to_be_visible()
    tab.ready()
    drag(page, scatter(tab), (0.3, 0.02), (0.98, 0.48))  # sinks of medium entropy and more
    assert shown(tab) == int(((ENTROPY >= 0.3) & (SINK >= 0.52)).sum())
    plot.press("Delete")
    assert shown(tab) == HEADS
    for _ in range(3):
        plot.press("ArrowRight")
    expect(tab.frame.get_by_role("tooltip").filter(has_text="L0 H2")).to_be_visible()
    plot.press("Enter")
    expect(tab.head_view.get_by_role("heading", name="Layer 0 · Head 2")).to_be_visible()
    tab.frame.get_by_role("combobox", name="Figure up").select_option("entropy")
    tab.expect_address(up="entropy")
    tab.frame.get_by_role("combobox", name="Figure across").select_option("entropy")
    tab.expect_address(across="entropy")
    tab.open(figures="shown", across="change", up="entropy", tint="change")  # no figure, but a score
    expect(tab.frame.get_by_role("application", name="heads by Change since previous across")).to_be_visible()
    tab.open(figures="shown", across="entropy", up="entropy")
    # A head lies at the same share of both axes: what is within both ranges is within the brush.
    drag(page, scatter(tab), (0.3, 0.02), (0.98, 0.48))
    assert shown(tab) == int((ENTROPY >= 0.52).sum())
    drag(page, scatter(tab), (0.6, 0.6), (0.9, 0.9))  # below the diagonal: nothing is within
    assert shown(tab) == int((ENTROPY >= 0.52).sum())
    scatter(tab).click(button="right", position={"x": 10, "y": 10})
    assert shown(tab) == int((ENTROPY >= 0.52).sum())


def test_a_head_that_the_matrix_points_at_is_marked_in_both(tab: Tab, page: Page) -> None:
    tab.open(figures="shown")
    matrix = tab.matrix.bounding_box()
    assert matrix
    x, y = tab.cell(1, 0)
    page.mouse.move(matrix["x"] + x, matrix["y"] + y)
    expect(scatter(tab).locator("circle")).to_have_count(1)
    expect(histogram(tab, "Entropy").locator("line")).to_have_count(1)


def test_what_was_brushed_at_another_step_says_so(tab: Tab) -> None:
    tab.open(figures="shown", range="entropy..0.5..", step=100)
    tab.press_on_slider("Home")
    expect(tab.frame.get_by_role("region", name="Figures of all heads")).to_contain_text("passed at step 100")
    tab.frame.get_by_role("button", name="Filter again").click()
    assert shown(tab) == int((ENTROPY[::-1] >= 0.5).sum())
