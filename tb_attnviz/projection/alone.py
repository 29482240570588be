"""The biplot of one step by itself: its three leading canonical directions, without the others."""

from typing import cast

import numpy as np

from tb_attnviz.array_types import Float32
from tb_attnviz.projection.basis import MOST_DIMS, extent_of, farthest, reach_of
from tb_attnviz.projection.leading_axes import LeadingAxes
from tb_attnviz.projection.source import Vectors


def biplot_alone(vectors: Vectors, scale: float, dims: int) -> Float32:
    """[heads, n_query + n_key, dims], as the frame that is fitted to this step alone shows it; NaN if not finite."""
    axes = LeadingAxes.of(vectors, scale, MOST_DIMS, checked=True)
    to_queries, to_keys, mean = (array.astype(np.float32) for array in (axes.to_queries, axes.to_keys, axes.mean))
    heads, n_query, d = vectors.queries.shape
    points = np.empty((heads, vectors.count, MOST_DIMS), np.float32)
    centred = np.empty((vectors.keys.shape[1], d), np.float32)
    for head in range(heads):  # one after the other: each stays in the processor's cache
        np.matmul(vectors.queries[head], to_queries[head], out=points[head, :n_query])
        np.subtract(vectors.keys[head], mean[head], out=centred)
        np.matmul(centred, to_keys[head], out=points[head, n_query:])
    lean = np.einsum("hnd,hnd,hnd->hd", points, points, points)
    points *= np.where(lean < 0, np.float32(-1), np.float32(1))[:, None, :]
    shown = points[..., :dims]
    extent = extent_of(*reach_of(farthest(shown)[:, -1])) if shown.shape[1] else np.ones(heads)
    found = shown / extent[:, None, None].astype(np.float32)
    found[~vectors.finite] = np.nan
    return cast(Float32, found)
