"""Chance: what of a head's attention falls on a token if it attends to all that it sees alike.

In closed form: a few bytes may claim very long sequences, and nothing is as long as they are here.
"""

import math

import numpy as np
import numpy.typing as npt

from tb_attnviz.events import Layer, Lengths

_FEW = 64  # numbers whose reciprocals are summed up one by one: beyond, the series below is exact
_SUMS: list[float] = [0.0, *np.cumsum(1 / np.arange(1.0, _FEW)).tolist()]


def at_offset(layer: Layer, lengths: Lengths, offset: int) -> float:
    """The mean over sequences of what an even head gives the key so far from each query; NaN where there is none."""
    found = []
    for n_query, n_key in zip(lengths.queries, lengths.keys, strict=True):
        first, last = max(0, -offset), min(n_query, n_key - offset)
        if last > first and not (layer.causal and offset > 0):
            found.append(_mean(first, last, n_key, causal=layer.causal))
    return float(np.mean(found)) if found else np.nan


def on_first(layer: Layer, lengths: Lengths) -> float:
    """The same of the first key, over all queries."""
    pairs = zip(lengths.queries, lengths.keys, strict=True)
    each = [_mean(0, n_query, n_key, causal=layer.causal) for n_query, n_key in pairs if n_query and n_key]
    return float(np.mean(each)) if each else np.nan


def _mean(first: int, last: int, n_key: int, *, causal: bool) -> float:
    """The mean of 1 / (keys that a query sees) over the queries from `first` to before `last`; windows are not known.

    Query i sees the keys up to its own, i + 1 of them, as far as there are so many; or all.
    """
    rising = max(first, min(last, n_key)) if causal else first  # from there on a query sees all
    return (_harmonic(rising) - _harmonic(first) + (last - rising) / n_key) / (last - first)


def _harmonic(n: int) -> float:
    """1 + 1/2 + … + 1/n. (Abramowitz and Stegun 6.3.18)"""
    if n < _FEW:
        return _SUMS[n]
    return math.log(n) + float(np.euler_gamma) + 1 / (2 * n) - 1 / (12 * n**2) + 1 / (120 * n**4)


def beyond(share: npt.ArrayLike, chance: npt.ArrayLike) -> npt.NDArray[np.float32]:
    """(share - chance) / (1 - chance): 0 at chance, 1 for all; NaN where chance is all there is."""
    share, chance = np.asarray(share, np.float64), np.asarray(chance, np.float64)
    room = 1 - chance
    with np.errstate(invalid="ignore"):
        return np.where(room > 0.05, (share - chance) / np.where(room > 0.05, room, 1), np.nan).astype(np.float32)
