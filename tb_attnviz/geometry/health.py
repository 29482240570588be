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
distance    Σ_j A_ij |i-j|, in tokens; of an image in patches on its grid, among the tokens that have a place there
            (Dosovitskiy et al. 2021, arXiv 2010.11929)
induction   in a sequence that repeats itself with period L: mean A_{i,i-L+1}, the attention on the token that followed
            the present one last time; duplicate: mean A_{i,i-L}, on the present one (Olsson et al. 2022,
            arXiv 2209.11895)
non_finite  how many components of q and k are NaN or infinite

Across two sequences there is no token before, after or itself: previous, self, next, distance, induction and duplicate
are NaN there. Of tokens without an order (windows of an image) sink, previous and next are.

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
    key_lengths: Array | None = None,
    softcap: float | None = None,
    bias: Array | None = None,
    sinks: Array | None = None,
    repeats: Sequence[tuple[int, int] | None] = (),
    places: Array | None = None,
    ordered: bool = True,
) -> dict[str, Array]:
    """Every figure of FIGURES of one layer on one batch of sequences, each [sequences, heads].

    queries, keys [sequences, heads, longest, d], padded at the end; `lengths` [sequences], integer; `softcap` and
    `bias` as in `logits`, `sinks` [heads] as in `attention`; `repeats`: (start, period) of each sequence that repeats
    itself, else None. `key_lengths` [sequences]: the keys are those of another sequence. `places` [longest, 2] or
    [sequences, longest, 2]: row and column of every token, NaN for those without; `ordered`: tokens come in an order.
    NaN where a sequence does not define a figure (induction without repeat, entropy where every query sees one key).
    """
    xp = array_namespace(queries, keys)
    n_query, n_key = queries.shape[-2], keys.shape[-2]
    across = key_lengths is not None
    key_lengths = lengths if key_lengths is None else key_lengths
    visible = visible_pairs(
        n_query, n_key, causal=causal, lengths=lengths, key_lengths=key_lengths, bias=bias, like=queries
    )
    choices = xp.sum(xp.astype(visible, queries.dtype), axis=-1)  # (sequences, heads or 1, n_query): keys a query sees
    query_present, key_present = (
        xp.arange(n, device=device(queries))[None, None, :] < ends[:, None, None]
        for n, ends in ((n_query, lengths), (n_key, key_lengths))
    )
    # Every line from here to `_distances` passes over all pairs, which is what health costs: attention is not
    # normalised, but what is taken from it is, a row at a time.
    hidden = -xp.finfo(queries.dtype).max / 4  # finite: its weight of 0 times its logit is 0
    shifted = scaled_dot_products(
        queries, keys, scale=scale, softcap=softcap, bias=bias
    )  # (sequences, heads, n_query, n_key)
    shifted = xp.where(visible, shifted, hidden)
    top = xp.max(shifted, axis=-1)  # (sequences, heads, n_query)
    ceiling = top if sinks is None else xp.maximum(top, sinks[:, None])
    shifted -= ceiling[..., None]
    weights = xp.exp(shifted)  # attention, but for the sum of each row
    shifted *= weights
    energy = xp.sum(shifted, axis=-1)  # (sequences, heads, n_query)
    keys_total, placed_total, far = _distances(weights, None if across else places)
    total = keys_total if sinks is None else keys_total + xp.exp(sinks[:, None] - ceiling)
    entropy = (keys_total * xp.log(total) - energy) / total  # -Σ_j A_ij ln A_ij, with A_ij = weights_ij / total_i
    rows = (weights, total, visible)
    query_norms, key_norms = (xp.linalg.vector_norm(x, axis=-1) for x in (queries, keys))
    distance = far / (total if places is None else xp.where(placed_total > 0, placed_total, 1.0))
    unknown = xp.full_like(total[..., 0], xp.nan)
    near = ordered and not across
    return {
        "entropy": _mean(entropy / xp.log(xp.where(choices > 1, choices, 2.0)), choices > 1),
        "max_logit": xp.max(xp.where(choices > 0, top, -xp.inf), axis=-1),
        "query_norm": _mean(query_norms, query_present),
        "key_norm": _mean(key_norms, key_present),
        "sink": _mean(weights[..., 0] / total, visible[..., 0]) if ordered else unknown,
        "previous": _diagonal_mean(*rows, -1) if near else unknown,
        "self": unknown if across else _diagonal_mean(*rows, 0),
        "next": _diagonal_mean(*rows, 1) if near else unknown,
        "distance": unknown if across else _mean(distance, (choices > 0) & (placed_total > 0)),
        "induction": _repeated(*rows, repeats, ahead=1) if near else unknown,
        "duplicate": _repeated(*rows, repeats, ahead=0) if near else unknown,
        "non_finite": _non_finite(queries, query_norms, query_present) + _non_finite(keys, key_norms, key_present),
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


def _distances(weights: Array, places: Array | None) -> tuple[Array, Array, Array]:
    """Σ_j w_ij, the same over the keys with a place, and Σ_j w_ij d_ij over these; each [sequences, heads, n_query].

    weights [sequences, heads, n_query, n_key]; `places` as of `health`: without them keys are where they come.
    Where queries have no place, or see no key that has one, the second sum is 0.
    """
    xp = array_namespace(weights)
    n_query, n_key = weights.shape[-2:]
    if places is None:
        query, key = (
            xp.astype(xp.arange(n, device=device(weights)), weights.dtype) for n in (n_query, n_key)
        )  # positions
        total, far = _row_sums(weights, xp.abs(query[:, None] - key[None, :]))
        return total, total, far
    known = ~xp.isnan(places[..., 0])  # ([sequences,] n)
    where = xp.astype(xp.where(known[..., None], places, xp.zeros_like(places)), weights.dtype)
    distances = xp.linalg.vector_norm(where[..., :, None, :] - where[..., None, :, :], axis=-1)  # (…, n, n)
    both = xp.astype(known[..., :, None] & known[..., None, :], weights.dtype)
    if places.ndim == 2:
        total, placed, far = _row_sums(weights, both, distances * both)
    else:
        total = xp.sum(weights, axis=-1)
        placed, far = (xp.sum(weights * x[:, None, ...], axis=-1) for x in (both, distances * both))
    return total, placed, far


def _row_sums(weights: Array, *factors: Array) -> tuple[Array, ...]:
    """Σ_j w_ij, and Σ_j w_ij f_ij for each of `factors` [n_query, n_key]: each [sequences, heads, n_query].

    As one matrix product for each query i: it reads the weights once, and writes nothing of their size.
    """
    xp = array_namespace(weights)
    n_query, n_key = weights.shape[-2:]
    columns = xp.stack([xp.ones_like(factors[0]), *factors], axis=-1)  # (n_query, n_key, columns)
    by_query = xp.permute_dims(xp.reshape(weights, (-1, n_query, n_key)), (1, 0, 2))  # (n_query, sequences · heads, …)
    sums = xp.permute_dims(by_query @ columns, (2, 1, 0))  # (columns, sequences · heads, n_query)
    sums = xp.reshape(sums, (sums.shape[0], *weights.shape[:-1]))
    return tuple(sums[index, ...] for index in range(sums.shape[0]))


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
