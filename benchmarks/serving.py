"""What workers do for a picture that is looked at: processor time of a biplot, against a bare limit in the same run.

    python -m benchmarks.serving --write

It runs in a worker's environment. Runs are made up: two layers of so many heads and points a head as the model has,
four steps. Times are those of a layer times the layers, on one thread. "By its formulas" takes all directions of every
head in double precision, as geometry.canonical has it. The bare limit reads and dequantises the newest samples once and
makes one float32 Gram matrix of the queries.
"""

import argparse
import functools
import os
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

import tb_attnviz
from benchmarks import page
from tb_attnviz.events import Layer, ProbeRecord, RunWriter, Samples, Sequence
from tb_attnviz.geometry import canonical_axes, procrustes
from tb_attnviz.projection import LayerSamples, frames
from tb_attnviz.projection.pictures import View, make
from tb_attnviz.projection.ports import MemoryStore
from tb_attnviz.projection.projection import Projection
from tb_attnviz.projection.worker import ENVIRONMENT

MODELS = {144: (12, 12, 5056, 64), 5120: (80, 64, 1000, 128)}  # heads → layers, heads, points a head, d
STEPS = (0, 100, 200, 300)
LAYERS = 2  # that are measured
SENTENCE = 32  # tokens


def write_run(directory: Path, heads: int, tokens: int, d: int) -> None:
    """Vectors whose directions differ in size and turn from step to step."""
    rng = np.random.default_rng(0)
    sizes = (np.arange(1, d + 1) ** -0.7).astype(np.float32)
    layers = tuple(Layer(f"blocks.{i}.attention", heads, heads, d, d**-0.5, causal=True) for i in range(LAYERS))
    sentence = Sequence(tuple(f"t{i}" for i in range(SENTENCE)))
    writer = RunWriter(str(directory))
    writer.begin(0, ProbeRecord((sentence,) * (tokens // SENTENCE)), layers)

    def vectors() -> Any:
        turn = np.linalg.qr(rng.standard_normal((d, d)))[0].astype(np.float32)
        return rng.standard_normal((heads, tokens // SENTENCE * SENTENCE, d), np.float32) * sizes @ turn

    for step in STEPS:
        writer.write_checkpoint(step, [(layer, Samples(vectors(), vectors())) for layer in layers])
    writer.close()


def seconds(work: Callable[[int], object]) -> float:
    """Processor seconds of a layer: the least of three rounds over the measured layers."""
    taken = []
    for _ in range(3):
        for layer in range(LAYERS):
            frames.forget()
            begun = time.process_time()
            work(layer)
            taken.append(time.process_time() - begun)
    return min(taken)


def by_formulas(source: LayerSamples, steps: tuple[int, ...]) -> object:
    """What a frame of `steps` is made of, in all directions: coordinates, aligned, and the basis of their moments."""
    before: Any = None
    moment: Any = 0.0
    for step in steps:
        whole = source.whole(step)
        queries, keys = whole.queries.astype(np.float64), whole.keys.astype(np.float64)
        here = np.concatenate(canonical_axes(queries, keys, scale=source.scale).coordinates(queries, keys), axis=1)
        if before is not None:
            here = here @ procrustes(here.swapaxes(1, 2) @ before)
        moment, before = moment + here.swapaxes(1, 2) @ here, here
    return before @ np.linalg.eigh(moment)[1][..., :-4:-1]


def measure(heads: int) -> list[str]:
    layers, of_layer, points, d = MODELS[heads]
    with tempfile.TemporaryDirectory() as logs:
        write_run(Path(logs, "run"), of_layer, points // 2, d)
        run = tb_attnviz.open_run(Path(logs, "run"))

        def picture(layer: int, steps: tuple[int, ...]) -> bytes:
            view = View(run.layer_samples(layer), steps, Projection(method="biplot", dims=2))
            return make(view, STEPS[-1], MemoryStore(), lambda done, total: None).to_bytes()

        def formulas(layer: int, steps: tuple[int, ...]) -> object:
            return by_formulas(run.layer_samples(layer), steps)

        def bare(layer: int) -> object:
            queries = run.samples(STEPS[-1], layer).queries
            return queries.swapaxes(1, 2) @ queries

        newest, every, slow_newest, slow_every = (
            seconds(functools.partial(work, steps=steps))
            for work in (picture, formulas)
            for steps in (STEPS[-1:], STEPS)
        )
        limit = seconds(bare)
    return [
        f"{layers} × {of_layer} × {points:,}",
        *(f"{layers * taken:.2f} s" for taken in (newest, slow_newest)),
        f"{slow_newest / newest:.1f}",
        *(f"{layers * taken:.2f} s" for taken in (every, slow_every)),
        f"{slow_every / every:.1f}",
        *(f"{layers * limit:.2f} s", f"{newest / limit:.1f}"),
        f"{4 * heads / 1e3:.0f} kB of {4 * heads**2 / 1e6:.1f} MB",
    ]


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument(
        "--heads", nargs="+", type=int, choices=MODELS, default=[*MODELS], help="of all layers together"
    )
    parser.add_argument("--write", action="store_true", help="into docs/benchmarks.md")
    arguments = parser.parse_args()
    if not ENVIRONMENT.items() <= os.environ.items():
        os.execve(sys.executable, sys.orig_argv, os.environ | ENVIRONMENT)
    header = [
        "layers × heads × points",
        "biplot of the newest step",
        "by its formulas",
        "÷ (aim ≥ 8)",
        f"in the frame of all {len(STEPS)} steps",
        "by its formulas",
        "÷ (aim ≥ 4)",
        "bare limit",
        "newest ÷ limit",
        "`similarity` to one head",
    ]
    text = f"{page.machine('numpy')}.\n\n{page.table(header, [measure(heads) for heads in arguments.heads])}"
    print(text)
    if arguments.write:
        page.write("serving", text)


if __name__ == "__main__":
    main()
