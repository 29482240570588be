"""Similarity: how alike the heads of a model are. For NumPy: sums over unequal rows.

similarity  by what they attend to: 1 - the mean Jensen-Shannon distance (`divergence`) of two heads' attention, over
            the queries that choose in either
nearest     of each head, the other one that is most alike so
linear_cka  by where their queries and keys lie, whatever the rotation: centred kernel alignment with a linear kernel
            (Kornblith et al. 2019, arXiv 1905.00414)
"""

import itertools
from collections.abc import Callable, Iterator, Sequence
from typing import cast

import numpy as np
import numpy.typing as npt

from tb_attnviz.array_types import Bool, Float32, Float64, Int64
from tb_attnviz.extras import check_projections

_BLOCK = 1600  # outcomes of each head that are worked on at once: those of all heads stay in the processor's cache
_AMONG = 16  # of so many heads, those whose attention overlaps most, the most alike one is told
_ROWS = 512  # heads whose overlap with all others is held at once
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
    apart = np.zeros((len(rows), len(rows)))
    for block, of_block, done in _blocks(starts, rows.shape[1]):
        apart += _distances(rows[:, block], of_block)
        if on_progress:
            on_progress(done, len(starts))
    counted = chooses.astype(np.float64)
    alike = _alike(apart + apart.T, _either(counted, counted))
    known = _known(rows, chooses)
    alike[~known] = alike[:, ~known] = np.nan
    np.fill_diagonal(alike, np.where(known, 1.0, np.nan))
    return alike


def nearest(rows: Float32, starts: Int64, chooses: Bool) -> tuple[Float64, Int64]:
    """Of each head [heads], how alike the most alike other one is, by `similarity`, and which; NaN and -1 if none.

    Looked for among the heads with the least mean squared Hellinger distance, 1 - Σ √(p q), which is one product of
    matrices: with the divergence it agrees up to 44 %, so of very many heads another one can be as alike.
    """
    known = _known(rows, chooses)
    heads, numbers = len(rows), np.flatnonzero(known)
    found, which = np.full(heads, np.nan), np.full(heads, -1)
    among = min(_AMONG, len(numbers) - 1)
    if among < 1:
        return found, which
    rows, counted = rows[known], chooses[known].astype(np.float64)
    candidates = np.concatenate(
        [_overlapping(rows, counted, n, among) for n in range(0, len(rows), _ROWS)]
    )  # (heads that are known, among)
    apart = np.zeros(candidates.shape)
    for block, of_block, _ in _blocks(starts, rows.shape[1]):
        here = rows[:, block]
        own = _own(here, of_block)
        for head, others in enumerate(candidates):
            apart[head] += _from_head(here[head], own[head], here[others], own[others], of_block)
    of_others = counted[candidates]  # (heads, among, queries)
    both = np.einsum("hq,haq->ha", counted, of_others)
    either = counted.sum(axis=1)[:, None] + of_others.sum(axis=2) - both
    alike = _alike(apart, either)
    best = alike.argmax(axis=1)
    every = np.arange(len(rows))
    found[numbers], which[numbers] = alike[every, best], numbers[candidates[every, best]]
    return found, which


def _overlapping(rows: Float32, counted: Float64, first: int, among: int) -> Int64:
    """[some heads, among]: the other heads, ascending, with the least mean squared Hellinger distance."""
    some = slice(first, first + _ROWS)
    overlap = np.zeros((len(rows[some]), len(rows)), np.float32)
    for begin in range(0, rows.shape[1], _BLOCK):
        roots = np.sqrt(np.maximum(rows[:, begin : begin + _BLOCK], 0))
        overlap += roots[some] @ roots.T
    apart = (counted.shape[1] - overlap) / np.maximum(_either(counted[some], counted), 1)
    np.fill_diagonal(apart[:, first:], np.inf)
    return np.sort(np.argpartition(apart, among - 1, axis=1)[:, :among], axis=1)


def _blocks(starts: Int64, outcomes: int) -> Iterator[tuple[slice, Int64, int]]:
    """Of some queries each: their outcomes, where their distributions begin among these, how many queries are done."""
    firsts = np.flatnonzero(np.diff(starts // _BLOCK, prepend=-1))  # the queries that blocks of outcomes begin with
    ends = np.append(starts, outcomes)
    for first, last in itertools.pairwise([*firsts, len(starts)]):
        yield slice(ends[first], ends[last]), starts[first:last] - starts[first], int(last)


def _known(rows: Float32, chooses: Bool) -> Bool:
    """Which heads can be compared: finite, and choosing somewhere."""
    return cast(Bool, np.isfinite(rows).all(axis=1) & chooses.any(axis=1))


def _either(counted: npt.NDArray[np.floating], others: npt.NDArray[np.floating]) -> npt.NDArray[np.floating]:
    """[heads, other heads]: queries that choose in one of the two; of `chooses` as numbers."""
    both: npt.NDArray[np.floating] = counted.sum(axis=1)[:, None] + others.sum(axis=1) - counted @ others.T
    return both


def _alike(distance: Float64, either: npt.NDArray[np.floating]) -> Float64:
    """1 - the mean of distances that are given as their sum over queries; NaN where no query counts."""
    mean = np.divide(distance, either, out=np.full(distance.shape, np.nan), where=either > 0)
    return cast(Float64, 1 - np.clip(mean, 0, 1))


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
    own = _own(rows, starts)
    room = np.empty_like(rows), np.empty_like(rows)
    for head in range(heads - 1):
        later = slice(head + 1, None)
        sums[head, later] = _from_head(rows[head], own[head], rows[later], own[later], starts, room)
    return sums


def _own(rows: Float32, starts: Int64) -> Float32:
    """½ Σ p (1 + log₂ p) [heads, queries]: two make 1 + ½ Σ p log₂ p + ½ Σ q log₂ q, whatever the rows' rounding."""
    entropies = rows * np.log(rows + _TINY)
    return cast(Float32, (np.add.reduceat(rows, starts, 1) + np.add.reduceat(entropies, starts, 1) / _LN_2) / 2)


def _from_head(
    row: Float32,
    own: Float32,
    rows: Float32,
    of_rows: Float32,
    starts: Int64,
    room: tuple[Float32, Float32] | None = None,
) -> Float64:
    """[heads]: sums over queries of the distances of `row` from each of `rows`; `own`, `of_rows` are theirs of `_own`.

    room: two arrays, at least as large as `rows`, to work in.
    """
    both, log = (space[: len(rows)] for space in room or (np.empty_like(rows), np.empty_like(rows)))
    np.add(rows, row, out=both)
    both += _TINY
    np.log(both, out=log)
    log *= both
    divergence = of_rows + own - np.add.reduceat(log, starts, axis=1) / (2 * _LN_2)
    return cast(Float64, np.sqrt(np.maximum(divergence, 0)).sum(axis=1, dtype=np.float64))
