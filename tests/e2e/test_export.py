"""Taking along what is shown: pictures, numbers, the address, and a page without a server."""

import csv
import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import BrowserContext, Locator, Page, expect

import tb_attnviz
from tb_attnviz.cli import main
from tests.conftest import wait_until
from tests.e2e.conftest import SECONDS, Pixels, Tab, like

PAD = 12  # css pixels of a picture's margin
OPENED = {"step": 200, "layer": 0, "head": 2, "sequence": 0, "token": 3}


def menu(tab: Tab) -> Locator:
    panel = tab.frame.get_by_role("dialog", name="Export")
    if not panel.is_visible():
        tab.frame.get_by_role("button", name="Export").press("Enter")
    return panel


def taken(tab: Tab, name: str, directory: Path) -> Path:
    """The file behind a button of the menu."""
    with tab.page.expect_download() as download:
        menu(tab).get_by_role("button", name=name, exact=True).click()
    path = directory / download.value.suggested_filename
    download.value.save_as(path)
    return path


def drawn(context: BrowserContext, svg: Path) -> Pixels:
    """An SVG as the browser draws it by itself, [height, width, rgb]."""
    page = context.new_page()
    try:
        page.goto(svg.as_uri())
        width, height = page.evaluate("['width', 'height'].map((side) => +document.documentElement.getAttribute(side))")
        page.set_viewport_size({"width": width, "height": height})
        return np.asarray(Image.open(io.BytesIO(page.screenshot())).convert("RGB")).astype(np.int16)
    finally:
        page.close()


def view_in(picture: Pixels, screen: Pixels) -> Pixels:
    """The part of a picture that shows what `screen` does: below its caption."""
    height, width, _ = screen.shape
    top = len(picture) - PAD - height
    return picture[top : top + height, PAD : PAD + width]


def differing(a: Pixels, b: Pixels) -> float:
    """Share of the pixels that an eye tells apart."""
    return float((np.abs(a - b).max(axis=-1) > 64).mean())


@pytest.mark.parametrize("dims", [pytest.param(2, marks=pytest.mark.full), 3])
def test_pictures_are_what_is_on_screen(tab: Tab, dims: int, tmp_path: Path) -> None:
    tab.page.set_viewport_size({"width": 1440, "height": 900})
    tab.open(**OPENED, dims=dims)
    views = {
        "Matrix of heads": (tab.frame.get_by_role("application", name="Matrix of heads"), "run_heads_step200_biplot"),
        "Head view": (tab.frame.get_by_role("application", name="Scatterplot"), "run_L0H2_step200_biplot"),
    }
    menu(tab).get_by_role("combobox", name="Size of PNGs").select_option("1×")
    for name, (view, file) in views.items():
        svg, png = (taken(tab, f"{name} as {kind}", tmp_path) for kind in ("SVG", "PNG"))
        assert (svg.name, png.name) == (f"{file}.svg", f"{file}.png")
        tab.page.keyboard.press("Escape")
        screen = tab.pixels(view)
        menu(tab)
        shapes = view_in(drawn(tab.page.context, svg), screen)
        pixels = view_in(np.asarray(Image.open(png).convert("RGB")).astype(np.int16), screen)
        if name == "Head view":  # the bars above and below are no part of the picture
            screen, shapes, pixels = screen[40:-40], shapes[40:-40], pixels[40:-40]
        green = like(screen, (0, 158, 115)).sum()
        assert green > 20
        assert abs(like(shapes, (0, 158, 115)).sum() - green) < 0.15 * green + 10
        assert differing(screen, shapes) < 0.01
        assert differing(screen, pixels) < 0.006
        text = svg.read_text()
        assert f"step 200 · Biplot in {dims if name == 'Head view' else 2}-D" in text
        assert text.count("<circle") > 20
    tab.frame.get_by_role("combobox", name="Size of PNGs").select_option("4×")
    large = Image.open(taken(tab, "Head view as PNG", tmp_path))
    assert large.width == 4 * (round(views["Head view"][0].bounding_box()["width"]) + 2 * PAD)  # type: ignore[index]


def test_the_sentence_and_the_charts_are_shapes_too(tab: Tab, tmp_path: Path) -> None:
    tab.page.set_viewport_size({"width": 1440, "height": 900})
    tab.open(**OPENED)
    lines = taken(tab, "Sentence view as SVG", tmp_path)
    assert lines.name == "run_L0H2_step200_sequence0_attention.svg"
    for word in ("the", "sky", "is", "blue", "today", "queries", "keys"):
        assert f">{word}</text>" in lines.read_text()
    tab.page.keyboard.press("Escape")
    view = tab.sentence_view.get_by_role("group", name="Tokens of the sequence")
    screen = tab.pixels(view)
    shown = view_in(drawn(tab.page.context, lines), screen)
    assert differing(screen, shown) < 0.03
    accent = (214, 84, 0)  # the selected token's lines
    assert 0.5 < like(shown, accent).sum() / like(screen, accent).sum() < 2
    tab.sentence_view.get_by_role("button", name="Map").click()
    tab.ready()
    heat = taken(tab, "Sentence view as SVG", tmp_path).read_text()
    assert 'href="data:image/png;base64,' in heat
    assert ">today</text>" in heat
    health = taken(tab, "Health charts as SVG", tmp_path)
    assert health.name == "run_L0H2_health.svg"
    assert ">Entropy</text>" in health.read_text()
    assert taken(tab, "Timeline as PNG", tmp_path).stat().st_size > 1000


def test_numbers_are_those_of_the_run(tab: Tab, logdir: Path, tmp_path: Path) -> None:
    run = tb_attnviz.open_run(logdir / "run")
    tokens = [(token, s, i) for s, one in enumerate(run.probe.sequences) for i, token in enumerate(one.tokens)]
    tab.open(**OPENED)
    expected = run.project("biplot", 0, 2)
    one, every = (f"Points of L0 H2, {when}" for when in ("step 200", "all steps"))
    np.testing.assert_array_equal(np.load(taken(tab, f"{one} as .npy", tmp_path)), expected[2])
    np.testing.assert_array_equal(np.load(taken(tab, f"{every} as .npy", tmp_path)), expected)
    with open(taken(tab, f"{every} as CSV", tmp_path), newline="") as file:
        rows = list(csv.DictReader(file))
    assert list(rows[0]) == ["layer", "head", "step", "point", "kind", "token", "sequence", "position", "x", "y"]
    points = np.array([[row["x"], row["y"]] for row in rows], np.float32)
    np.testing.assert_array_equal(points.reshape(expected.shape), expected)
    assert {(row["layer"], row["head"]) for row in rows} == {("0", "2")}
    assert [row["step"] for row in rows[:: 2 * len(tokens)]] == ["0", "100", "200", "300"]
    for point in (0, len(tokens) + 7):
        row = rows[point]
        token, sequence, position = tokens[point % len(tokens)]
        kind = "query" if point < len(tokens) else "key"
        said = (row["kind"], row["token"], row["sequence"], row["position"])
        assert said == (kind, token, str(sequence), str(position))

    matrix = np.load(taken(tab, "Points of all heads, step 200 as .npy", tmp_path))
    np.testing.assert_array_equal(matrix[4 + 5], run.project("biplot", 1, 5)[2])

    weights = run.attention(200, 0, 2, 0)
    name = "Attention of L0 H2, step 200"
    np.testing.assert_allclose(np.load(taken(tab, f"{name} as .npy", tmp_path)), weights, atol=1e-7)
    with open(taken(tab, f"{name} as CSV", tmp_path), newline="") as file:
        pairs = list(csv.DictReader(file))
    np.testing.assert_allclose(np.array([row["attention"] for row in pairs], float), weights.ravel(), rtol=1e-6)
    assert (pairs[1]["query_token"], pairs[1]["key_token"]) == ("the", "sky")

    table = np.load(taken(tab, "Health, all heads and steps as .npy", tmp_path))
    np.testing.assert_array_equal(table["entropy"].reshape(4, 10), run.health()["entropy"])
    assert (table["step"][10], table["layer"][9], table["head"][9]) == (100, 1, 5)
    with open(taken(tab, "Health, all heads and steps as CSV", tmp_path), newline="") as file:
        first = next(csv.DictReader(file))
    assert float(first["max_logit"]) == float("inf")


@pytest.mark.in_tensorboard
def test_the_address_is_followed(tab: Tab) -> None:
    tab.page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    tab.open(**OPENED)
    tab.expect_address(**OPENED, run="run")
    before = tab.page.evaluate("location.hash")
    tab.page.evaluate(
        "location.hash = '#attnviz&p.attnviz.layer=1&p.attnviz.head=4&p.attnviz.dims=3&p.attnviz.step=100'"
    )
    expect(tab.head_view.get_by_role("heading", name="Layer 1 · Head 4")).to_be_visible()
    expect(tab.sentence_view).not_to_be_visible()
    expect(tab.slider).to_have_attribute("aria-valuenow", "100")
    tab.ready()
    tab.page.go_back()
    expect(tab.head_view.get_by_role("heading", name="Layer 0 · Head 2")).to_be_visible()
    expect(tab.sentence_view).to_be_visible()
    tab.ready()
    later = "() => new Promise((done) => setTimeout(done, 200))"
    tab.page.evaluate(later)  # the tab would have written another address by now
    wait_until(lambda: tab.page.evaluate("location.hash") == before, seconds=60)
    scatter = tab.frame.get_by_role("application", name="Scatterplot")
    scatter.press("+")
    scatter.press("ArrowRight")
    menu(tab).get_by_role("button", name="Copy link to this view").click()
    expect(menu(tab).get_by_role("status")).to_have_text("The link is on the clipboard.")
    link = tab.page.evaluate("navigator.clipboard.readText()")
    assert "p.attnviz.head_view=" in link
    tab.page.keyboard.press("Escape")
    shown = tab.pixels(scatter)
    tab.page.goto("about:blank")
    tab.page.goto(link)
    assert differing(tab.ready().pixels(scatter), shown) < 0.001


@pytest.fixture
def exported(logdir: Path, tmp_path: Path) -> Path:
    page = tmp_path / "page.html"
    options = ["--layers", "1", "--steps", "0,100,300", "--detail", "L1H2", "--sequences", "2", "--dims", "2"]
    assert main(["export", str(logdir), "-o", str(page), "--workers", "1", *options]) == 0
    return page


def test_a_page_works_without_server_and_network(exported: Path, offline: Page, logdir: Path) -> None:
    requests: list[str] = []
    complaints: list[str] = []
    offline.on("request", lambda request: requests.append(request.url))
    offline.on("console", lambda message: complaints.append(message.text) if message.type != "log" else None)
    offline.on("pageerror", lambda error: complaints.append(str(error)))
    start = f"{exported.as_uri()}#p.attnviz.layer=0&p.attnviz.head=2&p.attnviz.sequence=0&p.attnviz.token=3"
    offline.goto(start)
    root = offline.get_by_test_id("attnviz")
    ready = lambda: expect(root).to_have_attribute("data-ready", "true", timeout=60 * SECONDS)  # noqa: E731
    ready()
    matrix = offline.get_by_role("img", name="Attention heads: 1 layers × 6 heads, step 300")
    image = np.asarray(Image.open(io.BytesIO(matrix.screenshot())).convert("RGB")).astype(np.int16)
    assert like(image, (0, 158, 115)).sum() > 50
    expect(offline.get_by_role("heading", name="Layer 1 · Head 2")).to_be_visible()
    expect(offline.get_by_role("button", name="From kind to kind")).to_have_count(0)  # the page holds no such table
    weight = tb_attnviz.open_run(logdir / "run").attention(300, 1, 2, 0)[3, 1]
    percent = f"{100 * weight:.{0 if weight >= 0.0995 else 1}f} %"
    expect(offline.get_by_role("button", name=f"key 1: sky, {percent}")).to_be_visible()

    offline.get_by_role("button", name="Exported page").click()
    said = offline.get_by_role("dialog", name="What this page holds")
    expect(said).to_contain_text(
        "This page holds 3 of 4 steps (0, 100, 300) and 6 of 10 heads. Layer 0 was not exported."
    )
    offline.keyboard.press("Escape")
    expect(offline.get_by_role("button", name="3D")).to_be_disabled()
    expect(offline.get_by_role("combobox", name="Projection").locator("option")).to_have_text(["Biplot"])
    offline.get_by_role("button", name="Next head").click()
    expect(offline.get_by_role("alert")).to_contain_text("This page does not hold the attention of this head")

    slider = offline.get_by_role("slider", name="Training step")
    slider.press("Home")
    expect(slider).to_have_attribute("aria-valuenow", "0")
    ready()
    offline.get_by_role("button", name="Play").click()
    expect(slider).to_have_attribute("aria-valuenow", "300")
    ready()
    wait_until(lambda: "p.attnviz.head=3" in offline.evaluate("location.hash"), seconds=60)
    assert [url.split("#")[0] for url in requests] == [exported.as_uri()]
    assert complaints == []
