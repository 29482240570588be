"""Canonical coordinates: queries and keys up to what attention computes from them.

Softmax does not see a constant added to a query's logits, so with k̄ the mean key a head computes L = s·Q (K - k̄)ᵀ.
Q M and K M⁻ᵀ give the same L for every invertible M, and training drifts through these. Canonical coordinates remove
that freedom: the A and B with A Bᵀ = L and equal second moments AᵀA = BᵀB = Σ, diagonal, the singular values of L.
Their first columns are the best low-rank picture of the logits (Gabriel 1971, doi 10.1093/biomet/58.3.453).
What is left is a rotation, fixed between two steps by orthogonal Procrustes (Schönemann 1966, doi 10.1007/BF02289451).

L is never formed. With the second moments QᵀQ = E_q Λ_q E_qᵀ (and E_k, Λ_k of the centred keys), the d × d matrix
s·Λ_q^½ E_qᵀ E_k Λ_k^½ has the singular values of L, and A = Q T_q, B = (K - k̄) T_k are linear in queries and keys: a
step's coordinates are two small matrices a head, whatever the number of tokens.
"""

import dataclasses

from array_api_compat import array_namespace

from tb_attnviz.array_types import Array

_RANK_TOLERANCE = 1e-12  # of the largest eigenvalue of a second moment: directions under 1e-6 of the largest are noise


@dataclasses.dataclass(frozen=True)
class CanonicalAxes:
    """The linear maps from queries and keys to canonical coordinates: A = Q query_axes, B = (K - key_mean) key_axes."""

    query_axes: Array  # [..., d, d]
    key_axes: Array  # [..., d, d]
    key_mean: Array  # [..., d]
    singular_values: Array  # [..., d], descending, of the centred logits

    def coordinates(self, queries: Array, keys: Array) -> tuple[Array, Array]:
        """A [..., n_query, d] and B [..., n_key, d], with A Bᵀ the centred logits."""
        return queries @ self.query_axes, (keys - self.key_mean[..., None, :]) @ self.key_axes


def canonical_axes(queries: Array, keys: Array, *, scale: float) -> CanonicalAxes:
    """The canonical axes of queries [..., n_query, d] and keys [..., n_key, d]; float64 is best.

    Rank-deficient input (fewer tokens than d, constant vectors) gets axes that are 0 from its rank on.
    """
    xp = array_namespace(queries, keys)
    key_mean = xp.mean(keys, axis=-2)
    centred = keys - key_mean[..., None, :]
    query_root, query_inverse = _roots(xp.matrix_transpose(queries) @ queries)
    key_root, key_inverse = _roots(xp.matrix_transpose(centred) @ centred)
    u, singular_values, vh = xp.linalg.svd(xp.matrix_transpose(query_root) @ key_root * scale)
    root = xp.sqrt(singular_values)[..., None, :]  # (..., 1, d)
    return CanonicalAxes(
        query_axes=query_inverse @ u * root,
        key_axes=key_inverse @ xp.matrix_transpose(vh) * root,
        key_mean=key_mean,
        singular_values=singular_values,
    )


def procrustes(cross: Array) -> Array:
    """The rotation (or reflection) R that brings X nearest to Y, from their cross moment XᵀY [..., d, d].

    Minimises ‖X R - Y‖ over orthogonal R (Schönemann 1966).
    """
    xp = array_namespace(cross)
    u, _, vh = xp.linalg.svd(cross)
    return u @ vh


def _roots(moment: Array) -> tuple[Array, Array]:
    """E Λ^½ and E Λ^-½ of a second moment E Λ Eᵀ [..., d, d]; directions without extent are 0 in both."""
    xp = array_namespace(moment)
    values, vectors = xp.linalg.eigh(moment)  # ascending
    kept = values > _RANK_TOLERANCE * values[..., -1:]
    positive = xp.where(kept, values, xp.ones_like(values))
    root = xp.where(kept, xp.sqrt(positive), xp.zeros_like(values))
    inverse = xp.where(kept, 1 / xp.sqrt(positive), xp.zeros_like(values))
    return vectors * root[..., None, :], vectors * inverse[..., None, :]
