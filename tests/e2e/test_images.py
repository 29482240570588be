"""Images, seen: points as their patches, and the attention of a head over an image of flat colours."""

import dataclasses
import io
import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image as Pillow
from playwright.sync_api import Locator, expect

import tb_attnviz
from tb_attnviz.array_types import Float32
from tb_attnviz.events import AttentionMap, Grid, Image, Layer, ProbeRecord, RunWriter, Samples, Sequence
from tb_attnviz.events.png import image_name
from tests.e2e.conftest import Pixels, Tab, held, like

LAYER = Layer("blocks.0.attention", 2, 2, 4, 0.5, causal=False)
GRID = Grid(2, 2)
TOKENS = ("[CLS]", *GRID.tokens)
# One colour a patch, row by row, of the two images; all strong, so that neither frames nor words have them.
COLOURS = (
    ((230, 0, 0), (0, 0, 230), (250, 250, 0), (90, 45, 0)),
    ((0, 250, 250), (250, 0, 250), (60, 60, 60), (250, 120, 0)),
)
STEPS = (0, 100)


@pytest.fixture(scope="module")
def logdir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two images of 16 × 16 pixels, four patches and [CLS] each; two heads at two steps."""
    directory = tmp_path_factory.mktemp("images") / "run"
    writer = RunWriter(str(directory))
    sequences = []
    for colours in COLOURS:
        labels = {"row": (float("nan"), 0.0, 0.0, 1.0, 1.0), "hue": (float("nan"), 0.0, 240.0, 60.0, 30.0)}
        sequences.append(
            Sequence(TOKENS, "image", None, labels, GRID, Image(write_picture(directory, colours), 16, 16))
        )
    probe = ProbeRecord(tuple(sequences))
    writer.write_probe(probe, step=0)
    rng = np.random.default_rng(3)
    for step in STEPS:
        queries, keys = (rng.normal(size=(2, probe.tokens, 4)).astype(np.float32) for _ in range(2))
        writer.write_checkpoint(step, [(LAYER, Samples(3 * queries, keys))])
    writer.close()
    with_maps(directory.parent / "with maps", probe)
    return directory.parent


def with_maps(directory: Path, probe: ProbeRecord) -> None:
    writer = RunWriter(str(directory))
    writer.write_probe(dataclasses.replace(probe, sequences=(Sequence(TOKENS, "image", grid=GRID),)), step=0)
    samples = Samples(*(np.zeros((2, len(TOKENS), 4), np.float32) for _ in range(2)))
    writer.write_checkpoint(0, [(LAYER, samples)])
    writer.write_health(0, {"sink": np.zeros(2, np.float32)}, maps=[{"2 × 2": one_row_down()}])
    writer.close()


def one_row_down() -> AttentionMap:
    """The first head attends to the patch below, the second one to the patch itself."""
    weights = np.stack([np.eye(4, k=2) + np.diag([0, 0, 1, 1]), np.eye(4)]).astype(np.float32)
    offsets = np.zeros((2, 3, 3), np.float32)
    offsets[0, 2, 1] = offsets[1, 1, 1] = 1
    received = weights.mean(axis=1).reshape(2, 2, 2)
    return AttentionMap((4, 4), weights, weights, offsets, offsets_from=(-1, -1), received=received)


def write_picture(directory: Path, colours: tuple[tuple[int, int, int], ...]) -> str:
    """The name of the picture of four flat colours that is written into the run: its content gives it."""
    pixels = np.array(colours, np.uint8).reshape(2, 2, 3).repeat(8, axis=0).repeat(8, axis=1)
    Pillow.fromarray(pixels).save(png := io.BytesIO(), "PNG")
    name = image_name(png.getvalue())
    (directory / "plugins" / "attnviz" / name).write_bytes(png.getvalue())
    return name


def attention(logdir: Path, head: int, sequence: int | str) -> Float32:
    weights: Float32 = tb_attnviz.open_run(logdir / "run").attention(100, 0, head, sequence)  # type: ignore[arg-type]
    return weights


def image_view(tab: Tab) -> Locator:
    return tab.frame.get_by_role("region", name="Image view")


def sizes(pixels: Pixels) -> list[int]:
    """How many pixels have each of the patches' colours."""
    return [int(like(pixels, colour, tolerance=6).sum()) for colours in COLOURS for colour in colours]


def quadrants(pixels: Pixels) -> list[list[int]]:
    """The colour of each patch of an image, row by row, beside its middle, where a frame or an arrow may be."""
    height, width, _ = pixels.shape
    return [pixels[int(height * y), int(width * x)].tolist() for y in (0.15, 0.65) for x in (0.15, 0.65)]


def place(token: int) -> str:
    return "[CLS]" if token == 0 else f"row {(token - 1) // 2}, column {(token - 1) % 2}"


def test_cells_show_at_first_in_which_direction_a_head_looks(tab: Tab) -> None:
    tab.open(run="with maps", tint="none")
    expect(tab.frame.get_by_label("Cells show")).to_have_value("offsets")
    expect(tab.frame.get_by_text("the patch itself")).to_be_visible()  # what the line in the middle means
    pixels = tab.pixels(tab.matrix)
    for head, below in ((0, True), (1, False)):
        x, y = tab.cell(0, head)
        line, full = (like(pixels, colour, tolerance=12) for colour in ((194, 78, 0), (20, 56, 111)))
        near = np.s_[int(y) - 200 : int(y) + 200, int(x) - 150 : int(x) + 150]
        rows = [np.nonzero(found[near])[0] for found in (line, full)]
        middle, dark = ((found.min() + found.max()) / 2 for found in rows)  # lines are thicker at one end
        assert (dark > middle + 20) if below else abs(dark - middle) < 2


def test_points_are_their_patches(tab: Tab) -> None:
    tab.open(layer=0, head=0)
    scatter = tab.head_view.get_by_role("img", name="Queries and keys")
    for canvas in (scatter, tab.matrix):
        assert min(sizes(tab.pixels(canvas))) > 40  # whole patches, of all eight colours
    shown = tab.pixels(scatter)
    assert like(shown, (0, 158, 115), tolerance=20).sum() > 100  # frames of queries
    assert like(shown, (204, 121, 167), tolerance=20).sum() > 100  # and of keys
    rows, columns = np.nonzero(like(shown, COLOURS[0][1], tolerance=6))
    box = scatter.bounding_box()
    assert box
    middle = len(rows) // 2
    tab.page.mouse.move(box["x"] + float(columns[middle]), box["y"] + float(rows[middle]))
    tooltip = tab.frame.get_by_role("tooltip")
    expect(tooltip).to_contain_text("image 0, row 0, column 1")
    assert like(tab_shot(tooltip), COLOURS[0][1], tolerance=6).sum() > 1000  # enlarged
    with tab.more("scatterplot") as panel:
        panel.get_by_role("button", name="Points as patches").click()
    tab.ready()
    for canvas in (scatter, tab.matrix):
        assert max(sizes(tab.pixels(canvas))) < 40
    tab.expect_address(patches="off")


def test_the_image_says_what_a_patch_attends_to(tab: Tab, logdir: Path) -> None:
    tab.open(layer=0, head=1, sequence=0, token=1)
    view = image_view(tab)
    stage = view.get_by_role("application", name="Image 0")
    picture = stage.get_by_role("img", name="Attention over the image")
    weights = attention(logdir, 1, 0)

    def said(query: int, of: Float32 = weights) -> None:
        best = int(of[query].argmax())
        where = "itself" if best == query else place(best)
        expect(view.locator("[aria-live]")).to_contain_text(f"patch {place(query)}, ")
        expect(view.locator("[aria-live]")).to_contain_text(f"% of the attention on {where}")

    said(1)
    box = stage.bounding_box()
    assert box
    for token, x, y in ((4, 0.8, 0.7), (2, 0.8, 0.2)):
        tab.page.mouse.click(box["x"] + box["width"] * x, box["y"] + box["height"] * y)
        tab.expect_address(token=token)
        said(token)
        # At the end of the ramp red is over blue, and the image under it is grey.
        heat = [red - blue for red, _, blue in quadrants(tab.pixels(picture))]
        assert int(np.argmax(heat)) == int(weights[token, 1:].argmax())
    for key, token in (("ArrowLeft", 1), ("ArrowUp", 1), ("ArrowDown", 3), ("ArrowRight", 4)):
        stage.press(key)
        said(token)
    stage.press("k")
    tab.expect_address(token="4k")
    heat = [red - blue for red, _, blue in quadrants(tab.pixels(picture))]
    assert int(np.argmax(heat)) == int(weights[1:, 4].argmax())
    chip = view.get_by_role("button", name="[CLS]").inner_text()
    assert float(chip.removeprefix("[CLS] ").strip(" %")) == pytest.approx(100 * weights[0, 4], abs=0.6)
    stage.press("k")

    with tab.more("image") as panel:
        panel.get_by_role("button", name="Fade").click()
    best = int(weights[4, 1:].argmax())
    assert quadrants(tab.pixels(picture))[best] == pytest.approx(COLOURS[0][best], abs=2)  # not faded at all
    with tab.more("image") as panel:
        panel.get_by_role("button", name="Fade").click()
    assert quadrants(tab.pixels(picture)) == [pytest.approx(colour, abs=2) for colour in COLOURS[0]]

    view.get_by_role("button", name="Mean").click()
    said(4, attention(logdir, 1, "mean"))


def test_arrows_and_links_and_other_images(tab: Tab, logdir: Path) -> None:
    tab.open(layer=0, head=0, sequence=0, token=1, drawn="arrows")
    view = image_view(tab)

    def arrows(sequence: int) -> str:
        best = attention(logdir, 0, sequence)[1:].argmax(axis=1)
        own, special = int((best == np.arange(1, 5)).sum()), int((best == 0).sum())
        return f"4 arrows: {4 - own - special} to patches, {own} to themselves, {special} to tokens without a place"

    expect(view.get_by_role("img", name=arrows(0))).to_be_visible()
    view.get_by_role("group", name="Images").get_by_role("button", name="Image 1").click()
    tab.expect_address(sequence="1")
    expect(view.get_by_role("img", name=arrows(1))).to_be_visible()
    with tab.more("image") as panel:
        panel.get_by_role("button", name="Links").click()
    links = attention(logdir, 0, 1)[1:, 1:] - 2 * np.eye(4, dtype=np.float32)  # between different patches
    for least in (10, 9):
        expect(view.get_by_role("img", name=f"{(links >= least / 100).sum()} links", exact=True)).to_be_visible()
        with tab.more("image") as panel:
            panel.get_by_role("slider", name="Least weight").press("ArrowLeft")
    tab.expect_address(links_from="8", drawn="links")
    # Another step, and another head: the image view follows.
    tab.press_on_slider("ArrowLeft")
    before: Float32 = tb_attnviz.open_run(logdir / "run").attention(0, 0, 0, 1)
    count = int((before[1:, 1:] - 2 * np.eye(4) >= 0.08).sum())
    expect(view.get_by_role("img", name=f"{count} links", exact=True)).to_be_visible()
    tab.head_view.get_by_role("button", name="Next head").click()
    before = tb_attnviz.open_run(logdir / "run").attention(0, 0, 1, 1)
    count = int((before[1:, 1:] - 2 * np.eye(4) >= 0.08).sum())
    expect(view.get_by_role("img", name=f"{count} links", exact=True)).to_be_visible()


def tab_shot(what: Locator) -> Pixels:
    """What the screen shows of an element, the pointer where it is."""
    return np.asarray(Pillow.open(io.BytesIO(what.screenshot())).convert("RGB")).astype(np.int16)


def test_an_image_is_opened_at_a_patch_and_has_what_means_something(tab: Tab) -> None:
    tab.open(layer=0, head=1)
    tab.head_view.get_by_role("button", name="Images").click()
    tab.ready()
    tab.expect_address(sequence=0, token=4)  # row 1, column 1, and not [CLS], which has no place
    expect(image_view(tab).locator("[aria-live]")).to_contain_text("patch row 1, column 1, ")
    with tab.more("image") as panel:
        expect(panel.get_by_role("button", name="Hide tokens without a place")).to_be_visible()  # [CLS]
    image_view(tab).get_by_role("group", name="Compare with this").get_by_role("button", name="step").click()
    expect(image_view(tab).get_by_role("button", name="Compare with step 100")).to_be_visible()
    tab.open(layer=0, head=1, sequence=0, token=4, hide="first")  # as a text had it
    with tab.more("image") as panel:
        first = panel.get_by_role("button", name="Hide the first token")
        first.click()
        expect(first).to_have_attribute("aria-pressed", "false")  # and can be set again
    tab.expect_address(hide=None)
    offsets = image_view(tab).get_by_role("img", name="Mean attention by offset")
    offsets.hover()
    expect(image_view(tab).locator(".said")).to_contain_text("on average")
    with held(tab, re.compile("/attention")):
        tab.head_view.get_by_role("button", name="Previous head").press("Enter")  # the pointer rests where the map was
        expect(offsets).to_be_hidden()
        expect(image_view(tab).locator(".said")).not_to_contain_text("on average")
