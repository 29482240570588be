"""Point figures against computations by hand, and against health, of which they are the parts."""

import math

import numpy as np
import pytest
import torch

from tb_attnviz import geometry
from tests.geometry.surveyed import health_of

# the attention of one head, 3 tokens: queries are the identity and keys the logarithm of it
ATTENTION = np.array([[0.5, 0.25, 0.25], [0.25, 0.5, 0.25], [0.7, 0.2, 0.1]])
NAN = math.nan


def figure(name: str, *, causal: bool = False, **options: object) -> list[float]:
    """Of three queries, then three keys."""
    queries, keys = np.eye(3)[None], np.log(ATTENTION).T[None]
    return geometry.point_figure(name, queries, keys, scale=1.0, causal=causal, **options)[0].tolist()


def test_the_norm_is_the_length_of_each_vector() -> None:
    queries, keys = np.array([[[3.0, 4.0], [0.0, 1.0]]]), np.array([[[6.0, 8.0], [5.0, 12.0]]])
    found = geometry.point_figure("norm", queries, keys, scale=0.5, causal=True)
    np.testing.assert_allclose(found, [[5, 1, 10, 13]])


def test_entropy_is_of_queries_relative_to_what_each_may_see() -> None:
    one_half = (0.5 * math.log(2) + 0.5 * math.log(4)) / math.log(3)
    last = -sum(w * math.log(w) for w in (0.7, 0.2, 0.1)) / math.log(3)
    np.testing.assert_allclose(figure("entropy"), [one_half, one_half, last, NAN, NAN, NAN])
    # causal: query 0 sees one key alone, query 1 sees two in the proportion 1 to 2
    two = -(math.log(1 / 3) / 3 + 2 * math.log(2 / 3) / 3) / math.log(2)
    np.testing.assert_allclose(figure("entropy", causal=True), [NAN, two, last, NAN, NAN, NAN])


def test_a_key_receives_the_mean_over_the_queries_that_see_it_and_attracts_their_sum() -> None:
    np.testing.assert_allclose(figure("received"), [NAN] * 3 + [1.45 / 3, 0.95 / 3, 0.6 / 3])
    np.testing.assert_allclose(figure("attracted"), [NAN] * 3 + [1.45, 0.95, 0.6])
    # causal: rows (1), (1/3, 2/3), (0.7, 0.2, 0.1)
    sums = [1 + 1 / 3 + 0.7, 2 / 3 + 0.2, 0.1]
    np.testing.assert_allclose(figure("attracted", causal=True), [NAN] * 3 + sums)
    shares = [sums[0] / 3, sums[1] / 2, sums[2]]
    np.testing.assert_allclose(figure("received", causal=True), [NAN] * 3 + shares)


def test_max_logit_is_over_what_a_query_sees_and_what_sees_a_key() -> None:
    logs = np.log(ATTENTION)
    np.testing.assert_allclose(figure("max_logit"), [*logs.max(1), *logs.max(0)])
    expected = [logs[0, 0], logs[1, 1], logs[2, 0], logs[2, 0], logs[1, 1], logs[2, 2]]
    np.testing.assert_allclose(figure("max_logit", causal=True), expected)


def test_first_is_the_weight_on_the_first_token() -> None:
    np.testing.assert_allclose(figure("first"), [0.5, 0.25, 0.7, NAN, NAN, NAN])


def test_hidden_pairs_and_sinks() -> None:
    bias = np.zeros((1, 3, 3))
    bias[0, :, 0] = -np.inf  # nobody sees key 0
    assert np.isnan(figure("first", bias=bias)).all()
    np.testing.assert_allclose(
        figure("received", bias=bias)[4:], [(0.5 + 2 / 3 + 2 / 3) / 3, (0.5 + 1 / 3 + 1 / 3) / 3]
    )
    assert np.isnan(figure("received", bias=bias)[3])
    assert np.isnan(figure("max_logit", bias=bias)[3])
    # a sink of logit 0 weighs as much as all three keys together: their weights sum to 1
    np.testing.assert_allclose(figure("first", sinks=np.zeros(1))[:3], [0.25, 0.125, 0.35])


@pytest.mark.parametrize("library", ["numpy", "torch"])
@pytest.mark.parametrize("causal", [False, True])
def test_health_is_their_mean(library: str, causal: bool) -> None:
    rng = np.random.default_rng(0)
    arrays = [rng.normal(size=(2, 9, 4)) for _ in range(2)]  # (heads, n, d)
    queries, keys = (torch.from_numpy(x) if library == "torch" else x for x in arrays)
    lengths = torch.tensor([9]) if library == "torch" else np.array([9])
    health = health_of(queries[None], keys[None], scale=0.5, causal=causal, lengths=lengths)
    found = {
        name: np.asarray(geometry.point_figure(name, queries, keys, scale=0.5, causal=causal))
        for name in geometry.POINT_FIGURES
    }
    for name, of_head, part in (
        ("norm", "query_norm", slice(9)),
        ("norm", "key_norm", slice(9, 18)),
        ("entropy", "entropy", slice(9)),
        ("first", "sink", slice(9)),
    ):
        np.testing.assert_allclose(np.nanmean(found[name][:, part], axis=1), health[of_head], rtol=1e-9)
    np.testing.assert_allclose(found["max_logit"].max(axis=1), health["max_logit"])
    np.testing.assert_allclose(found["attracted"][:, 9:].sum(axis=1), [9, 9])  # every row sums to 1
