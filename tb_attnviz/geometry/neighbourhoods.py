"""Neighbourhoods: whether neighbours on screen are neighbours in all dimensions, and the other way round.

Venna and Kaski 2001, doi 10.1007/3-540-44668-0_68; 2006, doi 10.1016/j.neunet.2006.05.014. What has no answer is NaN,
with the reason; nothing raises.
"""

import dataclasses
from collections.abc import Callable
from typing import cast

import numpy as np

from tb_attnviz.array_types import Float64

Progress = Callable[[int, int], None]  # done, total

NEIGHBOURS = 12

_BLOCK = 2**18  # distances that are worked on at once: 2 MB


@dataclasses.dataclass(frozen=True)
class Neighbourhoods:
    """Of every point, how its k neighbours on screen compare with its k neighbours in all dimensions.

    With r(i, j) the rank of j among the neighbours of i (the nearest has 1) and g = k(2n - 3k - 1)/2, the most that any
    point can lose:
      false_neighbours  Σ (r(i, j) - k)/g over the k on screen that are none in all dimensions, r in all dimensions
      tears             Σ (r(i, j) - k)/g over the k in all dimensions that are none on screen, r on screen
      recalled          how many of the k on screen are among the k in all dimensions, over k
    Each is from 0 to 1. As many are false as are missing, so that their mere number would not tell the two apart.
    """

    k: int  # at most (n - 1)//2, where g is still the most; 0 where nothing can be said
    false_neighbours: Float64  # [n]
    tears: Float64  # [n]
    recalled: Float64  # [n]
    reason: str | None = None  # why all of it is NaN

    @property
    def trustworthiness(self) -> float:
        """1 less the mean of `false_neighbours`: 1 where all neighbours on screen are real."""
        return 1 - _mean(self.false_neighbours)

    @property
    def continuity(self) -> float:
        """1 less the mean of `tears`: 1 where all real neighbours are shown as such."""
        return 1 - _mean(self.tears)

    @property
    def recall(self) -> float:
        """The mean of `recalled`: |shown ∩ real| / k."""
        return _mean(self.recalled)


def neighbourhoods(
    coordinates: Float64, shown: Float64, *, k: int = NEIGHBOURS, on_progress: Progress | None = None
) -> Neighbourhoods:
    """Neighbours by Euclidean distance in all dimensions [n, d] against those on screen [n, dims].

    For neighbours by cosine distance, hand over vectors of length 1: the order is the same. Points that are equally
    far share the better rank.
    """
    n = len(coordinates)
    reason = _degenerate(coordinates, shown)
    if reason:
        unknown = np.full(n, np.nan)
        return Neighbourhoods(0, unknown, unknown, unknown, reason)
    k = max(1, min(k, (n - 1) // 2))
    spaces = _Space(coordinates), _Space(shown)
    lost = np.empty((2, n))
    recalled = np.empty(n)
    rows = max(1, _BLOCK // n)
    for first in range(0, n, rows):
        block = slice(first, min(first + rows, n))
        real, seen = (space.distances(block) for space in spaces)
        excess = _excess(real, seen, k, spaces[0].rounding)
        lost[0, block] = excess.sum(axis=1)
        lost[1, block] = _excess(seen, real, k, spaces[1].rounding).sum(axis=1)
        recalled[block] = (excess == 0).mean(axis=1)
        if on_progress:
            on_progress(block.stop, n)
    lost /= k * (2 * n - 3 * k - 1) / 2
    return Neighbourhoods(k, lost[0], lost[1], recalled)


class _Space:
    """Points whose squared distances are asked for, a block of them from all others."""

    def __init__(self, points: Float64) -> None:
        scaled = points / np.abs(points).max()  # squares of what is finite are then finite
        self._points = scaled - scaled.mean(axis=0)
        self._squares = np.einsum("nd,nd->n", self._points, self._points)
        # what is less than this apart is equally far: distances come from sums of d products
        self.rounding = 4 * np.finfo(np.float64).eps * self._squares.max() * points.shape[1]

    def distances(self, block: slice) -> Float64:
        """[block, n], squared; a point is infinitely far from itself."""
        squared = self._points[block] @ self._points.T
        squared *= -2
        squared += self._squares
        squared += self._squares[block, None]
        rows = np.arange(len(squared))
        squared[rows, rows + block.start] = np.inf
        return cast(Float64, squared)


def _excess(ranked: Float64, chosen: Float64, k: int, rounding: float) -> Float64:
    """By how much the rank in `ranked` of each of the k nearest in `chosen` exceeds k, at least 0: [block, k]."""
    nearest = np.argpartition(chosen, k - 1, axis=1)[:, :k]
    limits = np.take_along_axis(ranked, nearest, axis=1) - rounding
    closer = np.stack([np.count_nonzero(ranked < limits[:, [j]], axis=1) for j in range(k)], axis=1)
    return np.maximum(closer + 1.0 - k, 0)


def _degenerate(coordinates: Float64, shown: Float64) -> str | None:
    if len(coordinates) < 3:
        return "fewer than three points have no neighbours to compare"
    for points, place in ((coordinates, "in all dimensions"), (shown, "on screen")):
        if not np.isfinite(points).all():
            return f"the points {place} are not finite"
        if (points == points[0]).all():
            return f"all points coincide {place}"
    return None


def _mean(values: Float64) -> float:
    return float(values.mean()) if len(values) else float("nan")
