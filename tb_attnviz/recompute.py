"""Attention on the probe's sequences, and what follows from it for each point, recomputed from samples."""

import dataclasses
from collections.abc import Iterator, Sequence
from typing import Literal, cast

import numpy as np
import numpy.typing as npt

from tb_attnviz import geometry
from tb_attnviz.array_types import Bool, Float32
from tb_attnviz.events import Layer, Lengths, Samples

Indices = npt.NDArray[np.int64]
Weight = Literal["values"]

_BLOCK = 2**20  # weights that are computed at once: 4 MB
_OF_POINTS_ALONE = ("norm", "value_norm")  # figures that need no attention
_MOST_WEIGHTS = 2**29  # of one head that are held: 2 GB
_MOST_OF_HEADS = 2**31  # of all heads of a layer


class TooLargeError(ValueError):
    """What is asked for would not fit into memory; the message says what to ask for instead."""


@dataclasses.dataclass(frozen=True)
class Part:
    """What of a sequence's attention is wanted: the row of one query, the column of one key, or, by default, all."""

    query: int | None = None
    key: int | None = None

    def of(self, n_query: int, n_key: int) -> tuple[slice, slice]:
        """Which rows and columns these are, of so many."""
        rows = slice(0, n_query) if self.query is None else slice(self.query, self.query + 1)
        columns = slice(0, n_key) if self.key is None else slice(self.key, self.key + 1)
        return rows, columns


WHOLE = Part()


def sequence_attention(
    samples: Samples,
    layer: Layer,
    lengths: Lengths,
    head: int,
    sequence: int,
    *,
    weight: Weight | None = None,
    part: Part = WHOLE,
) -> Float32:
    """[n_query, n_key] of one sequence, or `part` of it: equal to the model's own within 5e-4.

    `samples` hold the queries and keys of all sequences one after the other, keys grouped or not. `weight`: "values"
    weighs each row by ‖v_j‖, as geometry.weighted_by_values does; the samples must have their norms.
    """
    n_key = lengths.keys[sequence]
    rows, columns = part.of(lengths.queries[sequence], n_key)
    _check_size((rows.stop - rows.start) * (columns.stop - columns.start))
    heads, count = np.array([head]), max(1, _BLOCK // max(1, n_key))
    norms = None
    if weight is not None:
        norms = samples.expanded_value_norms()
        if norms is None:
            raise ValueError(f"the samples of {layer.name} hold no value norms to weigh its attention by")
        norms = norms[head, _place(lengths.keys, sequence)]  # (n_key,)
    found = np.empty((rows.stop - rows.start, columns.stop - columns.start), np.float32)
    for first in range(rows.start, rows.stop, count):
        queries = np.arange(first, min(first + count, rows.stop))
        weights = _rows(samples, layer, lengths, sequence, heads, queries).attention[0]  # (some rows, n_key)
        if norms is not None:
            with np.errstate(invalid="ignore"):  # values that are not finite give rows of NaN
                weights = geometry.weighted_by_values(weights, norms)
        found[first - rows.start : first - rows.start + len(queries)] = weights[:, columns]
    return found


def mean_attention(
    samples: Samples, layer: Layer, lengths: Lengths, head: int, *, weight: Weight | None = None, part: Part = WHOLE
) -> Float32:
    """Averaged by position pair over the sequences that have both positions, [longest query, longest key].

    Both ends of all sequences meet: see `ends_aligned`.
    """
    rows, columns = part.of(max(lengths.queries), max(lengths.keys))
    shape = rows.stop - rows.start, columns.stop - columns.start
    _check_size(shape[0] * shape[1])
    total = np.zeros(shape, np.float32)
    present = np.zeros(shape, np.float32)
    for sequence, (n_query, n_key) in enumerate(zip(lengths.queries, lengths.keys, strict=True)):
        queries = ends_aligned(n_query, max(lengths.queries))
        keys = ends_aligned(n_key, max(lengths.keys))
        own = Part(_token_at(queries, part.query), _token_at(keys, part.key))
        if -1 in (own.query, own.key):
            continue  # it is too short to have this part
        found = sequence_attention(samples, layer, lengths, head, sequence, weight=weight, part=own)
        places = np.ix_(
            queries if part.query is None else np.zeros(1, np.int64),
            keys if part.key is None else np.zeros(1, np.int64),
        )
        total[places] += found
        present[places] += 1
    return cast(Float32, total / np.maximum(present, 1))


def ends_aligned(length: int, longest: int) -> Indices:
    """[length]: where the tokens of a sequence stand among `longest` positions: both ends of all sequences meet.

    The first half, and the middle token, count from the first position on; the others end with the last position.
    """
    first = (length + 1) // 2
    return np.concatenate([np.arange(first), np.arange(longest - (length - first), longest)])


def _token_at(places: Indices, position: int | None) -> int | None:
    """Which token stands at `position`; None where that is None, -1 where no token does."""
    if position is None:
        return None
    found = np.flatnonzero(places == position)
    return int(found[0]) if found.size else -1


def point_figures(samples: Samples, layer: Layer, lengths: Lengths, figure: str) -> Float32:
    """One of geometry.POINT_FIGURES of every point of every head, [heads, queries + keys], queries first."""
    keys, norms = samples.expanded_keys(), samples.expanded_value_norms()
    heads = np.arange(layer.heads)
    if figure not in _OF_POINTS_ALONE:
        pairs = max((n_query * n_key for n_query, n_key in zip(lengths.queries, lengths.keys, strict=True)), default=0)
        _check_size(layer.heads * pairs, _MOST_OF_HEADS, "record fewer heads, or shorter sequences")
    of_queries, of_keys = [], []  # of each sequence: [heads, n_query], [heads, n_key]
    for sequence, (n_query, n_key) in enumerate(zip(lengths.queries, lengths.keys, strict=True)):
        with np.errstate(invalid="ignore", over="ignore"):  # a head that is not finite has figures of NaN
            of_sequence = geometry.point_figure(
                figure,
                samples.queries[:, _place(lengths.queries, sequence)],
                keys[:, _place(lengths.keys, sequence)],
                scale=layer.scale,
                causal=layer.causal,
                softcap=layer.softcap,
                bias=_bias(samples, sequence, heads, np.arange(n_query), n_key),
                sinks=samples.sinks,
                value_norms=None if norms is None else norms[:, _place(lengths.keys, sequence)],
            )  # (heads, n_query + n_key)
        of_queries.append(of_sequence[:, :n_query])
        of_keys.append(of_sequence[:, n_query:])
    return cast(Float32, np.concatenate([*of_queries, *of_keys], axis=1).astype(np.float32))


@dataclasses.dataclass(frozen=True)
class Rows:
    """The attention of some queries of one sequence, in every head of a layer."""

    sequence: int
    queries: Indices  # [rows]: which of the sequence's queries, ascending
    attention: Float32  # [heads, rows, n_key]; hidden pairs are 0
    visible: Bool  # [heads or 1, rows, n_key]
    resting: Float32  # [heads, rows]: what falls on no key but on a sink

    @property
    def chooses(self) -> Bool:
        """Whether a query sees more than one key, [heads or 1, rows]."""
        return cast(Bool, np.count_nonzero(self.visible, axis=-1) > 1)

    @property
    def outcomes(self) -> Float32:
        """[heads, rows, n_key + 1]: the attention, and the sink as one key more; each row sums to 1."""
        return np.concatenate([self.attention, self.resting[..., None]], axis=-1)


def attention_rows(
    samples: Samples,
    layer: Layer,
    lengths: Lengths,
    chosen: Sequence[Indices] | None = None,
    *,
    head: int | None = None,
) -> Iterator[Rows]:
    """The attention of all heads, sequence after sequence, so many queries at a time that memory stays bounded.

    `chosen`: the queries of each sequence that are wanted, ascending; all of them by default. `head`: of this one
    alone.
    """
    heads = np.arange(layer.heads) if head is None else np.array([head])
    for sequence, (n_query, n_key) in enumerate(zip(lengths.queries, lengths.keys, strict=True)):
        queries = np.arange(n_query) if chosen is None else chosen[sequence]
        count = max(1, _BLOCK // max(1, len(heads) * n_key))
        for first in range(0, len(queries), count):
            yield _rows(samples, layer, lengths, sequence, heads, queries[first : first + count])


def _rows(samples: Samples, layer: Layer, lengths: Lengths, sequence: int, heads: Indices, queries: Indices) -> Rows:
    n_key = lengths.keys[sequence]
    key_heads = heads * len(samples.keys) // len(samples.queries)
    q = samples.queries[np.ix_(heads, _place(lengths.queries, sequence).start + queries)]  # (heads, rows, d)
    k = samples.keys[key_heads, _place(lengths.keys, sequence)]  # (heads, n_key, d)
    bias = _bias(samples, sequence, heads, queries, n_key)  # (heads, rows, n_key)
    visible = geometry.visible_pairs(len(queries), n_key, causal=layer.causal, bias=bias, like=q, positions=queries)
    sinks = None if samples.sinks is None else samples.sinks[heads]  # (heads,)
    with np.errstate(invalid="ignore", over="ignore"):  # a head that is not finite has rows of NaN
        logits = geometry.logits(q, k, scale=layer.scale, softcap=layer.softcap, bias=bias)
        attention = geometry.attention(logits, visible, sinks=sinks).astype(np.float32)
    resting = np.zeros(attention.shape[:-1], np.float32)
    if sinks is not None:
        resting = np.maximum(1 - attention.sum(axis=-1), 0)
    return Rows(sequence, queries, attention, visible.reshape(-1, *visible.shape[-2:]), resting)


def _check_size(weights: int, most: int = _MOST_WEIGHTS, remedy: str = "ask for one query, or for one key") -> None:
    if weights > most:
        raise TooLargeError(f"{weights:,} attention weights would take {weights * 4 / 2**30:,.0f} GB: {remedy}")


def _place(lengths: Sequence[int], sequence: int) -> slice:
    """Where a sequence's vectors lie among those of all."""
    start = sum(lengths[:sequence])
    return slice(start, start + lengths[sequence])


def _bias(samples: Samples, sequence: int, heads: Indices, queries: Indices, n_key: int) -> Float32 | None:
    """What is added to the logits of some queries of a sequence, [heads, rows, n_key]; -inf between two windows."""
    if samples.windows is None:
        return None if samples.bias is None else _of_heads(samples.bias, sequence, heads)[:, queries, :n_key]
    added = np.full((len(heads), len(queries), n_key), -np.inf, np.float32)
    for number, window in enumerate(samples.windows):
        places = np.full(n_key, -1)
        places[window] = np.arange(len(window))
        rows = np.flatnonzero(places[queries] >= 0)
        inside = 0 if samples.bias is None else _of_heads(samples.bias, number, heads)[:, places[queries[rows]]]
        added[:, rows[:, None], window] = inside
    return added


def _of_heads(bias: Float32, index: int, heads: Indices) -> Float32:
    """[heads, longest query, longest key], from a bias of all sequences (or windows) and heads."""
    of_one: Float32 = bias[min(index, len(bias) - 1)]
    return of_one[np.minimum(heads, len(of_one) - 1)]
