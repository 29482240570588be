"""Health: one figure a head that says at a glance how its attention does.

Figures are averaged over the queries of a sequence, then over the sequences; padding and hidden pairs never count.

entropy     -Σ_j A_ij ln A_ij / ln(visible keys of i), queries that see one key left out; near 0 while the loss spikes:
            entropy collapse (Zhai et al. 2023, arXiv 2303.06296)
max_logit   the largest scaled q·k plus bias over visible pairs; of the probe, so a lower bound of training's
            (Wortsman et al. 2023, arXiv 2309.14322)
query_norm  mean ‖q‖; key_norm: mean ‖k‖ (Dehghani et al. 2023, arXiv 2302.05442)
sink        mean attention on the first token (Gu et al. 2024, arXiv 2410.10781)
previous    mean attention of a token on the one before it; self: on itself
induction   in a sequence that repeats itself with period L: mean A_{i,i-L+1}, the attention on the token that followed
            the present one last time (Olsson et al. 2022, arXiv 2209.11895)
"""

from collections.abc import Sequence
from typing import Any

from array_api_compat import array_namespace, device

from tb_attnviz.geometry.attention import attention, visible_pairs
from tb_attnviz.geometry.attention import logits as scaled_dot_products

Array = Any  # an array of any library that implements the array API standard

FIGURES = ("entropy", "max_logit", "query_norm", "key_norm", "sink", "previous", "self", "induction")


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
    scores = scaled_dot_products(
        queries, keys, scale=scale, softcap=softcap, bias=bias
    )  # (sequences, heads, longest, longest)
    visible = xp.broadcast_to(visible, scores.shape)
    weights = attention(scores, visible, sinks=sinks)
    present = xp.arange(longest, device=device(queries))[None, None, :] < lengths[:, None, None]
    present = xp.broadcast_to(present, queries.shape[:-1])  # (sequences, heads, longest)
    norms = {name: xp.linalg.vector_norm(x, axis=-1) for name, x in (("query", queries), ("key", keys))}
    return {
        "entropy": _entropy(weights, visible),
        "max_logit": xp.max(xp.where(visible, scores, -xp.inf), axis=(-2, -1)),
        "query_norm": _mean(norms["query"], present),
        "key_norm": _mean(norms["key"], present),
        "sink": _mean(weights[..., 0], visible[..., 0]),
        "previous": _diagonal_mean(weights, visible, 1),
        "self": _diagonal_mean(weights, visible, 0),
        "induction": _induction(weights, visible, repeats),
    }


def _entropy(weights: Array, visible: Array) -> Array:
    """Normalised entropy, [sequences, heads]; weights, visible [sequences, heads, n_query, n_key]."""
    xp = array_namespace(weights)
    logs = xp.log(xp.where(weights > 0, weights, xp.ones_like(weights)))
    entropy = -xp.sum(weights * logs, axis=-1)  # (sequences, heads, n_query)
    choices = xp.sum(xp.astype(visible, weights.dtype), axis=-1)
    counted = choices > 1
    return _mean(entropy / xp.log(xp.where(counted, choices, xp.full_like(choices, 2.0))), counted)


def _diagonal_mean(weights: Array, visible: Array, back: int, start: int = 0) -> Array:
    """Mean of A_{i,i-back} over the visible pairs with i >= start, [sequences, heads]."""
    xp = array_namespace(weights)
    diagonal = xp.linalg.diagonal(weights, offset=-back)  # (sequences, heads, n_query - back)
    seen = xp.linalg.diagonal(visible, offset=-back)
    skipped = max(start - back, 0)  # the diagonal begins at query `back`
    return _mean(diagonal[..., skipped:], seen[..., skipped:])


def _induction(weights: Array, visible: Array, repeats: Sequence[tuple[int, int] | None]) -> Array:
    xp = array_namespace(weights)
    rows = []
    for index in range(weights.shape[0]):
        repeat = repeats[index] if repeats else None
        if repeat is None:
            rows.append(xp.full_like(weights[:1, :, 0, 0], xp.nan))
        else:
            start, period = repeat
            one = slice(index, index + 1)
            rows.append(_diagonal_mean(weights[one, ...], visible[one, ...], period - 1, start + period))
    return xp.concat(rows, axis=0)


def _mean(values: Array, counted: Array) -> Array:
    """Mean of `values` over the last axis where `counted`; NaN where nothing counts."""
    xp = array_namespace(values)
    count = xp.sum(xp.astype(counted, values.dtype), axis=-1)
    total = xp.sum(xp.where(counted, values, xp.zeros_like(values)), axis=-1)
    return xp.where(count > 0, total / xp.where(count > 0, count, xp.ones_like(count)), xp.nan)
