"""Spans: from when to when a head was of a kind. A head of which nothing new is known stays what it was."""

import numpy as np
import numpy.typing as npt

Float32 = npt.NDArray[np.float32]
Bool = npt.NDArray[np.bool_]


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


def spans(state: Bool) -> list[tuple[int, int, int | None]]:
    """(head, first row, first row after) for each time that a head was of a kind; None: it still is at the end."""
    padded = np.vstack([np.zeros((1, state.shape[1]), np.bool_), state])
    found = []
    for head in np.flatnonzero(state.any(axis=0)).tolist():
        changes = np.flatnonzero(padded[1:, head] != padded[:-1, head]).tolist()
        for index in range(0, len(changes), 2):
            found.append((head, changes[index], changes[index + 1] if index + 1 < len(changes) else None))
    return found
