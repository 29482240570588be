"""Values: attention weighted by the length of the vectors that it fetches.

A query receives Σ_j A_ij v_j: a key whose value is short counts for little, however much attention rests on it, as on
special tokens (Kobayashi et al. 2020, "Attention is not only a weight", arXiv 2004.10102). They measure the vectors
behind the output projection; here v is as attention sums it.
"""

from typing import Any

from array_api_compat import array_namespace

from tb_attnviz.geometry.attention import attention, logits, row_entropy, visible_pairs

Array = Any  # an array of any library that implements the array API standard


def weighted_by_values(weights: Array, value_norms: Array) -> Array:
    """A_ij ‖v_j‖ / Σ_k A_ik ‖v_k‖, [..., n_query, n_key]: each row sums to 1, or is 0 where nothing is fetched.

    weights [..., n_query, n_key]: attention A; value_norms [..., n_key].
    """
    xp = array_namespace(weights, value_norms)
    finite = xp.where(xp.isfinite(value_norms), value_norms, xp.zeros_like(value_norms))
    largest = xp.max(finite, axis=-1, keepdims=True)  # (..., 1)
    shares = value_norms / xp.where(largest > 0, largest, xp.ones_like(largest))  # no sum of them overflows
    fetched = xp.where(weights == 0, xp.zeros_like(weights), weights * shares[..., None, :])
    total = xp.sum(fetched, axis=-1, keepdims=True)
    return fetched / xp.where(total == 0, xp.ones_like(total), total)


def value_entropy(
    queries: Array,
    keys: Array,
    value_norms: Array,
    *,
    scale: float,
    causal: bool,
    lengths: Array,
    key_lengths: Array | None = None,
    softcap: float | None = None,
    bias: Array | None = None,
    sinks: Array | None = None,
) -> Array:
    """The entropy of the weighted rows W, as `health` has that of attention: [sequences, heads].

    -Σ_j W_ij ln W_ij / ln(visible keys of i), averaged over the queries that see more than one key and fetch something.
    value_norms [sequences, heads, longest]; all else as of `health`.
    """
    xp = array_namespace(queries, keys)
    visible = visible_pairs(
        queries.shape[-2],
        keys.shape[-2],
        causal=causal,
        lengths=lengths,
        key_lengths=key_lengths,
        bias=bias,
        like=queries,
    )
    products = logits(queries, keys, scale=scale, softcap=softcap, bias=bias)  # (sequences, heads, n_query, n_key)
    weights = weighted_by_values(attention(products, visible, sinks=sinks), value_norms)
    choices = xp.sum(xp.astype(visible, weights.dtype), axis=-1)  # (sequences, heads or 1, n_query)
    entropy = row_entropy(weights, visible)  # (sequences, heads, n_query)
    counted = (choices > 1) & (xp.sum(weights, axis=-1) != 0)  # NaN counts: a head that is not finite says so
    count = xp.sum(xp.astype(counted, weights.dtype), axis=-1)
    total = xp.sum(xp.where(counted, entropy, xp.zeros_like(entropy)), axis=-1)
    return xp.where(count > 0, total / xp.where(count > 0, count, xp.ones_like(count)), xp.nan)
