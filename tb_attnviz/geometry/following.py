"""Following: whether a head attends along pairs that one knows of, more than one that goes by positions alone would.

Of a relation, a set R of pairs (query i, key j), let P be its visible pairs and Q the queries in them. A head gives
them m = 1/Q Σ_P A_ij of its attention. Without knowing of R it would give the pair (i, j) the largest of

    b(j - i)   its mean attention on pairs of the same offset (on an image: of the same shift of rows and columns)
    c(j)       its mean attention on the same key from other queries, which is large for a key that it rests on
    1 / n_i    what a head gives that attends to all n_i keys alike

b and c are over visible pairs that are not in R, b over all sequences together; where there is none, over those in R:
such a pair tells nothing. With e = 1/Q Σ_P of these,

    follows = (m - e) / (1 - e)

is 1 for a head that attends along R alone, and at most about 0 for one that goes by positions: the largest of three
estimates is over each, the more so the more keys of a query are related. NaN where no pair is visible, no visible one
has others to be set against, or e is over 0.95. Across two sequences, and from or to a
token without a place on its image, there is no offset: b is 0. Sequences of which a head has queries or keys that are
not finite are left out for that head, as of all figures.
"""

import dataclasses
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from tb_attnviz.array_types import Float64
from tb_attnviz.geometry.maps import SequenceKind

Pairs = npt.NDArray[np.int64]
"""[pairs, 2]: query and key by their positions in a sequence, each pair once, by query."""

_ROOM = 0.05  # 1 - e, under which there is nothing to exceed
_AT_ONCE = 2**20  # heads × pairs


@dataclasses.dataclass(frozen=True)
class OfSequence:
    """A relation in one sequence; heads are 1 where all see the same pairs."""

    pairs: Pairs
    visible: npt.NDArray[np.bool_]  # [heads or 1, pairs]
    mass: Float64  # [heads]: attention on all related pairs
    by_key: Float64  # [heads, n_key]: c; NaN where no pair is visible
    lone_keys: npt.NDArray[np.bool_]  # [heads or 1, n_key]: seen by related queries alone
    choices: Float64  # [heads or 1, n_query]: how many keys each query sees
    kind: SequenceKind | None  # a tuple: its grid
    length: int


@dataclasses.dataclass(frozen=True)
class Followed:
    """What a survey knows of one relation; `offsets`: of all sequences, by the grid that they have, None for texts."""

    sequences: tuple[OfSequence, ...]
    offsets: dict[SequenceKind | None, "OffsetSums"]
    apart: bool = False  # whether heads differ in the pairs that they see, or that count


@dataclasses.dataclass(frozen=True)
class OffsetSums:
    """[classes, heads (or 1), 2 · width - 1] by offset from 1 - width on: attention and visible pairs, all and related.

    On a grid the classes are the pairs whose key lies in the query's column or right of it, and the others: an offset
    and a class are one shift.
    """

    total: Float64
    pairs: Float64
    related: Float64
    related_pairs: Float64

    def plus(self, other: "OffsetSums") -> "OffsetSums":
        mine, its = dataclasses.astuple(self), dataclasses.astuple(other)
        return OffsetSums(*(_added(a, b) for a, b in zip(mine, its, strict=True)))


def joined_heads(parts: Sequence[Followed]) -> Followed:
    """Of the same sequences, with all heads."""
    heads = [part.sequences[0].mass.shape[0] for part in parts]
    apart = any(part.apart for part in parts)
    names = ("mass", "by_key", *(("visible", "lone_keys", "choices") if apart else ()))
    together = [
        dataclasses.replace(same[0], **{name: _of_heads([getattr(one, name) for one in same], heads) for name in names})
        for same in zip(*(part.sequences for part in parts), strict=True)
    ]
    names = ("total", "related", *(("pairs", "related_pairs") if apart else ()))
    offsets = {}
    for kind, first in parts[0].offsets.items():
        sums = [part.offsets[kind] for part in parts]
        joined = {name: _of_heads([getattr(one, name) for one in sums], heads, axis=1) for name in names}
        offsets[kind] = dataclasses.replace(first, **joined)
    return Followed(tuple(together), offsets, apart)


def joined_sequences(parts: Sequence[Followed]) -> Followed:
    """Of the same heads, with all sequences."""
    offsets: dict[SequenceKind | None, OffsetSums] = {}
    for part in parts:
        for kind, sums in part.offsets.items():
            offsets[kind] = offsets[kind].plus(sums) if kind in offsets else sums
    return Followed(tuple(one for part in parts for one in part.sequences), offsets)


def follows(found: Sequence[Followed]) -> Float64:
    """The figure of each head, [heads], from the surveys of all sequences."""
    seen = joined_sequences(found)
    (heads,) = seen.sequences[0].mass.shape
    mass, expected, queries, telling = np.zeros((4, heads))
    by_offset = {kind: _unrelated(sums) for kind, sums in seen.offsets.items()}
    for one in seen.sequences:
        mass += one.mass
        step = max(_AT_ONCE // heads, 1)
        for first in range(0, len(one.pairs), step):
            some = slice(first, first + step)
            share, tells = _expected(one, some, by_offset)
            expected += np.where(one.visible[:, some], share, 0).sum(axis=-1)
            telling += (one.visible[:, some] & tells).sum(axis=-1)
        if len(one.pairs):
            starts = np.flatnonzero(np.diff(one.pairs[:, 0], prepend=-1))
            queries += (np.add.reduceat(one.visible, starts, axis=-1, dtype=np.int64) > 0).sum(axis=-1)
    with np.errstate(invalid="ignore", divide="ignore"):
        m, e = mass / queries, expected / queries
        return np.where((telling > 0) & (1 - e > _ROOM), (m - e) / (1 - e), np.nan)


def _expected(
    one: OfSequence, some: slice, by_offset: dict[SequenceKind | None, tuple[Float64, npt.NDArray[np.bool_]]]
) -> tuple[Float64, npt.NDArray[np.bool_]]:
    """What each pair has of a head that goes by positions, and whether there are others to say so, [heads, pairs]."""
    query, key = one.pairs[some].T
    with np.errstate(invalid="ignore", divide="ignore"):
        share = np.fmax(one.by_key[:, key], 1 / one.choices[:, query])
    tells = ~np.broadcast_to(one.lone_keys, one.by_key.shape)[:, key]
    grid = one.kind if isinstance(one.kind, tuple) else None
    if grid in by_offset:
        at_offset, lone = by_offset[grid]
        index = key - query + at_offset.shape[-1] // 2
        which = np.zeros_like(key) if grid is None else _class_of(grid, one.length, query, key)
        placed = which >= 0
        share = np.where(placed, np.fmax(share, at_offset[which, :, index].T), share)
        tells &= ~(placed & np.broadcast_to(lone, at_offset.shape)[which, :, index].T)
    return share, tells


def _of_heads(parts: Sequence[npt.NDArray[Any]], heads: Sequence[int], axis: int = 0) -> npt.NDArray[Any]:
    """One behind the other, of so many heads each: of one where they have it in common."""
    return np.concatenate(
        [x if x.shape[axis] == n else np.repeat(x, n, axis) for x, n in zip(parts, heads, strict=True)], axis
    )


def _unrelated(sums: OffsetSums) -> tuple[Float64, npt.NDArray[np.bool_]]:
    """b, and where there are no pairs but related ones, [classes, heads (or 1), offsets]."""
    others = sums.pairs - sums.related_pairs
    with np.errstate(invalid="ignore", divide="ignore"):
        mean = np.where(others > 0, (sums.total - sums.related) / others, sums.related / sums.related_pairs)
    return mean, others <= 0


def _added(a: Float64, b: Float64) -> Float64:
    """The sum of two with offset 0 in the middle."""
    short, long = sorted((a, b), key=lambda x: x.shape[-1])
    margin = (long.shape[-1] - short.shape[-1]) // 2
    return long + np.pad(short, [(0, 0), (0, 0), (margin, margin)])


def columns_of(grid: tuple[int, int], length: int) -> Float64:
    """[length]: the column of each token on its grid, the patches last; NaN for those before them."""
    patches = np.tile(np.arange(grid[1], dtype=np.float64), grid[0])
    return np.concatenate([np.full(length - len(patches), np.nan), patches])


def _class_of(grid: tuple[int, int], length: int, query: Pairs, key: Pairs) -> Pairs:
    """The class of each pair; -1 where one of the two has no place."""
    columns = columns_of(grid, length)
    own, other = columns[query], columns[key]
    return np.where(np.isnan(own + other), -1, np.where(other >= own, 0, 1))
