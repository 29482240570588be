"""Projections, seen: chosen and set, slow ones head by head, how far they can be believed, points by themselves."""

import json
import re
from collections import Counter
from collections.abc import Callable, Iterator
from urllib.parse import parse_qs, urlsplit

import numpy as np
import pytest
from playwright.sync_api import Page, Request, Route, expect

from tb_attnviz.events import RunWriter, Samples
from tests.conftest import LAYERS, PROBE, make_samples, serving, wait_until, write_checkpoint
from tests.e2e.conftest import Tab, like
from tests.e2e.test_tab import KEY, QUERY, around

HEADS = sum(layer.heads for layer in LAYERS)
POINTS = "**/plugin/attnviz/points?*"
COMPUTING = json.dumps({"state": "computing", "done": 1, "total": 4})


def query(request: Request | Route) -> dict[str, str]:
    """What a request asks for."""
    url = request.request.url if isinstance(request, Route) else request.url
    return {name: values[0] for name, values in parse_qs(urlsplit(url).query).items()}


class Holding:
    """Answers points that `holds` says of with 202, until it is let go; counts how often they are asked for."""

    def __init__(self, page: Page, holds: Callable[[dict[str, str]], bool]) -> None:
        self.asked: list[dict[str, str]] = []
        self._holds = holds
        self._holding = True
        page.route(POINTS, self._answer)

    def let_go(self) -> None:
        self._holding = False

    def _answer(self, route: Route) -> None:
        asked = query(route)
        if not self._holds(asked):
            route.fallback()
            return
        self.asked.append(asked)
        if self._holding:
            route.fulfill(status=202, content_type="application/json", body=COMPUTING)
        else:
            route.fallback()


def dimmed(colour: tuple[int, int, int]) -> tuple[int, int, int]:
    """As a cell shows it whose own picture is still to come, on a light page."""
    red, green, blue = (round(0.38 * x + 0.62 * 255) for x in colour)
    return red, green, blue


def choose(tab: Tab, projection: str) -> None:
    tab.frame.get_by_role("combobox", name="Projection").select_option(label=projection)


def draw_lasso(tab: Tab, page: Page, *, shift: bool = True) -> None:
    """Around the right half of the head view."""
    box = tab.head_view.get_by_role("img", name="Queries and keys").bounding_box()
    assert box
    left, right = box["x"] + box["width"] / 2, box["x"] + box["width"] - 2
    top, bottom = box["y"] + 60, box["y"] + box["height"] - 2  # under the bar
    if shift:
        page.keyboard.down("Shift")
    page.mouse.move(left, top)
    page.mouse.down()
    for x, y in ((right, top), (right, bottom), (left, bottom), (left, top + 5)):
        page.mouse.move(x, y, steps=4)
    page.mouse.up()
    if shift:
        page.keyboard.up("Shift")
    tab.ready()


def marked(tab: Tab) -> int:
    """How many points the bar says are marked."""
    told = tab.head_view.get_by_role("group", name="Marked points").get_by_role("status").inner_text()
    return int(told.split()[0].replace(",", ""))


def test_attention_is_a_projection_with_a_dial_between_neighbours_and_attention(tab: Tab) -> None:
    tab.open()
    choose(tab, "Attention")
    tab.expect_address(projection="attention", attention=None)
    shown = tab.ready().pixels(tab.matrix)
    settings = tab.frame.get_by_role("button", name="Settings of Attention")
    settings.click()
    dialog = tab.frame.get_by_role("dialog", name="Settings of Attention")
    dialog.get_by_label("Attention", exact=True).fill("0")
    dialog.get_by_label("Attention", exact=True).press("Enter")
    tab.expect_address(projection="attention", attention=0)
    dialog.get_by_label("Attention", exact=True).press("Escape")
    assert (tab.ready().pixels(tab.matrix) != shown).any()


def test_settings_are_applied_kept_in_the_address_and_reset(tab: Tab, page: Page) -> None:
    tab.open()
    choose(tab, "t-SNE")
    settings = tab.frame.get_by_role("button", name="Settings of t-SNE")
    settings.click()
    dialog = tab.frame.get_by_role("dialog", name="Settings of t-SNE")
    expect(dialog.get_by_label("Neighbours")).to_have_count(0)  # that one is UMAP's
    dialog.get_by_label("Perplexity").fill("5")
    dialog.get_by_label("Perplexity").press("Enter")
    dialog.get_by_label("Metric").select_option("euclidean")
    tab.expect_address(metric="euclidean", projection="tsne", perplexity=5, seed=None)  # the default goes unsaid
    dialog.get_by_label("Perplexity").press("Escape")
    expect(dialog).to_be_hidden()
    shown = tab.ready().pixels(tab.matrix)
    address = page.url
    page.goto("about:blank")
    page.goto(address)
    np.testing.assert_allclose(tab.ready().pixels(tab.matrix), shown, atol=2)
    settings.click()
    expect(dialog.get_by_label("Perplexity")).to_have_value("5")
    dialog.get_by_role("button", name="Reset").click()
    tab.expect_address(perplexity=None, metric=None)


def test_a_value_out_of_range_is_refused_with_its_range(tab: Tab, page: Page) -> None:
    tab.open()
    choose(tab, "t-SNE")
    tab.ready()
    asked: list[str] = []
    page.on("request", lambda request: asked.append(query(request).get("perplexity", "")))
    tab.frame.get_by_role("button", name="Settings of t-SNE").click()
    perplexity = tab.frame.get_by_label("Perplexity")
    perplexity.fill("1")
    perplexity.press("Enter")
    expect(tab.frame.get_by_role("alert")).to_have_text("A number from 2 to 500.")
    expect(perplexity).to_have_attribute("aria-invalid", "true")
    assert "perplexity" not in tab.hash()
    perplexity.fill("5")
    perplexity.press("Enter")
    wait_until(lambda: (page.title(), "5" in asked)[1], seconds=60)  # the page says what is asked while it is spoken to
    assert "1" not in asked


@pytest.mark.parametrize("projection", ["t-SNE", pytest.param("UMAP", marks=pytest.mark.full)])
def test_slow_projections_come_head_by_head(tab: Tab, page: Page, projection: str) -> None:
    before = tab.open(tint="none").pixels(tab.matrix)
    asked: list[dict[str, str]] = []
    page.on("request", lambda request: asked.append(query(request)) if "/points?" in request.url else None)
    choose(tab, projection)
    pixels = tab.ready().pixels(tab.matrix)
    for layer, described in enumerate(LAYERS):
        for head in range(described.heads):
            cell = around(pixels, *tab.cell(layer, head), 40)
            assert like(cell, QUERY).sum() > 10, f"no queries in L{layer}H{head}"
            assert like(cell, KEY).sum() > 10, f"no keys in L{layer}H{head}"
    assert (pixels != before).any()
    now = {(one["layer"], one["head"]) for one in asked if one["step"] == "300"}
    assert len(now) == HEADS
    assert {one["priority"] for one in asked if one["step"] == "300"} == {"0"}


def test_a_step_whose_heads_are_not_there_keeps_the_old_picture_and_can_be_stopped(tab: Tab, page: Page) -> None:
    holding = Holding(page, lambda asked: asked["projection"] == "tsne" and asked["step"] == "0")
    tab.open(projection="tsne", tint="none")
    old = tab.pixels(tab.matrix)
    tab.slider.focus()
    tab.slider.press("Home")
    expect(tab.slider).to_have_attribute("aria-valuenow", "0")
    progress = tab.frame.get_by_role("status").filter(has_text="t-SNE")
    expect(progress).to_contain_text(f"t-SNE 0 of {HEADS} heads")
    expect(tab.frame.get_by_text("step 300", exact=True)).to_have_count(HEADS)
    kept = tab.pixels(tab.matrix)
    assert like(kept, dimmed(KEY), tolerance=25).sum() > 0.4 * like(old, KEY).sum()
    progress.get_by_role("button", name="Stop").click()
    tab.ready()
    page.wait_for_timeout(200)
    asked = len(holding.asked)
    page.wait_for_timeout(2200)  # longer than from one question to the next
    assert len(holding.asked) == asked  # nobody asks any more: the server gives the work up
    holding.let_go()
    progress.get_by_role("button", name="Go on").click()
    tab.ready()
    expect(progress).to_be_hidden()
    assert (tab.pixels(tab.matrix) != kept).any()


def test_until_the_first_slow_picture_is_here_the_biplot_is_seen_dimmed(tab: Tab, page: Page) -> None:
    holding = Holding(page, lambda asked: asked["projection"] == "tsne")
    tab.visit(
        "&p.attnviz.projection=tsne&p.attnviz.tint=none&p.attnviz.layer=1&p.attnviz.head=4&p.attnviz.cells=points"
    )
    expect(tab.frame.get_by_text("biplot", exact=True)).to_have_count(HEADS)
    expect(tab.head_view).to_contain_text("t-SNE: computing, 1 of 4; until then this is the biplot")
    biplot = tab.pixels(tab.matrix)
    assert like(biplot, dimmed(QUERY), tolerance=25).sum() > 100
    assert not like(biplot, QUERY).any()
    expect(tab.head_view.get_by_role("group", name="How far this picture")).to_contain_text("Not judged yet")
    holding.let_go()
    pixels = tab.ready().pixels(tab.matrix)
    expect(tab.frame.get_by_text("biplot", exact=True)).to_have_count(0)
    expect(tab.head_view).not_to_contain_text("until then")
    assert like(pixels, QUERY).sum() > 100


def test_heads_in_view_come_first(tab: Tab, page: Page) -> None:
    tab.open()
    x, y = tab.cell(1, 4)
    box = tab.matrix.bounding_box()
    assert box
    page.mouse.move(box["x"] + x, box["y"] + y)
    for _ in range(8):
        page.mouse.wheel(0, -300)
    wait_until(lambda: int(tab.matrix.get_attribute("data-visible-heads") or HEADS) < 8, seconds=60)
    seen = int(tab.matrix.get_attribute("data-visible-heads") or HEADS)
    holding = Holding(page, lambda asked: asked["projection"] == "tsne")
    choose(tab, "t-SNE")
    times = lambda: Counter(one["head"] + one["layer"] for one in holding.asked)  # noqa: E731
    wait_until(
        lambda: (page.title(), sum(often > 2 for often in times().values()) >= 8)[1], seconds=60
    )  # the page says what is asked while it is spoken to
    assert len(times()) == 8  # the rest waits until these have come
    assert [one["priority"] for one in holding.asked[:8]] == ["0"] * seen + ["1"] * (8 - seen)
    assert ("1", "4") in {(one["layer"], one["head"]) for one in holding.asked[:seen]}
    choose(tab, "Biplot")  # and nobody waits for what nobody looks at
    tab.ready()
    page.wait_for_timeout(200)
    asked = len(holding.asked)
    page.wait_for_timeout(2200)
    assert len(holding.asked) == asked


def test_preliminary_axes_are_there_while_all_steps_are_fitted(tab: Tab, page: Page) -> None:
    holding = Holding(page, lambda asked: "fit" not in asked)
    tab.visit("&p.attnviz.tint=none")
    chip = tab.frame.get_by_text("Preliminary axes · fitting 1/4")
    expect(chip).to_be_visible()
    wait_until(lambda: like(tab.pixels(tab.matrix), QUERY).sum() > 100, seconds=60)
    holding.let_go()
    tab.ready()
    expect(chip).to_be_hidden()
    expect(tab.frame.get_by_text("Axes 0–300")).to_be_visible()
    assert like(tab.pixels(tab.matrix), QUERY).sum() > 100


def test_the_head_view_says_how_far_the_picture_can_be_believed(tab: Tab, page: Page) -> None:
    with page.expect_response(lambda response: "/trust?" in response.url and response.status == 200) as answered:
        tab.open(layer=1, head=4)
    line = tab.head_view.get_by_role("group", name="How far this picture can be believed")
    panel = tab.head_view.get_by_role("dialog", name="How far this picture can be believed")
    line.get_by_role("button").click()
    trust = answered.value
    said = trust.json()
    expect(panel).to_contain_text(said["sentence"])
    assert query(trust.request)["previous"] == "200"
    for figure in ("Faithfulness", "Trustworthiness", "Continuity", "Recall", "Motion"):
        expect(panel).to_contain_text(figure)
    expect(panel).to_contain_text(f"{said['faithfulness']:.3f}")
    with page.expect_request(lambda request: "/trust?" in request.url and "step=0" in request.url):
        tab.press_on_slider("Home")
    expect(panel).to_contain_text("Recall")
    expect(panel).not_to_contain_text("Motion")  # there is no step before the first


def test_errors_colour_the_opened_head_alone(tab: Tab) -> None:
    tab.open(layer=1, head=4)
    scatter = tab.head_view.get_by_role("img", name="Queries and keys")
    before, matrix = tab.pixels(scatter), tab.pixels(tab.matrix)
    colour = tab.frame.get_by_role("combobox", name="Colour")
    for errors in ("false neighbours", "tears"):
        colour.select_option(label=errors)
        pixels = tab.ready().pixels(scatter)
        assert like(pixels, QUERY).sum() < 0.5 * like(before, QUERY).sum()
        np.testing.assert_array_equal(tab.pixels(tab.matrix), matrix)


def test_a_lasso_marks_points_through_the_steps(tab: Tab, page: Page) -> None:
    tab.open(layer=1, head=4)
    before = tab.pixels(tab.matrix)
    draw_lasso(tab, page)
    count = marked(tab)
    assert 0 < count < 2 * PROBE.tokens
    assert (tab.pixels(tab.matrix) != before).any()  # the same points are lit in every head
    tab.press_on_slider("Home")
    assert marked(tab) == count
    tab.head_view.get_by_role("application", name="Scatterplot").focus()
    page.keyboard.press("Escape")
    expect(tab.head_view.get_by_role("button", name="Project alone")).to_be_hidden()
    expect(tab.head_view).to_be_visible()
    tab.head_view.get_by_role("button", name="Lasso").click()
    draw_lasso(tab, page, shift=False)
    assert marked(tab) > 0
    tab.head_view.get_by_role("button", name="Clear the marked points").click()
    expect(tab.head_view.get_by_role("button", name="Project alone")).to_be_hidden()


@pytest.mark.parametrize("projection", ["biplot", pytest.param("tsne", marks=pytest.mark.full)])
def test_marked_points_are_projected_by_themselves(tab: Tab, page: Page, projection: str) -> None:
    tab.open(layer=1, head=4, projection=projection, trail=0)
    draw_lasso(tab, page)
    count = marked(tab)
    scatter = tab.head_view.get_by_role("img", name="Queries and keys")
    whole = tab.pixels(scatter)
    with page.expect_request(lambda request: request.method == "POST") as posted:
        tab.head_view.get_by_role("button", name="Project alone").click()
    tab.ready()
    points = (posted.value.post_data_json or {})["points"]
    assert len(points) == count
    assert points == sorted(points)
    assert query(posted.value).items() >= {"layer": "1", "head": "4", "projection": projection}.items()
    expect(tab.head_view).to_contain_text(f"{count} points alone")
    alone = tab.pixels(scatter)
    assert (alone != whole).any()
    assert like(alone, QUERY).any() or like(alone, KEY).any()
    tab.press_on_slider("Home")
    expect(tab.head_view).to_contain_text(f"{count} points alone")
    tab.press_on_slider("End")
    tab.head_view.get_by_role("button", name="Back").click()
    tab.ready()
    assert marked(tab) == count
    np.testing.assert_allclose(tab.pixels(scatter), whole, atol=2)


def test_points_are_marked_by_keyboard_too(tab: Tab, page: Page) -> None:
    tab.open(layer=1, head=4)
    tab.head_view.get_by_role("application", name="Scatterplot").focus()
    page.keyboard.press("Enter")
    with tab.more("sequence") as panel:
        panel.get_by_role("button", name="Mark all points of this sequence").press("Enter")
    tab.ready()
    assert marked(tab) == 2 * len(PROBE.sequences[0].tokens)
    tab.head_view.get_by_role("button", name="Show the sentence large").press("Enter")
    with tab.more("sequence") as panel:
        panel.get_by_role("button", name=re.compile("^Mark every “")).press("Enter")
    assert marked(tab) == 2


@pytest.fixture(scope="module")
def broken(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A run whose head L0 H2 has a query that is not finite at the newest step."""
    directory = tmp_path_factory.mktemp("broken")
    writer = RunWriter(str(directory / "run"))
    writer.write_probe(PROBE, step=0)
    write_checkpoint(writer, 0)
    layers = []
    for index, layer in enumerate(LAYERS):
        samples = make_samples(layer, seed=index)
        if index == 0:
            samples.queries[2, 3] = np.nan
        layers.append((layer, Samples(samples.queries, samples.keys)))
    writer.write_checkpoint(100, layers)
    writer.write_health(100, {"entropy": np.linspace(1, 0.1, HEADS, dtype=np.float32)})
    writer.close()
    with serving("--load_fast=false", f"--logdir={directory}") as address:
        yield address


def test_a_head_without_a_picture_says_why(page: Page, broken: str) -> None:
    tab = Tab(page, broken)
    for projection in ("biplot", "tsne"):
        page.goto("about:blank")
        tab.open(projection=projection, layer=0, head=2)
        expect(tab.head_view.get_by_text("finite").first).to_be_visible()
        assert not like(tab.pixels(tab.head_view.get_by_role("img", name="Queries and keys")), QUERY).any()
        x, y = tab.cell(0, 2)
        box = tab.matrix.bounding_box()
        assert box
        page.mouse.move(box["x"] + x, box["y"] + y)
        expect(tab.frame.get_by_role("tooltip")).to_contain_text("finite")
    assert tab.complaints == []


@pytest.mark.parametrize("scheme", ["light", pytest.param("dark", marks=pytest.mark.full)])
def test_everything_at_once_fits_the_screen(tab: Tab, scheme: str) -> None:
    tab.open(layer=1, head=4, sequence=0, token=2, projection="tsne", colour="tears")
    if scheme == "dark":
        tab.darken()
    with tab.more("sequence") as panel:
        panel.get_by_role("button", name="Mark all points of this sequence").click()
    overflow = "e => [e.scrollWidth > e.clientWidth, e.scrollHeight > e.clientHeight]"
    for size in ((1280, 720), (1920, 1080)):
        tab.resize(*size)
        assert tab.frame.locator("html").evaluate(overflow) == [False, False], size
        assert tab.frame.locator("header .bar").evaluate("e => e.scrollWidth <= e.clientWidth"), size
