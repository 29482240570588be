"""Real Chromium inside a real TensorBoard, and what the tests look at: roles, names, and pixels."""

import contextlib
import io
import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image
from playwright.sync_api import (
    Browser,
    BrowserContext,
    ConsoleMessage,
    FrameLocator,
    Locator,
    Page,
    Playwright,
    Route,
    expect,
)

from tests.conftest import CHROMIUM_FLAGS, serving, wait_until, write_run

Pixels = npt.NDArray[np.int16]

SECONDS = 1000.0
expect.set_options(timeout=60 * SECONDS)  # a machine with two processors may do five things at once
# WebGL goes through SwiftShader; the page around it need not, which halves the work. Lines are drawn anew as a whole: a
# part of one that is drawn anew differs by a shade.
SOFTWARE = ["--disable-gpu-compositing", "--disable-partial-raster"]
ONE_PROCESS = "--process-per-site"  # for all pages of a server
INTRODUCED = "try { localStorage.setItem('tb-attnviz.introduced', '1') } catch {}"  # the first-visit hint stays away
# A page finds nothing that another has left. What it keeps itself outlives a reload, as its session does.
FORGETFUL = """try {
  if (!sessionStorage.getItem('tests.begun')) localStorage.clear();
  sessionStorage.setItem('tests.begun', '1');
} catch {}"""
# Resolves once nothing has another place or size than five frames before.
SETTLED = """async (body) => {
  const places = () => [...body.querySelectorAll('*')].map((element) => {
    const { x, y, width, height } = element.getBoundingClientRect();
    return [x, y, width, height].join();
  }).join(';');
  for (let same = 0, frames = 0, before = ''; same < 5; frames += 1) {
    if (frames > 1000) throw new Error('something moves without end');
    await new Promise(requestAnimationFrame);
    const now = places();
    same = now === before ? same + 1 : 0;
    before = now;
  }
}"""
OURS = "/attnviz/"  # in the address of our script and of our routes; TensorBoard's own page complains without us


class Tab:
    """The Attention tab by itself: the document of its iframe, as TensorBoard serves it. TensorBoard's own page around
    it takes longer than all that a test looks at."""

    def __init__(self, page: Page, address: str) -> None:
        self.page = page
        self.address = address
        self.frame: FrameLocator | Page = self._within(page)
        self.matrix: Locator = self.frame.get_by_role("img", name="Attention heads")
        self.slider: Locator = self.frame.get_by_role("slider", name="Training step")
        self.head_view: Locator = self.frame.get_by_role("region", name="Head view")
        self.sentence_view: Locator = self.frame.get_by_role("region", name="Sentence view")
        self.complaints: list[str] = []
        page.on("console", self._hear)
        page.on("pageerror", lambda error: self.complaints.append(str(error)) if OURS in (error.stack or "") else None)

    def open(self, **state: object) -> "Tab":
        """Open the tab by its address, with `state` in it."""
        keys = "".join(f"&p.attnviz.{name}={value}" for name, value in state.items())
        self.visit(keys)
        return self.ready()

    def visit(self, keys: str = "") -> None:
        """Go to the tab's page, and wait for nothing that it shows."""
        self.page.goto(f"{self.address}/data/plugin_entry.html?name=attnviz#attnviz{keys}")

    def resize(self, width: int, height: int) -> "Tab":
        """Returns once everything is drawn in a window of this size."""
        self.page.set_viewport_size({"width": width, "height": height})
        self.settle()
        return self.ready()

    def settle(self) -> None:
        """Returns once no part of the page changes its place or size."""
        self.frame.locator("body").evaluate(SETTLED)

    def darken(self) -> None:
        """Give the page around the tab's parts TensorBoard's dark theme."""
        self.page.evaluate("document.body.classList.add('dark-mode')")
        expect(self.frame.locator(".app.dark")).to_be_visible()

    def ready(self) -> "Tab":
        """Returns once everything that was asked for is drawn."""
        expect(self.frame.get_by_test_id("attnviz")).to_have_attribute("data-ready", "true", timeout=60 * SECONDS)
        return self

    def expect_address(self, **said: object) -> None:
        """Returns once the address says this of the tab, and nothing of what is None: it is written a moment later."""
        expected = {name: None if value is None else str(value) for name, value in said.items()}
        found = lambda: {name: self.hash().get(name) for name in said}  # noqa: E731
        with contextlib.suppress(TimeoutError):
            wait_until(lambda: found() == expected, seconds=60)
        assert found() == expected

    def hash(self) -> dict[str, str]:
        """What the address says of the tab by now; `expect_address` waits for what it shall say."""
        pairs = (part.split("=", 1) for part in self.page.evaluate("location.hash")[1:].split("&") if "=" in part)
        return {name.removeprefix("p.attnviz."): value for name, value in pairs}

    def hash_of(self, name: str) -> str:
        """What the address says of a setting, once it says anything."""
        wait_until(lambda: name in self.hash(), seconds=60)
        return self.hash()[name]

    def pixels(self, what: Locator) -> Pixels:
        """[height, width, rgb] of what the screen shows of an element, the pointer and its tooltip out of the way."""
        self.page.mouse.move(0, 0)
        image = Image.open(io.BytesIO(what.screenshot(animations="disabled"))).convert("RGB")
        return np.asarray(image).astype(np.int16)

    def cell(self, layer: int, head: int) -> tuple[float, float]:
        """The centre of a head's cell, in pixels of the matrix canvas: below its column's label, beside its row's."""
        canvas, row, column = (
            locator.bounding_box()
            for locator in (
                self.matrix,
                self.frame.locator(".rows").get_by_text(f"L{layer}", exact=True),
                self.frame.locator(".columns").get_by_text(f"{head}", exact=True),
            )
        )
        assert canvas
        assert row
        assert column
        return column["x"] + column["width"] / 2 - canvas["x"], row["y"] + row["height"] / 2 - canvas["y"]

    def click_cell(self, layer: int, head: int) -> None:
        x, y = self.cell(layer, head)
        box = self.matrix.bounding_box()
        assert box
        self.page.mouse.click(box["x"] + x, box["y"] + y)
        self.ready()

    def weight(self, side: str, token: int) -> float:
        """Per cent, as the sentence view's label of a token says; NaN while it does not."""
        button = self.sentence_view.get_by_role("button", name=f"{side} {token}:")
        _, comma, percent = (button.get_attribute("aria-label") or "").rpartition(",")
        return float(percent.rstrip(" %").replace("−", "-")) if comma and percent.endswith("%") else float("nan")

    def expect_weight(self, side: str, token: int, percent: float) -> None:
        """Returns once the sentence view says so."""
        with contextlib.suppress(TimeoutError):
            wait_until(lambda: self.weight(side, token) == pytest.approx(percent, abs=0.6), seconds=60)
        assert self.weight(side, token) == pytest.approx(percent, abs=0.6)

    def more(self, of: str) -> contextlib.AbstractContextManager[Locator]:
        return more(self.page, self.frame, of)

    def press_on_slider(self, *keys: str) -> "Tab":
        self.slider.focus()
        for key in keys:
            self.slider.press(key)
        return self.ready()

    def _within(self, page: Page) -> FrameLocator | Page:
        return page

    def _hear(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning") and OURS in message.location["url"]:
            self.complaints.append(message.text)


class TabInTensorBoard(Tab):
    """The Attention tab as a person meets it, in TensorBoard's page."""

    def visit(self, keys: str = "") -> None:
        self.page.goto(f"{self.address}/#attnviz{keys}")

    def darken(self) -> None:
        self.page.get_by_role("button", name="light or dark theme").click()
        self.page.get_by_role("menuitem", name="Dark").click()

    def _within(self, page: Page) -> FrameLocator:
        return page.frame_locator("iframe:visible")


@pytest.fixture(scope="session")
def visits(playwright: Playwright, chromium: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[BrowserContext]:
    """A browser with a profile on disk: there it keeps TensorBoard's 10 MB of JavaScript compiled, which takes half
    the time of a visit."""
    context = playwright.chromium.launch_persistent_context(
        tmp_path_factory.mktemp("profile"),
        executable_path=chromium,
        args=[*CHROMIUM_FLAGS, *SOFTWARE, ONE_PROCESS],
        viewport={"width": 1280, "height": 720},
        reduced_motion="reduce",  # every frame of a picture on its way to another one is drawn by the processor
    )
    context.set_default_timeout(60 * SECONDS)
    for script in (FORGETFUL, INTRODUCED):
        context.add_init_script(script)
    yield context
    context.close()


@pytest.fixture
def page(visits: BrowserContext) -> Iterator[Page]:
    """A page of its own, that nobody has been to."""
    page = visits.new_page()
    yield page
    page.unroute_all(behavior="ignoreErrors")  # what a test still holds back belongs to no other test
    page.close()
    visits.clear_permissions()


@pytest.fixture
def offline(browser: Browser) -> Iterator[Page]:
    """A page without a network, in a browser that has never seen the tab."""
    context = browser.new_context(viewport={"width": 1280, "height": 720}, offline=True)
    context.set_default_timeout(60 * SECONDS)
    yield context.new_page()
    context.close()


@pytest.fixture(scope="session")
def shared_logdir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("e2e")
    write_run(directory / "run", range(0, 400, 100)).close()
    return directory


@pytest.fixture(scope="session")
def shared_server(shared_logdir: Path) -> Iterator[str]:
    with serving("--load_fast=false", f"--logdir={shared_logdir}") as address:
        yield address


@pytest.fixture(scope="module")
def logdir(shared_logdir: Path) -> Path:
    """The log directory of a file's tests: the one of all, or one of its own under this name."""
    return shared_logdir


@pytest.fixture(scope="module")
def server(request: pytest.FixtureRequest, logdir: Path, shared_logdir: Path) -> Iterator[str]:
    """The address of a real TensorBoard on `logdir`."""
    if logdir == shared_logdir:
        yield request.getfixturevalue("shared_server")
        return
    with serving("--load_fast=false", f"--logdir={logdir}") as address:
        yield address


@pytest.fixture(scope="module")
def process(visits: BrowserContext, server: str) -> Iterator[None]:
    """That of a file's pages, which would end with each of them: to begin it, and to compile our script again, takes a
    third of a visit."""
    stays = visits.new_page()
    stays.goto(f"{server}/nothing")
    yield
    stays.close()


@pytest.fixture
def tab(request: pytest.FixtureRequest, page: Page, server: str, process: None) -> Iterator[Tab]:
    """The tab of `server`, by itself if not marked `in_tensorboard`; the browser's console must stay clean."""
    tab = (TabInTensorBoard if request.node.get_closest_marker("in_tensorboard") else Tab)(page, server)
    yield tab
    assert tab.complaints == []


@contextlib.contextmanager
def more(page: Page, frame: FrameLocator | Page, of: str) -> Iterator[Locator]:
    """What waits behind the ⋯ of the scatterplot, the sequence or the image, open."""
    frame.get_by_role("button", name=f"More of the {of}").click()
    panel = frame.get_by_role("dialog", name=f"More of the {of}")
    expect(panel).to_be_visible()
    yield panel
    if panel.is_visible():
        page.keyboard.press("Escape")
    expect(panel).to_be_hidden()


@contextlib.contextmanager
def held(tab: Tab, address: re.Pattern[str]) -> Iterator[None]:
    """Nothing comes from `address` before the end."""
    waiting: list[Route] = []
    tab.page.route(address, lambda route: waiting.append(route))
    yield
    for route in waiting:
        route.continue_()
    tab.page.unroute(address)  # which lets go what came since
    tab.ready()


def nearest(pixels: Pixels, colour: tuple[int, int, int]) -> tuple[int, int]:
    """Row and column of the pixel nearest to `colour`: the middle of a point."""
    distance = np.abs(pixels - np.array(colour)).max(axis=-1)
    row, column = np.unravel_index(distance.argmin(), distance.shape)
    return int(row), int(column)


def like(pixels: Pixels, colour: tuple[int, int, int], *, tolerance: int = 60) -> npt.NDArray[np.bool_]:
    """Which pixels are near `colour`, [height, width]."""
    return np.abs(pixels - np.array(colour)).max(axis=-1) <= tolerance
