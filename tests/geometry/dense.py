"""Attention written out: one sequence and head at a time, in double precision, all pairs at once."""

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]


class Dense:
    """Attention of each sequence and head, as a matrix, and which pairs of it are visible."""

    def __init__(
        self,
        queries: Array,
        keys: Array,
        *,
        scale: float,
        lengths: list[int],
        causal: bool = False,
        key_lengths: list[int] | None = None,
        window: tuple[int | None, int | None] = (None, None),
        softcap: float | None = None,
        bias: Array | None = None,
        sinks: Array | None = None,
    ) -> None:
        self.shape = queries.shape[:2]
        self._diagonals: dict[int, Array] = {}
        self._pooled: dict[int, Array] = {}
        group = queries.shape[1] // keys.shape[1]
        self.attention: dict[tuple[int, int], Array] = {}
        self.visible: dict[tuple[int, int], npt.NDArray[np.bool_]] = {}
        self.logits: dict[tuple[int, int], Array] = {}
        for s, h in np.ndindex(*self.shape):
            n, m = lengths[s], (key_lengths or lengths)[s]
            logits = queries[s, h, :n].astype(float) @ keys[s, h // group, :m].astype(float).T * scale
            if softcap is not None:
                logits = softcap * np.tanh(logits / softcap)
            i, j = np.arange(n)[:, None], np.arange(m)
            before, after = (other if at is None else at for at, other in zip(window, (n, m), strict=True))
            visible = (i - before <= j) & (j <= i + after) & ~(causal & (j > i))
            if bias is not None:
                own = bias[s if len(bias) > 1 else 0, h if bias.shape[1] > 1 else 0, :n, :m]
                logits, visible = logits + own, visible & (own > -np.inf)
            weights = np.where(visible, np.exp(logits), 0)
            total = weights.sum(axis=1, keepdims=True) + (0 if sinks is None else np.exp(sinks[h]))
            self.attention[s, h] = weights / np.where(total > 0, total, 1)
            self.visible[s, h], self.logits[s, h] = visible, logits

    def figure(self, of_one: Callable[[Array, npt.NDArray[np.bool_]], float]) -> Array:
        """[sequences, heads] of `of_one(attention, visible)`."""
        found = np.empty(self.shape)
        for at in np.ndindex(*self.shape):
            found[at] = of_one(self.attention[at], self.visible[at])
        return found

    def diagonal(self, offset: int) -> Array:
        """[sequences, heads]: the mean attention over visible pairs at `offset` = key - query."""
        if offset not in self._diagonals:
            self._diagonals[offset] = self.figure(lambda a, seen: mean(pairs_at(a, seen, offset)))
        return self._diagonals[offset]

    def pooled(self, size: int) -> Array:
        """[sequences, heads, size, size]: by cutting every token into `size` pieces, of which n make a part."""
        if size not in self._pooled:
            self._pooled[size] = self._pool(size)
        return self._pooled[size]

    def _pool(self, size: int) -> Array:
        found = np.empty((*self.shape, size, size))
        for at, a in self.attention.items():
            n, m = a.shape
            rows = np.repeat(a, size, axis=0).reshape(size, n, m).mean(axis=1)  # parts of queries × keys
            found[at] = np.repeat(rows, size, axis=1).reshape(size, size, m).sum(axis=-1) / size
        return found


def pairs_at(a: Array, seen: npt.NDArray[np.bool_], offset: int, first: int = 0) -> Array:
    """The attention of visible pairs at `offset` = key - query, of the queries from `first` on."""
    return a[first:].diagonal(first + offset)[seen[first:].diagonal(first + offset)]


def mean(values: Array | list[float]) -> float:
    return float(np.mean(values)) if len(values) else float("nan")


def entropy(a: Array, seen: npt.NDArray[np.bool_]) -> float:
    rows = []
    for row, visible in zip(a, seen, strict=True):
        if visible.sum() > 1:
            positive = row[row > 0]
            rows.append(float(-(positive * np.log(positive)).sum() / np.log(visible.sum())))
    return mean(rows)


def distance(a: Array, seen: npt.NDArray[np.bool_]) -> float:
    positions = np.arange(a.shape[1])
    return mean([float((row * abs(positions - i)).sum()) for i, row in enumerate(a) if seen[i].any()])
