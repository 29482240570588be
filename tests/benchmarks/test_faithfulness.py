"""The benchmark of faithfulness in a tiny size."""

from pathlib import Path

import numpy as np
import pytest

from benchmarks.faithfulness import agreement, normalised, reach_over, report
from benchmarks.recordings import record_minilm


@pytest.mark.full
def test_the_biplot_is_the_most_faithful_linear_projection(tmp_path: Path) -> None:
    run = record_minilm(tmp_path, tokens=100, layers=1, heads=3)
    lines = report(run, 1, ("biplot", "pca")).splitlines()
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[2:]]
    assert [row[:2] for row in rows] == [
        ["biplot (by dot product)", "canonical"],
        ["biplot (by dot product)", "paper"],
        ["PCA", "canonical"],
        ["PCA", "paper"],
    ]
    assert float(rows[0][2]) > 0.5
    assert float(rows[0][2]) > float(rows[2][2])
    found = float(agreement(run).split("(-1 is best): ")[1].split(",")[0])
    assert -1 < found < -0.3


def test_the_middle_of_the_points_in_their_longer_direction() -> None:
    row = np.linspace(-1, 1, 201)
    points = np.stack([row / 4, row], axis=1)
    points[0] = 9  # the farthest do not count
    assert reach_over(points) == pytest.approx(0.93 * 0.95, abs=0.01)


def test_the_papers_normalisation_adds_a_constant_to_each_querys_products() -> None:
    rng = np.random.default_rng(0)
    queries, keys = rng.normal(size=(30, 5)) * 4 + 1, rng.normal(size=(30, 5)) - 2
    q, k = normalised(queries, keys)
    np.testing.assert_allclose(k.mean(axis=0), q.mean(axis=0), atol=1e-12)
    added = q @ k.T - queries @ keys.T
    assert added.std(axis=1).max() == pytest.approx(0, abs=1e-9)
