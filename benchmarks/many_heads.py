"""What many heads cost the tab: the longest task of its main thread, and the script of a scrub.

    python -m benchmarks.many_heads --write

A made-up run is served as TensorBoard serves one, and a real Chromium opens it, pans, zooms, scrubs and opens a head.
Times are those that the main thread spent on a processor: what else the machine does is not counted.
"""

import argparse
import json
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from playwright.sync_api import Browser, Page

from benchmarks import page
from benchmarks.browser import chromium
from demo.tensorboard_server import tensorboard
from tb_attnviz.events import AttentionMap, Layer, ProbeRecord, RunWriter, Samples, Sequence

SIZES = ((12, 12), (80, 64))
_POSITIONS = 32  # of a small map
_STEPS = 3
_FIGURES = ("entropy", "max_logit", "sink", "previous", "self", "induction", "duplicate")
_PATIENCE = 600_000  # milliseconds
_READY = '[data-testid="attnviz"][data-ready="true"]'
_CATEGORIES = ["toplevel", "disabled-by-default-devtools.timeline", "devtools.timeline"]


class Cost(NamedTuple):
    """Milliseconds of the main thread."""

    longest: float  # task
    script: float  # of all tasks


def measure(browser: Browser, layers: int, heads: int) -> dict[str, Cost]:
    """What each thing that one does with a run of so many heads costs the tab."""
    with tempfile.TemporaryDirectory() as directory:
        write_run(Path(directory) / "run", layers, heads)
        with tensorboard(Path(directory)) as address:
            _warm(browser, address)
            return _measured(browser, address)


def write_run(directory: Path, layers: int, heads: int) -> None:
    """Heads with figures, small maps and a few samples, that change from step to step."""
    rng = np.random.default_rng(0)
    writer = RunWriter(str(directory))
    of = tuple(Layer(f"blocks.{i}.attention", heads, heads, 4, 0.5, causal=True) for i in range(layers))
    writer.begin(0, ProbeRecord((Sequence(("word",) * _POSITIONS),)), of)
    for step in range(0, 100 * _STEPS, 100):
        vectors = rng.normal(size=(heads, _POSITIONS, 4)).astype(np.float32)
        writer.write_checkpoint(step, [(layer, Samples(vectors, vectors)) for layer in of])
        figures = {name: rng.random(layers * heads, dtype=np.float32) for name in _FIGURES}
        writer.write_health(step, figures, maps=[{"text": _maps(rng, heads)} for _ in of])
    writer.close()


def _maps(rng: np.random.Generator, heads: int) -> AttentionMap:
    square = np.tril(rng.random((heads, _POSITIONS, _POSITIONS), dtype=np.float32))
    square /= square.sum(axis=-1, keepdims=True)
    offsets = np.stack([np.diagonal(square, -o, 1, 2).mean(axis=1) for o in range(_POSITIONS - 1, -1, -1)], axis=1)
    return AttentionMap((_POSITIONS, _POSITIONS), square, square, offsets, offsets_from=(1 - _POSITIONS,))


def _warm(browser: Browser, address: str) -> None:
    """Have the server make what it makes once."""
    tab = _opened(browser, address)
    for key in ("Home", *["ArrowRight"] * (_STEPS - 1)):
        _press(tab, key)
    tab.close()


def _opened(browser: Browser, address: str, keys: str = "") -> Page:
    tab = browser.new_page(viewport={"width": 1280, "height": 720})
    tab.set_default_timeout(_PATIENCE)
    tab.add_init_script("localStorage.setItem('tb-attnviz.introduced', '1')")  # without the hint of a first visit
    tab.goto(f"{address.split('#')[0].rstrip('/')}/data/plugin_entry.html?name=attnviz#attnviz{keys}")
    tab.wait_for_selector(_READY)
    return tab


def _press(tab: Page, key: str) -> None:
    tab.get_by_role("slider", name="Training step").press(key)
    tab.wait_for_selector(_READY)


def _measured(browser: Browser, address: str) -> dict[str, Cost]:
    costs = {}
    opened: list[Page] = []
    costs["open"] = _cost(browser, None, lambda: opened.append(_opened(browser, address)))
    (tab,) = opened
    costs["first scrub, from the last step to the first"] = _cost(browser, tab, lambda: _press(tab, "Home"))
    for key in ("ArrowRight", "ArrowRight", "Home"):
        _press(tab, key)
    costs["scrub to a step that was there before"] = _cost(browser, tab, lambda: _press(tab, "ArrowRight"))
    costs["pan and zoom, from all heads to few"] = _cost(browser, tab, lambda: _pan_and_zoom(tab))
    costs["open a head"] = _cost(browser, tab, lambda: _open_head(tab))
    tab.close()
    return costs


def _pan_and_zoom(tab: Page) -> None:
    for by in (-300, -300, 200, 400):
        tab.mouse.move(500, 300)
        tab.mouse.wheel(0, by)
        tab.mouse.down()
        for x in range(500, 560, 6):
            tab.mouse.move(x, 300)
        tab.mouse.up()
    tab.wait_for_selector(_READY)


def _open_head(tab: Page) -> None:
    tab.mouse.click(620, 330)
    tab.wait_for_selector('[aria-label="Head view"]')
    tab.wait_for_selector(_READY)


def _cost(browser: Browser, tab: Page | None, act: Callable[[], Any]) -> Cost:
    """What `act` costs the main thread of the page; `tab` is None where `act` opens it."""
    browser.start_tracing(page=tab, categories=_CATEGORIES)
    act()
    events = json.loads(browser.stop_tracing())["traceEvents"]
    names = {(e["pid"], e["tid"]): e["args"]["name"] for e in events if e.get("name") == "thread_name"}
    mains = {thread for thread, name in names.items() if name == "CrRendererMain"}
    tasks = [
        e.get("tdur", e.get("dur", 0)) / 1e3
        for e in events
        if e.get("ph") == "X" and e["name"] == "RunTask" and (e["pid"], e["tid"]) in mains
    ]
    return Cost(max(tasks, default=0), sum(tasks))


def report(browser: Browser, sizes: tuple[tuple[int, int], ...]) -> str:
    """The section, as Markdown."""
    found = {}
    for size in sizes:
        found[size] = measure(browser, *size)
        print(size, found[size], flush=True)
    rows = []
    for what in next(iter(found.values())):
        costs = [found[size][what] for size in sizes]
        rows.append([what, *(f"{cost.longest:.0f} / {cost.script:.0f}" for cost in costs)])
    header = ["longest task / all tasks of the main thread, ms", *(f"{a} × {b} heads" for a, b in sizes)]
    used = f"{page.machine('tensorboard')}, Chromium {browser.version}"
    return f"{used}.\n\n{page.table(header, rows)}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="few heads, to see that all of it works")
    parser.add_argument("--write", action="store_true", help="put the table into docs/benchmarks.md")
    arguments = parser.parse_args()
    with chromium() as browser:
        text = report(browser, ((2, 3),) if arguments.quick else SIZES)
    if arguments.write:
        page.write("many_heads", text)
    print(f"\n{text}")


if __name__ == "__main__":
    main()
