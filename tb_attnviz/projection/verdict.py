"""Verdict: the figures of trust as one sentence, for somebody who has never heard of them."""

import dataclasses
import math

from tb_attnviz.projection.projection import Method

# A Spearman correlation ρ of picture and head means that they put two pairs of a query and a key in the same order in
# about `agreement(ρ)` of all cases: 4 of 5 at 0.8, 2 of 3 at 0.5, 1 of 2 at 0, which is guessing.
FAITHFUL, ROUGHLY_FAITHFUL = 0.8, 0.5
# A picture that knows nothing has a trustworthiness near 0.5. At 0.95 a point's neighbours on screen are, on average,
# among its nearest 5 % in truth: one cluster of a picture; at 0.85 among its nearest 15 %: a few of them.
TRUE_NEIGHBOURS, ROUGH_NEIGHBOURS = 0.95, 0.85
# At 0.7 which of two points moved more is right in 3 of 4 cases; under 0.4 in fewer than 2 of 3.
TRUE_MOTION, ROUGH_MOTION = 0.7, 0.4

_BY_NEIGHBOURS: frozenset[Method] = frozenset({"tsne", "umap"})  # these place neighbours; all else is by-catch
_GROUPED: frozenset[Method] = _BY_NEIGHBOURS | {"attention"}


@dataclasses.dataclass(frozen=True)
class Figures:
    """What a verdict is about; NaN where a figure is not known."""

    faithfulness: float
    trustworthiness: float
    continuity: float
    k: int  # neighbours of a point
    points: int
    top_key: float = math.nan  # for which share of the queries the key attended to most is among the three nearest
    top_key_chance: float = math.nan


@dataclasses.dataclass(frozen=True)
class Motion:
    """Since the step `previous`: `spearman` of real motion with that on screen; NaN where the head stood still."""

    previous: int
    spearman: float


def agreement(spearman: float) -> float:
    """How often two things that are ranked twice come in the same order, from their Spearman correlation: 0 to 1.

    ½ + arcsin(2 sin(πρ/6))/π, which is exact for normal distributions (Kruskal 1958,
    doi 10.1080/01621459.1958.10501481).
    """
    return 0.5 + math.asin(max(-1.0, min(1.0, 2 * math.sin(math.pi * spearman / 6)))) / math.pi


def verdict(method: Method, figures: Figures, motion: Motion | None, *, reason: str | None = None) -> str:
    """One sentence about a picture by `method`; `reason`: why nothing is known, where nothing is."""
    if math.isnan(figures.faithfulness) and math.isnan(figures.trustworthiness):
        return f"Nothing can be said about this picture: {reason or 'it has no points to compare'}."
    clauses = [_attention(method, figures.faithfulness), _top_key(method, figures), _neighbours(figures)]
    if method == "attention":
        clauses = [clauses[1], clauses[0], clauses[2]]
    elif method in _BY_NEIGHBOURS:
        clauses = [clauses[2], clauses[0], clauses[1]]
    if method in _GROUPED:
        clauses.append("distances between groups mean little")
    if figures.continuity < ROUGH_NEIGHBOURS:
        clauses.append("points that belong together are often torn apart")
    if motion:
        clauses.append(_motion(motion))
    sentence = "; ".join(clause for clause in clauses if clause)
    return f"{sentence[0].upper()}{sentence[1:]}."


def nearest_share(figures: Figures) -> float:
    """Among which part of all points, the nearest first, a point's neighbours on screen are in truth, on average.

    The mean of max(r, k)/(n - 1), r being their ranks in all dimensions, which is another way to write trustworthiness.
    """
    n, k = figures.points, figures.k
    beyond = (1 - figures.trustworthiness) * (2 * n - 3 * k - 1) / 2
    return (k + beyond) / (n - 1)


def _attention(method: Method, faithfulness: float) -> str:
    if math.isnan(faithfulness):
        return ""
    if method == "biplot":
        what = "directions"
        levels = ("show well", "show roughly", "say little about", "mislead about")
    else:
        what = "nearness"
        levels = ("shows well", "shows roughly", "says little about", "misleads about")
    misleads = faithfulness <= -ROUGHLY_FAITHFUL
    how = levels[3] if misleads else _level(faithfulness, FAITHFUL, ROUGHLY_FAITHFUL, levels[:3])
    times = round(100 * agreement(faithfulness))
    return f"{what} here {how} who attends to whom (right in {times} of 100 comparisons, 50 being chance)"


def _top_key(method: Method, figures: Figures) -> str:
    if math.isnan(figures.top_key):
        return ""
    where = "the three farthest in its direction" if method == "biplot" else "the three nearest"
    times, by_chance = round(100 * figures.top_key), round(100 * figures.top_key_chance)
    return f"the key attended to most is among {where} for {times} of 100 queries ({by_chance} by chance)"


def _neighbours(figures: Figures) -> str:
    if math.isnan(figures.trustworthiness):
        return ""
    levels = ("can be believed", "can be believed only roughly", "cannot be believed")
    how = _level(figures.trustworthiness, TRUE_NEIGHBOURS, ROUGH_NEIGHBOURS, levels)
    share = max(1, round(100 * nearest_share(figures)))
    return f"neighbours {how} (they are among a point's nearest {share} % in truth)"


def _motion(motion: Motion) -> str:
    since = f"since step {motion.previous:,}"
    if math.isnan(motion.spearman):
        return f"the head has not changed {since}, so that no motion is real"
    levels = ("can be believed", "can be believed only roughly", "cannot be believed")
    return f"motion {since} {_level(motion.spearman, TRUE_MOTION, ROUGH_MOTION, levels)}"


def _level(value: float, well: float, roughly: float, words: tuple[str, str, str]) -> str:
    return words[0] if value >= well else words[1] if value >= roughly else words[2]
