"""Attended: what the pictured queries of a head attend to, as sparse rows, recomputed from its samples."""

import dataclasses

import numpy as np
import numpy.typing as npt

from tb_attnviz.array_types import Bool, Float32, Int32, Int64
from tb_attnviz.projection.source import LayerSamples
from tb_attnviz.recompute import attention_rows

_TOP, _OTHERS = 32, 32  # of a query's keys: those attended to most, and a sample of the others, which stand for all


@dataclasses.dataclass(frozen=True)
class Attended:
    """Of each query that is pictured, the keys that it sees among those that are: compressed rows, as in SciPy.

    Where a query sees many keys, all those that it attends to most are there, and a sample of the others.
    """

    ends: Int32  # [queries + 1]: where the pairs of a query lie
    keys: Int32  # [pairs]: which point each key is, queries counted first
    shares: Float32  # [pairs]: of the attention of the query; they sum to 1 over its row
    stands_for: Float32  # [pairs]: so many keys of the row, this one among them
    weights: Float32  # [queries]: how much of its attention falls on these keys; 0 where there are not two of them


def attended(source: LayerSamples, step: int, head: int) -> Attended:
    """Of one head at `step`; the same keys of a query stand for others at every step, as far as can be."""
    if source.of is None:
        raise ValueError("what attends to what is not known: the run has no probe, which says where sequences begin")
    samples = source.samples(step)
    lengths = source.of[1]
    query_shown, key_shown = _shown(source.subset, sum(lengths.queries), sum(lengths.keys))
    key_place = np.cumsum(key_shown) - 1 + np.count_nonzero(query_shown)  # of each key among the points
    first_query, first_key = np.cumsum([0, *lengths.queries]), np.cumsum([0, *lengths.keys])
    random = np.random.default_rng(0).random(int(first_key[-1]))
    counts: list[Int64] = []
    keys: list[Int64] = []
    shares: list[Float32] = []
    stands_for: list[Float32] = []
    weights: list[Float32] = []
    for rows in attention_rows(samples, source.layers[step], lengths, head=head):
        chosen = query_shown[first_query[rows.sequence] + rows.queries]  # (rows,)
        of_sequence = slice(first_key[rows.sequence], first_key[rows.sequence + 1])
        visible = rows.visible[0][chosen] & key_shown[of_sequence]  # (chosen, n_key)
        attention = np.where(visible, rows.attention[0][chosen], 0)
        attention[~np.isfinite(attention).all(axis=1)] = 0  # logits beyond float32 say nothing
        kept, stands = _sampled(attention, visible, random[of_sequence])
        share = attention * stands  # those that are not in the sample attend as those that are
        total = share.sum(axis=1, keepdims=True)
        many = np.count_nonzero(visible, axis=1) > 1
        weights.append(np.where(many, attention.sum(axis=1), 0).astype(np.float32))
        shares.append((share / np.where(total > 0, total, 1))[kept].astype(np.float32))
        stands_for.append(stands[kept])
        keys.append(np.broadcast_to(key_place[of_sequence], kept.shape)[kept])
        counts.append(np.count_nonzero(kept, axis=1))
    ends = np.cumsum(np.concatenate([[0], *counts]))
    return Attended(
        ends.astype(np.int32),
        np.concatenate([np.empty(0, np.int64), *keys]).astype(np.int32),
        np.concatenate([np.empty(0, np.float32), *shares]).astype(np.float32),
        np.concatenate([np.empty(0, np.float32), *stands_for]).astype(np.float32),
        np.concatenate([np.empty(0, np.float32), *weights]),
    )


def _shown(subset: tuple[int, ...] | None, queries: int, keys: int) -> tuple[Bool, Bool]:
    """Which queries and keys are pictured."""
    shown = np.full(queries + keys, subset is None)
    shown[list(subset or ())] = True
    return shown[:queries], shown[queries:]


def _sampled(attention: Float32, visible: Bool, random: npt.NDArray[np.float64]) -> tuple[Bool, Float32]:
    """Which pairs of some rows are kept, and how many of its row each stands for [rows, n_key]; 0 where it is not kept.

    Of the keys beyond those attended to most, the ones of the smallest `random` numbers [n_key].
    """
    if attention.shape[1] <= _TOP + _OTHERS:
        return visible, visible.astype(np.float32)
    top = np.zeros_like(visible)
    most = np.argpartition(np.where(visible, -attention, np.inf), _TOP - 1, axis=1)[:, :_TOP]
    np.put_along_axis(top, most, True, axis=1)
    top &= visible
    others = visible & ~top
    drawn = np.argpartition(np.where(others, random, np.inf), _OTHERS - 1, axis=1)[:, :_OTHERS]
    sample = np.zeros_like(visible)
    np.put_along_axis(sample, drawn, True, axis=1)
    sample &= others
    each = np.count_nonzero(others, axis=1) / np.maximum(np.count_nonzero(sample, axis=1), 1)  # (rows,)
    return top | sample, (top + sample * each[:, None]).astype(np.float32)
