"""Health: one figure a head that says at a glance how its attention does.

Figures are averaged over the queries of a sequence, then over the sequences (max_logit: the largest, non_finite: the
sum); padding and hidden pairs never count.

entropy     -Σ_j A_ij ln A_ij / ln(visible keys of i), queries that see one key left out; near 0 while the loss spikes:
            entropy collapse (Zhai et al. 2023, arXiv 2303.06296)
max_logit   the largest scaled q·k plus bias over visible pairs; of the probe, so a lower bound of training's
            (Wortsman et al. 2023, arXiv 2309.14322; QK-clip acts above 100: Kimi K2, arXiv 2507.20534)
query_norm  mean ‖q‖; key_norm: mean ‖k‖ (Dehghani et al. 2023, arXiv 2302.05442)
sink        mean attention on the first token (Gu et al. 2024, arXiv 2410.10781)
previous    mean attention of a token on the one before it; self: on itself; next: on the one after it
            (Clark et al. 2019, arXiv 1906.04341)
distance    Σ_j A_ij |i-j|, in tokens (Dosovitskiy et al. 2021, arXiv 2010.11929, on the grid of patches)
induction   in a sequence that repeats itself with period L: mean A_{i,i-L+1}, the attention on the token that followed
            the present one last time; duplicate: mean A_{i,i-L}, on the present one (Olsson et al. 2022,
            arXiv 2209.11895)
non_finite  how many components of q and k are NaN or infinite

effective_rank is of all sequences at once, and has a function of its own: exp of the entropy of Σ²/ΣΣ², Σ the singular
            values of the centred logits (Roy and Vetterli 2007, EUSIPCO, on the energies Σ²)
"""

from collections.abc import Sequence
from typing import Any

from array_api_compat import array_namespace, device

from tb_attnviz.geometry.attention import logits as scaled_dot_products
from tb_attnviz.geometry.attention import visible_pairs

Array = Any  # an array of any library that implements the array API standard

FIGURES = (
    "entropy",
    "max_logit",
    "query_norm",
    "key_norm",
    "sink",
    "previous",
    "self",
    "next",
    "distance",
    "induction",
    "duplicate",
    "non_finite",
)

_JITTER = 64  # times the rounding of a second moment's trace: with it, rank-deficient ones have a Cholesky factor too


def health(
    queries: Array,
    keys: Array,
    *,
    scale: float,
    causal: bool,
    lengths: Array,
    softcap: float | None = None,
    bias: Array | None = None,
    sinks: Array | None = None,
    repeats: Sequence[tuple[int, int] | None] = (),
) -> dict[str, Array]:
    """Every figure of FIGURES of one layer on one batch of sequences, each [sequences, heads].

    queries, keys [sequences, heads, longest, d], padded at the end; `lengths` [sequences], integer; `softcap` and
    `bias` as in `logits`, `sinks` [heads] as in `attention`; `repeats`: (start, period) of each sequence that repeats
    itself, else None.
    NaN where a sequence does not define a figure (induction without repeat, entropy where every query sees one key).
    """
    xp = array_namespace(queries, keys)
    longest = queries.shape[-2]
    visible = visible_pairs(longest, longest, causal=causal, lengths=lengths, bias=bias, like=queries)
    choices = xp.sum(xp.astype(visible, queries.dtype), axis=-1)  # (sequences, heads or 1, longest): keys a query sees
    present = xp.arange(longest, device=device(queries))[None, None, :] < lengths[:, None, None]
    # Every line from here to `distance` passes over all pairs, which is what health costs: attention is not
    # normalised, but what is taken from it is, a row at a time.
    hidden = -xp.finfo(queries.dtype).max / 4  # finite: its weight of 0 times its logit is 0
    shifted = scaled_dot_products(
        queries, keys, scale=scale, softcap=softcap, bias=bias
    )  # (sequences, heads, longest, longest)
    shifted = xp.where(visible, shifted, hidden)
    top = xp.max(shifted, axis=-1)  # (sequences, heads, longest)
    ceiling = top if sinks is None else xp.maximum(top, sinks[:, None])
    shifted -= ceiling[..., None]
    weights = xp.exp(shifted)  # attention, but for the sum of each row
    shifted *= weights
    energy = xp.sum(shifted, axis=-1)  # (sequences, heads, longest)
    keys_total, distance = _row_sums(weights)
    total = keys_total if sinks is None else keys_total + xp.exp(sinks[:, None] - ceiling)
    entropy = (keys_total * xp.log(total) - energy) / total  # -Σ_j A_ij ln A_ij, with A_ij = weights_ij / total_i
    rows = (weights, total, visible)
    query_norms, key_norms = (xp.linalg.vector_norm(x, axis=-1) for x in (queries, keys))
    return {
        "entropy": _mean(entropy / xp.log(xp.where(choices > 1, choices, 2.0)), choices > 1),
        "max_logit": xp.max(xp.where(choices > 0, top, -xp.inf), axis=-1),
        "query_norm": _mean(query_norms, present),
        "key_norm": _mean(key_norms, present),
        "sink": _mean(weights[..., 0] / total, visible[..., 0]),
        "previous": _diagonal_mean(*rows, -1),
        "self": _diagonal_mean(*rows, 0),
        "next": _diagonal_mean(*rows, 1),
        "distance": _mean(distance / total, choices > 0),
        "induction": _repeated(*rows, repeats, ahead=1),
        "duplicate": _repeated(*rows, repeats, ahead=0),
        "non_finite": _non_finite(queries, query_norms, present) + _non_finite(keys, key_norms, present),
    }


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


def _row_sums(weights: Array) -> tuple[Array, Array]:
    """Σ_j w_ij and Σ_j w_ij |i-j|, each [sequences, heads, n]; weights [sequences, heads, n, n].

    As one matrix product for each query i: it reads the weights once, and writes nothing of their size.
    """
    xp = array_namespace(weights)
    n = weights.shape[-1]
    positions = xp.astype(xp.arange(n, device=device(weights)), weights.dtype)
    distances = xp.abs(positions[:, None] - positions[None, :])
    factors = xp.stack([xp.ones_like(distances), distances], axis=-1)  # (n_query, n_key, 2)
    by_query = xp.permute_dims(xp.reshape(weights, (-1, n, n)), (1, 0, 2))  # (n_query, sequences · heads, n_key)
    sums = xp.permute_dims(by_query @ factors, (2, 1, 0))  # (2, sequences · heads, n_query)
    sums = xp.reshape(sums, (2, *weights.shape[:-1]))
    return sums[0, ...], sums[1, ...]


def _diagonal_mean(weights: Array, total: Array, visible: Array, offset: int, start: int = 0) -> Array:
    """Mean of A_{i,i+offset} over the visible pairs with i >= start, [sequences, heads]."""
    xp = array_namespace(weights)
    first = max(start, -offset)  # the query that the counted part of the diagonal begins with
    skipped = first - max(-offset, 0)
    diagonal = xp.linalg.diagonal(weights, offset=offset)[..., skipped:]  # (sequences, heads, pairs)
    seen = xp.linalg.diagonal(visible, offset=offset)[..., skipped:]
    return _mean(diagonal / total[..., first : first + diagonal.shape[-1]], seen)


def _repeated(
    weights: Array, total: Array, visible: Array, repeats: Sequence[tuple[int, int] | None], *, ahead: int
) -> Array:
    """Mean attention on the token `ahead` of a period ago, [sequences, heads]; NaN without a repeat."""
    xp = array_namespace(weights)
    visible = xp.broadcast_to(visible, weights.shape)
    figure = xp.full_like(total[..., 0], xp.nan)
    for index, repeat in enumerate(repeats):
        if repeat is not None:
            start, period = repeat
            one = slice(index, index + 1)
            rows = (weights[one, ...], total[one, ...], visible[one, ...])
            figure[one, ...] = _diagonal_mean(*rows, ahead - period, start + period)
    return figure


def _non_finite(x: Array, norms: Array, present: Array) -> Array:
    """Components of x [sequences, heads, longest, d] that are NaN or infinite, [sequences, heads]."""
    xp = array_namespace(x)
    if xp.all(xp.isfinite(norms)):  # as good as always: there is nothing to count
        return xp.zeros_like(norms[..., 0])
    return xp.sum(xp.astype(~xp.isfinite(x) & present[..., None], x.dtype), axis=(-2, -1))


def _mean(values: Array, counted: Array) -> Array:
    """Mean of `values` over the last axis where `counted`, which broadcasts to it; NaN where nothing counts."""
    xp = array_namespace(values)
    count = xp.sum(xp.astype(counted, values.dtype), axis=-1)
    total = xp.sum(xp.where(counted, values, xp.zeros_like(values)), axis=-1)
    return xp.where(count > 0, total / xp.where(count > 0, count, xp.ones_like(count)), xp.nan)
