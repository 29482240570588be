"""Similarity: how alike the heads of a model are. For NumPy: sums over unequal rows.

similarity  by what they attend to: 1 - the mean Jensen-Shannon distance (`divergence`) of two heads' attention, over
            the queries that choose in either
linear_cka  by where their queries and keys lie, whatever the rotation: centred kernel alignment with a linear kernel
            (Kornblith et al. 2019, arXiv 1905.00414)
"""

import itertools
from collections.abc import Callable, Sequence
from typing import cast

import numpy as np
import numpy.typing as npt

from tb_attnviz.extras import check_projections

Float32 = npt.NDArray[np.float32]
Float64 = npt.NDArray[np.float64]
Int64 = npt.NDArray[np.int64]
Bool = npt.NDArray[np.bool_]

_BLOCK = 1600  # outcomes of each head that are worked on at once: those of all heads stay in the processor's cache
_TINY = np.float32(1e-38)  # its logarithm is finite
_LN_2 = 0.6931471805599453


def similarity(
    rows: Float32, starts: Int64, chooses: Bool, *, on_progress: Callable[[int, int], None] | None = None
) -> Float64:
    """[heads, heads], from 0 to 1, symmetric, 1 on the diagonal; NaN with heads that are not finite or never choose.

    rows [heads, outcomes]: distributions one after the other, each beginning at one of `starts` [queries], ascending
    from 0; chooses [heads, queries]: whether the query sees more than one key: otherwise it says nothing about a head.

    The divergence of p and q is 1 - ½ Σ s log₂ s + ½ Σ p log₂ p + ½ Σ q log₂ q with s = p + q: one logarithm a pair of
    heads and outcome. In float32 it is off by 1e-6, the similarity of heads that are alike by 1e-3.
    """
    heads = len(rows)
    apart = np.zeros((heads, heads))
    firsts = np.flatnonzero(np.diff(starts // _BLOCK, prepend=-1))  # the queries that blocks of outcomes begin with
    ends = np.append(starts, rows.shape[1])
    for first, last in itertools.pairwise([*firsts, len(starts)]):
        apart += _distances(rows[:, ends[first] : ends[last]], starts[first:last] - starts[first])
        if on_progress:
            on_progress(int(last), len(starts))
    counted = chooses.astype(np.float64)
    own = counted.sum(axis=1)
    either = own[:, None] + own - counted @ counted.T  # (heads, heads): queries that choose in one of the two
    mean = np.divide(apart + apart.T, either, out=np.full_like(apart, np.nan), where=either > 0)
    alike: Float64 = 1 - np.clip(mean, 0, 1)
    known = np.isfinite(rows).all(axis=1) & (own > 0)
    alike[~known] = alike[:, ~known] = np.nan
    np.fill_diagonal(alike, np.where(known, 1.0, np.nan))
    return alike


def linear_cka(clouds: Sequence[Float32], *, on_progress: Callable[[int, int], None] | None = None) -> Float64:
    """‖XᵀY‖² / (‖XᵀX‖ ‖YᵀY‖) of the centred points of every two heads, [heads, heads], from 0 to 1.

    clouds: of each layer, [heads, n, d], the same n points in all of them. NaN with heads that are not finite or whose
    points coincide.
    """
    flat = [_side_by_side(cloud) for cloud in clouds]  # (n, heads · d) each
    ends = np.cumsum([len(cloud) for cloud in clouds])
    common = np.empty((ends[-1], ends[-1]))  # (heads, heads): ‖XᵀY‖²
    for layer, (here, cloud) in enumerate(zip(flat, clouds, strict=True)):
        of_layer = slice(ends[layer] - len(cloud), ends[layer])
        for end, there, other in list(zip(ends, flat, clouds, strict=True))[layer:]:
            cross = (here.T @ there).reshape(len(cloud), cloud.shape[2], len(other), other.shape[2])
            squares = np.einsum("adbe,adbe->ab", cross, cross, dtype=np.float64, casting="same_kind")
            common[of_layer, end - len(other) : end] = squares
            common[end - len(other) : end, of_layer] = squares.T
        if on_progress:
            on_progress(layer + 1, len(clouds))
    own = np.sqrt(np.diagonal(common))
    size = own[:, None] * own
    alike: Float64 = np.clip(np.divide(common, size, out=np.full_like(common, np.nan), where=size > 0), 0, 1)
    return alike


def _side_by_side(cloud: Float32) -> Float32:
    """The centred points of all heads [heads, n, d], as [n, heads · d]; at most 1, so that no square overflows."""
    centred = cloud - cloud.mean(axis=1, keepdims=True)
    reach = np.abs(centred).max(axis=(1, 2), keepdims=True, initial=0)
    heads, n, d = cloud.shape
    scaled = centred / np.where(reach > 0, reach, 1)
    return cast(Float32, scaled.swapaxes(0, 1).reshape(n, heads * d))


def cluster_order(similarity: Float64) -> Int64:
    """The heads [heads] in an order in which those that are alike stand together.

    Average linkage of 1 - similarity, its leaves ordered so that neighbours are as near as can be (Bar-Joseph et al.
    2001, doi 10.1093/bioinformatics/17.suppl_1.S22). Two heads that cannot be compared count as not alike at all; heads
    that cannot be compared with themselves come last, by their number. Raises MissingExtraError without scipy.
    """
    check_projections("the order in which alike heads stand together")
    from scipy.cluster import hierarchy
    from scipy.spatial.distance import squareform

    known = np.flatnonzero(~np.isnan(np.diagonal(similarity)))
    unknown = np.setdiff1d(np.arange(len(similarity)), known)
    if len(known) < 3:
        return np.concatenate([known, unknown])
    apart = np.clip(1 - np.nan_to_num(similarity[np.ix_(known, known)]), 0, None)
    np.fill_diagonal(apart, 0)
    condensed = squareform((apart + apart.T) / 2, checks=False)
    tree = hierarchy.linkage(condensed, "average", optimal_ordering=True)
    return np.concatenate([known[hierarchy.leaves_list(tree)], unknown])


def _distances(rows: Float32, starts: Int64) -> Float64:
    """Sums over some queries of the distances of every two heads, [heads, heads], above the diagonal."""
    heads = len(rows)
    sums = np.zeros((heads, heads))
    # ½ Σ p (1 + log₂ p): with the other head's, what 1 + ½ Σ p log₂ p + ½ Σ q log₂ q is, whatever the rows' rounding
    own = (np.add.reduceat(rows, starts, axis=1) + np.add.reduceat(_entropies(rows), starts, axis=1) / _LN_2) / 2
    room, logs = np.empty_like(rows), np.empty_like(rows)
    for head in range(heads - 1):
        both, log = room[head + 1 :], logs[head + 1 :]
        np.add(rows[head + 1 :], rows[head], out=both)
        both += _TINY
        np.log(both, out=log)
        log *= both
        divergence = own[head + 1 :] + own[head] - np.add.reduceat(log, starts, axis=1) / (2 * _LN_2)
        sums[head, head + 1 :] = np.sqrt(np.maximum(divergence, 0)).sum(axis=1, dtype=np.float64)
    return sums


def _entropies(rows: Float32) -> Float32:
    """p ln p"""
    return cast(Float32, rows * np.log(rows + _TINY))
