"""The head view's scatterplot: every colour and its legend, sizes, attention lines, words."""

import itertools
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from playwright.sync_api import Page, expect

import tb_attnviz
from tests.conftest import PROBE
from tests.e2e.conftest import Tab, like, nearest

HUES = [(238, 159, 1), (15, 114, 252), (203, 71, 150), (31, 98, 61), (110, 31, 165)]
HIGH, OTHER = (220, 174, 0), (168, 173, 180)


def plain(colour: tuple[int, int, int]) -> tuple[int, int, int]:
    """As a point that is not lit shows it, on a light page."""
    red, green, blue = (round(0.8 * x + 0.2 * 255) for x in colour)
    return red, green, blue


def scatter(tab: Tab) -> Any:
    return tab.head_view.get_by_role("img", name="Queries and keys")


def colour(tab: Tab, title: str) -> None:
    tab.frame.get_by_role("combobox", name="Colour").select_option(label=title)
    tab.ready()


def test_what_the_probe_says_of_its_tokens_and_a_legend_marks_points_of_a_colour(tab: Tab, page: Page) -> None:
    before = tab.open(layer=1, head=4, words="off").pixels(scatter(tab))
    said = {
        "token length": "letters",
        "sequence length": "tokens",
        "frequency": "times, logarithmic",
        "position": "tokens",
        "punctuation": "word36",
    }
    for title, told in said.items():
        colour(tab, title)
        assert (tab.pixels(scatter(tab)) != before).any(), title
        tab.frame.get_by_role("button", name=f"Legend of {title}").click()
        legend = tab.frame.get_by_role("dialog", name=f"Legend of {title}")
        expect(legend).to_contain_text(told)
        page.keyboard.press("Escape")
        expect(legend).to_be_hidden()
    colour(tab, "position mod 5")
    pixels = tab.pixels(scatter(tab))
    assert all(like(pixels, plain(hue), tolerance=20).sum() > 10 for hue in HUES)
    tab.frame.get_by_role("button", name="Legend of position mod 5").click()
    legend = tab.frame.get_by_role("dialog", name="Legend of position mod 5")
    counts = np.bincount([i % 5 for length in PROBE.lengths for i in range(length)]) * 2  # queries and keys
    expect(legend.get_by_role("button")).to_have_text([re.compile(rf"{i}\s*{n}") for i, n in enumerate(counts)])
    swatch = legend.get_by_role("button", name=re.compile(r"^2"))
    swatch.press("Enter")
    expect(swatch).to_have_attribute("aria-pressed", "true")
    expect(tab.head_view.get_by_role("status").get_by_text(f"{counts[2]} points")).to_be_visible()
    page.keyboard.press("Escape")  # closes the legend, and leaves the mark
    marked = tab.ready().pixels(scatter(tab))
    assert like(marked, HUES[2], tolerance=25).sum() > 10
    assert not like(marked, plain(HUES[1]), tolerance=20).any()  # the others step back
    tab.expect_address(colour="mod5")


def test_a_figure_is_each_heads_own_and_follows_the_step(tab: Tab, page: Page, logdir: Path) -> None:
    run = tb_attnviz.open_run(logdir / "run")
    tab.open(layer=1, head=4, words="off", step=0)  # norms are largest there
    with page.expect_response(lambda response: "/point_figures?" in response.url and "step=0" in response.url):
        colour(tab, "norm")
    norms = {step: run.point_figure(step, 1, "norm")[4] for step in run.steps}
    ends = [np.quantile(norms[step], [0.02, 0.98], method="nearest") for step in (0, 300)]
    low, high = min(end[0] for end in ends), max(end[1] for end in ends)
    legend = tab.frame.get_by_role("button", name="Legend of norm")
    expect(legend).to_contain_text(f"{low:.2f}")
    expect(legend).to_contain_text(f"{high:.2f}")
    pixels = tab.pixels(scatter(tab))
    assert like(pixels, plain(HIGH), tolerance=20).any()
    row, column = nearest(pixels, plain(HIGH))
    box = scatter(tab).bounding_box()
    page.mouse.move(box["x"] + column, box["y"] + row)
    told = tab.head_view.get_by_role("tooltip").inner_text()
    kind, sequence, position, value = re.search(
        r"(query|key)\s*sequence (\d+), position (\d+)\s*norm ([\d.]+)", told
    ).groups()
    point = sum(PROBE.lengths[: int(sequence)]) + int(position) + (PROBE.tokens if kind == "key" else 0)
    assert float(value) == pytest.approx(norms[0][point], abs=0.006)
    assert norms[0][point] > np.quantile(norms[0], 0.8)
    with page.expect_response(lambda response: "/point_figures?" in response.url and "step=100" in response.url):
        tab.press_on_slider("ArrowRight")
    expect(legend).to_contain_text(f"{high:.2f}")  # one scale for all steps
    colour(tab, "attention entropy")
    assert like(tab.pixels(scatter(tab)), plain(OTHER), tolerance=10).any()  # keys have none
    assert like(tab.pixels(tab.matrix), HIGH, tolerance=40).any()


def test_size_tells_the_norm_with_any_colour(tab: Tab) -> None:
    tab.open(layer=1, head=4, words="off", colour="position")
    before = tab.pixels(scatter(tab))
    size = tab.head_view.get_by_role("button", name="Size by norm")
    with tab.more("scatterplot"):
        size.press("Enter")
    after = tab.ready().pixels(scatter(tab))
    assert (before != after).any(axis=-1).sum() > 50
    surface = np.median(before.reshape(-1, 3), axis=0)
    inked = [(np.abs(pixels - surface).max(axis=-1) > 40) for pixels in (before, after)]
    assert (inked[1] & ~inked[0]).any()  # some points have grown
    assert (inked[0] & ~inked[1]).any()  # and others shrunk
    tab.expect_address(size="norm")
    with tab.more("scatterplot"):
        size.press("Enter")
    below = slice(3, None)  # the button, which has the focus
    np.testing.assert_allclose(tab.ready().pixels(scatter(tab))[below], before[below], atol=2)


def test_lines_are_the_selected_sequences_attention(tab: Tab, page: Page, logdir: Path) -> None:
    run = tb_attnviz.open_run(logdir / "run")
    tab.open(layer=1, head=4, sequence=0, token=2, words="off", large="points")

    def drawn(step: int, top: int, least: float) -> int:
        strongest = np.sort(run.attention(step, 1, 4, 0), axis=1)[:, -top:]
        return int((strongest >= max(least, 0.02)).sum())

    lines = tab.head_view.get_by_role("img", name="Attention lines of sequence 0")
    expect(lines).to_have_accessible_name(f"Attention lines of sequence 0: {drawn(300, 2, 0.05)}")
    with_lines = tab.pixels(scatter(tab))
    with tab.more("scatterplot") as panel:
        panel.get_by_role("button", name="Attention as lines").click()
    expect(lines).to_have_count(0)
    without = tab.ready().pixels(scatter(tab))
    drawn_on = np.abs(with_lines - without).max(axis=-1) > 40
    red, _, blue = np.moveaxis(with_lines, -1, 0)
    assert (drawn_on & (red - blue > 80)).sum() > 20  # the selected token's own, in the accent's colour
    assert (drawn_on & (abs(red - blue) < 20)).sum() > 20  # the others', in ink
    with tab.more("scatterplot") as panel:
        panel.get_by_role("button", name="Attention as lines").click()
    expect(lines).to_have_count(1)
    rows, columns = np.nonzero(drawn_on)
    box = scatter(tab).bounding_box()
    tooltip = tab.head_view.get_by_role("tooltip").filter(has_text="→")

    def on_a_line(pixel: int) -> bool:
        page.mouse.move(box["x"] + float(columns[pixel]), box["y"] + float(rows[pixel]))
        return tooltip.count() == 1

    assert any(on_a_line(pixel) for pixel in range(0, len(rows), max(1, len(rows) // 40)))  # and not on a point
    query, key, weight = re.fullmatch(r"(\w+) → (\w+) ([\d.]+) %", tooltip.inner_text().strip()).groups()
    tokens = list(PROBE.sequences[0].tokens)
    expected = run.attention(300, 1, 4, 0)[tokens.index(query), tokens.index(key)]
    assert float(weight) == pytest.approx(100 * expected, abs=0.6)
    with tab.more("scatterplot") as panel:
        panel.get_by_role("combobox", name="Keys a line leads to").select_option("top 5")
        panel.get_by_role("slider", name="Least weight that a line").fill("20")
    expect(lines).to_have_accessible_name(f"Attention lines of sequence 0: {drawn(300, 5, 0.2)}")
    tab.expect_address(lines="5.20")
    tab.press_on_slider("Home")
    expect(lines).to_have_accessible_name(f"Attention lines of sequence 0: {drawn(0, 5, 0.2)}")


def test_words_stand_beside_points_without_overlap(tab: Tab, page: Page) -> None:
    tab.open(layer=1, head=4)
    words = tab.head_view.locator(".labels span")
    expect(words.nth(4)).to_be_visible()
    boxes = [word.bounding_box() for word in words.all()]
    for a, b in itertools.combinations(boxes, 2):
        apart = abs(a["y"] - b["y"]) > 11 or a["x"] + a["width"] < b["x"] + 2 or b["x"] + b["width"] < a["x"] + 2
        assert apart, (a, b)
    first = words.first.inner_text()
    box = scatter(tab).bounding_box()
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    texts = set(words.all_inner_texts())
    assert texts <= {token for sequence in PROBE.sequences for token in sequence.tokens}
    assert first in texts
    with tab.more("scatterplot") as panel:
        panel.get_by_role("button", name="Tokens beside their points").click()
    expect(words).to_have_count(0)
    tab.expect_address(words="off")


def test_the_longest_legend_leaves_the_toolbar_its_room(tab: Tab) -> None:
    tab.open(layer=1, head=4, sequence=0, token=2, colour="attracted", projection="tsne", large="points")
    toolbar = tab.frame.get_by_role("toolbar", name="What is shown")
    controls = tab.head_view.get_by_role("toolbar", name="scatterplot")
    for width in (1280, 1680):
        tab.resize(width, 720)
        assert toolbar.evaluate("e => e.scrollWidth <= e.clientWidth && e.clientHeight < 50"), width
        expect(controls).to_be_in_viewport(ratio=1)


@pytest.mark.parametrize(
    "panel", [340, pytest.param(460, marks=pytest.mark.full), pytest.param(640, marks=pytest.mark.full), 900]
)
def test_the_panel_fits_at_any_width(tab: Tab, panel: int) -> None:
    tab.page.set_viewport_size({"width": max(1280, panel + 400), "height": 720})
    tab.open(layer=1, head=4, panel=panel)
    whole = tab.head_view.bounding_box()
    assert whole
    for name in ("Sentences", "Pin L1 H4", "Head above", "Next head", "Close the head view", "More of the scatterplot"):
        box = tab.head_view.get_by_role("button", name=name).bounding_box()
        assert box, name
        assert box["x"] >= whole["x"], name
        assert box["x"] + box["width"] <= whole["x"] + whole["width"] + 0.5, name
    expect(tab.head_view.get_by_role("heading", name="Layer 1 · Head 4")).to_be_visible()
    picture = scatter(tab).bounding_box()
    assert picture
    # Where it has the whole width, the sentence is below it.
    least = 0.53 if picture["width"] > 0.9 * whole["width"] else 0.73
    assert picture["height"] > least * whole["height"]


@pytest.mark.parametrize("large", ["points", pytest.param("reading", marks=pytest.mark.full)])
def test_one_picture_is_large_and_nothing_covers_it(tab: Tab, large: str) -> None:
    """Neither controls nor charts lie over a picture; nothing scrolls sideways; a click swaps the two."""
    tab.open(layer=1, head=4, sequence=0, token=2, large=large)
    for size in ((900, 700), (1280, 720), (1920, 1080)):
        tab.resize(*size)
        other = smaller_picture(tab, large)
        names = {"points": "Show the sentence large", "reading": "Show the points large"}
        tab.head_view.get_by_role("button", name=names[large]).click()
        tab.ready()
        assert box(scatter(tab) if large == "reading" else tab.sentence_view)["width"] > 1.2 * other["width"]
        tab.expect_address(large=None if large == "points" else "points")
        tab.head_view.get_by_role("button", name=names["reading" if large == "points" else "points"]).click()
        tab.ready()


def smaller_picture(tab: Tab, large: str) -> dict[str, float]:
    """Where the picture is that is not large, once nothing covers either."""
    whole, plot, read = (box(each) for each in (tab.head_view, scatter(tab), tab.sentence_view))
    main, other = (plot, read) if large == "points" else (read, plot)
    assert main["width"] > 1.5 * other["width"]
    assert main["height"] > 0.55 * whole["height"]
    for picture in (plot, read):
        assert picture["y"] + picture["height"] <= whole["y"] + whole["height"] + 0.5
        for control in tab.head_view.locator(".tools, .charts, .trust, .title").all():
            if control.is_visible():
                assert not overlap(picture, box(control)), control
    assert not tab.head_view.locator(".charts").first.evaluate("e => e.scrollWidth > e.clientWidth")
    return other


def test_a_click_into_the_points_leaves_them_large(tab: Tab, page: Page) -> None:
    tab.open(layer=1, head=4, words="off")
    tooltip = tab.head_view.get_by_role("tooltip")
    canvas, before = box(scatter(tab)), tab.pixels(scatter(tab))
    row, column = nearest(before, (0, 158, 115))
    page.mouse.move(canvas["x"] + column, canvas["y"] + row)
    expect(tooltip).to_be_visible()
    size = page.viewport_size or {"width": 0, "height": 0}
    tab.resize(size["width"], size["height"] - 60)
    expect(tooltip).to_have_count(0)  # another point may lie under the pointer now
    tab.resize(**size)
    page.mouse.click(canvas["x"] + column, canvas["y"] + row)
    tab.ready()
    expect(tab.sentence_view).to_be_visible()
    assert box(scatter(tab))["width"] > 1.5 * box(tab.sentence_view)["width"]
    tab.expect_address(large="points")


def test_trust_is_one_line_that_unfolds(tab: Tab, page: Page) -> None:
    tab.open(layer=1, head=4)
    trust = tab.head_view.get_by_role("group", name="How far this picture can be believed")
    assert box(trust)["height"] < 30
    for width in (900, 1280, 1920):  # its main clause is read whole
        tab.resize(width, 720)
        main = trust.locator(".says span").first
        expect(main).to_have_text(re.compile("^Directions .* who attends to whom$"))
        assert main.evaluate("e => e.scrollWidth <= e.clientWidth && e.offsetWidth <= e.parentElement.clientWidth")
    trust.get_by_role("button").click()
    told = tab.head_view.get_by_role("dialog", name="How far this picture can be believed")
    expect(told).to_contain_text("Faithfulness")
    expect(told).to_be_in_viewport(ratio=1)
    page.keyboard.press("Escape")
    expect(told).to_be_hidden()
    expect(tab.head_view).to_be_visible()


def box(of: Any) -> dict[str, float]:
    found: dict[str, float] | None = of.bounding_box()
    assert found
    return found


def overlap(a: dict[str, float], b: dict[str, float]) -> bool:
    return all(
        a[start] + a[length] > b[start] + 1 and b[start] + b[length] > a[start] + 1
        for start, length in (("x", "width"), ("y", "height"))
    )


def test_a_point_outside_of_the_frame_says_how_far(tab: Tab, page: Page, logdir: Path) -> None:
    """In its cell an arrowhead stands at the border; zoomed out, the head view shows it where it is."""
    run = tb_attnviz.open_run(logdir / "run")
    pictured = {head: run.project("biplot", 1, head)[0] for head in range(6)}
    head, points = max(pictured.items(), key=lambda item: float(np.abs(item[1]).max()))
    reach = np.abs(points).max(axis=1)
    far = float(reach.max())
    x, y = points[reach.argmax()].tolist()
    assert far > 1.1
    tab.open(cells="points", step=0)
    (left, top), (other, _) = tab.cell(1, head), tab.cell(1, head - 1 if head else 1)
    half = 0.5 * 0.93 * 0.93 * abs(other - left)  # of the frame: the cell's gap, and within the cell the rim
    border = (1 + 0.05 * (1 - 1 / far)) / far
    box = tab.matrix.bounding_box()
    assert box
    page.mouse.move(box["x"] + left + half * border * x, box["y"] + top - half * border * y)
    told = re.compile(rf"{far:.1f} × as far out as the frame")
    expect(tab.frame.get_by_role("tooltip")).to_contain_text(told)
    tab.open(layer=1, head=head, words="off", step=0, head_view="0.5_0.5_0.3")
    canvas = scatter(tab).bounding_box()
    side = 0.3 * min(canvas["width"] - 12, canvas["height"] - 12)
    middle = canvas["x"] + canvas["width"] / 2, canvas["y"] + canvas["height"] / 2
    page.mouse.move(middle[0] + 0.465 * side * x, middle[1] - 0.465 * side * y)
    expect(tab.head_view.get_by_role("tooltip")).to_contain_text(told)
