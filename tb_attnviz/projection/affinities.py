"""Affinities: which points attract each other in a t-SNE picture, and how much: a sparse graph."""

import dataclasses

import numpy as np

from tb_attnviz.array_types import Float32, Float64, Int32, Int64
from tb_attnviz.projection.compiled import compiled
from tb_attnviz.projection.neighbours import Neighbours

_ROUNDS = 60  # of a bisection: far below what a float32 tells apart


@dataclasses.dataclass(frozen=True)
class Affinities:
    """The pairs of points that attract each other, each pair once; compressed rows, as in SciPy's `csr_array`."""

    ends: Int32  # [n + 1]: where the pairs of a point lie
    others: Int32  # [pairs]: the point with the larger number
    weights: Float32  # [pairs]: p_ij = p_ji, so that all of them sum to 1/2


def gaussian(neighbours: Neighbours, perplexity: float) -> Float64:
    """p_{j|i} of the `neighbours` of each point [n, count], each row summing to 1 (van der Maaten & Hinton 2008).

    exp(-d²/2σ²), σ such that the entropy of the row is ln(perplexity). Neighbours that are all equally far get equal
    shares.
    """
    found = np.empty(neighbours.distances.shape, np.float64)
    _calibrate(neighbours.distances, np.log(perplexity), _ROUNDS, found)
    return found


def symmetric(rows: Int64, columns: Int64, weights: Float64, n: int) -> Affinities:
    """(p_{j|i} + p_{i|j}) / Σ over pairs of `n` points, from directed pairs; a point and itself do not count."""
    import scipy.sparse

    directed = scipy.sparse.coo_array((weights, (rows, columns)), (n, n)).tocsr()
    upper = scipy.sparse.triu(directed + directed.T, k=1, format="csr")
    total = 2 * upper.data.sum()
    data = upper.data / (total if total > 0 else 1.0)
    return Affinities(upper.indptr.astype(np.int32), upper.indices.astype(np.int32), data.astype(np.float32))


@compiled
def _calibrate(distances: Float32, entropy: float, rounds: int, found: Float64) -> None:
    n, count = distances.shape
    for i in range(n):
        nearest = np.float64(distances[i, 0]) ** 2
        mean = 0.0
        for j in range(count):
            found[i, j] = np.float64(distances[i, j]) ** 2 - nearest
            mean += found[i, j] / count
        low, high = 0.0, 0.0  # no upper bound yet
        beta = 1.0 / mean if mean > 0 else 1.0
        for _ in range(rounds):
            total, weighted = 0.0, 0.0
            for j in range(count):
                weight = np.exp(-beta * found[i, j])
                total += weight
                weighted += weight * found[i, j]
            excess = np.log(total) + beta * weighted / total - entropy
            if abs(excess) < 1e-6:
                break
            if excess > 0:
                low = beta
                beta = 2 * beta if high == 0 else (low + high) / 2
            else:
                high = beta
                beta = (low + high) / 2
        total = 0.0
        for j in range(count):
            found[i, j] = np.exp(-beta * found[i, j])
            total += found[i, j]
        for j in range(count):
            found[i, j] /= total
