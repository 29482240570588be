"""Trust: equal to scikit-learn and SciPy where they have it, to the definitions written out where they do not."""

import math
import tracemalloc
from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.distance import cdist
from scipy.stats import ortho_group, spearmanr
from sklearn.manifold import trustworthiness

from tb_attnviz import geometry
from tb_attnviz.geometry.trust import unit_length

Float64 = npt.NDArray[np.float64]


def space_and_picture(n: int = 60, d: int = 8, dims: int = 2, seed: int = 0) -> tuple[Float64, Float64]:
    """Points, and a picture that shows something of them."""
    rng = np.random.default_rng(seed)
    points = rng.normal(size=(n, d)) * np.linspace(2, 0.5, d)
    return points, points[:, :dims] + 0.5 * rng.normal(size=(n, dims))


def by_definition(points: Float64, shown: Float64, k: int) -> tuple[list[float], list[float], list[float]]:
    """false_neighbours, tears and recalled of every point, one loop a letter of the formula."""
    n = len(points)

    def ranking(space: Float64, i: int) -> list[int]:
        return sorted((j for j in range(n) if j != i), key=lambda j: float(np.linalg.norm(space[i] - space[j])))

    false, tears, recalled = [], [], []
    most = k * (2 * n - 3 * k - 1) / 2
    for i in range(n):
        real, seen = ranking(points, i), ranking(shown, i)
        false.append(sum(real.index(j) + 1 - k for j in seen[:k] if j not in real[:k]) / most)
        tears.append(sum(seen.index(j) + 1 - k for j in real[:k] if j not in seen[:k]) / most)
        recalled.append(len(set(real[:k]) & set(seen[:k])) / k)
    return false, tears, recalled


class TestNeighbourhoods:
    @pytest.mark.parametrize("k", [1, 5, 12, 29])
    @pytest.mark.parametrize("dims", [2, 3])
    def test_trustworthiness_is_scikit_learns_and_continuity_is_it_with_spaces_swapped(self, k: int, dims: int) -> None:
        points, shown = space_and_picture(dims=dims)
        found = geometry.neighbourhoods(points, shown, k=k)
        assert found.trustworthiness == pytest.approx(trustworthiness(points, shown, n_neighbors=k), abs=1e-12)
        assert found.continuity == pytest.approx(trustworthiness(shown, points, n_neighbors=k), abs=1e-12)

    @pytest.mark.parametrize("k", [1, 5, 12])
    def test_vectors_of_length_one_give_it_by_cosine_distance(self, k: int) -> None:
        points, shown = space_and_picture()
        found = geometry.neighbourhoods(unit_length(points), shown, k=k)
        expected = trustworthiness(points, shown, n_neighbors=k, metric="cosine")
        assert found.trustworthiness == pytest.approx(expected, abs=1e-12)

    @pytest.mark.parametrize(("n", "k"), [(7, 2), (13, 6), (40, 5)])
    def test_every_point_follows_the_definition(self, n: int, k: int) -> None:
        points, shown = space_and_picture(n)
        found = geometry.neighbourhoods(points, shown, k=k)
        false, tears, recalled = by_definition(points, shown, k)
        np.testing.assert_allclose(found.false_neighbours, false, atol=1e-12)
        np.testing.assert_allclose(found.tears, tears, atol=1e-12)
        np.testing.assert_allclose(found.recalled, recalled, atol=1e-12)
        assert found.trustworthiness == pytest.approx(1 - np.mean(false))
        assert found.continuity == pytest.approx(1 - np.mean(tears))
        assert found.recall == pytest.approx(np.mean(recalled))

    def test_by_hand(self) -> None:
        # on a line 0 1 3 7 12; in the picture, 0 and 12 have changed places. k = 1, and g = (10 - 3 - 1)/2 = 3
        points, shown = np.array([[0.0], [1], [3], [7], [12]]), np.array([[12.0], [1], [3], [7], [0]])
        found = geometry.neighbourhoods(points, shown, k=1)
        # shown nearest: 0 → 7 (rank 3 of 0), 1 → 12 (4), 3 → 1 (1), 7 → 3 (1: nearer than 12), 12 → 1 (3)
        np.testing.assert_allclose(found.false_neighbours, [2 / 3, 1, 0, 0, 2 / 3])
        np.testing.assert_array_equal(found.recalled, [0, 0, 1, 1, 0])
        # real nearest: 0 → 1 (rank 3 on screen), 1 → 0 (4), 3 → 1 (1), 7 → 3 (1), 12 → 7 (3)
        np.testing.assert_allclose(found.tears, [2 / 3, 1, 0, 0, 2 / 3])

    @settings(max_examples=40, deadline=None)
    @given(n=st.integers(3, 60), d=st.integers(2, 9), k=st.integers(1, 40), seed=st.integers(0, 2**20))
    def test_bounds_and_what_changes_nothing(self, n: int, d: int, k: int, seed: int) -> None:
        points, shown = space_and_picture(n, d, seed=seed)
        found = geometry.neighbourhoods(points, shown, k=k)
        assert found.k == min(k, (n - 1) // 2)
        for values in (found.false_neighbours, found.tears, found.recalled):
            assert values.shape == (n,)
            assert values.min() >= 0
            assert values.max() <= 1
        rotation = ortho_group(dim=2, seed=seed).rvs()
        turned = geometry.neighbourhoods(points, 7 * shown @ rotation - 30, k=k)
        np.testing.assert_array_equal(turned.false_neighbours, found.false_neighbours)
        np.testing.assert_array_equal(turned.tears, found.tears)
        assert geometry.neighbourhoods(points, points, k=k).trustworthiness == 1
        assert geometry.neighbourhoods(points, points, k=k).recall == 1

    def test_the_worst_picture_of_a_point_loses_all(self) -> None:
        # point 0: the two nearest of the picture are the two farthest; all ranks beyond k = 2 are as large as can be
        points, shown = np.array([[0.0], [1], [2], [3], [4]]), np.array([[0.0], [4], [3], [2], [1]])
        found = geometry.neighbourhoods(points, shown, k=2)
        assert found.false_neighbours[0] == 1
        assert found.tears[0] == 1

    def test_points_that_coincide_are_all_equally_near(self) -> None:
        rng = np.random.default_rng(0)
        points = np.repeat(rng.normal(size=(6, 16)), 10, axis=0)  # each ten times
        found = geometry.neighbourhoods(points, points, k=5)
        assert (found.trustworthiness, found.continuity, found.recall) == (1, 1, 1)
        spread = points[:, :2] + 1e-6 * rng.normal(size=(60, 2))  # the picture tells them apart, and may
        assert geometry.neighbourhoods(points, spread, k=5).trustworthiness == 1

    @pytest.mark.parametrize(
        ("change", "reason"),
        [
            (lambda points, shown: (points[:2], shown[:2]), "fewer than three points"),
            (lambda points, shown: (points[:0], shown[:0]), "fewer than three points"),
            (lambda points, shown: (points, shown * np.nan), "on screen are not finite"),
            (lambda points, shown: (points * np.inf, shown), "in all dimensions are not finite"),
            (lambda points, shown: (points, np.full_like(shown, 0.3)), "all points coincide on screen"),
            (lambda points, shown: (0 * points, shown), "all points coincide in all dimensions"),
        ],
    )
    def test_what_has_no_answer_says_why(
        self, change: Callable[[Float64, Float64], tuple[Float64, Float64]], reason: str
    ) -> None:
        points, shown = change(*space_and_picture())
        found = geometry.neighbourhoods(points, shown)
        assert found.reason is not None
        assert reason in found.reason
        assert math.isnan(found.trustworthiness)
        assert math.isnan(found.continuity)
        assert math.isnan(found.recall)
        assert np.isnan(found.false_neighbours).all()
        assert len(found.tears) == len(points)

    def test_numbers_of_any_size_have_neighbours(self) -> None:
        points, shown = space_and_picture()
        expected = geometry.neighbourhoods(points, shown).trustworthiness
        for size in (1e-300, 1e300):
            assert geometry.neighbourhoods(points * size, shown).trustworthiness == pytest.approx(expected, abs=1e-12)

    def test_memory_is_bounded_and_progress_is_told(self) -> None:
        points, shown = space_and_picture(3000, 16)
        told: list[tuple[int, int]] = []
        tracemalloc.start()
        geometry.neighbourhoods(points, shown, on_progress=lambda done, total: told.append((done, total)))
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert peak < 3000 * 3000 * 8 / 3
        assert told == sorted(told)
        assert told[-1] == (3000, 3000)
        assert len(told) > 10

    def test_a_task_is_stopped_from_its_progress(self) -> None:
        def stop(done: int, total: int) -> None:
            raise InterruptedError

        with pytest.raises(InterruptedError):
            geometry.neighbourhoods(*space_and_picture(), on_progress=stop)


class TestSpearman:
    @settings(max_examples=60, deadline=None)
    @given(st.lists(st.tuples(st.integers(-5, 5), st.integers(-5, 5)), min_size=2, max_size=40))
    def test_is_scipys_ties_included(self, pairs: list[tuple[int, int]]) -> None:
        x, y = np.array(pairs, dtype=float).T
        found = geometry.spearman(x, y)
        if len(set(x)) == 1 or len(set(y)) == 1:
            assert math.isnan(found)
        else:
            assert found == pytest.approx(spearmanr(x, y).statistic, abs=1e-12)

    @pytest.mark.parametrize("bad", [[], [1.0], [1.0, 1.0], [np.nan, 1.0], [np.inf, 1.0]])
    def test_is_unknown_where_there_is_no_order(self, bad: list[float]) -> None:
        assert math.isnan(geometry.spearman(np.array(bad), np.arange(len(bad), dtype=float)))


LENGTHS = (5, 1, 9)
N = sum(LENGTHS)


def head(d: int = 4, dims: int = 2, seed: int = 0) -> tuple[Float64, Float64, Float64]:
    """Queries, keys, and a picture of both."""
    rng = np.random.default_rng(seed)
    queries, keys = rng.normal(size=(2, N, d)) + 0.5
    return queries, keys, np.concatenate([queries, keys])[:, :dims] + 0.4 * rng.normal(size=(2 * N, dims))


def listed(pairs: geometry.VisiblePairs) -> list[tuple[int, int]]:
    """All pairs (query, key) that count."""
    return [
        (some.start + int(i), keys.start + int(j))
        for some, keys, counted in pairs.blocks()
        for i, j in np.argwhere(counted)
    ]


class TestPairs:
    def test_are_those_of_one_sequence(self) -> None:
        expected = [(s + i, s + j) for s, n in ((0, 5), (5, 1), (6, 9)) for i in range(n) for j in range(n)]
        assert listed(geometry.VisiblePairs(LENGTHS)) == expected

    def test_causal_ones_look_back(self) -> None:
        expected = [(s + i, s + j) for s, n in ((0, 5), (5, 1), (6, 9)) for i in range(n) for j in range(i + 1)]
        assert listed(geometry.VisiblePairs(LENGTHS, causal=True)) == expected

    def test_a_bias_hides_pairs_of_all_sequences_or_of_one(self) -> None:
        bias = np.zeros((1, 9, 9))
        bias[0, 2, 1] = -np.inf
        everywhere = listed(geometry.VisiblePairs(LENGTHS, bias=bias))
        assert len(everywhere) == 25 + 1 + 81 - 2
        assert {(2, 1), (8, 7)}.isdisjoint(everywhere)
        of_each = np.zeros((3, 9, 9))
        of_each[2, 2, 1] = -np.inf
        assert set(listed(geometry.VisiblePairs(LENGTHS))) - set(
            listed(geometry.VisiblePairs(LENGTHS, bias=of_each))
        ) == {(8, 7)}

    @pytest.mark.parametrize("causal", [False, True])
    def test_long_sequences_come_in_blocks(self, monkeypatch: pytest.MonkeyPatch, causal: bool) -> None:
        whole = listed(geometry.VisiblePairs(LENGTHS, causal=causal))
        monkeypatch.setattr("tb_attnviz.geometry.trust._BLOCK", 12)
        assert listed(geometry.VisiblePairs(LENGTHS, causal=causal)) == whole

    def test_too_many_are_sampled_always_alike(self) -> None:
        pairs = geometry.VisiblePairs((200, 100), causal=True, most=5000)
        assert pairs.share == pytest.approx(5000 / (200 * 201 / 2 + 100 * 101 / 2))
        found = listed(pairs)
        assert len(found) == pytest.approx(5000, rel=0.05)
        assert found == listed(pairs)
        assert set(found) < set(listed(geometry.VisiblePairs((200, 100), causal=True)))


class TestLogitFaithfulness:
    @pytest.mark.parametrize("causal", [False, True])
    @pytest.mark.parametrize("dims", [2, 3])
    @pytest.mark.parametrize("closeness", ["dot", "distance", "cosine"])
    def test_is_scipys_spearman_over_the_pairs(self, causal: bool, dims: int, closeness: str) -> None:
        queries, keys, shown = head(dims=dims)
        pairs = geometry.VisiblePairs(LENGTHS, causal=causal)
        logits = 0.3 * queries @ (keys - keys.mean(axis=0)).T
        near = {
            "dot": shown[:N] @ shown[N:].T,
            "distance": -cdist(shown[:N], shown[N:]),
            "cosine": -cdist(shown[:N], shown[N:], "cosine"),
        }[closeness]
        listed_pairs = listed(pairs)
        expected = spearmanr([near[p] for p in listed_pairs], [logits[p] for p in listed_pairs]).statistic
        found = geometry.logit_faithfulness(queries, keys, shown, pairs, closeness=closeness)
        assert found == pytest.approx(expected, abs=1e-12)

    def test_a_rank_two_head_is_shown_without_loss_by_its_biplot(self) -> None:
        queries, keys, _ = head(d=2)
        coordinates = geometry.canonical_axes(queries, keys, scale=1.0).coordinates(queries, keys)
        found = geometry.logit_faithfulness(
            queries, keys, np.concatenate(coordinates), geometry.VisiblePairs(LENGTHS), closeness="dot"
        )
        assert found == pytest.approx(1)

    @pytest.mark.parametrize("broken", ["queries", "keys", "unseen", "constant", "empty"])
    def test_is_unknown_where_there_is_nothing_to_rank(self, broken: str) -> None:
        queries, keys, shown = head()
        arrays = {"queries": queries, "keys": keys}
        lengths = LENGTHS
        if broken == "unseen":
            shown[:] = np.nan
        elif broken == "constant":
            shown[:] = 0.5
        elif broken == "empty":
            queries, keys, shown, lengths = queries[:0], keys[:0], shown[:0], ()
        else:
            arrays[broken][3, 1] = np.nan
        found = geometry.logit_faithfulness(queries, keys, shown, geometry.VisiblePairs(lengths), closeness="distance")
        assert math.isnan(found)

    def test_points_that_are_not_on_screen_do_not_count(self) -> None:
        queries, keys, shown = head()
        absent = {2, 9}, {0, 12}  # queries, keys
        logits, near = queries @ (keys - keys.mean(axis=0)).T, shown[:N] @ shown[N:].T
        pairs = geometry.VisiblePairs(LENGTHS)
        left = [(i, j) for i, j in listed(pairs) if i not in absent[0] and j not in absent[1]]
        shown[[2, 9, N, N + 12]] = np.nan
        found = geometry.logit_faithfulness(queries, keys, shown, pairs, closeness="dot")
        expected = spearmanr([near[p] for p in left], [logits[p] for p in left]).statistic
        assert found == pytest.approx(expected, abs=1e-12)

    def test_a_sample_of_pairs_comes_near_all_of_them(self) -> None:
        rng = np.random.default_rng(0)
        queries, keys = rng.normal(size=(2, 600, 8))
        shown = np.concatenate([queries, keys])[:, :2]
        found = [
            geometry.logit_faithfulness(queries, keys, shown, geometry.VisiblePairs((600,), most=most), closeness="dot")
            for most in (10**6, 60_000)
        ]
        assert found[0] == pytest.approx(found[1], abs=0.01)


def test_cosine_agreement_is_minus_one_on_a_sphere() -> None:
    queries, keys, _ = head()
    pairs = geometry.VisiblePairs(LENGTHS)
    assert geometry.cosine_agreement(unit_length(queries), unit_length(keys), pairs) == pytest.approx(-1)
    listed_pairs = listed(pairs)
    distances, products = cdist(queries, keys, "cosine"), queries @ keys.T
    expected = spearmanr([distances[p] for p in listed_pairs], [products[p] for p in listed_pairs]).statistic
    assert geometry.cosine_agreement(queries, keys, pairs) == pytest.approx(expected, abs=1e-12)


class TestMotionAgreement:
    def test_by_hand(self) -> None:
        before = np.zeros((4, 3))
        after = np.array([[3.0, 0, 4], [1, 0, 0], [0, 2, 0], [0, 0, 0]])  # lengths 5 1 2 0
        shown = np.array([[0.3, 0.0], [0.1, 0.0], [0.0, 0.2], [0, 0]])
        assert geometry.motion_agreement(before, after, np.zeros((4, 2)), shown) == pytest.approx(1)
        assert geometry.motion_agreement(before, after, shown, 2 * shown[::-1]) == pytest.approx(
            spearmanr([5, 1, 2, 0], np.linalg.norm(2 * shown[::-1] - shown, axis=1)).statistic
        )

    def test_is_unknown_where_nothing_moves(self) -> None:
        points, shown = space_and_picture()
        assert math.isnan(geometry.motion_agreement(points, points, shown, shown))
