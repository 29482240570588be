"""Attention on the probe's sequences, and what follows from it for each point, recomputed from samples."""

import dataclasses
from collections.abc import Iterator, Sequence
from typing import cast

import numpy as np
import numpy.typing as npt

from tb_attnviz import geometry
from tb_attnviz.events import Layer, Samples

Float32 = npt.NDArray[np.float32]
Bool = npt.NDArray[np.bool_]
Indices = npt.NDArray[np.int64]

_BLOCK = 2**20  # weights that are computed at once: 4 MB


def sequence_attention(samples: Samples, layer: Layer, lengths: Sequence[int], head: int, sequence: int) -> Float32:
    """[n_query, n_key] of one sequence: equal to the model's own within 5e-4.

    `lengths`: tokens of each sequence; `samples` hold them one after the other, keys grouped or not.
    """
    heads, queries = np.array([head]), np.arange(lengths[sequence])
    return cast(Float32, _rows(samples, layer, lengths, sequence, heads, queries).attention[0])


def mean_attention(samples: Samples, layer: Layer, lengths: Sequence[int], head: int) -> Float32:
    """Averaged by position pair over the sequences that have both positions, [longest, longest]."""
    longest = max(lengths)
    total = np.zeros((longest, longest), np.float32)
    present = np.zeros((longest, longest), np.float32)
    for sequence, length in enumerate(lengths):
        total[:length, :length] += sequence_attention(samples, layer, lengths, head, sequence)
        present[:length, :length] += 1
    return cast(Float32, total / np.maximum(present, 1))


def point_figures(samples: Samples, layer: Layer, lengths: Sequence[int], figure: str) -> Float32:
    """One of geometry.POINT_FIGURES of every point of every head, [heads, queries + keys], queries first."""
    keys = samples.expanded_keys()
    made = np.empty((layer.heads, 2, sum(lengths)), np.float32)  # (heads, side, tokens)
    start = 0
    for sequence, length in enumerate(lengths):
        here = slice(start, start + length)
        of_sequence = geometry.point_figure(
            figure,
            samples.queries[:, here],
            keys[:, here],
            scale=layer.scale,
            causal=layer.causal,
            softcap=layer.softcap,
            bias=_bias(samples, sequence, length),
            sinks=samples.sinks,
        )  # (heads, 2 · length)
        made[..., here] = of_sequence.reshape(layer.heads, 2, length)
        start += length
    return made.reshape(layer.heads, -1)


def _bias(samples: Samples, sequence: int, length: int) -> Float32 | None:
    """What is added to the logits of a sequence of `length` tokens, [heads or 1, length, length]."""
    if samples.bias is None:
        return None
    return samples.bias[min(sequence, len(samples.bias) - 1), :, :length, :length]


@dataclasses.dataclass(frozen=True)
class Rows:
    """The attention of some queries of one sequence, in every head of a layer."""

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
    samples: Samples, layer: Layer, lengths: Sequence[int], chosen: Sequence[Indices] | None = None
) -> Iterator[Rows]:
    """The attention of all heads, sequence after sequence, so many queries at a time that memory stays bounded.

    `chosen`: the queries of each sequence that are wanted, ascending; all of them by default.
    """
    heads = np.arange(layer.heads)
    for sequence, length in enumerate(lengths):
        queries = np.arange(length) if chosen is None else chosen[sequence]
        count = max(1, _BLOCK // max(1, layer.heads * length))
        for first in range(0, len(queries), count):
            yield _rows(samples, layer, lengths, sequence, heads, queries[first : first + count])


def _rows(
    samples: Samples, layer: Layer, lengths: Sequence[int], sequence: int, heads: Indices, queries: Indices
) -> Rows:
    start, length = sum(lengths[:sequence]), lengths[sequence]
    key_heads = heads * len(samples.keys) // len(samples.queries)
    q = samples.queries[np.ix_(heads, start + queries)]  # (heads, rows, d)
    k = samples.keys[key_heads, start : start + length]  # (heads, n, d)
    bias = None
    if samples.bias is not None:
        of_sequence = samples.bias[min(sequence, len(samples.bias) - 1)]  # (heads or 1, longest, longest)
        bias = of_sequence[np.minimum(heads, len(of_sequence) - 1)][:, queries, :length]  # (heads, rows, n)
    visible = geometry.visible_pairs(len(queries), length, causal=layer.causal, bias=bias, like=q, positions=queries)
    logits = geometry.logits(q, k, scale=layer.scale, softcap=layer.softcap, bias=bias)
    sinks = None if samples.sinks is None else samples.sinks[heads]  # (heads,)
    with np.errstate(invalid="ignore"):  # a head that is not finite has rows of NaN
        attention = geometry.attention(logits, visible, sinks=sinks).astype(np.float32)
    resting = np.zeros(attention.shape[:-1], np.float32)
    if sinks is not None:
        resting = np.maximum(1 - attention.sum(axis=-1), 0)
    return Rows(queries, attention, visible.reshape(-1, *visible.shape[-2:]), resting)
