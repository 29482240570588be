"""What projections cost: what is waited for in the tab, t-SNE of a whole model, and how both grow.

    python -m benchmarks.projections --write

Everything is measured on one run: the pretrained MiniLM's vectors for real text, its 72 heads twice, as 12 × 12 heads.
"""

import argparse
import dataclasses
import io
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlencode

import numpy as np

from benchmarks import page
from benchmarks.plot import Line, log_log
from benchmarks.quality import Head, heads_at
from benchmarks.recordings import cut, quiet, record_minilm
from demo.tensorboard_server import tensorboard
from tb_attnviz.ahead.chain import Chain, make_picture
from tb_attnviz.ahead.local import in_workers
from tb_attnviz.ahead.plan import Numbers, chains
from tb_attnviz.projection.pictures import Picture, View
from tb_attnviz.projection.projection import Method, Projection
from tb_attnviz.projection.store import DIRECTORY_VARIABLE, DiskStore
from tb_attnviz.run import Run, open_run

PLOT = page.PAGE.parent / "images" / "projection-cost.svg"
TITLES: dict[Method, str] = {"biplot": "biplot", "pca": "PCA", "tsne": "t-SNE", "umap": "UMAP"}
_CONNECTIONS = 6  # that a browser opens to one server
_ROOM = 10**11  # bytes: nothing is dropped while it is measured


@dataclasses.dataclass(frozen=True)
class Size:
    """How much is measured."""

    tokens: int = 2528  # half as many as points a head: AttentionViz' data set
    layers: int = 12
    heads: int = 12
    steps: int = 4
    timed_heads: int = 3  # by scikit-learn
    growth: tuple[int, ...] = (632, 1264, 2528)  # tokens
    workers: int = 2


QUICK = Size(tokens=120, layers=2, heads=2, steps=3, timed_heads=1, growth=(60, 120))


def opened(run: Run, size: Size) -> str:
    """What is waited for in the tab: a run just opened, and one whose pictures are in the cache."""
    newest, layers = run.steps[-1], len(run.layers)
    with tempfile.TemporaryDirectory() as cache:
        with _served(run, cache) as address:
            first = matrix_seconds(address, newest, layers, fit="newest")
        with _served(run, cache) as address:
            whole = matrix_seconds(address, newest, layers, fit="all")
        _made(run, "biplot", "all", DiskStore(cache, limit_bytes=_ROOM), size.workers)
        with _served(run, cache) as address:
            cached = [matrix_seconds(address, step, layers, fit="all") for step in run.steps]
    rows = [
        ["the newest step of a run just opened, worker processes started meanwhile", f"{first:.2f} s"],
        [f"the same, in the frame of all {len(run.steps)} steps", f"{whole:.2f} s"],
        ["any step of a run in the cache, median", f"{statistics.median(cached):.2f} s"],
        ["any step of a run in the cache, slowest", f"{max(cached):.2f} s"],
    ]
    return page.table(["biplot of every head, over HTTP from a TensorBoard", "seconds"], rows)


def matrix_seconds(address: str, step: int, layers: int, *, fit: str) -> float:
    """Until every layer's biplot at `step` has come, asked for as a browser would."""

    def fetch(layer: int) -> None:
        query = {"run": ".", "step": step, "layer": layer, "projection": "biplot", "dims": 2, "fit": fit}
        while True:
            with urllib.request.urlopen(f"{address}/points?{urlencode(query)}", timeout=60) as answer:
                if answer.status == 200:
                    np.load(io.BytesIO(answer.read()))
                    return
            time.sleep(0.02)

    begun = time.monotonic()
    with ThreadPoolExecutor(_CONNECTIONS) as connections:
        list(connections.map(fetch, range(layers)))
    return time.monotonic() - begun


@contextmanager
def _served(run: Run, cache: str) -> Iterator[str]:
    """The address of the plugin's routes in a TensorBoard that has just loaded `run`."""
    before = os.environ.get(DIRECTORY_VARIABLE)
    os.environ[DIRECTORY_VARIABLE] = cache
    try:
        with tensorboard(Path(run.directory)) as tab:
            address = tab.split("/#")[0] + "/data/plugin/attnviz"
            while len(_runs(address)) == 0:
                time.sleep(0.1)
            yield address
    finally:
        if before is None:
            del os.environ[DIRECTORY_VARIABLE]
        else:
            os.environ[DIRECTORY_VARIABLE] = before


def _runs(address: str) -> list[object]:
    with urllib.request.urlopen(f"{address}/runs", timeout=60) as answer:
        runs: list[object] = json.load(answer)["runs"]
        return runs


def tsne(run: Run, size: Size) -> str:
    """t-SNE of every head at the newest step, against a loop of scikit-learn's over the same coordinates."""
    from sklearn.manifold import TSNE

    newest = run.steps[-1]
    all_heads = sum(layer.heads for layer in run.layers)
    with tempfile.TemporaryDirectory() as cache:
        store = DiskStore(cache, limit_bytes=_ROOM)
        begun = time.monotonic()
        made = _made(run, "tsne", "newest", store, size.workers)
        ours = time.monotonic() - begun
        timed = [made[index] for index in np.linspace(0, len(made) - 1, size.timed_heads).round().astype(int)]
        TSNE(perplexity=5, metric="cosine", init="pca").fit_transform(np.random.default_rng(0).normal(size=(50, 8)))
        seconds, quality = [], []
        for chain in timed:
            head = _head(run, chain, newest)
            begun = time.monotonic()
            theirs = TSNE(perplexity=30, metric="cosine", random_state=0).fit_transform(head.coordinates)
            seconds.append(time.monotonic() - begun)
            (data,) = chain.found(store, newest).values()
            quality.append([_quality(head, Picture.from_bytes(data).points[0]), _quality(head, theirs)])
    loop = statistics.mean(seconds) * all_heads
    (our_trust, our_faith), (their_trust, their_faith) = np.mean(quality, axis=0)
    rows = [
        ["`tb-attnviz project`", f"{ours:.0f} s", f"{our_trust:.3f}", f"{our_faith:.2f}"],
        [
            f"a loop of scikit-learn's TSNE ({len(timed)} heads timed, {statistics.mean(seconds):.1f} s each)",
            f"{loop:.0f} s",
            f"{their_trust:.3f}",
            f"{their_faith:.2f}",
        ],
    ]
    header = [f"t-SNE of {all_heads} heads, one step", "seconds", "trustworthiness", "faithfulness"]
    first, further = further_steps(run, timed)
    return (
        f"{page.table(header, rows)}\n\nThe loop takes {loop / ours:.1f} times as long (aim ≥ 20). Trustworthiness and "
        f"faithfulness are means over the heads that scikit-learn did.\nOne head on one thread takes {first:.2f} s for "
        f"its first step and {further:.2f} s for each further one: {first / further:.1f} times less."
    )


def further_steps(run: Run, timed: Sequence[Chain]) -> tuple[float, float]:
    """Median seconds of a head's t-SNE at the newest step, and at the steps before it, in this process."""
    first: list[float] = []
    further: list[float] = []
    for chain in (timed[0], *timed):  # the first one warms up
        with tempfile.TemporaryDirectory() as cache:
            store = DiskStore(cache, limit_bytes=_ROOM)
            for place, step in enumerate(reversed(run.steps)):
                begun = time.monotonic()
                make_picture(chain.view, step, store)
                (further if place else first).append(time.monotonic() - begun)
    return statistics.median(first[1:]), statistics.median(further[len(run.steps) - 1 :])


def growth(size: Size) -> tuple[str, str]:
    """How time and memory grow with points, heads and steps: a table, and a plot of the first."""
    middle = size.growth[len(size.growth) // 2]
    steps = sorted({1, max(2, size.steps // 2), size.steps})
    cases: list[tuple[Method, int, int, int]] = [
        *(("biplot", tokens, size.heads, 1) for tokens in size.growth),
        *(("biplot", middle, heads, 1) for heads in sorted({1, max(1, size.heads // 2)})),
        *(("biplot", middle, size.heads, count) for count in steps[1:]),
        *(("tsne", tokens, 1, 1) for tokens in size.growth),
        *(("tsne", middle, 1, count) for count in steps[1:]),
        *(("umap", tokens, 1, 1) for tokens in size.growth),
        *(("umap", middle, 1, count) for count in steps[1:]),
    ]
    rows: list[list[str]] = []
    points: dict[Method, list[tuple[float, float]]] = {method: [] for method in TITLES}
    with tempfile.TemporaryDirectory() as directory:
        largest = record_minilm(
            Path(directory, "all"), tokens=max(size.growth), layers=1, heads=size.heads, steps=size.steps
        )
        for number, (method, tokens, heads, count) in enumerate(cases):
            place = Path(directory, str(number))
            cut(largest, place, tokens=tokens, heads=heads, steps=largest.steps[-count:])
            seconds, megabytes = _measured(place, method)
            if count == 1 and heads == (size.heads if method == "biplot" else 1):
                points[method].append((2 * tokens, seconds))
            rows.append(
                [TITLES[method], f"{2 * tokens:,}", str(heads), str(count), f"{seconds:.2f} s", f"{megabytes:.0f} MB"]
            )
            print(" | ".join(rows[-1]), flush=True)
    names: dict[Method, str] = {
        "biplot": f"biplot, {size.heads} heads",
        "tsne": "t-SNE, a head",
        "umap": "UMAP, a head",
    }
    lines = [Line(names[method], sorted(some)) for method, some in points.items() if some]
    header = ["projection", "points a head", "heads", "steps", "time", "memory more"]
    return page.table(header, rows), log_log(lines, x="points a head", y="seconds")


def _measured(directory: Path, method: Method) -> tuple[float, float]:
    """Seconds and megabytes that a new process needs for every step of every head of the run in `directory`."""
    command = [sys.executable, "-m", "benchmarks.projections", "--measure", str(directory), method]
    last = subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()[-1]
    seconds, megabytes = map(float, last.split())
    return seconds, megabytes


def _measure(directory: str, method: Method) -> None:
    """Every step of every head, on one thread, after a small run that has the libraries loaded and compiled."""
    run = open_run(directory)
    with tempfile.TemporaryDirectory() as small, tempfile.TemporaryDirectory() as cache:
        store = DiskStore(cache, limit_bytes=_ROOM)
        tiny = cut(run, Path(small), tokens=min(60, run.probe.tokens), steps=run.steps[-2:])
        _make_all(tiny, method, store)
        before = _memory("VmRSS")
        begun = time.monotonic()
        _make_all(run, method, store)
        seconds = time.monotonic() - begun
    print(seconds, _memory("VmHWM") - before)


def _make_all(run: Run, method: Method, store: DiskStore) -> None:
    for chain in _wanted(run, method, "all"):
        for step in chain.steps:
            make_picture(chain.view, step, store)


def _memory(field: str) -> float:
    """Of this process, in MB: its resident size (VmRSS), or the largest it ever had (VmHWM)."""
    return int(Path("/proc/self/status").read_text().split(f"{field}:")[1].split()[0]) / 1e3


def _wanted(run: Run, method: Method, steps: str) -> list[Chain]:
    return list(chains("run", run, [Projection(method=method)], Numbers(steps), Numbers("all")))


def _made(run: Run, method: Method, steps: str, store: DiskStore, workers: int) -> list[Chain]:
    """The chains of these pictures, when worker processes have put them all into `store`."""
    wanted = _wanted(run, method, steps)
    for outcome in in_workers(wanted, store, workers):
        if outcome.error is not None:
            raise SystemExit(f"{outcome.chain.name}: {outcome.error}")
    return wanted


def _head(run: Run, chain: Chain, step: int) -> Head:
    view: View = chain.view
    assert view.head is not None
    return heads_at(run, step, chain.layer)[view.head]


def _quality(head: Head, shown: np.typing.NDArray[np.floating]) -> tuple[float, float]:
    return head.trustworthiness(shown), head.faithfulness(shown, "tsne")


def report(size: Size) -> tuple[str, str]:
    """The section, as Markdown, and the plot."""
    with tempfile.TemporaryDirectory() as directory:
        run = record_minilm(Path(directory), tokens=size.tokens, layers=size.layers, heads=size.heads, steps=size.steps)
        waited = opened(run, size)
        print(waited, flush=True)
        whole = tsne(run, size)
        print(whole, flush=True)
    grown, plot = growth(size)
    used = page.machine("scikit-learn", "numba", "numpy")
    what = f"{size.layers} × {size.heads} heads, {size.tokens:,} tokens, {size.steps} steps; {size.workers} workers."
    return f"{what} {used}.\n\n{waited}\n\n{whole}\n\n{grown}\n\n![The same, plotted](images/{PLOT.name})", plot


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for field in dataclasses.fields(Size):
        if field.name != "growth":
            parser.add_argument(f"--{field.name.replace('_', '-')}", type=int, default=field.default)
    parser.add_argument("--growth", type=int, nargs="+", default=Size.growth, metavar="TOKENS")
    parser.add_argument("--quick", action="store_true", help="a small run, to see that all of it works")
    parser.add_argument("--write", action="store_true", help="put the tables and the plot into docs/")
    parser.add_argument("--measure", nargs=2, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    quiet()
    if arguments.measure:
        _measure(*arguments.measure)
        return
    given = {field.name: getattr(arguments, field.name) for field in dataclasses.fields(Size)}
    text, plot = report(QUICK if arguments.quick else Size(**{**given, "growth": tuple(arguments.growth)}))
    if arguments.write:
        page.write("projections", text)
        PLOT.write_text(plot, "utf-8")
    print(f"\n{text}")


if __name__ == "__main__":
    main()
