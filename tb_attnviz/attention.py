"""Attention of one head on the probe's sequences, recomputed from its samples."""

from collections.abc import Sequence
from typing import cast

import numpy as np
import numpy.typing as npt

from tb_attnviz import geometry
from tb_attnviz.events import Layer, Samples

Float32 = npt.NDArray[np.float32]


def sequence_attention(samples: Samples, layer: Layer, lengths: Sequence[int], head: int, sequence: int) -> Float32:
    """[n_query, n_key] of one sequence: equal to the model's own within 5e-4.

    `lengths`: tokens of each sequence; `samples` hold them one after the other, keys grouped or not.
    """
    start, length = sum(lengths[:sequence]), lengths[sequence]
    key_head = head * len(samples.keys) // len(samples.queries)
    queries = samples.queries[head, start : start + length]  # (n, d)
    keys = samples.keys[key_head, start : start + length]  # (n, d)
    bias = None
    if samples.bias is not None:
        of_sequence = samples.bias[min(sequence, len(samples.bias) - 1)]  # (heads or 1, longest, longest)
        bias = of_sequence[min(head, len(of_sequence) - 1), :length, :length]  # (n, n)
    visible = geometry.visible_pairs(length, length, causal=layer.causal, bias=bias, like=queries)
    logits = geometry.logits(queries, keys, scale=layer.scale, softcap=layer.softcap, bias=bias)
    sink = None if samples.sinks is None else samples.sinks[head, ...]  # ()
    return cast(Float32, geometry.attention(logits, visible, sinks=sink).astype(np.float32))


def mean_attention(samples: Samples, layer: Layer, lengths: Sequence[int], head: int) -> Float32:
    """Averaged by position pair over the sequences that have both positions, [longest, longest]."""
    longest = max(lengths)
    total = np.zeros((longest, longest), np.float32)
    present = np.zeros((longest, longest), np.float32)
    for sequence, length in enumerate(lengths):
        total[:length, :length] += sequence_attention(samples, layer, lengths, head, sequence)
        present[:length, :length] += 1
    return cast(Float32, total / np.maximum(present, 1))
