"""Many heads: the matrix uses the window, tiny cells are tiles of their tint, layers fold."""

import re
from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import Browser, expect

from tb_attnviz.events import AttentionMap, Layer, ProbeRecord, RunWriter, Samples, Sequence
from tests.e2e.conftest import Tab, like

N = 6  # tokens
LARGEST = (20, 56, 111)  # all of a query's attention, in the light


@pytest.fixture(scope="module")
def logdir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Runs of 24 × 16 and of 80 × 64 heads, which all attend to themselves; layer 5 has the largest entropy."""
    directory = tmp_path_factory.mktemp("large")
    for layers, heads in ((24, 16), (80, 64)):
        write_run(directory / f"{layers}x{heads}", layers, heads)
    return directory


def write_run(directory: Path, layers: int, heads: int) -> None:
    writer = RunWriter(str(directory))
    of = tuple(Layer(f"blocks.{i}.attention", heads, heads, 2, 0.7, causal=True) for i in range(layers))
    writer.begin(0, ProbeRecord((Sequence(("word",) * N),)), of)
    eye = np.repeat(np.eye(N, dtype=np.float32)[None], heads, axis=0)
    offsets = np.zeros((heads, N), np.float32)
    offsets[:, -1] = 1
    maps = [{"text": AttentionMap((N, N), eye, eye, offsets, offsets_from=(1 - N,))} for _ in of]
    vectors = np.random.default_rng(0).normal(size=(heads, N, 2)).astype(np.float32)
    entropy = np.full((layers, heads), 0.1, np.float32)
    entropy[5] = 0.9
    for step in (0, 100):
        writer.write_checkpoint(step, [(layer, Samples(vectors, vectors)) for layer in of])
        writer.write_health(step, {"entropy": entropy.ravel()}, maps=maps)
    writer.close()


def middle(tab: Tab, text: str, axis: str) -> tuple[float, float]:
    box = tab.frame.locator(f".{axis}").get_by_text(text, exact=True).bounding_box()
    assert box
    return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2


def test_the_matrix_is_turned_where_cells_are_larger_so(tab: Tab) -> None:
    tab.open(run="24x16", tint="none")
    (first, y), (last, below) = middle(tab, "L0", "columns"), middle(tab, "L23", "columns")
    assert y == below
    pitch = (last - first) / 23
    assert pitch > 26  # layers below one another would have 18
    x, row = middle(tab, "L7", "columns")[0], middle(tab, "3", "rows")[1]
    tab.page.mouse.click(x, row)
    tab.ready()
    expect(tab.head_view.get_by_role("heading", name="Layer 7 · Head 3")).to_be_visible()
    # Beside the head view it stays as it is, and is walked as it is seen.
    tab.frame.get_by_role("application", name="Matrix of heads").focus()
    tab.page.keyboard.press("ArrowRight")
    expect(tab.head_view.get_by_role("heading", name="Layer 8 · Head 3")).to_be_visible()
    tab.page.keyboard.press("ArrowDown")
    expect(tab.head_view.get_by_role("heading", name="Layer 8 · Head 4")).to_be_visible()
    assert middle(tab, "L0", "columns")[1] == middle(tab, "L20", "columns")[1]


def test_cells_too_small_for_maps_are_tiles_until_one_zooms_in(tab: Tab) -> None:
    tab.open(run="80x64", tint="entropy")
    said = tab.frame.get_by_role("status").filter(has_text="zoom in to see attention")
    expect(said).to_be_visible()
    pixels = tab.pixels(tab.matrix)
    assert not like(pixels, LARGEST, tolerance=12).any()
    # Two tints: that of layer 5, which is a column of the matrix now, and that of all others; no lines between tiles.
    tinted = like(pixels, (181, 211, 243), tolerance=6)
    columns, rows = np.flatnonzero(tinted.any(axis=0)), np.flatnonzero(tinted.any(axis=1))
    assert tinted[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1].all()
    assert 4 <= len(columns) <= 12
    assert len(rows) > 380
    x, y = middle(tab, "L5", "columns")[0], middle(tab, "30", "rows")[1]
    tab.page.mouse.move(x, y)
    expect(tab.frame.get_by_role("tooltip")).to_contain_text("Layer 5 · Head 30 · Entropy 90 %")
    tab.page.mouse.wheel(0, -600)
    expect(said).to_have_count(0)
    tab.ready()
    assert like(tab.pixels(tab.matrix), LARGEST, tolerance=12).sum() > 100


@pytest.mark.parametrize("cells", ["attention", pytest.param("points", marks=pytest.mark.full)])
def test_a_pinned_head_is_drawn_while_all_others_are_tiles(tab: Tab, cells: str) -> None:
    tab.open(run="80x64", tint="none", pinned="5-30", cells=cells)
    expect(tab.frame.get_by_role("status").filter(has_text=f"zoom in to see {cells}")).to_be_visible()
    pixels = tab.pixels(tab.frame.get_by_role("group", name="Pinned heads"))
    assert like(pixels, LARGEST if cells == "attention" else (0, 158, 115), tolerance=60).sum() > 20


def test_the_introduction_tells_of_tiles(browser: Browser, server: str) -> None:
    context = browser.new_context(viewport={"width": 1280, "height": 720})
    tab = Tab(context.new_page(), server).open(run="80x64")
    hint = tab.frame.get_by_role("dialog")
    expect(hint).to_have_accessible_name("One cell, one head")
    expect(hint).to_contain_text("scroll to zoom in, and a cell shows where its head looks")
    assert tab.complaints == []
    context.close()


def test_layers_fold_to_thin_rows_and_leave_their_room_to_the_others(tab: Tab) -> None:
    tab.open(run="24x16", tint="none", heads="L0-11")  # twelve layers, one below the other
    layer = tab.frame.locator(".rows").get_by_role("button", name="L3", exact=True)
    expect(layer).to_have_attribute("aria-pressed", "false")
    whole = middle(tab, "L5", "rows")[1] - middle(tab, "L4", "rows")[1]
    layer.click()
    tab.ready()
    expect(layer).to_have_attribute("aria-pressed", "true")
    tab.expect_address(folded="3")
    beside = middle(tab, "L5", "rows")[1] - middle(tab, "L4", "rows")[1]
    thin = 2 * (middle(tab, "L4", "rows")[1] - middle(tab, "L3", "rows")[1]) - beside
    assert beside > 1.04 * whole
    assert thin == pytest.approx(0.3 * beside, abs=1)
    # A tile is still a head.
    x, y = middle(tab, "6", "columns")[0], middle(tab, "L3", "rows")[1]
    tab.page.mouse.move(x, y)
    expect(tab.frame.get_by_role("tooltip")).to_contain_text("Layer 3 · Head 6")
    tab.page.mouse.click(x, y)
    expect(tab.head_view.get_by_role("heading", name="Layer 3 · Head 6")).to_be_visible()
    tab.frame.get_by_role("application", name=re.compile("Matrix of heads")).focus()
    tab.page.mouse.move(0, 0)
    tab.page.keyboard.press("f")
    expect(layer).to_have_attribute("aria-pressed", "false")
    tab.page.keyboard.press("F")
    tab.ready()
    expect(tab.frame.locator(".rows").get_by_role("button", name="L4", exact=True)).to_have_attribute(
        "aria-pressed", "true"
    )
    tab.expect_address(folded=".".join(str(i) for i in range(24) if i != 3))
