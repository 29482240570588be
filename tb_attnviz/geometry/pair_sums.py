"""Sums of attention over the pairs of a part: by offset, by equal parts of the sequences, by shift on a grid."""

from typing import Any

from array_api_compat import array_namespace, device

from tb_attnviz.array_types import Array
from tb_attnviz.geometry.blocks import Block, Part, unrolled
from tb_attnviz.geometry.maps import SIZE, Maps, Mean, SequenceKind, cells


class Offsets:
    """Sums by offset = key - query.

    `total` [sequences, heads, offsets], from 1 - n_query on: Σ_i A_{i,i+offset}. `pairs`, [sequences, heads or 1,
    offsets]: how many of them are visible.
    """

    def __init__(self, part: Part) -> None:
        self._part = part
        self.total = zeros(part, (*part.queries.shape[:2], part.n_query + part.n_key - 1))
        heads = None if part.bias is None else part.bias.shape[1]
        self.pairs = _pairs(part) if heads is None else zeros(part, (len(part.lengths), heads, self.total.shape[-1]))

    def add(self, block: Block, inverse: Array) -> None:
        """`inverse` [sequences, heads, rows]: 1 / total, or 0 for a query that sees nothing."""
        rows, columns = block.weights.shape[-2:]
        first = block.keys.start - block.queries.stop + self._part.n_query
        here = slice(first, first + rows + columns - 1)
        self.total[..., here] += (inverse[..., None, :] @ block.sheared)[..., 0, :]
        if block.visible is not None:
            xp = array_namespace(inverse)
            self.pairs[..., here] += xp.sum(sheared(xp.astype(block.visible, inverse.dtype)), axis=-2)

    def at(self, offset: int) -> Array:
        """The mean over the visible pairs, [sequences, heads]; NaN where there is none."""
        xp = array_namespace(self.total)
        index = offset + self._part.n_query - 1
        if not 0 <= index < self.total.shape[-1]:
            return xp.full_like(self.total[..., 0], xp.nan)
        pairs = xp.broadcast_to(self.pairs[..., index], self.total.shape[:-1])
        mean = self.total[..., index] / xp.where(pairs > 0, pairs, xp.ones_like(pairs))
        return xp.where(pairs > 0, mean, xp.nan)

    def distance(self, queries: Array) -> Array:
        """Mean of Σ_j A_ij |i-j|, [sequences, heads], over the queries that see a key: as many as `queries` says."""
        xp = array_namespace(self.total)
        offset = xp.arange(1 - self._part.n_query, self._part.n_key, device=device(self.total))
        far = self.total @ xp.astype(xp.abs(offset), self.total.dtype)  # (sequences, heads)
        return xp.where(queries > 0, far / xp.where(queries > 0, queries, xp.ones_like(queries)), xp.nan)

    def mean(self) -> Mean:
        """Over sequences; of causal attention up to offset 0."""
        xp = array_namespace(self.total)
        by_sequence = self.total / xp.where(self.pairs > 0, self.pairs, xp.ones_like(self.pairs))
        mean = _over_sequences(by_sequence, self.pairs > 0)
        end = self._part.n_query if self._part.window[1] == 0 else None
        return Mean(mean.total[:, :end], mean.count[:, :end])


class Places:
    """Sums by place in the sequence: the first tokens, and equal parts of the whole."""

    def __init__(self, part: Part) -> None:
        xp = array_namespace(part.queries)
        self._part = part
        # (sequences or 1, SIZE, n_query): how much of each part of its sequence is a query, the last query first
        self._cells = xp.flip(_as(part, cells(part.lengths, part.n_query)), axis=-1)
        self._by_cell = zeros(part, (*part.queries.shape[:2], SIZE, part.n_key))
        self._first = zeros(part, (*part.queries.shape[:2], SIZE, SIZE))

    def add(self, block: Block, inverse: Array) -> None:
        part, own, keys = self._part, block.queries, block.keys
        lengths = [n for n in part.lengths if n]
        touched = slice(min(own.start * SIZE // n for n in lengths), max(-(-own.stop * SIZE // n) for n in lengths))
        shares = self._cells[:, None, touched, part.backwards(own)] * inverse[..., None, :]
        self._by_cell[..., touched, keys] += shares @ block.weights  # (sequences, heads, cells, columns)
        rows, columns = (min(side.stop, SIZE) - side.start for side in (own, keys))
        if rows > 0 and columns > 0:
            found = block.weights[..., -rows:, :columns] * inverse[..., -rows:, None]
            found = array_namespace(found).flip(found, axis=-2)
            self._first[..., own.start : own.start + rows, keys.start : keys.start + columns] = found

    def means(self) -> dict[str, Mean]:
        part, xp = self._part, array_namespace(self._first)
        own, others = (x[:, None, None] for x in part.ends())  # (sequences, 1, 1)
        onto = _as(part, cells(part.key_lengths, part.n_key))  # (sequences or 1, SIZE, n_key)
        onto = onto * _as(part, part.key_lengths)[: onto.shape[0], None, None] / SIZE  # what there is of a key is 1
        pooled = self._by_cell @ xp.matrix_transpose(onto)[:, None, ...]  # (sequences, heads, SIZE, SIZE)
        place = xp.arange(SIZE, device=device(own))
        reached = (place[:, None] < own) & (place < others)  # (sequences, SIZE, SIZE)
        return {
            "first": _over_sequences(self._first, reached[:, None, ...]),
            "pooled": _over_sequences(pooled, ((own > 0) & (others > 0))[:, None, ...]),
        }

    def received(self, grid: tuple[int, int]) -> Mean:
        """The mean attention on the patches of images, the last keys."""
        xp = array_namespace(self._by_cell)
        by_key = xp.mean(self._by_cell, axis=-2)[..., -grid[0] * grid[1] :]  # (sequences, heads, patches)
        by_patch = xp.reshape(by_key, (*by_key.shape[:2], *grid))
        return _over_sequences(by_patch, xp.isfinite(by_patch) | xp.isnan(by_patch))


class Shifts:
    """Sums by how far a key lies below and to the right of its query, on a grid of the last tokens."""

    def __init__(self, part: Part, grid: tuple[int, int]) -> None:
        self._part, self._grid = part, grid
        sequences, heads = part.queries.shape[:2]
        shape = (2 * grid[0] - 1, 2 * grid[1] - 1)
        self._total = zeros(part, (sequences, heads, *shape))
        self._pairs = zeros(part, (sequences, 1 if part.bias is None else part.bias.shape[1], *shape))

    def add(self, block: Block, inverse: Array) -> None:
        """A query at a time: its attention on the grid, moved so that the query lies in the middle."""
        xp = array_namespace(inverse)
        rows, columns = self._grid
        special = self._part.n_query - rows * columns  # tokens before the patches
        inside = self._part.inside(block.queries, block.keys) if block.visible is None else block.visible
        visible = xp.astype(inside, inverse.dtype)
        for row in range(block.queries.stop - max(block.queries.start, special)):
            r, c = divmod(block.queries.stop - 1 - row - special, columns)
            there = (..., slice(rows - 1 - r, 2 * rows - 1 - r), slice(columns - 1 - c, 2 * columns - 1 - c))
            self._total[there] += self._on_grid(block.weights[..., row, :] * inverse[..., row, None], block.keys)
            self._pairs[there] += self._on_grid(visible[..., row, :], block.keys)

    def mean(self) -> Mean:
        xp = array_namespace(self._total)
        by_sequence = self._total / xp.where(self._pairs > 0, self._pairs, xp.ones_like(self._pairs))
        return _over_sequences(by_sequence, self._pairs > 0)

    def _on_grid(self, row: Array, keys: slice) -> Array:
        """row [sequences, heads or 1, keys] as [sequences, heads or 1, rows, columns]."""
        if keys != slice(0, self._part.n_key):
            whole = zeros(self._part, (*row.shape[:2], self._part.n_key))
            whole[..., keys] = row
            row = whole
        patches = row[..., -self._grid[0] * self._grid[1] :]
        return array_namespace(row).reshape(patches, (*row.shape[:2], *self._grid))


class PairSums:
    """All that is wanted of a part whose sequences are of one `kind`: its blocks are added one after the other.

    `kind`: None where no maps are wanted. `across`: the keys are those of other sequences, which have no offset.
    """

    def __init__(self, part: Part, *, kind: SequenceKind | None, across: bool) -> None:
        self._kind, self._lengths = kind, (part.n_query, part.n_key)
        self.offsets = None if across else Offsets(part)
        self._places = None if kind is None else Places(part)
        self._shifts = Shifts(part, kind) if isinstance(kind, tuple) and not across else None

    def add(self, block: Block, inverse: Array) -> None:
        for sums in (self.offsets, self._places, self._shifts):
            if sums is not None:
                sums.add(block, inverse)

    def maps(self) -> Maps:
        assert self._places is not None
        means = self._places.means()
        if isinstance(self._kind, tuple):
            means["received"] = self._places.received(self._kind)
        offsets = self._shifts if isinstance(self._kind, tuple) else self.offsets
        if offsets is not None:
            means["offsets"] = offsets.mean()
        return Maps(means, self._lengths)


def _pairs(part: Part) -> Array:
    """[sequences, 1, offsets]: how many pairs each offset has that neither the window nor padding hides."""
    xp = array_namespace(part.queries)
    own, others = (x[:, None] for x in part.ends())  # (sequences, 1)
    offset = xp.arange(1 - part.n_query, part.n_key, device=device(own))
    behind, ahead = part.window
    inside = (offset >= -(part.n_query if behind is None else behind)) & (
        offset <= (part.n_key if ahead is None else ahead)
    )
    first = xp.where(offset < 0, -offset, xp.zeros_like(offset))  # query
    last = xp.where(others - offset < own, others - offset, own)
    count = xp.where((last > first) & inside, last - first, xp.zeros_like(last))
    return xp.astype(count, part.queries.dtype)[:, None, :]


def sheared(pairs: Array) -> Array:
    """[..., rows, columns] as [..., rows, rows + columns - 1]: row i moved right by i, with zeros around it.

    The sum of a column then is that of an anti-diagonal.
    """
    xp = array_namespace(pairs)
    (*batch, rows, _) = pairs.shape
    zeros = xp.zeros((*batch, rows, rows), dtype=pairs.dtype, device=device(pairs))
    return unrolled(xp.concat([pairs, zeros], axis=-1))


def _over_sequences(values: Array, counted: Array) -> Mean:
    """Of the sequences where there is such a thing: values [sequences, heads, …]; `counted` broadcasts to it."""
    xp = array_namespace(values)
    total = xp.sum(xp.where(counted, values, xp.zeros_like(values[:1, ...])), axis=0)
    count = xp.sum(xp.broadcast_to(xp.astype(counted, values.dtype), (values.shape[0], *counted.shape[1:])), axis=0)
    return Mean(total, xp.broadcast_to(count, total.shape))


def zeros(part: Part, shape: tuple[int, ...]) -> Array:
    """Of this shape, in the library and type of the queries of `part`, and on their device."""
    like = part.queries
    return array_namespace(like).zeros(shape, dtype=like.dtype, device=device(like))


def _as(part: Part, values: Any) -> Array:
    like = part.queries
    return array_namespace(like).asarray(values, dtype=like.dtype, device=device(like))
