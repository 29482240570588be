"""Second moments of a layer's queries and keys: all that its canonical axes are found from."""

import dataclasses
from typing import Any, cast

import numpy as np

from tb_attnviz.array_types import Bool, Float32, Float64
from tb_attnviz.projection.source import Vectors

_CONSTANT = 1e-6  # of the largest component: keys that differ by less are equal


@dataclasses.dataclass(frozen=True)
class SecondMoments:
    """Of the vectors of some heads."""

    queries: Float64  # [heads, d, d]: QᵀQ
    keys: Float64  # [heads, d, d]: KᵀK about the mean key; 0 where all keys are equal
    mean: Float64  # [heads, d]: the mean key

    @classmethod
    def of(cls, vectors: Vectors, kind: type[np.floating[Any]]) -> "SecondMoments":
        """Summed up in `kind`; of keys that heads share once."""
        heads, n_key, d = vectors.keys.shape
        of_queries, of_keys, means = np.empty((heads, d, d)), np.empty((heads, d, d)), np.empty((heads, d))
        ones = np.ones(n_key, kind)
        centred = np.empty((n_key, d), kind)
        still = equal(vectors.keys[:: vectors.shared])
        for head in range(heads):  # one after the other: each stays in the processor's cache
            queries = vectors.queries[head].astype(kind, copy=False)
            of_queries[head] = queries.T @ queries
            if head % vectors.shared:
                of_keys[head], means[head] = of_keys[head - 1], means[head - 1]
                continue
            keys = vectors.keys[head].astype(kind, copy=False)
            mean = ones @ keys / kind(max(n_key, 1))
            np.subtract(keys, mean, out=centred)
            of_keys[head] = 0.0 if still[head // vectors.shared] else centred.T @ centred
            means[head] = mean + ones @ centred / max(n_key, 1)  # what rounding left of it
        return cls(of_queries, of_keys, means)


def equal(vectors: Float32) -> Bool:
    """[heads]: whether all of a head's `vectors` [heads, n, d] are the same, but for the samples' rounding."""
    heads, n, _ = vectors.shape
    found = np.ones(heads, np.bool_)
    if n == 0:
        return found
    some = vectors[:, :: max(n // 8, 1)]  # as good as always these tell already
    found &= _equal(some)
    alike = np.flatnonzero(found)
    found[alike] = _equal(vectors[alike])
    return found


def _equal(vectors: Float32) -> Bool:
    most, least = vectors.max(axis=1), vectors.min(axis=1)  # (heads, d)
    size = np.maximum(most, -least).max(axis=1)
    return cast(Bool, (most - least).max(axis=1) <= _CONSTANT * size)


def root_of(moment: Float64) -> Float64:
    """L with L Lᵀ = `moment` [heads, d, d]."""
    try:
        return cast(Float64, np.linalg.cholesky(moment))
    except np.linalg.LinAlgError:  # of some head that has fewer directions than d
        values, vectors = np.linalg.eigh(moment)
        return cast(Float64, vectors * np.sqrt(np.maximum(values, 0))[:, None, :])
