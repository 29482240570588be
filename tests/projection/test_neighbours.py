"""Neighbours are exact: against scikit-learn's brute force, for any number of points, also when many are equal."""

import numpy as np
import pytest
from sklearn.neighbors import NearestNeighbors

from tb_attnviz.projection.neighbours import nearest
from tb_attnviz.projection.projection import Metric


@pytest.mark.parametrize("metric", ["euclidean", "cosine"])
@pytest.mark.parametrize(("n", "count"), [(8, 7), (60, 15), (1500, 90), (1500, 4)])
def test_the_distances_are_scikit_learns(n: int, count: int, metric: Metric) -> None:
    points = np.random.default_rng(0).normal(2, size=(n, 16)).astype(np.float32)
    found = nearest(points, count, metric)
    reference = NearestNeighbors(metric=metric, algorithm="brute").fit(points)
    distances, indices = reference.kneighbors(n_neighbors=count)
    np.testing.assert_allclose(found.distances, distances, atol=2e-3 if metric == "euclidean" else 2e-6)
    assert (found.indices == indices).mean() > 0.999  # but for pairs whose distances differ by rounding


def test_equal_points_are_each_others_neighbours_and_nobodys_own() -> None:
    points = np.repeat(np.random.default_rng(0).normal(size=(3, 5)).astype(np.float32), 400, axis=0)
    found = nearest(points, 50, "euclidean")
    own = np.arange(len(points))[:, None]
    assert (found.indices != own).all()
    assert (found.indices // 400 == own // 400).all()
    np.testing.assert_allclose(found.distances, 0, atol=2e-3)


def test_a_point_at_the_origin_has_neighbours_by_angle_too() -> None:
    points = np.random.default_rng(0).normal(size=(20, 3)).astype(np.float32)
    points[4] = 0
    found = nearest(points, 5, "cosine")
    np.testing.assert_allclose(found.distances[4], 0.5, atol=1e-6)
