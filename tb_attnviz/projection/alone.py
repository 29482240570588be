"""The biplot of one step by itself: its three leading canonical directions, without the others.

With Q = X Lᵀ, L a root of QᵀQ, the centred logits s·Q Kᵀ have the squared singular values and, in X, the left singular
vectors U of C = s² Lᵀ (KᵀK) L. From geometry.canonical, A = X U S^½ and B = K T_k follow with T_k = s·L U S^-½ and
T_q = s·KᵀK T_k S⁻¹: three eigenvectors of one d × d matrix a head are all that a picture needs, and neither root is
inverted (projection.eigenvectors finds them).
"""

from typing import cast

import numpy as np
import numpy.typing as npt

from tb_attnviz.projection.basis import MOST_DIMS, extent_of, reach_of
from tb_attnviz.projection.eigenvectors import leading_eigenvectors
from tb_attnviz.projection.second_moments import mean_keys, root_of, second_moments
from tb_attnviz.projection.source import Vectors

Float32 = npt.NDArray[np.float32]
Float64 = npt.NDArray[np.float64]

_SINGLE = 5e-8  # of a second moment's trace: what summing it up in single precision puts it off by
_OFF = 4e-5  # of a singular value: more might be seen
_ROUNDING = 1e-8  # of the largest singular value: smaller ones are none


def biplot_alone(vectors: Vectors, scale: float, dims: int) -> Float32:
    """[heads, n_query + n_key, dims], as the frame that is fitted to this step alone shows it; NaN if not finite."""
    to_queries, to_keys, key_mean = leading_axes(vectors, scale)
    heads, n_query, _ = vectors.queries.shape
    points = np.empty((heads, vectors.count, MOST_DIMS), np.float32)
    for head in range(heads):  # one after the other: each stays in the processor's cache
        np.matmul(vectors.queries[head], to_queries[head], out=points[head, :n_query])
        np.matmul(vectors.keys[head] - key_mean[head], to_keys[head], out=points[head, n_query:])
    lean = np.einsum("hnd,hnd,hnd->hd", points, points, points)
    points *= np.where(lean < 0, np.float32(-1), np.float32(1))[:, None, :]
    shown = points[..., :dims]
    extent = extent_of(*reach_of(np.abs(shown).max(axis=2))) if shown.shape[1] else np.ones(heads)
    found = shown / extent[:, None, None].astype(np.float32)
    found[~vectors.finite] = np.nan
    return cast(Float32, found)


def leading_axes(vectors: Vectors, scale: float) -> tuple[Float32, Float32, Float32]:
    """T_q and T_k [heads, d, 3], and the mean key [heads, d]; 0 for directions that there are not.

    Second moments are found in single precision, and in double for heads where that would be seen.
    """
    mean = mean_keys(vectors)
    to_queries, to_keys, sure = _axes(*second_moments(vectors, mean, np.float32), scale)
    unsure = np.flatnonzero(~sure)
    if len(unsure):
        some = Vectors(vectors.queries[unsure], vectors.keys[unsure], vectors.finite[unsure])
        to_queries[unsure], to_keys[unsure], _ = _axes(*second_moments(some, mean[unsure], np.float64), scale)
    return to_queries.astype(np.float32), to_keys.astype(np.float32), mean.astype(np.float32)


def _axes(query_moment: Float64, key_moment: Float64, scale: float) -> tuple[Float64, Float64, npt.NDArray[np.bool_]]:
    """T_q, T_k, and for each head whether moments that were summed up in single precision do.

    To first order a singular value is off by t_qᵀ δM_q t_q + t_kᵀ δM_k t_k, in halves.
    """
    root = root_of(query_moment)
    squares, left = leading_eigenvectors(scale**2 * (root.swapaxes(1, 2) @ key_moment @ root))
    values = np.sqrt(np.maximum(squares, 0))[:, None, :]  # (heads, 1, 3)
    there = values > _ROUNDING * values[..., :1]
    inverse = np.divide(1.0, values, out=np.zeros_like(values), where=there)
    to_keys = scale * (root @ left) * np.sqrt(inverse)
    to_queries = scale * (key_moment @ to_keys) * inverse
    off = np.zeros_like(inverse)
    for moment, axes in ((query_moment, to_queries), (key_moment, to_keys)):
        size = np.trace(moment, axis1=1, axis2=2)[:, None, None]
        off += _SINGLE * size * (axes**2).sum(axis=1, keepdims=True) * inverse
    return to_queries, to_keys, np.asarray((off <= _OFF).all(axis=(1, 2)))
