"""Measures that follow from what a recorder's own passes say: who feeds a head's keys, and what a head costs."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from tb_attnviz.array_types import Float32
from tb_attnviz.connections import LEAST, SHARE
from tb_attnviz.events import ConnectionCodes, FormatError
from tb_attnviz.importance import CHECKPOINTS

Arrays = Mapping[str, npt.NDArray[Any]]

_EXACT, _LOSS = "health/importance_exact", "importance/loss"


def from_connections(arrays: Arrays, heads: int) -> dict[str, Float32]:
    """Of the head that contributes most to each head's keys, [heads]: "offset/fed_by" its number, -1 if there is none;
    "share/fed_by" its share; "over/fed_by" from 1 on where it stands out as a pair of `Run.connections` does.
    """
    try:
        found = ConnectionCodes.read(arrays, "keys", heads=heads)
    except FormatError:
        return {}
    if found is None:
        return {}
    source = found.strongest()
    contribution = np.nan_to_num(found.at(source, np.arange(heads)))
    share = contribution / np.maximum(found.given(), 1e-12)
    there = contribution > 0
    measures = {
        "offset/fed_by": np.where(there, source, -1),
        "share/fed_by": np.where(there, share, np.nan),
        "over/fed_by": np.where(there, np.minimum(contribution / LEAST, share / SHARE), 0),
    }
    return {name: np.asarray(measure, np.float32) for name, measure in measures.items()}


def costs(arrays: Arrays, heads: int) -> Float32 | None:
    """By which share of itself the loss rises without each head, [heads]; None where that was not measured."""
    exact, loss = arrays.get(_EXACT), arrays.get(_LOSS)
    if exact is None or loss is None or exact.shape != (heads,) or loss.shape != (1,) or not np.isfinite(exact).any():
        return None
    with np.errstate(over="ignore", invalid="ignore"):
        found = np.asarray(exact / np.maximum(np.abs(loss), 1e-12), np.float32)
    return np.where(np.isfinite(found), found, np.float32(np.nan))


def from_costs(by_step: Mapping[int, Float32]) -> dict[int, dict[str, Float32]]:
    """The most that each head cost at the last three steps at which that was measured, at each of these."""
    steps = sorted(by_step)
    found = {}
    for end in range(CHECKPOINTS, len(steps) + 1):
        most = np.stack([by_step[step] for step in steps[end - CHECKPOINTS : end]]).max(axis=0)  # NaN: not measured
        found[steps[end - 1]] = {"share/prunable": most, "over/prunable": most}
    return found
