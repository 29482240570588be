"""Logits and attention from queries and keys, as scaled dot-product attention computes them."""

from array_api_compat import array_namespace, device

from tb_attnviz.array_types import Array


def logits(
    queries: Array, keys: Array, *, scale: float, softcap: float | None = None, bias: Array | None = None
) -> Array:
    """Scaled dot products of every query with every key, plus `bias`: [..., n_query, n_key].

    queries [..., n_query, d], keys [..., n_key, d]; `bias` broadcasts to the result, -inf where a pair is hidden.
    `softcap` c bounds the products to c·tanh(products / c) before the bias (Gemma 2, arXiv 2408.00118).
    """
    xp = array_namespace(queries, keys)
    products = (queries * scale) @ xp.matrix_transpose(keys)  # there are fewer queries than products to scale
    if softcap is not None:
        products = softcap * xp.tanh(products / softcap)
    return products if bias is None else products + bias


def visible_pairs(
    n_query: int, n_key: int, *, causal: bool, bias: Array | None = None, like: Array, positions: Array | None = None
) -> Array:
    """Which query sees which key, boolean, broadcastable to [sequences, heads, n_query, n_key].

    `causal` hides the keys after the query; a `bias` of -inf hides a pair. `like`: an array that gives library and
    device. `positions` [n_query]: of the queries among the keys, where they are not the first ones.
    """
    xp = array_namespace(like)
    query = (xp.arange(n_query, device=device(like)) if positions is None else positions)[:, None]  # (n_query, 1)
    key = xp.arange(n_key, device=device(like))[None, :]  # (1, n_key)
    visible = (key <= query) if causal else (key + query >= 0)
    if bias is not None:
        visible = visible & (bias > -xp.inf)
    return visible


def row_entropy(weights: Array, visible: Array) -> Array:
    """-Σ_j w_ij ln w_ij / ln(visible keys of i), [..., n_query], from 0 to 1; NaN for a query that sees one key alone.

    weights [..., n_query, n_key]: attention, or what else sums to 1 over a query's visible keys.
    """
    xp = array_namespace(weights)
    choices = xp.sum(xp.astype(visible, weights.dtype), axis=-1)  # (..., n_query)
    logs = xp.log(xp.where(weights > 0, weights, xp.ones_like(weights)))
    entropy = -xp.sum(weights * logs, axis=-1) / xp.log(xp.where(choices > 1, choices, 2.0))
    return xp.where(choices > 1, entropy, xp.nan)


def attention(logits: Array, visible: Array, *, sinks: Array | None = None) -> Array:
    """Softmax of `logits` [..., n_query, n_key] over each query's visible keys; 0 for hidden pairs.

    `sinks` [...], one logit a head: each query may also rest on it, and its share is dropped (GPT-OSS, arXiv
    2508.10925), so that rows sum to less than 1.
    """
    xp = array_namespace(logits)
    masked = xp.where(visible, logits, -xp.inf)
    top = xp.max(masked, axis=-1, keepdims=True)
    if sinks is not None:
        top = xp.maximum(top, sinks[..., None, None])
    top = xp.where(top == -xp.inf, xp.zeros_like(top), top)  # a query that sees nothing
    weights = xp.exp(masked - top)  # hidden: exp(-inf) = 0
    total = xp.sum(weights, axis=-1, keepdims=True)
    if sinks is not None:
        total = total + xp.exp(sinks[..., None, None] - top)
    return weights / xp.where(total == 0, xp.ones_like(total), total)
