"""What the matrix's cells show: points, attention by position, attention by distance."""

import csv
import re
from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import expect

import tb_attnviz
from tb_attnviz.events import AttentionMap, RunWriter
from tests.conftest import LAYERS, PROBE, wait_until, write_checkpoint
from tests.e2e.conftest import Pixels, Tab

N = 10  # tokens of the sequence that repeats itself
STRIP = 16  # css pixels above a map, for the words of a cell
FULL = (20, 56, 111)  # all of a query's attention, in the light


def resting(*backs: int, n: int = N) -> AttentionMap:
    """A head for each of `backs`, which attends so many tokens back, and to the first one where there is none."""
    square = np.zeros((len(backs), n, n), np.float32)
    for head, back in enumerate(backs):
        for query in range(n):
            square[head, query, max(query - back, 0)] = 1
    offsets = np.stack([np.diagonal(square, -o, 1, 2).mean(axis=1) for o in range(n - 1, -1, -1)], axis=1)
    return AttentionMap((n, n), square, square, offsets.astype(np.float32), offsets_from=(1 - n,))


@pytest.fixture(scope="module")
def logdir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Heads that attend to themselves at step 0, and the head's number back from step 100 on; step 200 has no maps."""
    directory = tmp_path_factory.mktemp("cells")
    writer = RunWriter(str(directory / "run"))
    writer.begin(0, PROBE, LAYERS)
    for step in (0, 100, 200):
        write_checkpoint(writer, step)
        if step < 200:
            maps = [{"repeated": resting(*(range(of.heads) if step else [0] * of.heads))} for of in LAYERS]
            sink = np.full(sum(of.heads for of in LAYERS), 0.02, np.float32)
            writer.write_health(step, {"entropy": np.linspace(1, 0.1, 10, dtype=np.float32), "sink": sink}, maps=maps)
    writer.close()
    with_texts(directory / "texts")
    return directory


def with_texts(directory: Path) -> None:
    """Heads that attend their number back in repeated texts and two tokens back in others.

    L0 H1 is called induction, L1 H5 previous token.
    """
    writer = RunWriter(str(directory))
    writer.begin(0, PROBE, LAYERS)
    write_checkpoint(writer, 0)
    backs = [[*range(of.heads)] for of in LAYERS]
    maps = [{"text": resting(*[2] * len(of), n=5), "repeated": resting(*of)} for of in backs]
    figures = {"induction": np.array([0, 0.9, *[0] * 8]), "previous": np.array([*[0] * 9, 0.9])}
    writer.write_health(0, {name: values.astype(np.float32) for name, values in figures.items()}, maps=maps)
    writer.close()


def cell_pixels(tab: Tab, layer: int, head: int, *, square: bool = True) -> Pixels:
    """The map of a head: what lies within its cell's border and rim, under the strip of its words."""
    return map_pixels(tab.pixels(tab.matrix), *tab.cell(layer, head), square=square)


def map_pixels(pixels: Pixels, x: float, y: float, *, strip: int = STRIP, square: bool = True) -> Pixels:
    """The same in a picture that has the cell's centre at (x, y)."""
    row = pixels[int(y), :, :]
    lines = np.flatnonzero(np.abs(row - np.array([218, 220, 224])).max(axis=-1) <= 2)  # the borders of cells
    half = int(min(abs(lines - x)))
    rim = round(1 + 0.035 * 2 * half)
    top, bottom = int(y) - half + max(rim, strip), int(y) + half - rim
    wide = bottom - top if square else 2 * (half - rim)
    return pixels[top:bottom, int(x) - wide // 2 : int(x) + (wide + 1) // 2]


def places(pixels: Pixels) -> list[int]:
    """For each query, from the top, how far back the key with all of its attention is; 99: none has it."""
    side = len(pixels) / N
    at = [int((i + 0.5) * side) for i in range(N)]
    full = np.abs(pixels[np.ix_(at, at)] - np.array(FULL)).max(axis=-1) < 12  # (queries, keys)
    return [query - int(full[query].argmax()) if full[query].any() else 99 for query in range(N)]


def test_a_head_that_attends_one_token_back_shows_a_diagonal_below_the_main_one_and_says_so(tab: Tab) -> None:
    tab.open(step=200, tint="none")
    expect(tab.frame.get_by_text("No small maps of step 200: these are of step 100")).to_be_visible()
    assert places(cell_pixels(tab, 0, 1)) == [99] * N
    tab.press_on_slider("ArrowLeft")
    expect(tab.frame.get_by_label("Cells show")).to_have_value("attention")  # where it was recorded, without a click
    # Every row of them is seen: no name lies on one.
    assert places(cell_pixels(tab, 0, 0)) == [0] * N
    assert places(cell_pixels(tab, 0, 1)) == [0] + [1] * (N - 1)
    assert places(cell_pixels(tab, 1, 3)) == [0, 1, 2] + [3] * (N - 3)
    box = tab.matrix.bounding_box()
    assert box
    x, y = tab.cell(0, 2)
    tab.page.mouse.move(box["x"] + x, box["y"] + y)
    told = tab.frame.get_by_role("tooltip")
    expect(told).to_contain_text(">99 % of its attention 2 tokens back")
    expect(told).to_contain_text(re.compile("L0 H2 attends .*2 tokens back"))  # its one sentence
    assert told.evaluate("all => all.scrollWidth <= all.clientWidth")
    tab.press_on_slider("Home")
    assert places(cell_pixels(tab, 0, 1)) == [0] * N


def test_cells_are_chosen_in_one_place_and_offsets_have_a_bar_for_each_distance(tab: Tab) -> None:
    tab.open(step=100, tint="none")
    picker = tab.frame.get_by_label("Cells show")
    picker.select_option("points")
    tab.ready()
    tab.expect_address(cells="points")
    assert "attention by position" not in (tab.matrix.get_attribute("aria-label") or "")
    picker.select_option("offsets")
    tab.ready()
    tab.expect_address(cells="offsets")
    wait_until(lambda: re.search("by distance", tab.matrix.get_attribute("aria-label") or ""), seconds=60)
    tab.ready()
    pixels = cell_pixels(tab, 0, 3, square=False)
    blue = np.abs(pixels - np.array([61, 134, 198])).max(axis=-1) < 12
    columns = 4 + N // 2 + 1  # the first token and a gap, then 5 back, half of the longest text, to 0
    bar = np.flatnonzero(blue.mean(axis=0) > 0.8)
    assert np.ptp(bar) + 1 == pytest.approx(pixels.shape[1] / columns, abs=2)  # one bar, as wide as a column
    assert int(bar.mean() * columns / pixels.shape[1]) == columns - 1 - 3


def test_a_cell_shows_the_texts_that_its_name_rests_on(tab: Tab) -> None:
    tab.page.set_viewport_size({"width": 1700, "height": 900})
    tab.open(run="texts", tint="none")
    of = tab.frame.get_by_label("Maps of")
    expect(of).to_have_value("named")
    expect(tab.frame.get_by_text(re.compile("· on repeats$"))).to_have_count(1)
    assert places(cell_pixels(tab, 0, 1)) == [0] + [1] * (N - 1)
    assert places(cell_pixels(tab, 0, 3)) == [0, 1, 2, 2, 2] + [99] * (N - 5)  # texts are shorter
    box = tab.matrix.bounding_box()
    assert box
    told = tab.frame.get_by_role("tooltip")
    of_repeats = "In repeated texts: >99 % of its attention 1 token back"
    for head, says in ((1, of_repeats), (3, "In ordinary texts: >99 % of its")):
        x, y = tab.cell(0, head)
        tab.page.mouse.move(box["x"] + x, box["y"] + y)
        expect(told).to_contain_text(says)
    of.select_option("repeated texts")
    tab.ready()
    tab.expect_address(cells_of="repeated")
    assert places(cell_pixels(tab, 0, 3)) == [0, 1, 2] + [3] * (N - 3)
    expect(tab.frame.get_by_text("on repeats")).to_have_count(0)
    of.select_option("best for each head")
    tab.ready()
    tab.expect_address(cells_of=None)
    for width, name in (
        (1700, re.compile("^previous token · [25] tokens back$")),
        (500, re.compile("^previous(, 1 more)?$")),
    ):
        tab.page.set_viewport_size({"width": width, "height": 900})
        expect(tab.frame.locator(".captions").get_by_text(name)).to_have_count(1)
    tab.page.set_viewport_size({"width": 1700, "height": 900})
    tab.ready()
    assert places(cell_pixels(tab, 0, 3)) == [0, 1, 2, 2, 2] + [99] * (N - 5)


def test_points_of_all_heads_are_taken_along_while_cells_show_maps(tab: Tab, logdir: Path, tmp_path: Path) -> None:
    run = tb_attnviz.open_run(logdir / "run")
    heads = [(layer, head) for layer, of in enumerate(LAYERS) for head in range(of.heads)]
    expected = np.array([run.project("biplot", *head)[1] for head in heads])
    tab.open(step=100, cells="attention")
    tab.frame.get_by_role("button", name="Export").press("Enter")
    panel = tab.frame.get_by_role("dialog", name="Export")

    def taken(name: str) -> Path:
        with tab.page.expect_download() as download:
            panel.get_by_role("button", name=name, exact=True).click()
        path = tmp_path / download.value.suggested_filename
        download.value.save_as(path)
        return path

    np.testing.assert_array_equal(np.load(taken("Points of all heads, step 100 as .npy")), expected)
    with open(taken("Points of all heads, step 100 as CSV"), newline="") as file:
        rows = list(csv.DictReader(file))
    points = np.array([[row["x"], row["y"]] for row in rows], np.float32)
    np.testing.assert_array_equal(points.reshape(expected.shape), expected)
    picture = taken("Matrix of heads as SVG")
    assert picture.name == "run_heads_step100_attention_repeated.svg"
    assert "step 100 · attention, repeated texts" in picture.read_text()
    assert "query</text>" not in picture.read_text()  # no legend of points where there are none
    assert "cells: mean attention, queries down, keys across" in picture.read_text()
    assert "100 %</text>" in picture.read_text()
    tab.page.keyboard.press("Escape")
    tab.frame.get_by_label("Cells show").select_option("points")
    tab.ready()
    tab.frame.get_by_role("button", name="Export").press("Enter")
    assert "query</text>" in taken("Matrix of heads as SVG").read_text()


def test_what_places_and_colours_points_stands_where_points_are(tab: Tab) -> None:
    tab.open(step=100)
    matrix, head_view = tab.frame.get_by_role("toolbar", name="What is shown"), tab.head_view
    points = [("combobox", "Projection"), ("combobox", "Colour"), ("button", "Legend of query / key")]
    for role, name in points:
        expect(tab.frame.get_by_role(role, name=name)).to_have_count(0)  # type: ignore[arg-type]
    expect(tab.frame.get_by_role("combobox", name="Trails")).to_have_count(0)
    tab.click_cell(0, 1)
    for role, name in points:
        expect(tab.frame.get_by_role(role, name=name)).to_have_count(0)  # type: ignore[arg-type]
    head_view.get_by_role("button", name="Show the points large").click()
    for role, name in points:
        expect(head_view.get_by_role(role, name=name)).to_be_in_viewport(ratio=1)  # type: ignore[arg-type]
        expect(matrix.get_by_role(role, name=name)).to_have_count(0)  # type: ignore[arg-type]
    expect(tab.frame.get_by_role("combobox", name="Trails")).to_be_visible()
    tab.frame.get_by_label("Cells show").select_option("points")
    for role, name in points:
        expect(matrix.get_by_role(role, name=name)).to_be_in_viewport(ratio=1)  # type: ignore[arg-type]
        expect(head_view.get_by_role(role, name=name)).to_have_count(0)  # type: ignore[arg-type]


def large_map(tab: Tab, *, square: bool = True) -> Pixels:
    """The opened head's map, large."""
    pixels = tab.pixels(tab.head_view.get_by_role("group", name="Map of the head").get_by_role("img"))
    lines = np.abs(pixels - np.array([218, 220, 224])).max(axis=-1) <= 2  # the border of its cell
    left, right = np.flatnonzero(lines.mean(axis=0) > 0.5)[[0, -1]]
    top, bottom = np.flatnonzero(lines.mean(axis=1) > 0.2)[[0, -1]]
    return map_pixels(pixels, (left + right + 1) / 2, (top + bottom + 1) / 2, strip=0, square=square)


def test_a_head_opens_with_what_its_cell_shows_large(tab: Tab, tmp_path: Path) -> None:
    page, head_view = tab.page, tab.head_view
    large = head_view.get_by_role("group", name="Map of the head")
    scatter = head_view.get_by_role("application", name="Scatterplot")
    tab.open(run="texts", tint="none")
    tab.click_cell(0, 1)
    tab.ready()
    expect(large).to_contain_text("Mean attention: repeated texts")
    assert places(large_map(tab)) == [0] + [1] * (N - 1)
    expect(large).to_contain_text(">99 % of its attention 1 token back")
    sizes = [each.bounding_box() for each in (large, scatter)]
    assert sizes[0]
    assert sizes[1]
    assert sizes[0]["width"] > 1.5 * sizes[1]["width"]
    tab.expect_address(large="cell", sequence=None)

    box = large.get_by_role("img").bounding_box()
    assert box
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    expect(large).to_contain_text(re.compile(r"query [45] → key [45]: (0|100) %"))
    tab.frame.get_by_role("button", name="Export").press("Enter")
    with page.expect_download() as download:
        tab.frame.get_by_role("button", name="Map of the head as SVG").click()
    picture = Path(tmp_path / download.value.suggested_filename)
    download.value.save_as(picture)
    for words in (
        "L0 H1",
        "Mean attention: repeated texts",
        "queries</text>",
        "100 %</text>",
        "<image ",
        'text-anchor="end"',
    ):
        assert words in picture.read_text()
    page.keyboard.press("Escape")

    head_view.get_by_role("button", name="→").first.click()  # its evidence
    tab.ready()
    expect(tab.sentence_view).to_be_visible()
    expect(large).to_have_count(0)
    page.keyboard.press("Escape")
    expect(large).to_be_visible()

    tab.open(run="texts", tint="none", layer=1, head=5, large="cell")
    expect(large).to_contain_text("Mean attention: ordinary texts")
    expect(large).to_contain_text(">99 % of its attention 2 tokens back")
    tab.frame.get_by_label("Cells show").select_option("offsets")
    tab.ready()
    expect(large).to_contain_text("Mean attention by distance")
    bar = np.abs(large_map(tab, square=False) - np.array([61, 134, 198])).max(axis=-1) < 12
    assert bar.mean(axis=0).max() > 0.8
    tab.frame.get_by_label("Cells show").select_option("points")
    expect(large).to_have_count(0)
    assert scatter.bounding_box()["width"] == pytest.approx(sizes[0]["width"], abs=60)  # type: ignore[index]


def test_pinned_heads_show_what_the_cells_do(tab: Tab) -> None:
    tab.open(step=100, tint="none", pinned="0-3.1-1")
    pinned = tab.frame.get_by_role("img", name=re.compile("^Pinned heads: L0 H3, L1 H1"))
    for head, back in enumerate((3, 1)):
        box = pinned.bounding_box()
        assert box
        side = box["height"] - 6
        gap, left = 0.035 * side, 6 + head * side
        pixels = tab.pixels(pinned)
        cell = pixels[int(3 + gap) : int(3 + side - gap), int(left + gap) : int(left + side - gap)]
        rim = round(1 + 0.035 * len(cell))
        down = cell[STRIP:-rim]
        beside = (cell.shape[1] - len(down)) // 2
        assert places(down[:, beside : beside + len(down)])[back:] == [back] * (N - back)


def test_a_run_without_maps_shows_points_and_says_why(page: object, shared_server: str) -> None:
    tab = Tab(page, shared_server)  # type: ignore[arg-type]
    tab.open(cells="attention")
    picker = tab.frame.get_by_label("Cells show")
    expect(picker).to_have_value("points")
    expect(picker.get_by_role("option", name="Cells: attention")).to_be_disabled()
    expect(tab.frame.get_by_text("Record it again: they come with the health figures")).to_be_visible()
