"""Pages of `tb-attnviz export`, opened as files without a network: images, values, both sides of a model with two."""

import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image as Pillow
from playwright.sync_api import Browser, Locator, Page, expect
from scipy.spatial.distance import jensenshannon
from scipy.special import softmax

from tb_attnviz.cli import main
from tb_attnviz.events import Image, Layer, ProbeRecord, RunWriter, Samples, Sequence
from tests.conftest import wait_until
from tests.e2e.conftest import INTRODUCED, SECONDS, Pixels, like, more
from tests.e2e.test_images import COLOURS, GRID, TOKENS, place, quadrants, sizes, write_picture

Float64 = npt.NDArray[np.float64]

STEPS = (0, 100)
SOURCE = ("a", "red", "cube", "stands", "here")
TARGET = ("<s>", "ein", "Würfel")


class Recorded:
    """A layer's vectors at both steps, and what follows from them by hand."""

    def __init__(self, layer: Layer, queries: list[int], keys: list[int], seed: int) -> None:
        rng = np.random.default_rng(seed)
        self.layer, self._queries, self._keys = layer, np.cumsum([0, *queries]), np.cumsum([0, *keys])
        self.samples = {
            step: Samples(
                3 * rng.normal(size=(layer.heads, sum(queries), layer.head_dim)).astype(np.float32),
                rng.normal(size=(layer.heads, sum(keys), layer.head_dim)).astype(np.float32),
                value_norms=rng.lognormal(size=(layer.heads, sum(keys))).astype(np.float32),
            )
            for step in STEPS
        }

    def attention(self, step: int, head: int, sequence: int, *, weighted: bool = False) -> Float64:
        of_queries, of_keys = (slice(*ends[sequence : sequence + 2]) for ends in (self._queries, self._keys))
        samples = self.samples[step]
        q, k = samples.queries[head, of_queries].astype(float), samples.keys[head, of_keys].astype(float)
        weights: Float64 = softmax(q @ k.T * self.layer.scale, axis=-1)
        if weighted:
            assert samples.value_norms is not None
            weights *= samples.value_norms[head, of_keys]
            weights /= weights.sum(axis=-1, keepdims=True)
        return weights

    def change(self, head: int) -> float:
        """The mean Jensen-Shannon distance between the attention at both steps."""
        pairs = [[self.attention(step, head, sequence) for step in STEPS] for sequence in range(len(self._queries) - 1)]
        rows = [jensenshannon(a, b, base=2) for before, after in pairs for a, b in zip(before, after, strict=True)]
        return float(np.mean(rows))


VISION = Recorded(Layer("blocks.0.attention", 2, 2, 4, 0.5, causal=False, values=True), [5, 5], [5, 5], 3)
SIDES = {"heads": 2, "kv_heads": 2, "head_dim": 4, "scale": 0.5, "causal": False, "values": True}
CROSS = [
    Recorded(Layer("encoder.0", **SIDES, queries_of="key_tokens", keys_of="key_tokens"), [5, 4], [5, 4], 5),  # type: ignore[arg-type]
    Recorded(Layer("decoder.0.cross", **SIDES, keys_of="key_tokens"), [3, 3], [5, 4], 6),  # type: ignore[arg-type]
]


class Exported:
    """A page as somebody opens it who was sent it."""

    def __init__(self, page: Page, path: Path) -> None:
        self.page = page
        self.path = path
        self.matrix = page.get_by_role("img", name="Attention heads")
        self.asked: list[str] = []
        self.complaints: list[str] = []
        page.on("request", lambda request: self.asked.append(request.url.split("#")[0]))
        page.on("console", lambda message: self.complaints.append(message.text) if message.type != "log" else None)
        page.on("pageerror", lambda error: self.complaints.append(str(error)))

    def open(self, **state: object) -> None:
        self.page.goto(
            self.path.as_uri() + "#" + "&".join(f"p.attnviz.{name}={value}" for name, value in state.items())
        )
        self.ready()

    def ready(self) -> None:
        expect(self.page.get_by_test_id("attnviz")).to_have_attribute("data-ready", "true", timeout=60 * SECONDS)

    def pixels(self, what: Locator) -> Pixels:
        self.page.mouse.move(0, 0)
        self.ready()
        shot = self.path.with_suffix(".png")
        what.screenshot(path=shot)
        return np.asarray(Pillow.open(shot).convert("RGB")).astype(np.int16)

    def colour(self, figure: str) -> list[float]:
        """Colours by a figure; the ends of its legend."""
        self.page.get_by_role("combobox", name="Colour").select_option(figure)
        self.ready()
        legend = self.page.get_by_role("button", name="Legend of")
        return [float(number) for number in re.findall(r"[\d.]+", legend.inner_text())]


@pytest.fixture
def open_page(browser: Browser, tmp_path: Path) -> Iterator[Exported]:
    context = browser.new_context(viewport={"width": 1280, "height": 720}, offline=True)
    context.set_default_timeout(20 * SECONDS)
    context.add_init_script(INTRODUCED)
    exported = Exported(context.new_page(), tmp_path / "page.html")
    yield exported
    context.close()
    # A page asks for itself alone: what it makes of its own data has no address elsewhere.
    assert {url for url in exported.asked if not url.startswith(("data:", "blob:"))} == {exported.path.as_uri()}
    assert exported.complaints == []


def write(directory: Path, probe: ProbeRecord, layers: list[Recorded], *options: str) -> None:
    """The run, and the page of it beside its directory."""
    writer = RunWriter(str(directory))
    writer.write_probe(probe, step=0)
    for step in STEPS:
        writer.write_checkpoint(step, [(one.layer, one.samples[step]) for one in layers])
    writer.close()
    page = directory.parent / "page.html"
    assert main(["export", str(directory), "-o", str(page), "--workers", "1", "--dims", "2", *options]) == 0


def images(directory: Path) -> ProbeRecord:
    """Two images of four flat colours."""
    (directory / "plugins" / "attnviz").mkdir(parents=True)
    names = [write_picture(directory, colours) for colours in COLOURS]
    return ProbeRecord(tuple(Sequence(TOKENS, "image", grid=GRID, image=Image(name, 16, 16)) for name in names))


def expected_ends(layer: Recorded, head: int) -> list[float]:
    norms = [layer.samples[step].value_norms for step in STEPS]
    ends = [np.quantile(one[head], [0.02, 0.98], method="nearest") for one in norms if one is not None]
    return [min(low for low, _ in ends), max(high for _, high in ends)]


def test_a_page_of_a_vision_run_shows_its_images(open_page: Exported, tmp_path: Path) -> None:
    write(tmp_path / "run", images(tmp_path / "run"), [VISION])
    page = open_page.page
    open_page.open(layer=0, head=0)
    scatter = page.get_by_role("img", name="Queries and keys")
    for canvas in (scatter, open_page.matrix):
        assert min(sizes(open_page.pixels(canvas))) > 40  # whole patches, of all eight colours

    open_page.open(layer=0, head=1, sequence=0, token=1)
    view = page.get_by_role("region", name="Image view")
    stage = view.get_by_role("application", name="Image 0")
    picture = stage.get_by_role("img", name="Attention over the image")
    for step in reversed(STEPS):
        weights = VISION.attention(step, 1, 0)[1]
        best = int(weights.argmax())
        where = "itself" if best == 1 else place(best)
        told = f"patch {place(1)}, {100 * weights[best]:.0f} % of the attention on {where}"
        expect(view.locator("[aria-live]")).to_contain_text(told)
        heat = [red - blue for red, _, blue in quadrants(open_page.pixels(picture))]
        assert int(np.argmax(heat)) == int(weights[1:].argmax())
        page.get_by_role("slider", name="Training step").press("ArrowLeft")
        open_page.ready()
    for _ in range(2):  # fading, then neither heat nor fading: the image as it was recorded
        with more(page, page, "image") as panel:
            panel.get_by_role("button", name="Fade").click()
    assert quadrants(open_page.pixels(picture)) == [pytest.approx(colour, abs=2) for colour in COLOURS[0]]
    with more(page, page, "image") as panel:
        panel.get_by_role("button", name="Mark all points of this image").click()
    expect(page.get_by_role("group", name="Marked points")).to_contain_text("10 points")

    assert open_page.colour("value_norm") == pytest.approx(expected_ends(VISION, 1), rel=4e-3, abs=0.006)
    norms = np.linalg.norm(VISION.samples[0].queries[1], axis=-1), np.linalg.norm(VISION.samples[100].keys[1], axis=-1)
    low, high = open_page.colour("norm")
    assert low < norms[1].min() + 0.01
    assert high > np.sort(norms[0])[-1] - 0.01


def test_a_page_of_two_sides_weighs_by_values_and_compares(open_page: Exported, tmp_path: Path) -> None:
    probe = ProbeRecord(
        (
            Sequence(TARGET, key_tokens=Sequence(SOURCE, labels={"word class": tuple("DANVR")})),
            Sequence(("<s>", "drei", "Bälle"), key_tokens=Sequence(("three", "blue", "balls", "roll"))),
        )
    )
    write(tmp_path / "run", probe, CROSS)
    page = open_page.page
    open_page.open(layer=1, head=1, sequence=0, token=2)
    view = page.get_by_role("region", name="Sentence view")
    expect(view).to_contain_text("queries: decoder tokens")

    def weight(key: int) -> float:
        label = view.get_by_role("button", name=f"key {key}: {SOURCE[key]},").get_attribute("aria-label") or ""
        return float(label.rsplit(",", 1)[1].rstrip(" %")) / 100

    def weights() -> list[float]:
        return [weight(key) for key in range(len(SOURCE))]

    def shown(step: int, *, weighted: bool) -> bool:
        return weights() == pytest.approx(list(CROSS[1].attention(step, 1, 0, weighted=weighted)[2]), abs=0.006)

    wait_until(lambda: shown(100, weighted=False), seconds=60)
    with more(page, page, "sequence") as panel:
        panel.get_by_role("button", name="Weigh by the lengths of the values").click()
    wait_until(lambda: shown(100, weighted=True), seconds=60)
    page.get_by_role("slider", name="Training step").press("Home")
    wait_until(lambda: shown(0, weighted=True), seconds=60)
    assert open_page.colour("value_norm") == pytest.approx(expected_ends(CROSS[1], 1), rel=4e-3, abs=0.006)
    page.get_by_role("combobox", name="Colour").select_option("word class")
    expect(page.get_by_role("button", name="Legend of word class")).to_be_visible()

    open_page.open(arrange="change", find="red")
    assert like(open_page.pixels(open_page.matrix), (213, 94, 0), tolerance=30).any()  # a token of the second list
    box = open_page.matrix.bounding_box()
    assert box
    told = {}
    for x, y in ((0.2, 0.25), (0.8, 0.25), (0.2, 0.75), (0.8, 0.75)):
        page.mouse.move(box["x"] + box["width"] * x, box["y"] + box["height"] * y)
        said = page.get_by_role("tooltip").inner_text()
        if found := re.search(r"Layer (\d) · Head (\d).*Change since previous ([\d.]+)", said):
            told[int(found[1]), int(found[2])] = float(found[3])
    assert told
    assert told == {(layer, head): pytest.approx(CROSS[layer].change(head), abs=0.002) for layer, head in told}


def test_a_page_without_what_is_large_says_so(
    open_page: Exported, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write(tmp_path / "run", images(tmp_path / "run"), [VISION], "--without", "images,figures,values,comparisons")
    assert "images" not in capsys.readouterr().out
    page = open_page.page
    open_page.open(layer=0, head=0, sequence=0, token=1)
    assert max(sizes(open_page.pixels(open_page.matrix))) < 40
    expect(page.get_by_role("alert")).to_have_count(0)
    page.get_by_role("combobox", name="Colour").select_option("norm")
    expect(page.get_by_text("This page does not hold this figure of points (norm).")).to_be_visible()
    expect(page.get_by_role("combobox", name="Colour").locator("option[value=value_norm]")).to_have_count(0)
    page.get_by_role("button", name="Exported page").click()
    expect(page.get_by_role("dialog", name="What this page holds")).to_contain_text(
        "The trust in pictures, images, the figures of points, what the norms of values say, "
        "how far heads changed and how alike they are did not come along."
    )
