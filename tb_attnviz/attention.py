"""Attention on the probe's sequences, and what follows from it for each point, recomputed from samples."""

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
    biases = _bias(samples, sequence, length)  # (heads or 1, n, n)
    bias = None if biases is None else biases[min(head, len(biases) - 1)]  # (n, n)
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
