"""What a long run costs TensorBoard: its memory, and bytes and seconds of what the tab asks for as it opens.

    python -m benchmarks.long_runs 100x144 2000x144 10000x144 60x5120 1000x5120 --write

Runs are made up and written by RunWriter: steps × heads, 14 figures. Each answer is asked for twice, and the second
asking is of another figure or head, so that worker processes run and nothing is in the cache.
"""

import argparse
import json
import tempfile
import time
import urllib.request
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import page
from tb_attnviz.events import Layer, ProbeRecord, RunWriter, Samples, Sequence
from tests.conftest import serving, wait_until

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
    with serving("--load_fast=false", f"--logdir={logs}") as address:
        base = f"{address}/data/plugin/attnviz/"

        def get(route: str) -> tuple[float, bytes]:
            begun = time.perf_counter()
            while True:
                with urllib.request.urlopen(base + route) as answer:
                    body: bytes = answer.read()
                    if answer.status == 200:
                        return time.perf_counter() - begun, body
                time.sleep(0.02)

        def listed() -> int:
            runs: list[dict[str, Any]] = json.loads(get("runs?steps=spans")[1])["runs"]
            return sum(count for run in runs for _, _, count in run["steps"])

        wait_until(lambda: listed() == steps, seconds=600)
        poll = get("runs?steps=spans")
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
        answers = [get(route) for route in asked]
        memory = _memory(address)
        figure = f"{len(poll[1]):,}", f"{1000 * poll[0]:.0f} ms"
        bytes_, seconds = sum(len(body) for _, body in answers), sum(taken for taken, _ in answers)
        return [f"{rows:,} × {heads:,}", *figure, f"{bytes_ / 1e6:.2f} MB", f"{seconds:.2f} s", f"{memory:.0f} MB"]


def _size(rows: int, heads: int, every: int) -> int:
    return (1 if every == 1 else 4) * -(-rows // every) * heads


def _memory(address: str) -> float:
    """Megabytes that the TensorBoard at this address has in memory."""
    port = address.rsplit(":", 1)[1]
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if f"--port={port}" in (line := (process / "cmdline").read_text().replace("\0", " ")) or (
                "tensorboard" in line and port in line
            ):
                status = dict(part.split(":", 1) for part in (process / "status").read_text().splitlines())
                return int(status["VmRSS"].split()[0]) / 1024
        except (OSError, KeyError):
            continue
    return float("nan")


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
    header = ["steps × heads", "bytes of a poll of `runs`", "in", "figures as the tab opens", "in", "TensorBoard has"]
    text = f"{page.machine('tensorboard', 'numpy')}.\n\n{page.table(header, rows)}"
    print(text)
    if arguments.write:
        page.write("long runs", text)


if __name__ == "__main__":
    main()
