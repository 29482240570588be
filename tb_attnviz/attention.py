"""Attention of one head on the probe's sequences, recomputed from its samples."""

from collections.abc import Sequence
from typing import cast

import numpy as np
import numpy.typing as npt

from tb_attnviz import geometry
from tb_attnviz.events import Layer, Lengths, Samples

Float32 = npt.NDArray[np.float32]


def sequence_attention(samples: Samples, layer: Layer, lengths: Lengths, head: int, sequence: int) -> Float32:
    """[n_query, n_key] of one sequence: equal to the model's own within 5e-4.

    `samples` hold the queries and keys of all sequences one after the other, keys grouped or not.
    """
    key_head = head * len(samples.keys) // len(samples.queries)
    queries = _of(sequence, samples.queries[head], lengths.queries)  # (n_query, d)
    keys = _of(sequence, samples.keys[key_head], lengths.keys)  # (n_key, d)
    sink = None if samples.sinks is None else samples.sinks[head, ...]  # ()
    if samples.windows is None:
        bias = None if samples.bias is None else _bias(samples.bias, sequence, head)[: len(queries), : len(keys)]
        return _attention(queries, keys, layer, bias, sink)
    weights = np.zeros((len(queries), len(keys)), np.float32)
    for number, window in enumerate(samples.windows):
        bias = None if samples.bias is None else _bias(samples.bias, number, head)
        weights[window[:, None], window] = _attention(queries[window], keys[window], layer, bias, sink)
    return weights


def mean_attention(samples: Samples, layer: Layer, lengths: Lengths, head: int) -> Float32:
    """Averaged by position pair over the sequences that have both positions, [longest query, longest key]."""
    shape = max(lengths.queries), max(lengths.keys)
    total = np.zeros(shape, np.float32)
    present = np.zeros(shape, np.float32)
    for sequence, (n_query, n_key) in enumerate(zip(lengths.queries, lengths.keys, strict=True)):
        total[:n_query, :n_key] += sequence_attention(samples, layer, lengths, head, sequence)
        present[:n_query, :n_key] += 1
    return cast(Float32, total / np.maximum(present, 1))


def _attention(queries: Float32, keys: Float32, layer: Layer, bias: Float32 | None, sink: Float32 | None) -> Float32:
    visible = geometry.visible_pairs(len(queries), len(keys), causal=layer.causal, bias=bias, like=queries)
    logits = geometry.logits(queries, keys, scale=layer.scale, softcap=layer.softcap, bias=bias)
    return cast(Float32, geometry.attention(logits, visible, sinks=sink).astype(np.float32))


def _of(sequence: int, vectors: Float32, lengths: Sequence[int]) -> Float32:
    """The vectors of one sequence, [n, d], from those of all."""
    start = sum(lengths[:sequence])
    return vectors[start : start + lengths[sequence]]


def _bias(bias: Float32, index: int, head: int) -> Float32:
    """[longest query, longest key], from a bias of all sequences (or windows) and heads."""
    of_one: Float32 = bias[min(index, len(bias) - 1)]
    return cast(Float32, of_one[min(head, len(of_one) - 1)])
