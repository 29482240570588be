"""Sums of attention along relations, over the blocks of a part: all that `following` needs, and no pair of it."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from array_api_compat import array_namespace, device, to_device

from tb_attnviz.array_types import Array, Float64
from tb_attnviz.geometry.blocks import Block, Part
from tb_attnviz.geometry.following import Followed, OffsetSums, OfSequence, Pairs, columns_of
from tb_attnviz.geometry.maps import SequenceKind
from tb_attnviz.geometry.pair_sums import sheared, zeros


class RelatedSums:
    """Takes the blocks of a part, one after the other, and knows of each relation what `follows` needs.

    relations: of each the pairs of every sequence of the part. `kind`: that of its sequences. `across`: the keys are
    those of other sequences.
    """

    def __init__(
        self, part: Part, relations: Sequence[Sequence[Pairs]], *, kind: SequenceKind | None, across: bool
    ) -> None:
        self._part, self._relations, self._kind, self._across = part, relations, kind, across
        self._choices: list[Array] = []
        self._counted = _finite(part)
        self._apart = self._counted is not None or (part.bias is not None and part.bias.shape[1] > 1)
        self._all = _Sums(part, self._classes(), apart=self._apart)
        self._related = [_Sums(part, self._classes(), apart=self._apart) for _ in relations]

    def add(self, block: Block, inverse: Array) -> None:
        """`inverse` [sequences, heads, rows]: 1 / total, or 0 for a query that sees nothing."""
        xp = array_namespace(inverse)
        attention = block.weights * inverse[..., None]
        inside = self._part.inside(block.queries, block.keys) if block.visible is None else block.visible
        visible = xp.astype(inside, inverse.dtype)
        if self._counted is not None:
            counted = self._counted[..., None, None]
            attention = xp.where(counted, attention, xp.zeros_like(attention))
            visible = visible * xp.astype(counted, visible.dtype)
        classes = [_in_block(self._part, one, block) for one in self._classes()]
        self._choices.append(self._part.choices_of(block))
        self._all.add(block, attention, visible, classes)
        for pairs, sums in zip(self._relations, self._related, strict=True):
            related = self._mask(block, pairs)
            if related is not None:
                sums.add(block, attention * related, visible * related, classes)

    def followed(self) -> list[Followed]:
        """Of each relation, with the heads of the part alone."""
        choices = _numpy(array_namespace(self._choices[0]).concat(self._choices, axis=-1))[..., ::-1]
        return [
            self._followed(pairs, sums, choices) for pairs, sums in zip(self._relations, self._related, strict=True)
        ]

    def _followed(self, relation: Sequence[Pairs], sums: "_Sums", choices: Float64) -> Followed:
        (all_keys, all_seen), (keys, seen) = self._all.by_key(), sums.by_key()
        others = all_seen - seen
        with np.errstate(invalid="ignore", divide="ignore"):
            by_key = np.where(others > 0, (all_keys - keys) / others, keys / seen)
        found = [
            OfSequence(
                pairs=pairs,
                visible=self._visible(n, pairs),
                mass=keys[n].sum(axis=-1),
                by_key=by_key[n],
                lone_keys=others[n] <= 0,
                choices=choices[n],
                kind=self._kind,
                length=self._part.lengths[n],
            )
            for n, pairs in enumerate(relation)
        ]
        grid = self._kind if isinstance(self._kind, tuple) else None
        offsets = OffsetSums(*self._all.by_offset(), *sums.by_offset())
        return Followed(tuple(found), {} if self._across else {grid: offsets}, self._apart)

    def _classes(self) -> list[npt.NDArray[np.bool_] | None]:
        """Of which pairs offsets are summed, each [n_query, n_key]; None: of all."""
        if self._across:
            return []
        if not isinstance(self._kind, tuple):
            return [None]
        columns = columns_of(self._kind, self._part.n_query)
        return [_class(columns[:, None], columns[None], one) for one in (0, 1)]

    def _mask(self, block: Block, relation: Sequence[Pairs]) -> Array | None:
        """1 for the related pairs of a block, [sequences, 1, rows, columns]; None where there is none."""
        own, keys = block.queries, block.keys
        mask = np.zeros((len(relation), 1, own.stop - own.start, keys.stop - keys.start), np.float32)
        for of_sequence, pairs in zip(mask[:, 0], relation, strict=True):
            first, last = np.searchsorted(pairs[:, 0], (own.start, own.stop))
            query, key = pairs[first:last].T
            here = (key >= keys.start) & (key < keys.stop)
            of_sequence[own.stop - 1 - query[here], key[here] - keys.start] = 1
        if not mask.any():
            return None
        like = block.weights
        return array_namespace(like).asarray(mask, dtype=like.dtype, device=device(like))

    def _visible(self, number: int, pairs: Pairs) -> npt.NDArray[np.bool_]:
        """[heads or 1, pairs]: which of `pairs` neither the window nor a bias hides."""
        query, key = pairs.T
        behind, ahead = self._part.window
        seen = np.ones((1, len(pairs)), np.bool_)
        seen &= (behind is None) | (key >= query - (behind or 0))
        seen &= (ahead is None) | (key <= query + (ahead or 0))
        if (bias := self._part.bias) is not None:
            of_one = bias[number if bias.shape[0] > 1 else 0, ...]
            seen = seen & (_numpy(of_one[:, pairs[:, 0].tolist(), pairs[:, 1].tolist()]) > -np.inf)
        return seen if self._counted is None else seen & (_numpy(self._counted[number, :, None]) > 0)


class _Sums:
    """Attention and visible pairs of a part by key, and by class and offset. `apart`: heads differ in their pairs."""

    def __init__(self, part: Part, classes: Sequence[object], *, apart: bool) -> None:
        self._part = part
        heads = part.queries.shape[1]
        seeing = heads if apart else 1
        shape, offsets = (len(part.lengths), part.n_key), part.n_query + part.n_key - 1
        self._by_key = [zeros(part, (shape[0], count, shape[1])) for count in (heads, seeing)]
        self._by_offset = [zeros(part, (len(classes), count, offsets)) for count in (heads, seeing)]

    def add(self, block: Block, attention: Array, visible: Array, classes: Sequence[Array | None]) -> None:
        xp = array_namespace(attention)
        rows, columns = attention.shape[-2:]
        first = block.keys.start - block.queries.stop + self._part.n_query
        here = slice(first, first + rows + columns - 1)
        for number, of_what in enumerate((attention, visible)):
            self._by_key[number][..., block.keys] += xp.sum(of_what, axis=-2)
            for index, of_class in enumerate(classes):
                of_one = xp.sum(of_what if of_class is None else of_what * of_class, axis=0)
                self._by_offset[number][index, :, here] += xp.sum(sheared(of_one), axis=-2)

    def by_key(self) -> tuple[Float64, Float64]:
        """[sequences, heads, n_key] attention, [sequences, heads or 1, n_key] pairs."""
        return _numpy(self._by_key[0]), _numpy(self._by_key[1])

    def by_offset(self) -> tuple[Float64, Float64]:
        """[classes, heads (or 1), 2 · width - 1], width the larger of the two."""
        return _numpy(self._by_offset[0]), _numpy(self._by_offset[1])


def _finite(part: Part) -> Array | None:
    """[sequences, heads]: which have no NaN, and nothing infinite, among their queries and keys; None: all."""
    xp = array_namespace(part.queries)
    queries, keys = (xp.all(xp.isfinite(x), axis=(-2, -1)) for x in (part.queries, part.keys))
    found = queries & xp.repeat(keys, queries.shape[1] // keys.shape[1], axis=1)
    return None if bool(xp.all(found)) else found


def _class(own: Float64, other: Float64, which: int) -> npt.NDArray[np.bool_]:
    with np.errstate(invalid="ignore"):
        return np.asarray(other >= own if which == 0 else other < own)


def _in_block(part: Part, of_class: npt.NDArray[np.bool_] | None, block: Block) -> Array | None:
    if of_class is None:
        return None
    here = np.flip(of_class[block.queries, block.keys], axis=0).astype(np.float32)
    like = part.queries
    return array_namespace(like).asarray(here, dtype=like.dtype, device=device(like))


def _numpy(x: Array) -> Float64:
    return np.asarray(to_device(x, "cpu"), np.float64)
