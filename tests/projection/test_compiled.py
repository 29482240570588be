"""Loops that Numba compiles: what they compute, and what the next process finds."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np

from tb_attnviz.projection.affinities import Affinities
from tb_attnviz.projection.descent import Descent

PROGRAM = """
import numba.core.caching, numpy as np
from tb_attnviz.projection.repulsion import Repulsion
Repulsion()(np.random.default_rng(0).normal(size=(1100, 2)).astype(np.float32))
from tb_attnviz.projection import compiled, repulsion
made = [compiled._machine_code(loop.__wrapped__) for loop in (repulsion._spread, repulsion._gather)]
print(sum(sum(loop.stats.cache_hits.values()) for loop in made))
"""


def run(**environment: str) -> int:
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM], capture_output=True, check=True, text=True, env={**os.environ, **environment}
    )
    return int(done.stdout)


def test_the_next_process_compiles_nothing(tmp_path: Path) -> None:
    assert [run(NUMBA_CACHE_DIR=str(tmp_path)) for _ in range(2)] == [0, 2]


def test_the_gradient_is_that_of_the_divergence() -> None:
    rng = np.random.default_rng(0)
    for dims in (2, 3):
        points = rng.normal(size=(20, dims)).astype(np.float32)
        weights = np.triu(rng.random((20, 20)), 1)
        weights /= 2 * weights.sum()
        first, second = np.nonzero(weights)
        ends = np.searchsorted(first, np.arange(21)).astype(np.int32)
        affinities = Affinities(ends, second.astype(np.int32), weights[first, second].astype(np.float32))

        def divergence(at: np.typing.NDArray[np.float64], p: np.typing.NDArray[np.float64] = weights) -> float:
            kernel = 1 / (1 + ((at[:, None] - at[None]) ** 2).sum(axis=-1))
            np.fill_diagonal(kernel, 0)
            return float(-2 * (p * np.log(kernel / kernel.sum() + np.tri(20))).sum())

        found = Descent(affinities, points, np.zeros_like(points)).gradient()
        step = 1e-5
        for i, axis in ((0, 0), (7, 1), (19, dims - 1)):
            moved = points.astype(np.float64)
            moved[i, axis] += step
            above = divergence(moved)
            moved[i, axis] -= 2 * step
            slope = (above - divergence(moved)) / (2 * step)
            assert abs(4 * found[i, axis] - slope) < 1e-5
