"""The sentence beside a picture: it claims what the figures hold, and no more."""

import dataclasses
import math

import numpy as np
import pytest
from scipy.stats import kendalltau, spearmanr

from tb_attnviz.geometry import neighbourhoods
from tb_attnviz.projection import verdict as verdicts
from tb_attnviz.projection.projection import METHODS, Method
from tb_attnviz.projection.verdict import Figures, Motion, agreement, nearest_share, verdict


def figures(value: float, *, faithfulness: float | None = None, continuity: float | None = None) -> Figures:
    """Every figure is `value`, but those that are named."""
    return Figures(
        faithfulness=value if faithfulness is None else faithfulness,
        trustworthiness=value,
        continuity=value if continuity is None else continuity,
        k=12,
        points=1000,
    )


def test_a_perfect_biplot() -> None:
    assert verdict("biplot", figures(1), Motion(1200, 1.0)) == (
        "Directions here show well who attends to whom (right in 100 of 100 comparisons, 50 being chance); neighbours "
        "can be believed (they are among a point's nearest 1 % in truth); motion since step 1,200 can be believed."
    )


def test_a_worthless_biplot() -> None:
    assert verdict("biplot", figures(0.5, faithfulness=0), Motion(0, 0.0)) == (
        "Directions here say little about who attends to whom (right in 50 of 100 comparisons, 50 being chance); "
        "neighbours cannot be believed (they are among a point's nearest 50 % in truth); points that belong together "
        "are often torn apart; motion since step 0 cannot be believed."
    )


@pytest.mark.parametrize("method", ["tsne", "umap"])
def test_a_map_of_neighbours_speaks_of_neighbours_first(method: Method) -> None:
    assert verdict(method, figures(0.97, faithfulness=0.45), None) == (
        "Neighbours can be believed (they are among a point's nearest 4 % in truth); nearness here says little about "
        "who attends to whom (right in 65 of 100 comparisons, 50 being chance); distances between groups mean little."
    )


def test_a_picture_of_attention_speaks_of_attention_first() -> None:
    shown = dataclasses.replace(figures(0.97, faithfulness=0.6), top_key=0.81, top_key_chance=0.11)
    assert verdict("attention", shown, None) == (
        "The key attended to most is among the three nearest for 81 of 100 queries (11 by chance); nearness here shows "
        "roughly who attends to whom (right in 71 of 100 comparisons, 50 being chance); neighbours can be believed "
        "(they are among a point's nearest 4 % in truth); distances between groups mean little."
    )
    assert "; the key attended to most is among the three farthest in its direction for 81" in verdict(
        "biplot", shown, None
    )


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("motion", [None, Motion(5, 0.9), Motion(5, 0.5), Motion(5, -1.0), Motion(5, math.nan)])
@pytest.mark.parametrize("value", [-1.0, 0.0, 0.5, 0.8, 0.9, 1.0, math.nan])
def test_is_one_sentence_whatever_the_figures(method: Method, motion: Motion | None, value: float) -> None:
    shown = Figures(value, abs(value), abs(value), 12, 1000)
    sentence = verdict(method, shown, motion)
    assert sentence[0].isupper()
    assert sentence.endswith(".")
    assert sentence.count(".") == 1
    assert "nan" not in sentence.lower()
    assert len(sentence) < 600
    assert ("since step 5" in sentence) == (motion is not None and not math.isnan(value))


@pytest.mark.parametrize(
    ("faithfulness", "words"),
    [
        (verdicts.FAITHFUL, "Nearness here shows well who"),
        (verdicts.ROUGHLY_FAITHFUL, "Nearness here shows roughly who"),
        (verdicts.ROUGHLY_FAITHFUL - 0.01, "Nearness here says little about who"),
        (-verdicts.ROUGHLY_FAITHFUL + 0.01, "Nearness here says little about who"),
        (-verdicts.ROUGHLY_FAITHFUL, "Nearness here misleads about who"),
    ],
)
def test_nearness_of_a_linear_picture(faithfulness: float, words: str) -> None:
    assert verdict("pca", figures(1, faithfulness=faithfulness), None).startswith(words)


def test_nothing_is_claimed_where_nothing_is_known() -> None:
    unknown = figures(math.nan)
    assert verdict("biplot", unknown, None) == ("Nothing can be said about this picture: it has no points to compare.")
    assert verdict("pca", unknown, None, reason="all points coincide on screen") == (
        "Nothing can be said about this picture: all points coincide on screen."
    )


def test_what_is_not_known_is_left_out() -> None:
    neighbours_alone = verdict("biplot", figures(1, faithfulness=math.nan), None)
    assert neighbours_alone.startswith("Neighbours can be believed")
    assert "attends" not in neighbours_alone
    few = Figures(0.9, math.nan, math.nan, 0, 2)
    assert "eighbours" not in verdict("tsne", few, None)


@pytest.mark.parametrize(
    ("spearman", "words"),
    [
        (verdicts.TRUE_MOTION, "motion since step 7 can be believed."),
        (verdicts.ROUGH_MOTION, "motion since step 7 can be believed only roughly."),
        (verdicts.ROUGH_MOTION - 0.01, "motion since step 7 cannot be believed."),
        (math.nan, "the head has not changed since step 7, so that no motion is real."),
    ],
)
def test_motion(spearman: float, words: str) -> None:
    assert verdict("biplot", figures(1), Motion(7, spearman)).endswith(words)


def test_thresholds_mean_what_their_comments_say() -> None:
    assert agreement(verdicts.FAITHFUL) == pytest.approx(4 / 5, abs=0.01)
    assert agreement(verdicts.ROUGHLY_FAITHFUL) == pytest.approx(2 / 3, abs=0.01)
    assert agreement(verdicts.TRUE_MOTION) == pytest.approx(3 / 4, abs=0.01)
    assert agreement(verdicts.ROUGH_MOTION) < 2 / 3
    assert [agreement(rho) for rho in (-1, 0, 1)] == pytest.approx([0, 0.5, 1], abs=1e-6)


@pytest.mark.parametrize("correlation", [0.2, 0.6, 0.9, -0.5])
def test_agreement_is_kendalls(correlation: float) -> None:
    x, y = np.random.default_rng(0).multivariate_normal([0, 0], [[1, correlation], [correlation, 1]], 4000).T
    assert agreement(spearmanr(x, y).statistic) == pytest.approx((1 + kendalltau(x, y).statistic) / 2, abs=0.01)


def test_nearest_share_is_the_mean_rank_of_shown_neighbours() -> None:
    rng = np.random.default_rng(0)
    points = rng.normal(size=(40, 5))
    shown, k, n = points[:, :2], 6, 40
    ranks = []
    for i in range(n):
        real = np.argsort(np.argsort(np.linalg.norm(points - points[i], axis=1)))  # 0: the point itself
        seen = np.argsort(np.linalg.norm(shown - shown[i], axis=1))[1 : k + 1]
        ranks.extend(np.maximum(real[seen], k))
    trustworthiness = neighbourhoods(points, shown, k=k).trustworthiness
    assert nearest_share(Figures(0, trustworthiness, 1, k, n)) == pytest.approx(np.mean(ranks) / (n - 1))
