"""Neighbours: the exact nearest neighbours of every point, by matrix products; for t-SNE and UMAP alike."""

import dataclasses

import numpy as np

from tb_attnviz.array_types import Float32, Int64
from tb_attnviz.geometry.trust import unit_length
from tb_attnviz.projection.projection import Metric

_BLOCK = 512  # rows of the distance matrix at a time: 10 MB at 5,000 points
_SAMPLED = 8  # one of so many columns tells roughly how near a row's neighbours are


@dataclasses.dataclass(frozen=True)
class Neighbours:
    """The nearest other points of each point, the nearest first; equally near ones by their number."""

    indices: Int64  # [n, count]
    distances: Float32  # [n, count]


def nearest(points: Float32, count: int, metric: Metric) -> Neighbours:
    """The `count` nearest of the n - 1 other points of each of `points` [n, d].

    Cosine distance is 1 - cos, as in SciPy; a point at the origin is at distance 1/2 from all that are not.
    """
    if metric == "cosine":
        placed = unit_length(points.astype(np.float64)).astype(np.float32)
    else:
        placed = points - points.mean(axis=0)
    n = len(placed)
    squares = np.einsum("nd,nd->n", placed, placed)  # (n,)
    indices = np.empty((n, count), np.int64)
    squared = np.empty((n, count), np.float32)
    for begin in range(0, n, _BLOCK):
        rows = slice(begin, min(begin + _BLOCK, n))
        block = placed[rows] @ (-2 * placed.T)  # (rows, n)
        block += squares
        block += squares[rows, None]
        np.maximum(block, 0, out=block)  # rounding
        np.fill_diagonal(block[:, begin:], np.inf)
        indices[rows], squared[rows] = _smallest(block, count)
    distances: Float32 = squared * np.float32(0.5) if metric == "cosine" else np.sqrt(squared)
    return Neighbours(indices, distances)


def _smallest(block: Float32, count: int) -> tuple[Int64, Float32]:
    """Where the `count` smallest of each row are, and what they are, ascending.

    A bound from a sample of the columns leaves few candidates, which are sorted; where the bound was too tight, the
    whole row is.
    """
    rows, n = block.shape
    sample = block[:, ::_SAMPLED]
    rank = 2 * count // _SAMPLED + 8
    if rank >= sample.shape[1]:
        return _sorted_rows(block, count)
    bound = np.partition(sample, rank, axis=1)[:, rank, None]  # (rows, 1)
    row, column = np.divmod(np.flatnonzero(block <= bound), n)
    found = np.bincount(row, minlength=rows)  # (rows,)
    place = np.arange(len(row)) - np.repeat(np.cumsum(found) - found, found)
    values = np.full((rows, int(found.max())), np.inf, np.float32)
    columns = np.zeros(values.shape, np.int64)
    values[row, place] = block[row, column]
    columns[row, place] = column
    if not count <= values.shape[1] <= n // 2:  # no row has enough, or many points in one place leave too many
        return _sorted_rows(block, count)
    tight = found < count
    order, smallest = _sorted_rows(values, count)
    indices = np.take_along_axis(columns, order, axis=1)
    if tight.any():
        indices[tight], smallest[tight] = _sorted_rows(block[tight], count)
    return indices, smallest


def _sorted_rows(values: Float32, count: int) -> tuple[Int64, Float32]:
    order = np.argsort(values, axis=1, kind="stable")[:, :count]
    return order, np.take_along_axis(values, order, axis=1)
