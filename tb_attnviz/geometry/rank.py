"""Effective rank: how many directions a head uses, over all sequences at once.

exp of the entropy of Σ²/ΣΣ², Σ the singular values of the centred logits (Roy and Vetterli 2007, EUSIPCO, on the
energies Σ²).
"""

from typing import Any

from array_api_compat import array_namespace, device

Array = Any  # an array of any library that implements the array API standard

_JITTER = 64  # times the rounding of a second moment's trace: with it, rank-deficient ones have a Cholesky factor too


def effective_rank(queries: Array, keys: Array) -> Array:
    """How many directions each head uses, [heads], from 1 to d; NaN where squares are not finite or no logit differs.

    queries [heads, n_query, d], keys [heads, n_key, d]: all tokens. The squares of the canonical singular values are
    the eigenvalues of C (K-k̄)ᵀ(K-k̄) Cᵀ with QᵀQ = CᵀC: after the two moments, all work is on d × d matrices.
    """
    xp = array_namespace(queries, keys)
    energies = _canonical_energies(queries, keys - xp.mean(keys, axis=-2, keepdims=True))
    total = xp.sum(energies, axis=-1, keepdims=True)  # (heads, 1)
    shares = energies / xp.where(total > 0, total, xp.nan)
    logs = xp.log(xp.where(shares > 0, shares, xp.ones_like(shares)))
    return xp.exp(-xp.sum(shares * logs, axis=-1))


def _canonical_energies(queries: Array, keys: Array) -> Array:
    """Squared singular values of queries keysᵀ, [heads, d] float64; all 0 for a head with anything that is not finite.

    Eigenvalue routines refuse NaN, so such a head goes through them as 0.
    """
    xp = array_namespace(queries, keys)
    moments = []
    for x in (queries, keys):
        moment = xp.astype(xp.matrix_transpose(x) @ x, xp.float64)  # (heads, d, d)
        finite = xp.all(xp.isfinite(moment), axis=(-2, -1), keepdims=True)
        moments.append(xp.where(finite, moment, xp.zeros_like(moment)))
    trace = xp.sum(xp.linalg.diagonal(moments[0]), axis=-1)[..., None, None]  # (heads, 1, 1)
    identity = xp.eye(queries.shape[-1], dtype=xp.float64, device=device(trace))
    jitter = xp.where(trace > 0, _JITTER * xp.finfo(queries.dtype).eps * trace, xp.ones_like(trace))
    lower = xp.linalg.cholesky(moments[0] + jitter * identity)
    energies = xp.linalg.eigvalsh(xp.matrix_transpose(lower) @ moments[1] @ lower)
    return xp.where(trace[..., 0] > 0, xp.clip(energies, 0.0), xp.zeros_like(energies))
