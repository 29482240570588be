"""Second moments of a layer's queries and keys: all that its canonical axes are found from."""

from typing import Any, cast

import numpy as np
import numpy.typing as npt

from tb_attnviz.projection.source import Vectors

Float32 = npt.NDArray[np.float32]
Float64 = npt.NDArray[np.float64]

_CONSTANT = 1e-6  # of the largest component: keys that differ by less are equal


def second_moments(vectors: Vectors, key_mean: Float64, kind: type[np.floating[Any]]) -> tuple[Float64, Float64]:
    """QᵀQ and KᵀK about `key_mean`, [heads, d, d] each, summed up in `kind`; of keys that heads share once."""
    heads, _, d = vectors.queries.shape
    of_queries, of_keys = np.empty((2, heads, d, d))
    for head in range(heads):  # one after the other: each stays in the processor's cache
        queries = vectors.queries[head].astype(kind, copy=False)
        of_queries[head] = queries.T @ queries
        if head % vectors.shared:
            of_keys[head] = of_keys[head - 1]
            continue
        keys = vectors.keys[head].astype(kind, copy=False) - key_mean[head].astype(kind)
        of_keys[head] = keys.T @ keys
    still = equal(vectors.keys[:: vectors.shared])  # but for the samples' rounding
    of_keys[np.repeat(still, vectors.shared)] = 0
    return of_queries, of_keys


def mean_keys(vectors: Vectors) -> Float64:
    """[heads, d]"""
    mean = vectors.keys[:: vectors.shared].mean(axis=1, dtype=np.float64)
    return np.repeat(mean, vectors.shared, axis=0)


def equal(vectors: Float32) -> npt.NDArray[np.bool_]:
    """[heads]: whether all of a head's `vectors` [heads, n, d] are the same, but for the samples' rounding."""
    if vectors.shape[1] == 0:
        return np.ones(len(vectors), np.bool_)
    most, least = vectors.max(axis=1), vectors.min(axis=1)  # (heads, d)
    size = np.maximum(most, -least).max(axis=1)
    return cast(npt.NDArray[np.bool_], (most - least).max(axis=1) <= _CONSTANT * size)


def root_of(moment: Float64) -> Float64:
    """L with L Lᵀ = `moment` [heads, d, d]."""
    try:
        return cast(Float64, np.linalg.cholesky(moment))
    except np.linalg.LinAlgError:  # of some head that has fewer directions than d
        values, vectors = np.linalg.eigh(moment)
        return cast(Float64, vectors * np.sqrt(np.maximum(values, 0))[:, None, :])
