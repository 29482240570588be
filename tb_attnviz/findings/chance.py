"""Chance: what of a head's attention falls on a token if it attends to all that it sees alike."""

import numpy as np
import numpy.typing as npt

from tb_attnviz.events import Layer, Lengths

Float64 = npt.NDArray[np.float64]


def seen(n_query: int, n_key: int, *, causal: bool) -> Float64:
    """How many keys each query of a sequence sees, [n_query]; windows are not known here."""
    return np.minimum(np.arange(1, n_query + 1), n_key).astype(np.float64) if causal else np.full(n_query, float(n_key))


def at_offset(layer: Layer, lengths: Lengths, offset: int) -> float:
    """The mean over sequences of what an even head gives the key so far from each query; NaN where there is none."""
    found = []
    for n_query, n_key in zip(lengths.queries, lengths.keys, strict=True):
        first, last = max(0, -offset), min(n_query, n_key - offset)
        if last > first and not (layer.causal and offset > 0):
            found.append(float(np.mean(1 / seen(n_query, n_key, causal=layer.causal)[first:last])))
    return float(np.mean(found)) if found else np.nan


def on_first(layer: Layer, lengths: Lengths) -> float:
    """The same of the first key, over all queries."""
    each = [
        np.mean(1 / seen(n_query, n_key, causal=layer.causal))
        for n_query, n_key in zip(lengths.queries, lengths.keys, strict=True)
        if n_query and n_key
    ]
    return float(np.mean(each)) if each else np.nan


def beyond(share: npt.ArrayLike, chance: npt.ArrayLike) -> npt.NDArray[np.float32]:
    """(share - chance) / (1 - chance): 0 at chance, 1 for all; NaN where chance is all there is."""
    share, chance = np.asarray(share, np.float64), np.asarray(chance, np.float64)
    room = 1 - chance
    with np.errstate(invalid="ignore"):
        return np.where(room > 0.05, (share - chance) / np.where(room > 0.05, room, 1), np.nan).astype(np.float32)
