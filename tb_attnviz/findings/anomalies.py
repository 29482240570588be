"""Anomalies: a figure of one head leaves its own past and the other heads at once.

At each step a head's figure is compared with its median over the `WINDOW` recorded steps before, in robust deviations
of these (1.4826 · MAD: Leys et al. 2013, doi 10.1016/j.jesp.2013.03.013), and this difference with those of all heads,
in theirs. Norms and logits count by their logarithm. What all heads do is the training's course; what one head does
again and again is its own; only what is neither is an anomaly. Shares of attention that name a kind are not looked at:
a kind that forms at once is no fault, and an event of its own.
"""

import dataclasses

import numpy as np
import numpy.typing as npt

from tb_attnviz.array_types import Float32, Float64

WINDOW = 10  # recorded steps before
FEWEST_HEADS = 4  # of fewer one cannot tell what the others do
BEGIN, END = 6.0, 3.0
_TO_SIGMA = 1.4826  # from the median absolute deviation to the standard deviation of a normal distribution


@dataclasses.dataclass(frozen=True)
class Watched:
    """A figure, by its logarithm or as it is; a move by less than `least` is none."""

    logarithm: bool
    least: float
    noise: float  # deviations are at least this large: of a figure that hardly moves, not each move counts


WATCHED = {
    "max_logit": Watched(True, np.log(2).item(), 0.05),
    "query_norm": Watched(True, np.log(2).item(), 0.05),
    "key_norm": Watched(True, np.log(2).item(), 0.05),
    "entropy": Watched(False, 0.25, 0.02),
}


@dataclasses.dataclass(frozen=True)
class Anomaly:
    """Of head `head` at row `row`: the figure was about `before`, and is `value`.

    `until`: the row at which it is over: the figure is back, or all that it is compared with is of later rows.
    """

    row: int
    until: int
    head: int
    before: float
    value: float
    score: float


def anomalies(values: Float32, watched: Watched) -> list[Anomaly]:
    """Where `values` [steps, heads] leave what they were, by row: the first row of each time.

    Rows of which nothing is known do not count; what is not finite, or is none of a norm, tells nothing.
    """
    with np.errstate(invalid="ignore", divide="ignore"):
        scaled = np.log(values.astype(np.float64)) if watched.logarithm else values.astype(np.float64)
    scaled[~np.isfinite(scaled)] = np.nan
    known = np.flatnonzero(np.isfinite(scaled).any(axis=1))
    found: list[Anomaly] = []
    stands = np.zeros(values.shape[1], np.bool_)  # heads that are told of, until they are back
    for number, row in enumerate(known.tolist()):
        past = scaled[known[max(0, number - WINDOW) : number]]
        if len(past) < WINDOW:
            continue
        middle, moved, score = _against(past, scaled[row], watched)
        new = ~stands & (score >= BEGIN) & (moved >= watched.least)
        stands = (stands | new) & (score >= END)
        for head in np.flatnonzero(new).tolist():
            before = float(np.exp(middle[head])) if watched.logarithm else float(middle[head])
            until = _until(scaled[:, head], known, number, float(middle[head]), watched)
            found.append(Anomaly(row, until, head, before, float(values[row, head]), float(score[head])))
    return found


def _until(of_head: Float64, known: npt.NDArray[np.intp], number: int, middle: float, watched: Watched) -> int:
    """The row at which an anomaly of the `number`-th known row is over, by what the figure was before it: `middle`."""
    later = known[number + 1 : number + WINDOW]
    back = later[np.abs(of_head[later] - middle) < watched.least]
    if back.size:
        return int(back[0])
    return int(known[number + WINDOW]) if number + WINDOW < len(known) else len(of_head)


def _against(past: Float64, now: Float64, watched: Watched) -> tuple[Float64, Float64, Float64]:
    """Of each head the middle of its `past` [rows, heads], how far it moved from it, and the robust z of that: [heads].

    The lesser of what is found against its own past and against the other heads; 0 where either is not known.
    """
    whole = np.isfinite(past).all(axis=0) & np.isfinite(now)
    middle = np.full(len(now), np.nan)
    moved, score = np.zeros(len(now)), np.zeros(len(now))
    if whole.sum() < FEWEST_HEADS:
        return middle, moved, score
    middle[whole] = np.median(past[:, whole], axis=0)
    noise = _TO_SIGMA * np.median(np.abs(past[:, whole] - middle[whole]), axis=0)
    own = now[whole] - middle[whole]
    apart = own - np.median(own)
    spread = _TO_SIGMA * np.median(np.abs(apart))
    moved[whole] = np.minimum(np.abs(own), np.abs(apart))
    score[whole] = np.minimum(np.abs(own) / (noise + watched.noise), np.abs(apart) / (spread + watched.noise))
    return middle, moved, score
