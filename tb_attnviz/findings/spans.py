"""Spans: from when to when a head was of a kind. A head of which nothing new is known stays what it was."""

import numpy as np
import numpy.typing as npt

from tb_attnviz.array_types import Bool, Float32


def lasting(values: Float32, *, on: float, off: float) -> Bool:
    """Whether each head is of a kind, [steps, heads], by its measure [steps, heads].

    It is once the measure reaches `on`, until it is beyond `off`: one that hovers about a limit does not change its
    name at every step. With `off` above `on` small values count.
    """
    small = off > on
    state = np.zeros(values.shape, np.bool_)
    now = np.zeros(values.shape[1], np.bool_)
    for row, here in enumerate(values):
        known = ~np.isnan(here)
        begins, ends = (here <= on, here > off) if small else (here >= on, here < off)
        now = np.where(known, np.where(now, ~ends, begins), now)
        state[row] = now
    return state


def spans(state: Bool) -> npt.NDArray[np.intp]:
    """[spans, 3]: head, first row, first row after, of each time that a head was of a kind; by head, then row.

    Of one that still is at the end the row after is the number of rows.
    """
    none = np.zeros((1, state.shape[1]), np.int8)
    changes = np.diff(np.vstack([none, state.astype(np.int8), none]), axis=0).T  # (heads, rows + 1)
    begins, ends = np.argwhere(changes == 1), np.argwhere(changes == -1)
    return np.column_stack([begins, ends[:, 1]])


def apart(found: npt.NDArray[np.intp], values: Float32) -> npt.NDArray[np.intp]:
    """The same `spans`, cut where the `values` [steps, heads] of their heads become others; NaN is not known."""
    cut = []
    for head, first, end in found.tolist():
        within = values[first:end, head]
        known = np.flatnonzero(~np.isnan(within))
        others = known[1:][np.diff(within[known]) != 0] + first
        edges = [first, *others.tolist(), end]
        cut += [(head, *edges[at : at + 2]) for at in range(len(edges) - 1)]
    return np.array(cut, np.intp).reshape(-1, 3)
