"""Point figures: one number a query or key of a head, that says how it does.

norm      ‖q‖ of a query, ‖k‖ of a key
entropy   of a query's attention: -Σ_j A_ij ln A_ij / ln(visible keys of i); not defined where it sees one key alone
received  of a key: mean of A_ij over the queries i that see it (the share of Σ_i A_ij that a query gives)
attracted of a key: Σ_i A_ij, in queries: all of them together give as many as there are
max_logit of a query: the largest scaled q·k plus bias over the keys it sees; of a key: over the queries that see it
first     of a query: A_i0, its attention on the first token (attention sinks: Gu et al. 2024, arXiv 2410.10781)
value_norm of a key: ‖v‖ of its value, where it was recorded (Kobayashi et al. 2020, arXiv 2004.10102)

The means of norm, entropy and first over a sequence's queries, and the largest max_logit, are `health`'s query_norm,
entropy, sink and max_logit.
"""

from collections.abc import Callable, Mapping

from array_api_compat import array_namespace, device

from tb_attnviz.array_types import Array
from tb_attnviz.geometry.attention import attention, logits, row_entropy, visible_pairs


def point_figure(
    figure: str,
    queries: Array,
    keys: Array,
    *,
    scale: float,
    causal: bool,
    softcap: float | None = None,
    bias: Array | None = None,
    sinks: Array | None = None,
    value_norms: Array | None = None,
) -> Array:
    """`figure`, one of POINT_FIGURES, of every query and key of one sequence: [heads, n_query + n_key], queries first.

    queries [heads, n_query, d], keys [heads, n_key, d]; `softcap` and `bias` [heads or 1, n_query, n_key] as in
    `logits`, `sinks` [heads] as in `attention`; value_norms [heads, n_key]. NaN for the kind of point that the
    figure is not defined for, and where value norms were not recorded.
    """
    xp = array_namespace(queries, keys)
    if figure == "norm":
        return xp.concat([xp.linalg.vector_norm(x, axis=-1) for x in (queries, keys)], axis=-1)
    n_query, n_key = queries.shape[-2], keys.shape[-2]
    if figure == "value_norm":
        unknown = xp.full((queries.shape[0], n_query + n_key), xp.nan, dtype=queries.dtype, device=device(queries))
        return unknown if value_norms is None else xp.concat([unknown[:, :n_query], value_norms], axis=-1)
    products = logits(queries, keys, scale=scale, softcap=softcap, bias=bias)  # (heads, n_query, n_key)
    visible = visible_pairs(n_query, n_key, causal=causal, bias=bias, like=products)
    visible = xp.broadcast_to(visible, products.shape)
    if figure == "max_logit":
        seen = xp.where(visible, products, -xp.inf)
        largest = xp.concat([xp.max(seen, axis=-1), xp.max(seen, axis=-2)], axis=-1)
        return xp.where(largest == -xp.inf, xp.nan, largest)  # what sees nothing, and what nobody sees
    of_queries, of_keys = _OF_ATTENTION[figure](attention(products, visible, sinks=sinks), visible)
    undefined = xp.full((products.shape[0], 1), xp.nan, dtype=products.dtype, device=device(products))
    if of_queries is None:
        of_queries = xp.broadcast_to(undefined, (products.shape[0], n_query))
    if of_keys is None:
        of_keys = xp.broadcast_to(undefined, (products.shape[0], n_key))
    return xp.concat([of_queries, of_keys], axis=-1)


_Figures = tuple[Array | None, Array | None]  # of the queries, of the keys


def _entropy(weights: Array, visible: Array) -> _Figures:
    return row_entropy(weights, visible), None


def _received(weights: Array, visible: Array) -> _Figures:
    xp = array_namespace(weights)
    seen_by = xp.sum(xp.astype(visible, weights.dtype), axis=-2)  # (heads, n_key)
    total = xp.sum(weights, axis=-2)
    return None, xp.where(seen_by > 0, total / xp.where(seen_by > 0, seen_by, xp.ones_like(seen_by)), xp.nan)


def _attracted(weights: Array, _visible: Array) -> _Figures:
    return None, array_namespace(weights).sum(weights, axis=-2)


def _first(weights: Array, visible: Array) -> _Figures:
    xp = array_namespace(weights)
    return xp.where(visible[..., 0], weights[..., 0], xp.nan), None


_OF_ATTENTION: Mapping[str, Callable[[Array, Array], _Figures]] = {
    "entropy": _entropy,
    "received": _received,
    "attracted": _attracted,
    "first": _first,
}

POINT_FIGURES = ("norm", "max_logit", *_OF_ATTENTION, "value_norm")
