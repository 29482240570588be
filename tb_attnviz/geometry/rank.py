"""Effective rank: how many directions a head uses, over all sequences at once.

exp of the entropy of Σ²/ΣΣ², Σ the singular values of the centred logits (Roy and Vetterli 2007, EUSIPCO, on the
energies Σ²).
"""

import dataclasses
from collections.abc import Sequence

from array_api_compat import array_namespace, device

from tb_attnviz.array_types import Array

_JITTER = 64  # times the rounding of a second moment's trace: with it, rank-deficient ones have a Cholesky factor too


@dataclasses.dataclass(frozen=True)
class RankSums:
    """What the rank needs to know of some tokens, float64."""

    queries: Array  # [heads, d, d]: Σ q qᵀ
    keys: Array  # [kv_heads, d, d]: Σ (k - k̄)(k - k̄)ᵀ
    mean: Array  # [kv_heads, 1, d]: k̄
    count: int  # of keys
    rounding: float  # of one number, relative


def effective_rank(queries: Array, keys: Array) -> Array:
    """How many directions each head uses, [heads], from 1 to d; NaN where squares are not finite or no logit differs.

    queries [heads, n_query, d], keys [kv_heads, n_key, d]: all tokens.
    """
    return rank_of([rank_sums(queries, keys)])


def rank_sums(queries: Array, keys: Array) -> RankSums:
    """Of some of the tokens; arguments as of `effective_rank`."""
    xp = array_namespace(queries, keys)
    mean = xp.mean(keys, axis=-2, keepdims=True)
    moments = [xp.astype(xp.matrix_transpose(x) @ x, xp.float64) for x in (queries, keys - mean)]
    rounding = float(xp.finfo(queries.dtype).eps)
    return RankSums(moments[0], moments[1], xp.astype(mean, xp.float64), int(keys.shape[-2]), rounding)


def rank_of(parts: Sequence[RankSums]) -> Array:
    """`effective_rank` of all tokens.

    The squares of the canonical singular values are the eigenvalues of C (K-k̄)ᵀ(K-k̄) Cᵀ with QᵀQ = CᵀC: after the two
    moments, all work is on d × d matrices.
    """
    xp = array_namespace(parts[0].queries)
    queries = parts[0].queries
    for one in parts[1:]:
        queries = queries + one.queries
    energies = _canonical_energies(queries, _of_keys(parts), max(one.rounding for one in parts))
    total = xp.sum(energies, axis=-1, keepdims=True)  # (heads, 1)
    shares = energies / xp.where(total > 0, total, xp.nan)
    logs = xp.log(xp.where(shares > 0, shares, xp.ones_like(shares)))
    return xp.exp(-xp.sum(shares * logs, axis=-1))


def _of_keys(parts: Sequence[RankSums]) -> Array:
    """Σ (k - k̄)(k - k̄)ᵀ over all keys, [kv_heads, d, d] (Chan, Golub and LeVeque 1979)."""
    xp = array_namespace(parts[0].keys)
    found, mean, count = parts[0].keys, parts[0].mean, parts[0].count
    for one in parts[1:]:
        apart, together = one.mean - mean, max(count + one.count, 1)
        found = found + one.keys + xp.matrix_transpose(apart) @ apart * (count * one.count / together)
        mean, count = mean + apart * (one.count / together), together
    return found


def _canonical_energies(queries: Array, keys: Array, rounding: float) -> Array:
    """Squared singular values of queries keysᵀ from their moments, [heads, d]; all 0 for a head that is not finite.

    Eigenvalue routines refuse NaN, so such a head goes through them as 0.
    """
    xp = array_namespace(queries, keys)
    moments = []
    for moment in (queries, xp.repeat(keys, queries.shape[0] // keys.shape[0], axis=0)):
        finite = xp.all(xp.isfinite(moment), axis=(-2, -1), keepdims=True)
        moments.append(xp.where(finite, moment, xp.zeros_like(moment)))
    trace = xp.sum(xp.linalg.diagonal(moments[0]), axis=-1)[..., None, None]  # (heads, 1, 1)
    identity = xp.eye(queries.shape[-1], dtype=xp.float64, device=device(trace))
    jitter = xp.where(trace > 0, _JITTER * rounding * trace, xp.ones_like(trace))
    lower = xp.linalg.cholesky(moments[0] + jitter * identity)
    energies = xp.linalg.eigvalsh(xp.matrix_transpose(lower) @ moments[1] @ lower)
    return xp.where(trace[..., 0] > 0, xp.clip(energies, 0.0), xp.zeros_like(energies))
