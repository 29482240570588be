"""t-SNE of one head's coordinates, against scikit-learn's."""

import numpy as np
import numpy.typing as npt
import pytest
from sklearn.datasets import load_digits
from sklearn.decomposition import PCA
from sklearn.manifold import TSNE, trustworthiness

from tb_attnviz.projection.projection import Projection
from tb_attnviz.projection.tsne import LEAST_POINTS, tsne

Float64 = npt.NDArray[np.float64]


def fit(coordinates: npt.NDArray[np.float32], dims: int) -> Float64:
    start = PCA(dims).fit_transform(coordinates).astype(np.float64)
    projection = Projection(method="tsne", dims=dims)
    return tsne(coordinates, start, projection, pull=None, on_progress=lambda share: None)[0]


@pytest.mark.parametrize("dims", [2, pytest.param(3, marks=pytest.mark.full)])
def test_neighbours_are_kept_as_well_as_by_scikit_learn(dims: int) -> None:
    digits = load_digits().data[:600].astype(np.float32)
    theirs = TSNE(dims, metric="cosine", init="pca", random_state=0, max_iter=500).fit_transform(digits)
    shown = trustworthiness(digits, fit(digits, dims), n_neighbors=12, metric="cosine")
    assert shown >= trustworthiness(digits, theirs, n_neighbors=12, metric="cosine") - 0.01


@pytest.mark.parametrize("dims", [2, 3])
@pytest.mark.parametrize("count", [LEAST_POINTS, 36, 40, 80, 260])
def test_few_points_stay_where_they_can_be_seen(dims: int, count: int) -> None:
    for seed in range(3):
        coordinates = np.random.default_rng(seed).normal(size=(count, 16)).astype(np.float32)
        points = fit(coordinates, dims)
        assert np.isfinite(points).all()
        assert np.abs(points).max() < 100
