"""The paper's normalisation: it keeps attention, and its c is the one that a plain reading of the formula gives."""

import numpy as np
import pytest
from scipy.spatial.distance import cdist
from scipy.special import softmax

from tb_attnviz.geometry import paper_scale, paper_translation
from tb_attnviz.geometry.paper import SCALES, weighted_pearson

RNG = np.random.default_rng(0)
QUERIES, KEYS = RNG.normal(1, 4, size=(60, 8)), RNG.normal(-0.5, 0.5, size=(70, 8))


def test_attention_is_the_same() -> None:
    c = paper_scale(QUERIES, KEYS)
    moved = KEYS * c + paper_translation(QUERIES, KEYS, c)
    np.testing.assert_allclose(softmax(QUERIES / c @ moved.T, axis=1), softmax(QUERIES @ KEYS.T, axis=1), atol=1e-12)
    np.testing.assert_allclose(moved.mean(axis=0), QUERIES.mean(axis=0) / c)


def test_c_has_the_most_negative_correlation() -> None:
    correlations = {}
    for c in SCALES:
        moved = KEYS * c + QUERIES.mean(axis=0) / c - (KEYS * c).mean(axis=0)
        apart = cdist(QUERIES / c, moved).ravel()
        near = apart < np.sort(apart)[int(0.005 * (apart.size - 1))]
        weights = (apart[~near].min() - apart[near]) ** 2
        x, y = (QUERIES @ KEYS.T).ravel()[near], apart[near]
        covariance = np.cov(x, y, aweights=weights)
        correlations[c] = covariance[0, 1] / np.sqrt(covariance[0, 0] * covariance[1, 1])
    assert paper_scale(QUERIES, KEYS) == min(correlations, key=correlations.__getitem__)


def test_vectors_that_do_not_correlate_are_left_as_they_are() -> None:
    assert paper_scale(np.ones((5, 3)), np.ones((5, 3))) == 1
    assert weighted_pearson(np.ones(4), np.arange(4.0), np.ones(4)) == 0


def test_weighted_pearson_counts_a_pair_as_often_as_it_weighs() -> None:
    x, y, weights = np.array([1.0, 2, 4]), np.array([3.0, 1, 2]), np.array([1, 3, 2])
    expected = np.corrcoef(np.repeat(x, weights), np.repeat(y, weights))[0, 1]
    assert weighted_pearson(x, y, weights) == pytest.approx(expected)
