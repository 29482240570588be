"""What goes unnoticed when it is right: the first visit, a lost graphics context, a reload, names, stillness."""

import contextlib
import re
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from playwright.sync_api import Browser, Locator, Page, Route, expect

from tests.conftest import wait_until
from tests.e2e.conftest import SECONDS, Tab, held

OPEN = {"layer": 1, "head": 4, "sequence": 0, "token": 2}


@pytest.fixture
def stranger(browser: Browser, server: str) -> Iterator[Tab]:
    """The tab in a browser that has never seen it."""
    context = browser.new_context(viewport={"width": 1280, "height": 720})
    context.set_default_timeout(60 * SECONDS)
    tab = Tab(context.new_page(), server)
    yield tab
    assert tab.complaints == []
    context.close()


def test_the_first_visit_is_explained_in_three_steps_and_never_again(stranger: Tab) -> None:
    tab = stranger.open(layer=1, head=4)
    hint = tab.frame.get_by_role("dialog")
    next_button = hint.get_by_role("button", name="Next")
    expect(hint).to_have_accessible_name("One cell, one head")
    expect(next_button).to_be_focused()
    tab.page.keyboard.press("Enter")
    expect(hint).to_have_accessible_name("Drag to see it form")
    step = tab.slider.get_attribute("aria-valuenow")
    box = tab.slider.bounding_box()
    assert box
    tab.page.mouse.click(
        box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    )  # not modal: it can be tried at once
    wait_until(lambda: tab.slider.get_attribute("aria-valuenow") != step, seconds=60)
    hint.get_by_role("button", name="Back").click()
    expect(hint).to_have_accessible_name("One cell, one head")
    next_button.click()
    next_button.click()
    expect(hint).to_have_accessible_name("Open a head, then a token")
    tab.page.keyboard.press("Escape")
    expect(hint).to_be_hidden()
    expect(tab.head_view).to_be_visible()  # Escape closed the hint alone
    tab.page.reload()
    tab.ready()
    expect(tab.frame.get_by_role("dialog")).to_be_hidden()
    # Help has it, and says what marks and keys do
    help_button = tab.frame.get_by_role("button", name="Help")
    help_button.click()
    panel = tab.frame.get_by_role("dialog", name="Help")
    for text in ("What a token looks for", "play, pause", "walk from head to head", "mark points by a lasso"):
        expect(panel.get_by_text(text)).to_be_visible()
    panel.get_by_role("button", name="Show me around").click()
    expect(panel).to_be_hidden()
    expect(hint).to_have_accessible_name("One cell, one head")
    hint.get_by_role("button", name="Skip").click()
    expect(help_button).to_be_focused()


def test_the_first_visit_opens_nothing_below_and_ends_where_one_clicks_elsewhere(stranger: Tab) -> None:
    tab = stranger.open()
    hint = tab.frame.get_by_role("dialog")
    frame = tab.frame.locator(".layer rect")
    on = tab.frame.locator(".bubble .next")
    lies = lambda part: [round(part.bounding_box()[key]) for key in ("x", "y", "width", "height")]  # type: ignore[index] # noqa: E731
    x, y, width, height = lies(on)
    on.dblclick()  # it stays where it is from card to card
    expect(hint).to_have_accessible_name("Open a head, then a token")
    assert [lies(on)[0] + lies(on)[2], *lies(on)[1::2]] == [x + width, y, height]
    on.dblclick()  # and is no longer there for the second click
    expect(tab.frame.locator(".bubble")).to_have_count(0)
    tab.frame.get_by_role("button", name="Help").click()
    expect(tab.head_view).to_have_count(0)
    tab.frame.get_by_role("button", name="Show me around").click()
    on.dblclick()
    expect(hint).to_have_accessible_name("Open a head, then a token")
    x, y, width, height = lies(frame)
    tab.page.mouse.click(x + width / 2, y + height / 2)  # the marked head
    expect(tab.head_view).to_be_visible()
    hint.get_by_role("button", name="Back").click()
    expect(hint).to_have_accessible_name("Drag to see it form")
    lane = tab.frame.locator("footer .lane")
    wait_until(lambda: np.abs(np.subtract(lies(frame), lies(lane)) - [-4, -4, 8, 8]).max() <= 2, seconds=60)
    tab.frame.get_by_role("button", name="Borders").click()
    expect(tab.frame.locator(".bubble")).to_have_count(0)  # who clicks elsewhere has seen enough


def test_no_hint_where_there_is_no_room(browser: Browser, server: str) -> None:
    context = browser.new_context(viewport={"width": 560, "height": 500})
    tab = Tab(context.new_page(), server).open()
    expect(tab.frame.get_by_role("dialog")).to_be_hidden()
    context.close()


def test_a_lost_graphics_context_comes_back(tab: Tab, page: Page) -> None:
    shown = tab.open(layer=1, head=4).pixels(tab.matrix)
    scatter = tab.head_view.get_by_role("img", name="Queries and keys")
    opened = tab.pixels(scatter)
    for canvas in (tab.matrix, scatter):
        canvas.evaluate("(canvas) => { canvas.held = canvas.getContext('webgl2').getExtension('WEBGL_lose_context'); }")
        canvas.evaluate("(canvas) => canvas.held.loseContext()")
    wait_until(lambda: (tab.pixels(tab.matrix) != shown).any(), seconds=60)
    tab.matrix.evaluate("(canvas) => canvas.held.restoreContext()")
    scatter.evaluate("(canvas) => canvas.held.restoreContext()")
    wait_until(lambda: np.array_equal(tab.pixels(tab.matrix), shown), seconds=60)
    wait_until(lambda: np.array_equal(tab.pixels(scatter), opened), seconds=60)
    tab.press_on_slider("Home")  # and goes on from there
    assert (tab.pixels(tab.matrix) != shown).any()
    tab.complaints.clear()  # the browser itself warns of what this test did


def test_without_webgl_2_there_is_a_sentence(page: Page, server: str) -> None:
    page.add_init_script(
        "const get = HTMLCanvasElement.prototype.getContext;"
        "HTMLCanvasElement.prototype.getContext = function (kind, ...rest) {"
        "  return kind === 'webgl2' ? null : get.call(this, kind, ...rest); };"
    )
    tab = Tab(page, server).open()
    expect(tab.frame.get_by_role("alert")).to_contain_text("This browser offers no WebGL 2")
    tab.press_on_slider("Home")  # the rest works
    expect(tab.slider).to_have_attribute("aria-valuenow", "0")
    assert tab.complaints == []


@pytest.mark.in_tensorboard
def test_a_reload_and_another_tab_keep_the_view(tab: Tab, page: Page) -> None:
    tab.open(**OPEN, step=0, colour="position", projection="pca")
    for key in ("ArrowRight", "ArrowRight", "ArrowRight", "Home", "ArrowRight"):
        tab.press_on_slider(key)  # now nothing is to come: neither for the trail nor for the steps around
    tab.expect_address(**OPEN, run="run", step=100, colour="position", projection="pca")
    shown, state = tab.pixels(tab.matrix), tab.hash()

    def same() -> bool:
        return np.allclose(tab.ready().pixels(tab.matrix), shown, rtol=0, atol=2)

    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url) if "/attnviz/points" in request.url else None)
    page.get_by_role("tab", name="Time Series").click()
    expect(tab.matrix).to_be_hidden()
    page.get_by_role("tab", name="Attention").click()
    wait_until(same, seconds=60)
    assert asked == []  # all of it was still there
    page.reload()
    assert same()
    tab.expect_address(**state)
    assert tab.hash() == state
    expect(tab.sentence_view).to_be_visible()
    assert len(asked) == len(set(asked))  # nothing is asked for twice
    # TensorBoard's own switch, while everything is open
    light = tab.head_view.evaluate("e => getComputedStyle(e).color")
    page.get_by_role("button", name="light or dark theme").click()
    page.get_by_role("menuitem", name="Dark").click()
    wait_until(lambda: tab.head_view.evaluate("e => getComputedStyle(e).color") != light, seconds=60)
    for part in (tab.matrix, tab.head_view, tab.sentence_view, tab.frame.get_by_role("toolbar", name="What is shown")):
        wait_until(lambda part=part: np.median(tab.ready().pixels(part)) < 100, seconds=60)


# Of each text that can be seen: its words, the contrast with what lies behind it, its size. Formulas: WCAG 2.1.
CONTRASTS = """
() => {
  const parse = (text) => (text.match(/[\\d.]+/g) ?? []).map(
    (x, i) => x * (text.startsWith('color(srgb') && i < 3 ? 255 : 1));
  const over = (front, back) => front.slice(0, 3).map((x, i) => x * (front[3] ?? 1) + back[i] * (1 - (front[3] ?? 1)));
  const light = (rgb) => rgb.map((x) => x / 255).map((x) => (x <= 0.04045 ? x / 12.92 : ((x + 0.055) / 1.055) ** 2.4))
    .reduce((sum, x, i) => sum + x * [0.2126, 0.7152, 0.0722][i], 0);
  const found = [];
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  for (let node = walker.nextNode(); node; node = walker.nextNode()) {
    const element = node.parentElement;
    const words = node.textContent.trim();
    if (!words || ['STYLE', 'SCRIPT', 'OPTION'].includes(element.tagName)) continue;
    if (!element.checkVisibility({ visibilityProperty: true, opacityProperty: true })) continue;
    if (element.closest('svg, .labels, :disabled') || element.closest('[aria-hidden=true]')) continue;
    const behind = [];
    for (let at = element; at; at = at.parentElement) behind.unshift(parse(getComputedStyle(at).backgroundColor));
    const back = behind.reduce((under, colour) => over(colour, under), [255, 255, 255]);
    const front = over(parse(getComputedStyle(element).color), back);
    const [low, high] = [light(front), light(back)].sort((a, b) => a - b);
    found.push([words, (high + 0.05) / (low + 0.05)]);
  }
  return found;
}
"""


@pytest.mark.parametrize("dark", [False, True])
def test_everything_has_a_name_a_visible_focus_and_contrast(page: Page, server: str, dark: bool) -> None:
    tab = Tab(page, server).open(**OPEN)
    if dark:
        tab.darken()
    faint = [
        f"{words}: {contrast:.2f}"
        for words, contrast in tab.frame.locator("body").evaluate(CONTRASTS)
        if contrast < 4.5
    ]
    assert faint == []
    if dark:
        return
    tree = tab.frame.locator("body").aria_snapshot()
    roles = r"button|combobox|slider|checkbox|spinbutton|radio|textbox|link|application|progressbar"
    nameless = [line for line in tree.splitlines() if re.match(rf"\s*- (?:{roles})(?! \")", line)]
    assert nameless == []
    tab.frame.get_by_role("combobox", name="Run").focus()
    order: list[dict[str, Any]] = []
    for _ in range(80):
        order.append(
            tab.frame.locator(":focus").evaluate(
                """e => { const box = e.getBoundingClientRect(); const style = getComputedStyle(e);
                const ring = getComputedStyle(e, '::after'); const around = getComputedStyle(e.parentElement);
                return { name: e.ariaLabel ?? e.textContent.trim().slice(0, 40), tag: e.tagName,
                part: ['header', '.second', '.heads', '[role=separator]', 'aside', 'footer'].findIndex(
                  (part) => e.closest(part)),
                seen: box.width > 0 && [style.outlineStyle, around.outlineStyle, ring.borderTopStyle].some(
                  (line) => line !== 'none') }; }"""
            )
        )
        page.keyboard.press("Tab")
        if tab.frame.locator(":focus").count() == 0:
            break
    assert [at["name"] for at in order if not at["seen"]] == []
    parts = [at["part"] for at in order]
    assert parts == sorted(parts)  # toolbars, matrix, head, timeline
    assert {0, 1, 2, 4, 5} <= set(parts)


AS_IF_UNTOLD = """
(body) => {
  const style = document.createElement('style');
  style.textContent = '.kinds, .captions * { visibility: hidden }';
  body.append(style);
}
"""
# Counts each shift that no press of a key or button explains, from now on.
SHIFTS = """
() => {
  window.shifts = [];
  new PerformanceObserver((list) => {
    for (const { value, hadRecentInput, sources } of list.getEntries()) {
      const what = sources.map(({ node }) => node?.className ?? node?.nodeName ?? '');
      window.shifts.push({ value, hadRecentInput, what });
    }
  }).observe({ type: 'layout-shift', buffered: true });
}
"""


def test_nothing_jumps_while_answers_come_late(tab: Tab, page: Page) -> None:
    """What a press changes at once is no jump; what follows when answers come would be one."""

    tab.open()
    body = tab.frame.locator("body")
    body.evaluate(SHIFTS)

    @contextlib.contextmanager
    def stands(seen: Locator, late: str = "points|attention|trust|health") -> Iterator[None]:
        with held(tab, re.compile(f"/attnviz/({late})")):
            yield
            expect(seen).to_be_visible()
            tab.settle()
            body.evaluate("() => { window.shifts = []; }")
        shifts = body.evaluate("() => window.shifts")
        assert sum(shift["value"] for shift in shifts) < 0.005, shifts

    box = tab.matrix.bounding_box()
    assert box
    x, y = tab.cell(1, 4)
    with stands(tab.head_view):
        page.mouse.click(box["x"] + x, box["y"] + y)
    with stands(tab.sentence_view, "points|trust|health"):
        tab.head_view.get_by_role("button", name="Sentences").click()
    with stands(tab.head_view):
        tab.frame.get_by_role("combobox", name="Projection").select_option("pca")
    with stands(tab.head_view):
        tab.slider.press("Home")
    # While it plays, what is told of each step is another text, of another width: that is no shift of the same.
    body.evaluate(AS_IF_UNTOLD)
    with stands(tab.head_view):
        tab.frame.get_by_role("button", name="Play").click()


def test_what_takes_long_says_so(tab: Tab, page: Page) -> None:
    held: list[Route] = []
    slow = re.compile("/attnviz/(runs|points|attention|trust|probe)")
    page.route(slow, lambda route: held.append(route))

    def let_go() -> None:
        while held:
            held.pop().continue_()

    tab.visit()
    looking = tab.frame.get_by_role("status").filter(has_text="Looking for runs")
    expect(looking).to_be_visible()
    wait_until(lambda: (looking.count(), held)[1], seconds=60)  # it is said before the request is met here
    let_go()
    expect(tab.frame.get_by_role("status").filter(has_text="Fetching points, tokens")).to_be_visible()
    wait_until(lambda: (let_go(), tab.frame.get_by_text("Fetching").count() == 0)[1], seconds=60)
    page.unroute(slow)
    tab.ready()
