"""Health figures against computations by hand."""

import math
import re
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
import torch

from tb_attnviz import geometry
from tests.geometry.surveyed import health_of

Array = npt.NDArray[np.float64]


def keys_for(attention: Array) -> tuple[Array, Array]:
    """Queries and keys of one sequence and head whose softmax is `attention`: the identity against its logarithm."""
    n = len(attention)
    return np.eye(n)[None, None], np.log(attention + 1e-300).T[None, None]


def figures(attention: Array, *, causal: bool = False, **options: object) -> dict[str, float]:
    queries, keys = keys_for(attention)
    lengths = np.array([len(attention)])
    health = health_of(queries, keys, scale=1.0, causal=causal, lengths=lengths, **options)
    assert set(health) == set(geometry.FIGURES)
    return {name: float(values[0]) for name, values in health.items()}


def test_uniform_attention_has_entropy_one() -> None:
    assert figures(np.full((4, 4), 0.25))["entropy"] == pytest.approx(1)


def test_attention_on_one_key_has_entropy_zero() -> None:
    assert figures(np.eye(4))["entropy"] == pytest.approx(0, abs=1e-9)


def test_entropy_is_relative_to_what_a_query_may_see() -> None:
    # query 0 sees one key and is left out; query 1 is uniform over 2, query 2 sees (1/2, 1/4, 1/4)
    attention = np.array([[1, 1, 1], [0.5, 0.5, 1], [0.5, 0.25, 0.25]])
    expected = (1 + 1.5 * math.log(2) / math.log(3)) / 2
    assert figures(attention, causal=True)["entropy"] == pytest.approx(expected)


def test_positional_figures() -> None:
    attention = np.array([[0.7, 0.1, 0.2], [0.6, 0.3, 0.1], [0.2, 0.5, 0.3]])
    result = figures(attention)
    assert result["self"] == pytest.approx((0.7 + 0.3 + 0.3) / 3)
    assert result["previous"] == pytest.approx((0.6 + 0.5) / 2)
    assert result["sink"] == pytest.approx((0.7 + 0.6 + 0.2) / 3)


def test_next_is_the_attention_one_ahead() -> None:
    attention = np.array([[0.7, 0.1, 0.2], [0.6, 0.3, 0.1], [0.2, 0.5, 0.3]])
    assert figures(attention)["next"] == pytest.approx((0.1 + 0.1) / 2)
    assert math.isnan(figures(attention, causal=True)["next"])  # no causal query sees the token after it


def test_distance_is_in_tokens() -> None:
    attention = np.array([[0.7, 0.1, 0.2], [0.6, 0.3, 0.1], [0.2, 0.5, 0.3]])
    expected = ((0.1 * 1 + 0.2 * 2) + (0.6 * 1 + 0.1 * 1) + (0.2 * 2 + 0.5 * 1)) / 3
    assert figures(attention)["distance"] == pytest.approx(expected)
    assert figures(np.eye(4))["distance"] == pytest.approx(0)


def test_duplicate_is_the_attention_on_the_token_itself_last_time() -> None:
    # tokens a b a b a: period 2; from query 2 on, query i should look at i - 2
    attention = np.full((5, 5), 0.2)
    for query, weight in ((2, 0.5), (3, 0.6), (4, 0.7)):
        attention[query] = (1 - weight) / 4
        attention[query, query - 2] = weight
    assert figures(attention, repeats=[(0, 2)])["duplicate"] == pytest.approx((0.5 + 0.6 + 0.7) / 3)
    assert figures(attention, repeats=[(1, 2)])["duplicate"] == pytest.approx((0.6 + 0.7) / 2)
    assert math.isnan(figures(attention, repeats=[None])["duplicate"])


def test_induction_is_the_attention_on_what_followed_last_time() -> None:
    # tokens a b a b a b: period 2; from query 2 on, query i should look at i - 1
    attention = np.full((6, 6), 0.05)
    for query, weight in ((2, 0.5), (3, 0.6), (4, 0.7), (5, 0.4)):
        attention[query] = (1 - weight) / 5
        attention[query, query - 1] = weight
    attention[1] = [0.75, 0.05, 0.05, 0.05, 0.05, 0.05]  # before the first repeat: does not count
    attention[0] = [0.75, 0.05, 0.05, 0.05, 0.05, 0.05]
    assert figures(attention, repeats=[(0, 2)])["induction"] == pytest.approx((0.5 + 0.6 + 0.7 + 0.4) / 4)


def test_induction_begins_after_the_start_of_the_repeat() -> None:
    attention = np.full((6, 6), 1 / 6)
    attention[5] = [0, 0, 0.5, 0.3, 0.1, 0.1]  # start 1, period 4: only query 5 has a repeat; it should look at 2
    assert figures(attention, repeats=[(1, 4)])["induction"] == pytest.approx(0.5)


def test_induction_without_a_repeat_is_undefined() -> None:
    assert math.isnan(figures(np.eye(4), repeats=[None])["induction"])


def test_the_front_end_explains_every_figure() -> None:
    page = Path(__file__).parents[2].joinpath("frontend", "src", "health", "figures.ts").read_text()
    explained = re.findall(r"^  (\w+): \{\s*title: '", page, re.MULTILINE)
    of_batches = {"batch_max_logit", "batch_entropy", "batch_sink"}
    importance = {"importance", "importance_exact"}
    assert set(explained) == {*geometry.FIGURES, "effective_rank", "value_entropy", *importance, *of_batches}


def test_norms_and_the_largest_logit() -> None:
    queries = np.array([[[[3.0, 4.0], [0.0, 1.0]]]])
    keys = np.array([[[[0.0, 2.0], [10.0, 0.0]]]])
    health = health_of(queries, keys, scale=0.5, causal=True, lengths=np.array([2]))
    assert health["query_norm"].item() == 3
    assert health["key_norm"].item() == 6
    assert health["max_logit"].item() == 4  # 0.5 · (3, 4)·(0, 2); the 15 of (3, 4)·(10, 0) is hidden
    bias = np.array([[[[0.0, 0.0], [7.0, 0.0]]]])
    biased = health_of(queries, keys, scale=0.5, causal=True, lengths=np.array([2]), bias=bias)
    assert biased["max_logit"].item() == 8


def test_what_is_not_finite_is_counted() -> None:
    queries, keys = np.zeros((2, 1, 2, 3, 4))
    queries[0, 1, 0] = [np.nan, np.inf, -np.inf, 1e30]  # 3 of head 1
    keys[0, 1, 1, 0] = np.nan  # and 1
    keys[0, 0, 2, 3] = np.nan  # padding
    health = health_of(queries, keys, scale=1, causal=False, lengths=np.array([2]))
    assert health["non_finite"].tolist() == [0, 4]
    assert np.isnan(health["entropy"]).tolist() == [False, True]
    assert np.isnan(health["max_logit"]).tolist() == [False, True]


def test_no_logit_is_too_large_for_an_entropy() -> None:
    queries, keys = np.array([[[[1e18, 0], [0, 1e18]]]]), np.array([[[[1e18, 0], [0, 1e18]]]])
    health = health_of(
        queries.astype(np.float32), keys.astype(np.float32), scale=1, causal=False, lengths=np.array([2])
    )
    assert health["entropy"].item() == pytest.approx(0, abs=1e-30)
    assert health["max_logit"].item() == pytest.approx(1e36)


def test_padding_never_counts() -> None:
    queries, keys = np.random.default_rng(0).normal(size=(2, 1, 2, 5, 3))
    alone = health_of(queries[:, :, :3], keys[:, :, :3], scale=1, causal=False, lengths=np.array([3]))
    queries[:, :, 3:], keys[:, :, 3:] = 1e9, -1e9
    padded = health_of(queries, keys, scale=1, causal=False, lengths=np.array([3]))
    for name, values in alone.items():
        np.testing.assert_allclose(padded[name], values, err_msg=name)


def test_torch_and_numpy_agree() -> None:
    queries, keys = torch.randn(2, 3, 4, 9, 5).double()
    lengths, repeats = torch.tensor([9, 4, 1]), [(0, 3), None, None]
    ours = health_of(queries, keys, scale=0.4, causal=True, lengths=lengths, repeats=repeats)
    arrays = (queries.numpy(), keys.numpy())
    theirs = health_of(*arrays, scale=0.4, causal=True, lengths=lengths.numpy(), repeats=repeats)
    for name in geometry.FIGURES:
        np.testing.assert_allclose(ours[name], theirs[name], rtol=1e-9, err_msg=name)


class TestEffectiveRank:
    def test_of_equal_directions_is_their_number(self) -> None:
        # centred logits of the first head: the identity of 3 dimensions, thrice; of the second: one direction
        axes = np.concatenate([np.eye(3), -np.eye(3)])
        line = np.outer([1.0, -2, 3, -4, 5, -3], [1.0, 2, 3])
        rank = geometry.effective_rank(np.stack([axes, axes]), np.stack([axes, line]))
        np.testing.assert_allclose(rank, [3, 1], rtol=1e-6)

    def test_of_two_directions_by_hand(self) -> None:
        # singular values 2·1 and 2·2, energies 4 and 16: shares 0.2 and 0.8
        queries = np.array([[1.0, 0], [-1, 0], [0, 1], [0, -1]])
        keys = np.array([[1.0, 0], [-1, 0], [0, 2], [0, -2]])
        expected = math.exp(-(0.2 * math.log(0.2) + 0.8 * math.log(0.8)))
        assert geometry.effective_rank(queries[None], keys[None]).item() == pytest.approx(expected)

    @pytest.mark.parametrize("n", [5, 40])  # fewer tokens than dimensions, and more
    def test_is_that_of_the_centred_logits(self, n: int) -> None:
        queries, keys = np.random.default_rng(1).normal(size=(2, 3, n, 8)) @ np.diag(2.0 ** -np.arange(8))
        keys += 5  # which softmax does not see
        centred = keys - keys.mean(axis=1, keepdims=True)
        energies = np.linalg.svd(queries @ centred.swapaxes(1, 2), compute_uv=False) ** 2
        shares = energies[:, :8] / energies.sum(axis=1, keepdims=True)
        expected = np.exp(-(shares * np.log(np.maximum(shares, 1e-300))).sum(axis=1))
        np.testing.assert_allclose(geometry.effective_rank(queries, keys), expected, rtol=1e-6)
        np.testing.assert_allclose(
            geometry.effective_rank(torch.tensor(queries), torch.tensor(keys)), expected, rtol=1e-6
        )

    def test_of_a_diverged_head_is_unknown_and_the_others_stay(self) -> None:
        queries, keys = np.random.default_rng(2).normal(size=(2, 3, 9, 4))
        alone = geometry.effective_rank(queries[1:2], keys[1:2])
        queries[0, 3, 1] = np.nan
        queries[1] *= 1e100
        keys[2, 0, 0] = np.inf
        with np.errstate(invalid="ignore"):
            rank = geometry.effective_rank(queries, keys)
        assert np.isnan(rank).tolist() == [True, False, True]
        assert rank[1] == pytest.approx(alone.item())

    def test_of_tokens_a_part_at_a_time_is_the_same(self) -> None:
        queries, keys = (
            np.random.default_rng(4).normal(size=(4, 30, 5)),
            np.random.default_rng(5).normal(size=(2, 30, 5)),
        )
        keys += np.arange(30)[:, None] // 10  # means that differ
        parts = [geometry.rank_sums(queries[:, at], keys[:, at]) for at in (slice(0, 7), slice(7, 8), slice(8, 30))]
        expected = geometry.effective_rank(queries, keys.repeat(2, axis=0))
        np.testing.assert_allclose(geometry.rank_of(parts), expected, rtol=1e-9)

    def test_of_keys_that_are_all_alike_is_unknown(self) -> None:
        queries, keys = np.random.default_rng(3).normal(size=(1, 6, 4)), np.ones((1, 6, 4))
        assert np.isnan(geometry.effective_rank(queries, keys)).all()
