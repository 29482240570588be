"""Affinities of t-SNE, against scikit-learn's; and of UMAP, against umap-learn's."""

import numpy as np
import pytest
import scipy.sparse
from sklearn.manifold._t_sne import _joint_probabilities_nn

from tb_attnviz.projection.affinities import Affinities, gaussian, symmetric
from tb_attnviz.projection.neighbours import Neighbours, nearest
from tb_attnviz.projection.umap import curve, fuzzy_graph

N, COUNT = 200, 30
POINTS = np.random.default_rng(0).normal(size=(N, 8)).astype(np.float32)


def dense(affinities: Affinities) -> np.typing.NDArray[np.float64]:
    matrix = scipy.sparse.csr_array((affinities.weights, affinities.others, affinities.ends), (N, N)).toarray()
    return (matrix + matrix.T).astype(np.float64)


def of(found: Neighbours, perplexity: float) -> Affinities:
    rows = np.repeat(np.arange(N), found.indices.shape[1])
    return symmetric(rows, found.indices.ravel(), gaussian(found, perplexity).ravel(), N)


@pytest.mark.parametrize("metric", ["euclidean", "cosine"])
def test_they_are_scikit_learns(metric: str) -> None:
    found = nearest(POINTS, COUNT, metric)  # type: ignore[arg-type]
    squared = found.distances.astype(np.float64).ravel() ** 2
    graph = scipy.sparse.csr_matrix((squared, found.indices.ravel(), np.arange(N + 1) * COUNT), (N, N))
    theirs = _joint_probabilities_nn(graph, 10, verbose=0).toarray()
    np.testing.assert_allclose(dense(of(found, 10)), theirs, atol=1e-7)


def test_equally_near_neighbours_count_alike() -> None:
    found = nearest(POINTS, COUNT, "euclidean")
    for distance in (0, 2):
        alike = Neighbours(found.indices, np.full_like(found.distances, distance))
        np.testing.assert_allclose(gaussian(alike, 10), 1 / COUNT)


def test_weights_are_a_distribution_over_pairs() -> None:
    weights = dense(of(nearest(POINTS, COUNT, "cosine"), 10))
    assert weights.sum() == pytest.approx(1, abs=1e-5)
    assert not weights.diagonal().any()


@pytest.mark.full
def test_umaps_graph_and_curve_are_umap_learns() -> None:
    from umap.umap_ import find_ab_params, fuzzy_simplicial_set  # compiles for as long as all other tests here take

    found = nearest(POINTS, 14, "cosine")
    own, zero = np.arange(N)[:, None], np.zeros((N, 1), np.float32)
    theirs = fuzzy_simplicial_set(
        POINTS,
        15,
        np.random.RandomState(0),
        "cosine",
        knn_indices=np.concatenate([own, found.indices], axis=1),
        knn_dists=np.concatenate([zero, found.distances], axis=1),
    )[0].toarray()
    heads, tails, weights = fuzzy_graph(found)
    np.testing.assert_allclose(scipy.sparse.coo_array((weights, (heads, tails)), (N, N)).toarray(), theirs, atol=1e-5)
    assert curve(0.3) == pytest.approx(find_ab_params(1.0, 0.3), rel=1e-3)
