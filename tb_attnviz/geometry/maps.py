"""Small maps: where a head attends by position, in few numbers, as a mean over sequences of one kind.

first     [32, 32]: A_ij of the first 32 tokens as they are
pooled    [32, 32]: each sequence is cut into 32 equal parts, so that first and last tokens meet whatever its length;
          (a, b) is the share of their attention that the queries of part a give to the keys of part b. A token that
          reaches over a border counts on both sides, in proportion. Rows sum to 1, but for sinks.
offsets   of texts, [offsets]: at offset o = key - query, from 1 - n on, n the longest sequence's tokens, the mean of
          A_{i,i+o} over the visible pairs: at -1 as the figure `previous`, at 0 as `self`, at 1 as `next`. None after 0
          where attention is causal, none at all across two sequences.
          Of images, [2 rows - 1, 2 columns - 1]: the mean of A_ij over the visible pairs of patches whose key lies so
          many rows below its query, from 1 - rows on, and so many columns to its right, from 1 - columns on
received  of images, [rows, columns]: the mean attention on each patch, over all queries

A sequence without such a token or pair does not count there.
"""

import dataclasses
import functools
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from array_api_compat import array_namespace, device

from tb_attnviz.array_types import Array

SequenceKind = str | tuple[int, int]
"""Of a sequence: PLAIN, REPEATED, or (rows, columns) where its last tokens (across: of the keys) are patches."""

PLAIN, REPEATED = "plain", "repeated"
SIZE = 32  # of `first` and `pooled`


@dataclasses.dataclass(frozen=True)
class Mean:
    """A mean over sequences that goes on: their sum, and how many they are, each [heads, …]."""

    total: Array
    count: Array

    def value(self) -> Array:
        """[heads, …]; NaN where nothing counts."""
        xp = array_namespace(self.total)
        counted = self.count > 0
        return xp.where(counted, self.total / xp.where(counted, self.count, xp.ones_like(self.count)), xp.nan)


@dataclasses.dataclass(frozen=True)
class Maps:
    """The maps of one kind of sequence, by name."""

    means: dict[str, Mean]
    lengths: tuple[int, int]  # the most queries and keys of a sequence; of texts offsets begin with 1 - queries


def joined(maps: Sequence[Maps]) -> Maps:
    """The maps of one kind over all sequences, from those over some."""
    longest = max(some.lengths[0] for some in maps), max(some.lengths[1] for some in maps)
    means: dict[str, list[Mean]] = {}
    for some in maps:
        for name, mean in some.means.items():
            aligned = name == "offsets" and mean.total.ndim == 2  # of images all are alike
            before = longest[0] - some.lengths[0] if aligned else 0
            means.setdefault(name, []).append(_padded(mean, before, 0))
    return Maps({name: functools.reduce(_sum, of_name) for name, of_name in means.items()}, longest)


def beside(maps: Sequence[Maps]) -> Maps:
    """The maps of all heads, from those of some each."""
    if len(maps) == 1:
        return maps[0]
    xp = array_namespace(next(iter(maps[0].means.values())).total)
    return Maps(
        {
            name: Mean(*(xp.concat([getattr(some.means[name], x) for some in maps]) for x in ("total", "count")))
            for name in maps[0].means
        },
        maps[0].lengths,
    )


def _sum(a: Mean, b: Mean) -> Mean:
    """Shorter offsets end earlier."""
    a, b = _padded(a, 0, b.total.shape[-1] - a.total.shape[-1]), _padded(b, 0, a.total.shape[-1] - b.total.shape[-1])
    return Mean(a.total + b.total, a.count + b.count)


def _padded(mean: Mean, before: int, after: int) -> Mean:
    """`mean` [heads, n] with so many places before and after that nothing counts for."""
    if before <= 0 and after <= 0:
        return mean
    xp = array_namespace(mean.total)
    zeros = [
        xp.zeros((*mean.total.shape[:-1], max(n, 0)), dtype=mean.total.dtype, device=device(mean.total))
        for n in (before, after)
    ]
    return Mean(*(xp.concat([zeros[0], x, zeros[1]], axis=-1) for x in (mean.total, mean.count)))


def cells(lengths: Sequence[int], longest: int) -> npt.NDArray[np.float64]:
    """How much of each of SIZE equal parts of a sequence is its every token: [sequences or 1, SIZE, longest].

    Rows sum to 1. One for all sequences where they are equally long.
    """
    alike = len(set(lengths)) == 1
    return np.stack([_cells(length, longest) for length in (lengths[:1] if alike else lengths)])


@functools.lru_cache(maxsize=256)
def _cells(length: int, longest: int) -> npt.NDArray[np.float64]:
    borders = np.arange(length + 1) * (SIZE / max(length, 1))
    part = np.arange(SIZE)[:, None]
    found = np.zeros((SIZE, longest))
    found[:, :length] = np.clip(np.minimum(borders[1:], part + 1) - np.maximum(borders[:-1], part), 0, None)
    return found
