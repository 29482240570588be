"""Attention weighted by values, against computations by hand."""

import math

import numpy as np
import pytest
import torch

from tb_attnviz import geometry
from tests.geometry.surveyed import health_of

ATTENTION = np.array([[0.5, 0.25, 0.25], [0.25, 0.5, 0.25], [0.7, 0.2, 0.1]])
NORMS = np.array([1.0, 4.0, 0.0])
WEIGHTED = np.array([[1 / 3, 2 / 3, 0], [1 / 9, 8 / 9, 0], [7 / 15, 8 / 15, 0]])


def test_a_key_counts_by_what_it_fetches() -> None:
    np.testing.assert_allclose(geometry.weighted_by_values(ATTENTION, NORMS), WEIGHTED)
    np.testing.assert_allclose(geometry.weighted_by_values(ATTENTION, 1e300 * NORMS), WEIGHTED)
    np.testing.assert_allclose(geometry.weighted_by_values(ATTENTION, np.full(3, 7.0)), ATTENTION)


def test_values_that_are_all_zero_fetch_nothing() -> None:
    np.testing.assert_array_equal(geometry.weighted_by_values(ATTENTION, np.zeros(3)), np.zeros((3, 3)))


def test_a_value_that_is_infinite_costs_only_the_queries_that_see_it() -> None:
    causal = np.tril(ATTENTION)
    with np.errstate(invalid="ignore"):
        found = geometry.weighted_by_values(causal, np.array([1.0, 1.0, np.inf]))
    assert np.isnan(found[2, 2])
    np.testing.assert_allclose(found[:2], [[1, 0, 0], [1 / 3, 2 / 3, 0]])


@pytest.mark.parametrize("library", ["numpy", "torch"])
def test_value_entropy(library: str) -> None:
    queries, keys, norms = np.eye(3)[None, None], np.log(ATTENTION).T[None, None], NORMS[None, None]
    lengths = np.array([3])
    if library == "torch":
        queries, keys, norms, lengths = map(torch.from_numpy, (queries, keys, norms, lengths))
    found = geometry.value_entropy(queries, keys, norms, scale=1.0, causal=False, lengths=lengths)
    rows = [-sum(w * math.log(w) for w in row if w > 0) / math.log(3) for row in WEIGHTED.tolist()]
    assert float(found[0, 0]) == pytest.approx(np.mean(rows))
    # causal: query 0 sees one key alone; query 1 sees two, with weights 1/3 and 2/3 · 4: 1 to 8
    found = geometry.value_entropy(queries, keys, norms, scale=1.0, causal=True, lengths=lengths)
    two = -(math.log(1 / 9) / 9 + 8 * math.log(8 / 9) / 9) / math.log(2)
    assert float(found[0, 0]) == pytest.approx((two + rows[2]) / 2)


def test_value_entropy_with_equal_values_is_entropy() -> None:
    rng = np.random.default_rng(0)
    queries, keys = rng.normal(size=(2, 2, 3, 5, 4))  # each (sequences, heads, n, d)
    options = {"scale": 0.5, "causal": True, "lengths": np.array([5, 3])}
    found = geometry.value_entropy(queries, keys, np.full((2, 3, 5), 2.0), **options)
    np.testing.assert_allclose(found.mean(axis=0), health_of(queries, keys, **options)["entropy"])


def test_queries_that_fetch_nothing_do_not_count() -> None:
    queries, keys = np.eye(3)[None, None], np.log(ATTENTION).T[None, None]
    options = {"scale": 1.0, "causal": False, "lengths": np.array([3])}
    assert np.isnan(geometry.value_entropy(queries, keys, np.zeros((1, 1, 3)), **options)).all()
