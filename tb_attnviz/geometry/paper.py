"""AttentionViz' normalisation of a head's queries and keys (Yeh et al. 2023, arXiv 2305.03210, section 4.3).

q ← q / c and k ← c k leave every dot product as it is; then k ← k - mean(k) + mean(q) adds a constant to each query's
logits, which softmax does not see. Both bring queries near the keys that they attend to.
"""

from array_api_compat import array_namespace

from tb_attnviz.array_types import Array

SCALES = (0.2, 0.4, 0.8, 1.0, 1.25, 2.5, 5.0)
_NEAR = 0.005  # the share of pairs that count
_MOST = 512  # queries, and keys, that the correlation is taken over: evenly spaced ones, 1,300 pairs count


def paper_scale(queries: Array, keys: Array) -> float:
    """The c of SCALES for queries [n_query, d] and keys [n_key, d] of one head.

    The one whose weighted Pearson correlation of dot product q·k with the distance on the normalised vectors is nearest
    -1. A pair at distance d counts (d* - d)² if it is nearer than d*, the 0.5th percentile of distances, and else 0.
    1 where no correlation exists.
    """
    xp = array_namespace(queries, keys)
    shift = {c: paper_translation(queries, keys, c) for c in SCALES}
    queries = queries[:: -(-queries.shape[0] // _MOST), :]
    keys = keys[:: -(-keys.shape[0] // _MOST), :]
    products = queries @ xp.matrix_transpose(keys)  # (n_query, n_key)
    best, scale = 0.0, 1.0
    for c in SCALES:
        moved = keys * c + shift[c]
        apart = xp.sum((queries / c) ** 2, axis=1)[:, None] + xp.sum(moved**2, axis=1)[None, :]
        apart = xp.reshape(xp.sqrt(xp.clip(apart - 2 * (queries / c) @ xp.matrix_transpose(moved), 0.0, None)), (-1,))
        reach = xp.sort(apart)[int(_NEAR * (apart.shape[0] - 1))]
        weights = xp.where(apart < reach, (reach - apart) ** 2, xp.zeros_like(apart))
        correlation = weighted_pearson(xp.reshape(products, (-1,)), apart, weights)
        if correlation < best:
            best, scale = correlation, c
    return scale


def paper_translation(queries: Array, keys: Array, c: float) -> Array:
    """What is added to the keys once they are scaled: mean(q / c) - mean(c k), [d]."""
    xp = array_namespace(queries, keys)
    return xp.mean(queries, axis=0) / c - xp.mean(keys, axis=0) * c


def weighted_pearson(x: Array, y: Array, weights: Array) -> float:
    """Pearson's correlation of x and y [n], each pair counted `weights` [n] times; 0 where one of them is constant."""
    xp = array_namespace(x, y, weights)
    total = xp.sum(weights)
    if not total > 0:
        return 0.0
    x = x - xp.sum(x * weights) / total
    y = y - xp.sum(y * weights) / total
    size = xp.sqrt(xp.sum(weights * x * x) * xp.sum(weights * y * y))
    return float(xp.sum(weights * x * y) / size) if size > 0 else 0.0
