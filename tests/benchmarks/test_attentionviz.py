"""The figures of docs/attentionviz.md, on vectors for which they follow by hand."""

import numpy as np
import pytest

from benchmarks.attentionviz import clustered, explained, papers_correlation

RNG = np.random.default_rng(0)
GROUPS = np.repeat(np.arange(20), 100)


def test_a_group_explains_its_share_of_the_variance() -> None:
    of_groups = RNG.normal(size=(20, 8))
    of_groups = (of_groups - of_groups.mean(axis=0)) / of_groups.std(axis=0)
    vectors = of_groups[GROUPS] + 2 * RNG.normal(size=(len(GROUPS), 8))
    assert explained(vectors, GROUPS) == pytest.approx(1 / (1 + 4), abs=0.02)


def test_groups_that_mean_nothing_explain_nothing() -> None:
    assert explained(RNG.normal(size=(len(GROUPS), 8)), GROUPS) == pytest.approx(0, abs=0.02)
    few = np.arange(len(GROUPS)) // 10  # as many as 200 groups
    assert explained(RNG.normal(size=(len(GROUPS), 8)), few) == pytest.approx(0, abs=0.02)


def test_hits_are_clustered_or_scattered() -> None:
    vectors = RNG.normal(size=(len(GROUPS), 8))
    assert clustered(vectors, GROUPS) == pytest.approx(0.5, abs=0.02)
    assert clustered(vectors + 1000 * GROUPS[:, None], GROUPS) == 1


def test_of_vectors_of_one_length_cosine_and_product_have_the_same_order() -> None:
    angles = RNG.uniform(0, 2 * np.pi, 300)
    circle = np.stack([np.cos(angles), np.sin(angles)], axis=1)
    circle -= circle.mean(axis=0)
    assert papers_correlation(circle, circle) == pytest.approx(-1, abs=0.01)
