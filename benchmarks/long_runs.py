"""What a long run costs TensorBoard: its memory, bytes and seconds of what the tab asks for as it opens, and how long
others wait meanwhile.

    python -m benchmarks.long_runs 100x144 2000x144 10000x144 60x5120 1000x5120 --write

Runs are made up and written by RunWriter: steps × heads, 14 figures. Each answer is asked for twice, and the second
asking is of another figure or head, so that worker processes run and nothing is in the cache. "First list" is that of
the runs when TensorBoard has read the run and we have not; `/data/runs` is asked for all the while.
"""

import argparse
import json
import tempfile
import time
import urllib.error
import urllib.request
from pathlib import Path

import numpy as np

from benchmarks import page
from benchmarks.server import Neighbour, tensorboard, usage
from tb_attnviz.events import Layer, ProbeRecord, RunWriter, Samples, Sequence
from tests.conftest import wait_until

FIGURES = ("entropy", "sink", *(f"figure_{number}" for number in range(12)))
WHOLE, BLOCK, BUCKETS, NUMBERS = 2**20, 2**18, 1024, 2**21  # of frontend/src/health/figures_of_run.svelte.ts


def write_run(directory: Path, steps: int, heads: int) -> None:
    layers = tuple(Layer(f"blocks.{i}.attention", heads // 4, heads // 4, 4, 0.5, causal=True) for i in range(4))
    rng = np.random.default_rng(0)
    vectors = rng.standard_normal((heads // 4, 4, 4), np.float32)
    writer = RunWriter(str(directory))
    writer.begin(0, ProbeRecord((Sequence(tuple("abcd")),)), layers)
    for step in range(0, 10 * steps, 10):
        writer.write_checkpoint(step, [(layer, Samples(vectors, vectors)) for layer in layers])
        writer.write_health(step, {name: rng.random(heads, np.float32) for name in FIGURES})
    writer.close()


def measure(logs: Path, steps: int) -> list[str]:
    """Memory of TensorBoard, then bytes and seconds of each answer."""
    with tensorboard("--load_fast=false", f"--logdir={logs}") as (address, process):
        base = f"{address}/data/plugin/attnviz/"

        def get(route: str) -> tuple[float, bytes]:
            begun = time.perf_counter()
            while True:
                with urllib.request.urlopen(base + route) as answer:
                    body: bytes = answer.read()
                    if answer.status == 200:
                        return time.perf_counter() - begun, body
                time.sleep(0.02)

        neighbour = Neighbour(address)
        wait_until(lambda: _last_scalar(address) == 10 * (steps - 1), seconds=600)
        idle = neighbour.ask(3.0)
        with neighbour.asking():
            first = get("runs?steps=spans")[0]
        poll = get("runs?steps=spans")
        [run] = json.loads(poll[1])["runs"]
        assert sum(count for _, _, count in run["steps"]) == steps
        index = json.loads(get("health_steps?run=run")[1])
        rows, heads, known = index["rows"], sum(index["heads"]), index["digest"]
        query = f"run=run&rows={rows}&known={known}&to={rows}"
        row = heads * len(index["figures"])
        begin = 0 if rows * row <= WHOLE else (rows - 1) // max(1, BLOCK // row) * max(1, BLOCK // row)
        fits = [e for e in (2**k for k in range(24)) if _size(rows, heads, e) <= NUMBERS and -(-rows // e) <= BUCKETS]
        asked = [f"health_rows?{query}&from={begin}"]
        if begin > 0:
            asked += [f"health_figure?{query}&from=0&every={fits[0]}&figure=entropy"]
            asked += [f"health_range?{query}&from=0&every={fits[0]}"]
        other = [f"health_rows?{query}&from={rows - 1}", f"health_range?{query}&from=0&every={fits[0]}&head=1"]
        for route in other:
            get(route)  # worker processes have begun
        while_listed = neighbour.p99
        with neighbour.asking():
            answers = [get(route) for route in asked]
        bytes_, seconds = sum(len(body) for _, body in answers), sum(taken for taken, _ in answers)
        return [
            f"{rows:,} × {heads:,}",
            f"{first:.2f} s",
            f"{len(poll[1]):,} in {1000 * poll[0]:.0f} ms",
            f"{bytes_ / 1e6:.2f} MB",
            f"{seconds:.2f} s",
            *("–" if np.isnan(p99) else f"{1000 * p99:.0f} ms" for p99 in (idle, while_listed, neighbour.p99)),
            f"{usage(process).megabytes:.0f} MB",
        ]


def _size(rows: int, heads: int, every: int) -> int:
    return (1 if every == 1 else 4) * -(-rows // every) * heads


def _last_scalar(address: str) -> int:
    """The newest step that TensorBoard's own tab has of the run, -1 for none: then all of it is read."""
    try:
        with urllib.request.urlopen(f"{address}/data/plugin/scalars/scalars?run=run&tag=attnviz/sink/mean") as answer:
            return int(json.loads(answer.read())[-1][1])
    except (urllib.error.HTTPError, IndexError):
        return -1


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("sizes", nargs="+", help="steps × heads of the runs to make up, as 2000x144")
    parser.add_argument("--write", action="store_true", help="into docs/benchmarks.md")
    arguments = parser.parse_args()
    rows = []
    for size in arguments.sizes:
        steps, heads = map(int, size.split("x"))
        with tempfile.TemporaryDirectory() as logs:
            write_run(Path(logs, "run"), steps, heads)
            rows.append(measure(Path(logs), steps))
    header = [
        "steps × heads",
        "first list of runs",
        "bytes of a poll of it",
        "figures as the tab opens",
        "in",
        "`/data/runs` p99 idle",
        "while runs are first listed",
        "while figures are asked for",
        "TensorBoard has",
    ]
    text = f"{page.machine('tensorboard', 'numpy')}.\n\n{page.table(header, rows)}"
    print(text)
    if arguments.write:
        page.write("long runs", text)


if __name__ == "__main__":
    main()
