"""Values: attention weighted by the length of the vectors that it fetches.

A query receives Σ_j A_ij v_j: a key whose value is short counts for little, however much attention rests on it, as on
special tokens (Kobayashi et al. 2020, "Attention is not only a weight", arXiv 2004.10102). They measure the vectors
behind the output projection; here v is as attention sums it.
"""

from collections.abc import Sequence

from array_api_compat import array_namespace, device

from tb_attnviz.array_types import Array
from tb_attnviz.geometry.blocks import BLOCK, LOG_2, Window, parts
from tb_attnviz.geometry.row_sums import mean_where

_NOTHING = 1e-30  # of the longest value: less is what is left of hidden keys


def weighted_by_values(weights: Array, value_norms: Array) -> Array:
    """A_ij ‖v_j‖ / Σ_k A_ik ‖v_k‖, [..., n_query, n_key]: each row sums to 1, or is 0 where nothing is fetched.

    weights [..., n_query, n_key]: attention A; value_norms [..., n_key].
    """
    xp = array_namespace(weights, value_norms)
    fetched = xp.where(weights == 0, xp.zeros_like(weights), weights * _shares(value_norms)[..., None, :])
    total = xp.sum(fetched, axis=-1, keepdims=True)
    return fetched / xp.where(total == 0, xp.ones_like(total), total)


def value_entropy(
    queries: Array,
    keys: Array,
    value_norms: Array,
    *,
    scale: float,
    causal: bool,
    lengths: Sequence[int],
    key_lengths: Sequence[int] | None = None,
    window: Window = (None, None),
    softcap: float | None = None,
    bias: Array | None = None,
    sinks: Array | None = None,
    block: int = BLOCK,
) -> Array:
    """The entropy of the weighted rows W, as `health` has that of attention: [sequences, heads].

    -Σ_j W_ij ln W_ij / ln(visible keys of i), averaged over the queries that see more than one key and fetch something.
    value_norms [sequences, heads, longest]; all else as of `health`.
    """
    xp = array_namespace(queries, keys)
    own = [int(n) for n in lengths]
    others = own if key_lengths is None else [int(n) for n in key_lengths]
    shares = _shares(xp.astype(value_norms, queries.dtype))
    found = xp.full((len(own), queries.shape[1]), xp.nan, dtype=queries.dtype, device=device(queries))
    for part in parts(
        queries,
        keys,
        scale=scale,
        window=(window[0], 0 if causal else window[1]),
        lengths=own,
        key_lengths=others,
        softcap=softcap,
        bias=bias,
        sinks=sinks,
        block=block,
    ):
        of_keys = shares[part.there, part.heads, None, : part.n_key]  # (sequences, heads, 1, n_key)
        there = xp.arange(part.n_key, device=device(of_keys)) < part.ends()[1][:, None, None, None]
        of_keys = xp.where(there, of_keys, xp.zeros_like(of_keys))
        logs = xp.log(xp.where(of_keys == 0, xp.ones_like(of_keys), of_keys))
        entropies, counts = [], []
        for one in part.blocks():
            fetched = one.weights * of_keys[..., one.keys]  # W_ij = fetched_ij / total_i
            total = xp.sum(fetched, axis=-1)
            energy = xp.sum(fetched * (LOG_2 * one.logs + logs[..., one.keys]), axis=-1)
            choices = part.choices_of(one)
            several = choices > 1
            nothing = total < _NOTHING  # NaN is not: a head that is not finite says so
            total = xp.where(nothing, xp.ones_like(total), total)
            counts.append(several & ~nothing)
            entropies.append((xp.log(total) - energy / total) / xp.log(xp.where(several, choices, 2.0)))
        found[part.there, part.heads] = mean_where(xp.concat(entropies, axis=-1), xp.concat(counts, axis=-1))
    return found


def _shares(value_norms: Array) -> Array:
    """value_norms [..., n_key] by the largest of them, so that no sum of them overflows."""
    xp = array_namespace(value_norms)
    finite = xp.where(xp.isfinite(value_norms), value_norms, xp.zeros_like(value_norms))
    largest = xp.max(finite, axis=-1, keepdims=True)  # (..., 1)
    return value_norms / xp.where(largest > 0, largest, xp.ones_like(largest))
