"""Change points: when a figure of a head moved from one level to another.

At each step the mean of the `WINDOW` values before it is set against that of as many from it on: a moving CUSUM (Page
1954; Eichinger and Kirch 2018 as MOSUM, doi 10.3150/16-BEJ887). Their difference counts in units of the series' own
noise, 1.4826 · MAD of its first differences / √2, which a step does not change, times √(2 / WINDOW). A change point is
where this score is largest in a stretch in which it stays above `END`, if it reaches `BEGIN` there and the figure moved
by `LEAST`: one that goes up slowly is one change, and not many.
"""

import dataclasses
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from tb_attnviz.array_types import Float32

WINDOW = 5  # recorded steps to each side
BEGIN, END = 8.0, 3.0
LEAST = 0.1  # of a share


@dataclasses.dataclass(frozen=True)
class Change:
    """Of one series: `row` is the first value of the new level."""

    series: int
    row: int
    before: float
    after: float
    score: float


def change_points(values: Float32) -> list[Change]:
    """Where the series `values` [steps, series] change, by series and row. Rows of which nothing is known do not count;
    else a series with NaN, or too short, has none.
    """
    counted = np.flatnonzero(np.isfinite(values).any(axis=1))
    values = values[counted]
    steps = len(values)
    if steps < 2 * WINDOW:
        return []
    known = values[:, np.isfinite(values).all(axis=0)].astype(np.float64)
    places = np.flatnonzero(np.isfinite(values).all(axis=0))
    sums = np.vstack([np.zeros((1, known.shape[1])), np.cumsum(known, axis=0)])
    rows = np.arange(WINDOW, steps - WINDOW + 1)
    before = (sums[rows] - sums[rows - WINDOW]) / WINDOW  # (rows, series)
    after = (sums[rows + WINDOW] - sums[rows]) / WINDOW
    differences = np.diff(known, axis=0)
    noise = 1.4826 * np.median(np.abs(differences - np.median(differences, axis=0)), axis=0) / np.sqrt(2)
    moved = np.abs(after - before)
    scores = moved / np.maximum(noise * np.sqrt(2 / WINDOW), LEAST / BEGIN / 2)
    found = []
    for column, series in enumerate(places.tolist()):
        for stretch in _stretches(scores[:, column] > END):
            best = stretch[int(scores[stretch, column].argmax())]
            if scores[best, column] >= BEGIN and moved[best, column] >= LEAST:
                levels = float(before[best, column]), float(after[best, column])
                found.append(Change(series, int(counted[rows[best]]), *levels, float(scores[best, column])))
    return found


def _stretches(high: npt.NDArray[np.bool_]) -> Sequence[npt.NDArray[np.intp]]:
    """The rows of each stretch in which `high` is true without a gap."""
    rows = np.flatnonzero(high)
    return np.split(rows, np.flatnonzero(np.diff(rows) > 1) + 1) if rows.size else []
