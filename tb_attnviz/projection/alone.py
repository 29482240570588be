"""The biplot of one step by itself: its three leading canonical directions, without the others.

With Q = X Lᵀ, L a root of QᵀQ, the centred logits s·Q Kᵀ have the squared singular values and, in X, the left singular
vectors U of C = s² Lᵀ (KᵀK) L. From geometry.canonical, A = X U S^½ and B = K T_k follow with T_k = s·L U S^-½ and
T_q = s·KᵀK T_k S⁻¹: three eigenvectors of one d × d matrix a head are all that a picture needs, and neither root is
inverted. They are found by iterating on a few vectors at once, and checked by their residuals (Parlett, The Symmetric
Eigenvalue Problem, §11 and §14); of heads where that is slow all eigenvectors are taken.
"""

from typing import Any, cast

import numpy as np
import numpy.typing as npt

from tb_attnviz.projection.basis import MOST_DIMS, extent_of, reach_of
from tb_attnviz.projection.frame import equal
from tb_attnviz.projection.source import Vectors

Float32 = npt.NDArray[np.float32]
Float64 = npt.NDArray[np.float64]

_BLOCK = 8  # vectors that are iterated on
_ROUNDS, _STEPS = 8, 6  # at most so many checks, each after so many steps
_ANGLE = 1e-5  # of a direction from the true one, in radians
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
    mean = vectors.keys[:: vectors.shared].mean(axis=1, dtype=np.float32)
    mean = np.repeat(mean, vectors.shared, axis=0)  # (heads, d)
    to_queries, to_keys, sure = _axes(*_moments(vectors, mean, np.float32), scale)
    unsure = np.flatnonzero(~sure)
    if len(unsure):
        keys = vectors.keys[unsure]
        mean[unsure] = keys.mean(axis=1, dtype=np.float64)
        some = Vectors(vectors.queries[unsure], keys, vectors.finite[unsure])
        to_queries[unsure], to_keys[unsure], _ = _axes(*_moments(some, mean[unsure], np.float64), scale)
    return to_queries.astype(np.float32), to_keys.astype(np.float32), mean


def _moments(vectors: Vectors, mean: Float32, kind: type[np.floating[Any]]) -> tuple[Float64, Float64]:
    """QᵀQ and KᵀK about `mean`, [heads, d, d] each, summed up in `kind`; of keys that heads share once."""
    heads, _, d = vectors.queries.shape
    query_moment, key_moment = np.empty((2, heads, d, d))
    for head in range(heads):  # one after the other: each stays in the processor's cache
        queries = vectors.queries[head].astype(kind, copy=False)
        query_moment[head] = queries.T @ queries
        if head % vectors.shared:
            key_moment[head] = key_moment[head - 1]
            continue
        keys = vectors.keys[head].astype(kind, copy=False) - mean[head].astype(kind, copy=False)
        key_moment[head] = keys.T @ keys
    still = equal(vectors.keys[:: vectors.shared])  # but for the samples' rounding
    key_moment[np.repeat(still, vectors.shared)] = 0
    return query_moment, key_moment


def _axes(query_moment: Float64, key_moment: Float64, scale: float) -> tuple[Float64, Float64, npt.NDArray[np.bool_]]:
    """T_q, T_k, and for each head whether moments that were summed up in single precision do.

    To first order a singular value is off by t_qᵀ δM_q t_q + t_kᵀ δM_k t_k, in halves.
    """
    root = _root(query_moment)
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


def leading_eigenvectors(moment: Float64) -> tuple[Float64, Float64]:
    """The three largest eigenvalues [heads, 3] and their vectors [heads, d, 3] of positive `moment` [heads, d, d]."""
    heads, d, _ = moment.shape
    found, values = np.zeros((heads, d, MOST_DIMS)), np.zeros((heads, MOST_DIMS))
    left = np.arange(heads)
    if d > 2 * _BLOCK:
        block = np.random.default_rng(0).standard_normal((heads, d, _BLOCK))
        for _ in range(_ROUNDS):
            ritz, block, sure = _improved(moment[left], block)
            done = left[sure]
            found[done], values[done] = block[sure, :, :MOST_DIMS], ritz[sure, :MOST_DIMS]
            left, block = left[~sure], block[~sure]
            if len(left) == 0:
                return values, found
    eigenvalues, vectors = np.linalg.eigh(moment[left])  # ascending
    count = min(d, MOST_DIMS)
    values[left, :count] = eigenvalues[:, ::-1][:, :count]
    found[left, :, :count] = vectors[..., ::-1][..., :count]
    return values, found


def _improved(moment: Float64, block: Float64) -> tuple[Float64, Float64, npt.NDArray[np.bool_]]:
    """Some steps of the iteration: eigenvalues, descending, and vectors within the block, and whether they are those.

    The angle of a vector from the true one is at most its residual over its distance from the other eigenvalues.
    """
    for _ in range(_STEPS):
        block = np.linalg.qr(moment @ block).Q
    image = moment @ block
    values, turn = np.linalg.eigh(block.swapaxes(1, 2) @ image)
    values, turn = values[:, ::-1], turn[..., ::-1]
    block, image = block @ turn, image @ turn
    residual = np.linalg.norm(image - block * values[:, None, :], axis=1)[:, :MOST_DIMS]
    gaps = np.minimum(
        -np.diff(values[:, : MOST_DIMS + 1]), -np.diff(values[:, : MOST_DIMS + 1], prepend=np.inf)[:, :-1]
    )
    return values, block, np.asarray((residual <= _ANGLE * gaps).all(axis=1))


def _root(moment: Float64) -> Float64:
    """L with L Lᵀ = `moment` [heads, d, d]."""
    try:
        return cast(Float64, np.linalg.cholesky(moment))
    except np.linalg.LinAlgError:  # of some head that has fewer directions than d
        values, vectors = np.linalg.eigh(moment)
        return cast(Float64, vectors * np.sqrt(np.maximum(values, 0))[:, None, :])
