"""Attention a block of queries at a time: no array of all pairs is ever held (Rabe and Staats 2021, arXiv 2112.05682).

Only what a window leaves visible is computed: the keys of a block begin with the first and end with the last one that
any of its queries sees. What is left to hide in it are its edges, padding, and what a bias of -inf hides.
"""

import dataclasses
import functools
import math
from collections.abc import Iterator, Sequence
from typing import Any

from array_api_compat import array_namespace, device

from tb_attnviz.array_types import Array
from tb_attnviz.geometry.attention import logits as scaled_dot_products

Window = tuple[int | None, int | None]  # how many tokens before and after its own a query sees; None: all

BLOCK = 2**20  # pairs at once: 4 MB in float32
_ROWS, _FEWEST_ROWS = 128, 16  # queries of a block
_MOST_PADDED = 1.5  # pairs of sequences of one part, padding and all, over those that there are
_FEW_PAIRS = 8  # but for parts of so much less than a block: each part has a price, too
# Powers of 2 are what processors are quickest at. Smaller ones are no normal float32, which take up to 14 times longer;
# beside the 1 of the largest logit of its row they are nothing.
LOG_2 = math.log(2)
_FLOOR = -125.0
_LEVEL = 20.0  # logits of at most so much (to base 2) are not made less by the largest of their row


@dataclasses.dataclass(frozen=True)
class Block:
    """Some queries, the last one first, and the keys that they may see; A_ij = weights_ij / total_i."""

    queries: slice
    keys: slice
    logs: Array  # [sequences, heads, rows, columns]: logit to base 2, less a number of its row, not below -125
    spaced: Array  # [sequences, heads, rows, columns + rows]: the weights, and zeros behind each row
    largest: Array  # [sequences, heads, rows]: the largest logit
    own_total: Array  # [sequences, heads, rows]: the sum of weights
    total: Array  # [sequences, heads, rows]: the same, and the sink's
    visible: Array | None  # [sequences, heads or 1, rows, columns], where a bias hides pairs

    @property
    def weights(self) -> Array:
        """[sequences, heads, rows, columns]: 2 ** logs; nothing beside the others where hidden."""
        return self.spaced[..., : self.logs.shape[-1]]

    @property
    def sheared(self) -> Array:
        """[sequences, heads, rows, rows + columns - 1]: the weights of row i moved right by i, with zeros around them.

        The sum of a column then is that of an anti-diagonal.
        """
        return unrolled(self.spaced)


@dataclasses.dataclass(frozen=True)
class Part:
    """Some sequences and heads of a layer, in blocks of `rows` queries.

    `there` takes its sequences of an array. Arrays end with the last token of the longest of them; padding is finite.
    Queries come the last one first, so that the pairs of one offset lie along anti-diagonals.
    """

    sequences: tuple[int, ...]
    there: Any  # a slice, or their indices as an array
    heads: slice
    queries: Array  # [sequences, heads, n_query, d]
    keys: Array  # [sequences, kv_heads, n_key, d]
    lengths: tuple[int, ...]
    key_lengths: tuple[int, ...]
    scale: float
    window: Window
    softcap: float | None
    bias: Array | None  # [sequences or 1, heads or 1, n_query, n_key], in the order of the tokens
    sinks: Array | None  # [heads]
    rows: int
    bounded: bool  # no product of a query with a key, padding included, comes near the largest number
    level: bool  # no logit is beyond _LEVEL

    @property
    def n_query(self) -> int:
        return int(self.queries.shape[-2])

    @property
    def n_key(self) -> int:
        return int(self.keys.shape[-2])

    def blocks(self) -> Iterator[Block]:
        """From the last queries to the first ones, all of them."""
        behind, ahead = self.window
        for end in range(self.n_query, 0, -self.rows):
            first = max(end - self.rows, 0)
            last_key = self.n_key if ahead is None else max(min(end + ahead, self.n_key), 1)
            first_key = 0 if behind is None else min(max(first - behind, 0), last_key - 1)
            yield self._block(slice(first, end), slice(first_key, last_key))

    def backwards(self, queries: slice) -> slice:
        """Where `queries` are in an array that has the last one first."""
        return slice(self.n_query - queries.stop, self.n_query - queries.start)

    def positions(self) -> Array:
        """[n_query], the last one first."""
        return array_namespace(self.queries).arange(self.n_query - 1, -1, -1, device=device(self.queries))

    def ends(self) -> tuple[Array, Array]:
        """The lengths of queries and keys, [sequences]."""
        xp = array_namespace(self.queries)
        own, others = (xp.asarray(x, device=device(self.queries)) for x in (self.lengths, self.key_lengths))
        return own, others

    def choices_of(self, block: Block) -> Array:
        """How many keys each query of a block sees, [sequences, heads or 1, rows]."""
        if block.visible is None:
            return self._choices[..., self.backwards(block.queries)]
        xp = array_namespace(block.weights)
        return xp.sum(xp.astype(block.visible, block.weights.dtype), axis=-1)

    @functools.cached_property
    def _choices(self) -> Array:
        """[sequences, 1, n_query], the last one first, where no bias hides any."""
        xp = array_namespace(self.queries)
        positions, (behind, ahead), (own, others) = self.positions(), self.window, self.ends()
        first, last = xp.zeros_like(positions), xp.broadcast_to(others[:, None], (len(others), len(positions)))
        if behind is not None:
            first = xp.where(positions > behind, positions - behind, first)
        if ahead is not None:
            last = xp.where(positions + ahead + 1 < last, positions + ahead + 1, last)
        count = xp.where((last > first) & (positions < own[:, None]), last - first, xp.zeros_like(last))
        return xp.astype(count, self.queries.dtype)[:, None, :]

    def inside(self, own: slice, columns: slice) -> Array:
        """Which pairs neither the window nor padding hides, [sequences, 1, rows, columns], the last query first."""
        xp = array_namespace(self.queries)
        positions = xp.arange(own.stop - 1, own.start - 1, -1, device=device(self.queries))[:, None]  # (rows, 1)
        keys = xp.arange(columns.start, columns.stop, device=device(self.queries))  # (columns,)
        ends, key_ends = (x[:, None, None, None] for x in self.ends())  # (sequences, 1, 1, 1)
        behind, ahead = self.window
        visible = (positions < ends) & (keys < key_ends)
        visible = visible if behind is None else visible & (keys >= positions - behind)
        return visible if ahead is None else visible & (keys <= positions + ahead)

    def _block(self, own: slice, columns: slice) -> Block:
        xp = array_namespace(self.queries)
        where = device(self.queries)
        logits = self._products(own, columns)  # (sequences, heads, rows, columns)
        # finite: its weight of 0 times it is 0
        hidden = _FLOOR + 2 * _LEVEL if self.level else float(-xp.finfo(logits.dtype).max / 4)
        visible = None
        if self.bias is not None:
            bias = xp.flip(self.bias[..., own, columns], axis=-2)
            visible = bias > -xp.inf
            logits = xp.where(visible, logits + bias / LOG_2, hidden)
            visible = visible & self.inside(own, columns)
        self._hide(logits, own, columns, hidden)
        shortest = max(min(self.key_lengths) - columns.start, 0)
        if shortest < logits.shape[-1]:
            keys = xp.arange(columns.start + shortest, columns.stop, device=where)
            present = keys < self.ends()[1][:, None, None, None]  # (sequences, 1, 1, …)
            self._show(logits, slice(shortest, None), present, hidden)
        largest = xp.max(logits, axis=-1)
        sinks = None if self.sinks is None else self.sinks[:, None] / LOG_2
        ceiling = largest if sinks is None else xp.maximum(largest, sinks)
        if not self.level:
            logits -= ceiling[..., None]
            logits = xp.maximum(logits, xp.asarray(_FLOOR, dtype=logits.dtype, device=where))
        (*batch, rows, count) = logits.shape
        spaced = xp.empty((*batch, rows, count + rows), dtype=logits.dtype, device=where)
        spaced[..., count:] = 0
        own_total = xp.sum(xp.exp2(logits, out=spaced[..., :count]), axis=-1)
        total = own_total if sinks is None else own_total + xp.exp2(sinks - ceiling)
        return Block(own, columns, logits, spaced, largest * LOG_2, own_total, total, visible)

    def _products(self, own: slice, columns: slice) -> Array:
        """The logits to base 2, but for the bias, [sequences, heads, rows, columns]; shared keys are read once."""
        xp = array_namespace(self.queries)
        queries = self.queries[..., self.backwards(own), :]
        sequences, heads, rows, d = queries.shape
        grouped = xp.reshape(queries, (sequences, self.keys.shape[1], -1, d))
        keys = self.keys[..., columns, :]
        if self.softcap is None:
            products = scaled_dot_products(grouped, keys, scale=self.scale / LOG_2)
        else:
            products = scaled_dot_products(grouped, keys, scale=self.scale, softcap=self.softcap) / LOG_2
        return xp.reshape(products, (sequences, heads, rows, -1))

    def _hide(self, logits: Array, own: slice, columns: slice, hidden: float) -> None:
        """Write over the logits of pairs outside the window: only the columns where there are any."""
        xp = array_namespace(logits)
        (behind, ahead), where = self.window, device(logits)
        positions = xp.arange(own.stop - 1, own.start - 1, -1, device=where)[:, None]  # (rows, 1)
        if ahead is not None and own.start + ahead + 1 < columns.stop:
            late = max(own.start + ahead + 1 - columns.start, 0)
            seen = xp.arange(columns.start + late, columns.stop, device=where) <= positions + ahead  # (rows, …)
            self._show(logits, slice(late, None), seen, hidden)
        if behind is not None and own.stop - 1 - behind > columns.start:
            early = min(own.stop - 1 - behind, columns.stop)
            seen = xp.arange(columns.start, early, device=where) >= positions - behind  # (rows, …)
            self._show(logits, slice(None, early - columns.start), seen, hidden)

    def _show(self, logits: Array, columns: slice, seen: Array, hidden: float) -> None:
        """Write over the logits of some columns where they are not `seen`."""
        xp = array_namespace(logits)
        if self.bounded:  # in place, and some times as fast
            logits[..., columns] += xp.astype(~seen, logits.dtype) * hidden
        else:
            logits[..., columns] = xp.where(seen, logits[..., columns], hidden)


def parts(
    queries: Array,
    keys: Array,
    *,
    scale: float,
    window: Window,
    lengths: Sequence[int],
    key_lengths: Sequence[int],
    softcap: float | None = None,
    bias: Array | None = None,
    sinks: Array | None = None,
    apart: Sequence[object] = (),
    largest: float = math.inf,
    block: int = BLOCK,
) -> Iterator[Part]:
    """A layer's attention in parts whose blocks have about `block` pairs; arguments as of `survey`.

    `apart`: a value a sequence; sequences of one part have the same. `largest`: no product of a query with a key,
    padding included, is larger in size. Empty sequences are in no part.
    """
    bounded = largest < array_namespace(queries).finfo(queries.dtype).max / 8
    level = largest <= _LEVEL * LOG_2 and bias is None and sinks is None
    kv_heads, group = keys.shape[1], queries.shape[1] // keys.shape[1]
    for some in _together(lengths, key_lengths, apart, block // (kv_heads * group)):
        own_lengths, others = tuple(lengths[one] for one in some), tuple(key_lengths[one] for one in some)
        n_query, n_key = max(own_lengths), max(others)
        there = _index(some, queries)
        of_queries, of_keys = queries[there, :, :n_query, :], keys[there, :, :n_key, :]
        of_bias = bias if bias is None or bias.shape[0] == 1 else bias[there, ...]
        rows = min(max(min(block // (group * n_key), _ROWS), _FEWEST_ROWS), n_query)
        step = max(block // (len(some) * group * rows * n_key), 1)  # heads of keys at a time
        for first in range(0, kv_heads, step):
            shared = slice(first, min(first + step, kv_heads))
            heads = slice(shared.start * group, shared.stop * group)
            own, of_heads = of_queries[:, heads, ...], of_keys[:, shared, ...]
            if not bounded:
                own, of_heads = _without_padding(own, own_lengths), _without_padding(of_heads, others)
            yield Part(
                tuple(some),
                there,
                heads,
                array_namespace(own).flip(own, axis=-2),
                _columnwise(of_heads),
                own_lengths,
                others,
                scale,
                window,
                softcap,
                bias=None if of_bias is None else _of_heads(of_bias, heads)[..., :n_query, :n_key],
                sinks=None if sinks is None else sinks[heads],
                rows=rows,
                bounded=bounded,
                level=level,
            )


def _together(
    lengths: Sequence[int], key_lengths: Sequence[int], apart: Sequence[object], block: int
) -> Iterator[list[int]]:
    """Sequences whose blocks have at most `block` pairs together, and at least one; those of about one length."""
    kinds = {kind: number for number, kind in enumerate(dict.fromkeys(apart))}
    some: list[int] = []
    pairs = longest = 0  # of `some`, without padding; their most keys
    for one in sorted(range(len(lengths)), key=lambda i: (kinds[apart[i]] if apart else 0, lengths[i], key_lengths[i])):
        if not lengths[one] or not key_lengths[one]:
            continue
        n_key = max(key_lengths[one], longest)
        padded = (len(some) + 1) * lengths[one] * n_key
        pairs += lengths[one] * key_lengths[one]
        too_many = (len(some) + 1) * min(lengths[one], _ROWS) * n_key > block
        if some and (
            too_many
            or (apart and apart[one] != apart[some[0]])
            or padded > max(_MOST_PADDED * pairs, block // _FEW_PAIRS)
        ):
            yield some
            some, pairs, n_key = [], lengths[one] * key_lengths[one], key_lengths[one]
        some, longest = [*some, one], n_key
    if some:
        yield some


def unrolled(spaced: Array) -> Array:
    """[..., rows, columns + rows] with zeros behind each row, as [..., rows, columns + rows - 1]: row i moved by i."""
    (*batch, rows, width) = spaced.shape
    xp = array_namespace(spaced)
    flat = xp.reshape(spaced, (*batch, rows * width))
    return xp.reshape(flat[..., : rows * (width - 1)], (*batch, rows, width - 1))


def _columnwise(keys: Array) -> Array:
    """`keys` [..., n, d] laid out as products with them are quickest: all numbers of one component together."""
    xp = array_namespace(keys)
    turned = xp.matrix_transpose(keys)
    found = xp.empty(turned.shape, dtype=keys.dtype, device=device(keys))
    found[...] = turned
    return xp.matrix_transpose(found)


def _index(some: Sequence[int], like: Array) -> Any:
    """What takes `some` of the first axis of arrays, without a copy where they follow one another."""
    if list(some) == [*range(some[0], some[0] + len(some))]:
        return slice(some[0], some[0] + len(some))
    return array_namespace(like).asarray(some, device=device(like))


def _of_heads(bias: Array, heads: slice) -> Array:
    """`bias` [sequences or 1, heads or 1, …] of some heads."""
    return bias if bias.shape[1] == 1 else bias[:, heads, ...]


def _without_padding(x: Array, lengths: Sequence[int]) -> Array:
    """x [sequences, heads, longest, d] with zeros where a sequence has ended: what is there may not be finite."""
    if min(lengths) == x.shape[-2]:
        return x
    xp = array_namespace(x)
    ends = xp.asarray(lengths, device=device(x))[:, None, None, None]
    present = xp.arange(x.shape[-2], device=device(x))[:, None] < ends  # (sequences, 1, longest, 1)
    return xp.where(present, x, xp.zeros_like(x))
