"""Attention between words and an image, seen against the model's own, and one row of that within a large image."""

import re
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import numpy as np
import numpy.typing as npt
import pytest
import torch
from playwright.sync_api import Locator, Page, expect
from torch import Tensor, nn

import tb_attnviz
from tb_attnviz.callbacks import AttentionRecorder, Probe
from tb_attnviz.events import Grid, Layer, ProbeRecord, RunWriter, Samples, Sequence
from tests.conftest import serving
from tests.e2e.conftest import SECONDS, Tab, like

WORDS = ["where", "is", "the", "red", "disc", "?"]
GRID = Grid(3, 4)
PATCH = 8
IMAGES = 2
LARGE = Grid(36, 36)  # 1.7 million pairs


class Reader(nn.Module):
    """Words attend to patches, or, `turned`, patches to words; it keeps what its attention was."""

    def __init__(self, *, turned: bool) -> None:
        super().__init__()
        self.turned = turned
        self.words = nn.Embedding(len(WORDS), 16)
        self.patches = nn.Conv2d(3, 16, PATCH, PATCH)
        self.cross_attn = nn.MultiheadAttention(16, 2, batch_first=True)
        self.weights = torch.empty(0)

    def forward(self, input_ids: Tensor, pixel_values: Tensor) -> Tensor:
        words, patches = self.words(input_ids), self.patches(pixel_values).flatten(2).transpose(1, 2)
        queries, keys = (patches, words) if self.turned else (words, patches)
        found, weights = self.cross_attn(4 * queries, keys, keys, need_weights=True, average_attn_weights=False)
        self.weights = weights.detach()  # (images, heads, queries, keys)
        assert isinstance(found, Tensor)
        return found


def colours() -> npt.NDArray[np.uint8]:
    """[images, rows, columns, rgb]: one of each patch."""
    shape = IMAGES, GRID.rows, GRID.columns, 3
    return np.random.default_rng(1).integers(20, 230, shape, dtype=np.uint8)


Eager = dict[str, npt.NDArray[np.float32]]


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Eager]:
    """Three runs, and of two of them the model's own attention: [images, heads, queries, keys]."""
    directory = tmp_path_factory.mktemp("words")
    pictures = colours().repeat(PATCH, axis=1).repeat(PATCH, axis=2)
    pixels = torch.tensor(pictures).permute(0, 3, 1, 2) / 64 - 2
    ids = torch.stack([torch.randperm(len(WORDS), generator=torch.Generator().manual_seed(i)) for i in range(IMAGES)])
    words = [[WORDS[i] for i in row] for row in ids.tolist()]
    inputs = {"input_ids": ids, "pixel_values": pixels}
    probes = {
        "text-to-image": Probe(inputs, words, key_tokens=[GRID.tokens] * IMAGES).with_images(
            list(pictures), (GRID.rows, GRID.columns), side="key_tokens"
        ),
        "image-to-text": Probe.from_images(list(pictures), inputs, PATCH, special=(), key_tokens=words),
    }
    own: Eager = {}
    for name, probe in probes.items():
        torch.manual_seed(3)
        model = Reader(turned=name == "image-to-text").eval()
        with AttentionRecorder(model, probe, logdir=str(directory / name), rules=(), on_error="raise") as recorder:
            recorder.record(0)
        with torch.no_grad():
            model(**inputs)
        own[name] = model.weights.numpy()
    write_large(directory / "large")
    return directory, own


def write_large(directory: Path) -> None:
    probe = ProbeRecord((Sequence(LARGE.tokens, "image", grid=LARGE),))
    layer = Layer("blocks.0.attention", 1, 1, 4, 0.5, causal=False)
    writer = RunWriter(str(directory))
    writer.write_probe(probe, step=0)
    rng = np.random.default_rng(0)
    queries, keys = (2 * rng.normal(size=(1, LARGE.size, 4)).astype(np.float32) for _ in range(2))
    writer.write_checkpoint(0, [(layer, Samples(queries, keys))])
    writer.close()


@pytest.fixture(scope="module")
def address(recorded: tuple[Path, Eager]) -> Iterator[str]:
    with serving("--load_fast=false", f"--logdir={recorded[0]}") as address:
        yield address


@pytest.fixture
def tab(page: Page, address: str) -> Iterator[Tab]:
    tab = Tab(page, address)
    yield tab
    assert tab.complaints == []


def hottest(tab: Tab, stage: Locator) -> int:
    """The patch where the heat's ramp is nearest to its end: there red is over blue. The image below is grey."""
    pixels = tab.pixels(stage.get_by_role("img", name="Attention over the image"))
    height, width, _ = pixels.shape
    warm = [
        int(pixels[int(height * (row + 0.5) / GRID.rows), int(width * (column + 0.5) / GRID.columns)] @ (1, 0, -1))
        for row, column in GRID.places
    ]
    return int(np.argmax(warm))


def said(place: int) -> str:
    return f"row {place // GRID.columns}, column {place % GRID.columns}"


def click(tab: Tab, stage: Locator, patch: int) -> None:
    box = stage.bounding_box()
    assert box
    row, column = GRID.places[patch]
    x, y = (column + 0.5) / GRID.columns, (row + 0.5) / GRID.rows
    tab.page.mouse.click(box["x"] + box["width"] * x, box["y"] + box["height"] * y)
    tab.page.mouse.move(0, 0)


def shares(view: Locator, side: str) -> list[float]:
    """The weights beside the words, from 0 to 1, as they are said."""
    names = view.get_by_role("group", name="Tokens of the sequence").get_by_role("button", name=f"{side} ")
    expect(names.first).to_have_attribute("aria-label", re.compile(r", [\d.]+ %$"))
    said = [button.get_attribute("aria-label") or "" for button in names.all()]
    return [float(name.rsplit(",", 1)[1].strip(" %")) / 100 for name in said]


@pytest.mark.parametrize(
    ("run", "worded", "pictured"), [("text-to-image", "query", "key"), ("image-to-text", "key", "query")]
)
def test_a_word_is_seen_on_the_picture_and_a_patch_among_the_words(
    tab: Tab, recorded: tuple[Path, Eager], run: str, worded: str, pictured: str
) -> None:
    of = recorded[1][run][1, 0]  # [queries, keys] of the second image, in the first head
    by_word = of if worded == "query" else of.T  # [words, patches]
    mark = "k" if worded == "key" else ""
    tab.open(run=run, layer=0, head=0, sequence=1, token=f"2{mark}")
    view = tab.sentence_view
    stage = view.get_by_role("application", name="Image 1")
    live = view.locator("[aria-live]")

    words = view.get_by_role("group", name="Tokens of the sequence")
    for word in (2, 4):
        words.get_by_role("button", name=f"{worded} {word}:").click()
        best = int(by_word[word].argmax())
        expect(live).to_contain_text(said(best))
        expect(live).to_contain_text(f"{100 * by_word[word, best]:.0f} %")
        assert hottest(tab, stage) == best
    # Another word under the pointer shows its own; the selected one stays what is said aloud.
    words.get_by_role("button", name=f"{worded} 0:").hover()
    expect(view).to_contain_text(said(int(by_word[0].argmax())))

    patch = 6
    click(tab, stage, patch)
    expect(live).to_contain_text(f"patch {said(patch)}")
    np.testing.assert_allclose(shares(view, worded), by_word[:, patch], atol=0.0051)
    for key, patch in (("ArrowRight", 7), ("ArrowUp", 3), ("ArrowUp", 3)):
        stage.press(key)
        expect(live).to_contain_text(f"patch {said(patch)}")
    np.testing.assert_allclose(shares(view, worded), by_word[:, 3], atol=0.0051)

    with tab.more("sequence") as panel:
        panel.get_by_role("button", name="Arrows").click()
    expect(view.get_by_role("img", name=f"{len(WORDS)} lines between words and patches")).to_be_visible()
    with tab.more("sequence") as panel:
        panel.get_by_role("button", name="Links").click()
    count = int((of >= 0.1).sum())
    expect(view.get_by_role("img", name=f"{count} lines between words and patches")).to_be_visible()
    view.get_by_role("button", name="Map").click()
    expect(view.get_by_label("Heat map of attention").first).to_be_visible()


def test_points_of_an_image_are_patches_and_words_stay_points(tab: Tab) -> None:
    tab.open(run="text-to-image", layer=0, head=0, words="off", cells="points")
    scatter = tab.head_view.get_by_role("img", name="Queries and keys")

    def seen() -> tuple[int, int]:
        """How many patches are, by their colours, and how many pixels of words."""
        pixels = tab.pixels(scatter)
        patches = [int(like(pixels, tuple(colour), tolerance=4).sum()) for colour in colours().reshape(-1, 3).tolist()]
        return sum(size > 20 for size in patches), int(like(pixels, (0, 158, 115), tolerance=25).sum())

    patches, words = seen()
    assert patches > IMAGES * GRID.size / 2
    assert words > 60
    with tab.more("scatterplot") as panel:
        panel.get_by_role("button", name="Points as patches").click()
    tab.ready()
    patches, words = seen()
    assert patches < 3
    assert words > 60


def test_of_a_large_image_one_row_is_asked_for(tab: Tab, recorded: tuple[Path, Eager]) -> None:
    asked: list[dict[str, list[str]]] = []
    tab.page.on(
        "request",
        lambda request: (
            asked.append(parse_qs(urlsplit(request.url).query)) if "attnviz/attention?" in request.url else None
        ),
    )
    tab.open(run="large", layer=0, head=0, sequence=0, token=700)
    whole = tb_attnviz.open_run(recorded[0] / "large").attention(0, 0, 0, 0)
    live = tab.frame.get_by_role("region", name="Image view").locator("[aria-live]")

    def best(weights: npt.NDArray[np.float32]) -> str:
        row, column = LARGE.places[int(weights.argmax())]
        return f"row {row}, column {column}"

    expect(live).to_contain_text(best(whole[700]))
    assert {tuple(query.get("query", ())) for query in asked} == {("700",)}
    view = tab.frame.get_by_role("region", name="Image view")
    stage = view.get_by_role("application", name="Image 0")
    stage.press("ArrowRight")
    expect(live).to_contain_text(best(whole[701]))
    stage.press("k")
    expect(live).to_contain_text(best(whole[:, 701]))
    assert asked[-1]["key"] == ["701"]
    # What it comes to over all patches is the server's: the mean over queries of how far away they look.
    places = np.array(LARGE.places)
    away = np.hypot(*(places[:, None] - places[None]).transpose(2, 0, 1))
    expect(view).to_contain_text(f"head {(whole * away).sum(axis=1).mean():.1f} patches")
    expect(view.get_by_role("img", name="Mean attention by offset")).to_be_visible()
    # Arrows are of all queries: only now the whole matrix comes.
    with tab.more("image") as panel:
        panel.get_by_role("button", name="Arrows").click()
    expect(view.get_by_role("img", name=f"{LARGE.size} arrows")).to_be_visible(timeout=60 * SECONDS)
    assert "query" not in asked[-1]
    assert "key" not in asked[-1]


def test_what_fails_of_a_large_image_is_told(tab: Tab) -> None:
    summary = re.compile("attnviz/image_summary[?]")
    tab.page.route(summary, lambda route: route.fulfill(status=500, json={"error": "It cannot be summed up."}))
    tab.open(run="large", layer=0, head=0, sequence=0, token=700)
    view = tab.frame.get_by_role("region", name="Image view")
    expect(view.get_by_role("alert")).to_contain_text("It cannot be summed up.")
    tab.page.unroute(summary)
    view.get_by_role("button", name="Retry").click()
    expect(view.get_by_role("alert")).to_have_count(0)
    expect(view.get_by_role("img", name="Mean attention by offset")).to_be_visible()
    tab.complaints.clear()  # the answer that was made to fail
