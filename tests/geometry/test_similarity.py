"""Jensen-Shannon distance and similarity are those of SciPy; the order of clusters puts what is alike together."""

import numpy as np
import numpy.typing as npt
import pytest
import torch
from scipy.spatial.distance import jensenshannon

from tb_attnviz import geometry

RNG = np.random.default_rng(0)
SIZES = np.array([2, 7, 3, 900, 5, 1200, 40, 2])  # of the distributions; more than one block of them
STARTS = np.cumsum(SIZES) - SIZES


def distributions(*shape: int) -> npt.NDArray[np.float64]:
    return RNG.dirichlet(np.full(shape[-1], 0.3), size=shape[:-1])


def rows(heads: int) -> npt.NDArray[np.float32]:
    """[heads, outcomes]: one distribution of each of SIZES after the other."""
    return np.concatenate([distributions(heads, size) for size in SIZES], axis=1).astype(np.float32)


@pytest.mark.parametrize("library", [np.asarray, torch.as_tensor])
def test_distance_is_scipys(library: type) -> None:
    p, q = distributions(4, 5, 9), distributions(4, 5, 9)
    p[0, 0, :3] = 0
    q[0, 0, 1:5] = 0
    p, q = (x / x.sum(axis=-1, keepdims=True) for x in (p, q))
    found = np.asarray(geometry.jensen_shannon(library(p), library(q)))
    np.testing.assert_allclose(found, jensenshannon(p, q, base=2, axis=-1), atol=1e-12)


def test_distance_is_0_of_equal_and_1_of_disjoint_distributions() -> None:
    p = np.array([[0.25, 0.75, 0, 0], [0, 0, 0.5, 0.5]])
    np.testing.assert_array_equal(geometry.jensen_shannon(p, p), 0)
    assert geometry.jensen_shannon(p[0], p[1]) == 1
    assert np.isnan(geometry.jensen_shannon(p[0] * np.nan, p[1]))


def test_similarity_is_the_mean_of_scipys_distances() -> None:
    heads = rows(5)
    found = geometry.similarity(heads, STARTS, np.ones((5, len(SIZES)), np.bool_))
    for a in range(5):
        for b in range(5):
            parts = [(heads[a, s : s + n], heads[b, s : s + n]) for s, n in zip(STARTS, SIZES, strict=True)]
            expected = 1 - np.mean([jensenshannon(*pair, base=2) for pair in parts]) if a != b else 1
            assert found[a, b] == pytest.approx(expected, abs=1e-5)


def test_the_nearest_head_is_that_of_scipys_least_mean_distance() -> None:
    first = rows(30)
    heads = np.concatenate([first, 0.8 * first + 0.2 * rows(30)])  # each has one that does much the same
    heads[50] = np.nan
    chooses = np.ones((60, len(SIZES)), np.bool_)
    chooses[20] = False
    alike, which = geometry.nearest(heads, STARTS, chooses)
    parts = [heads[:, s : s + n].astype(np.float64) for s, n in zip(STARTS, SIZES, strict=True)]
    distances = np.mean([jensenshannon(part[:, None], part[None], base=2, axis=-1) for part in parts], axis=0)
    distances[[20, 50]] = distances[:, [20, 50]] = np.inf
    np.fill_diagonal(distances, np.inf)
    known = np.delete(np.arange(60), [20, 50])
    np.testing.assert_allclose(alike[known], 1 - distances.min(axis=1)[known], atol=1e-5)
    np.testing.assert_array_equal(which[known], distances.argmin(axis=1)[known])
    assert (which[7], which[37]) == (37, 7)
    assert np.isnan(alike[[20, 50]]).all()
    assert which[[20, 50]].tolist() == [-1, -1]


def test_a_head_alone_has_no_nearest_one() -> None:
    heads = rows(2)
    chooses = np.array([[True] * len(SIZES), [False] * len(SIZES)])
    alike, which = geometry.nearest(heads, STARTS, chooses)
    assert np.isnan(alike).all()
    assert which.tolist() == [-1, -1]


def test_a_query_counts_that_chooses_in_one_of_the_two() -> None:
    heads, starts = np.array([[0.5, 0.5, 1, 0], [1, 0, 0, 1], [1, 0, 1, 0]], np.float32), np.array([0, 2])
    chooses = np.array([[True, False], [False, True], [False, False]])
    found = geometry.similarity(heads, starts, chooses)
    half = jensenshannon([0.5, 0.5], [1, 0], base=2)
    assert found[0, 1] == pytest.approx(1 - (half + 1) / 2)
    assert np.isnan(found[2]).all()
    assert np.isnan(found[:, 2]).all()


def test_heads_that_are_alike_are_1_and_one_that_is_not_finite_is_unknown() -> None:
    heads = np.repeat(rows(1), 3, axis=0)
    heads[2, 4] = np.nan
    found = geometry.similarity(heads, STARTS, np.ones((3, len(SIZES)), np.bool_))
    np.testing.assert_allclose(found[:2, :2], 1, atol=1e-3)
    assert np.isnan(found[2]).all()
    assert np.isnan(found[:, 2]).all()
    assert np.array_equal(found, found.T, equal_nan=True)


def test_progress_is_told_in_queries() -> None:
    told: list[tuple[int, int]] = []
    geometry.similarity(
        rows(2), STARTS, np.ones((2, len(SIZES)), np.bool_), on_progress=lambda done, total: told.append((done, total))
    )
    assert len(told) > 1
    assert told[-1] == (len(SIZES), len(SIZES))
    assert told == sorted(told)


def test_cka_is_that_of_the_kernels() -> None:
    """Of two layers with other numbers of heads and dimensions, against the definition by n × n kernels."""
    clouds = [RNG.normal(2, size=shape).astype(np.float32) for shape in ((2, 30, 4), (3, 30, 6))]
    clouds[1][0, :, :4] += clouds[0][1]
    found = geometry.linear_cka(clouds)
    centring = np.eye(30) - 1 / 30
    kernels = [centring @ head @ head.T @ centring for cloud in clouds for head in cloud.astype(np.float64)]

    def hsic(k: npt.NDArray[np.float64], other: npt.NDArray[np.float64]) -> float:
        return float(np.trace(k @ other))

    expected = [[hsic(a, b) / np.sqrt(hsic(a, a) * hsic(b, b)) for b in kernels] for a in kernels]
    np.testing.assert_allclose(found, expected, atol=1e-5)
    assert found[1, 2] > 0.3


def test_cka_knows_no_rotation_and_no_scale() -> None:
    cloud = RNG.normal(size=(1, 50, 5)).astype(np.float32)
    turned = 1e20 * cloud @ np.linalg.qr(RNG.normal(size=(5, 5)))[0].astype(np.float32)
    constant, broken = np.ones_like(cloud), cloud * np.nan
    found = geometry.linear_cka([np.concatenate([cloud, turned, constant, broken])])
    np.testing.assert_allclose(found[:2, :2], 1, atol=1e-5)
    assert np.isnan(found[2:]).all()
    assert np.isnan(found[:, 2:]).all()


def test_clusters_stand_together_and_unknown_heads_last() -> None:
    group = np.array([0, 1, 2, 0, 1, 2, 0, 1, 2, 0])
    alike = np.where(group[:, None] == group, 0.9, 0.1) + RNG.uniform(0, 0.05, size=(10, 10))
    alike = (alike + alike.T) / 2
    alike[4] = alike[:, 4] = np.nan
    order = geometry.cluster_order(alike)
    assert sorted(order) == list(range(10))
    assert order[-1] == 4
    shown = group[order[:-1]]
    assert np.count_nonzero(np.diff(shown)) == 2, "each group is in one piece"
    alike[np.not_equal.outer(group == 0, group == 0)] = np.nan  # as between self- and cross-attention
    shown = group[geometry.cluster_order(alike)[:-1]]
    assert np.count_nonzero(np.diff(shown)) == 2, "also where some cannot be compared"


def test_a_line_of_heads_keeps_its_order() -> None:
    """Each is most like its neighbours: the best order is the line, from either end."""
    place = RNG.permutation(12)
    alike = 1 - np.abs(place[:, None] - place) / 12
    order = geometry.cluster_order(alike)
    assert place[order].tolist() in (list(range(12)), list(range(12))[::-1])


@pytest.mark.parametrize("heads", [0, 1, 2])
def test_few_heads_have_an_order_too(heads: int) -> None:
    assert geometry.cluster_order(np.ones((heads, heads))).tolist() == list(range(heads))
    assert sorted(geometry.cluster_order(np.full((heads, heads), np.nan))) == list(range(heads))
