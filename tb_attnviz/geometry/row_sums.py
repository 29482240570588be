"""Sums of attention over the keys of each query of a part, and the figures that are means of them."""

from collections.abc import Sequence

from array_api_compat import array_namespace, device

from tb_attnviz.array_types import Array
from tb_attnviz.geometry.blocks import LOG_2, Block, Part
from tb_attnviz.geometry.repeats import Asked


class RowSums:
    """Takes the blocks of a part, one after the other; rows are queries, the last one first.

    `places` [n_query, 2] or [sequences, n_query, 2]: row and column of every token of an image, NaN for those without.
    """

    def __init__(self, part: Part, *, asked: Sequence[Asked], places: Array | None) -> None:
        xp = array_namespace(part.queries)
        self._part, self._asked = part, asked
        self._of_blocks: list[dict[str, Array]] = []
        self._masses = xp.zeros(
            (*part.queries.shape[:2], len(asked)), dtype=part.queries.dtype, device=device(part.queries)
        )
        self._asked_pairs = xp.zeros_like(self._masses)
        self._places = places

    def add(self, block: Block) -> Array:
        """1 / total, [sequences, heads, rows], or 0 for a query that sees nothing."""
        xp = array_namespace(block.weights)
        choices = self._part.choices_of(block)
        inverse = xp.where(choices > 0, 1 / block.total, xp.zeros_like(block.total))
        first = xp.asarray(block.weights[..., 0], copy=True)  # else all of the block would stay with it
        rows = {
            "choices": choices,
            "largest": block.largest,
            "total": block.total,
            "own_total": block.own_total,
            "energy": LOG_2 * xp.sum(block.logs * block.weights, axis=-1),
            "inverse": inverse,
            "first": first if block.keys.start == 0 else xp.zeros_like(inverse),
        }
        if block.visible is not None:
            rows["sees_first"] = block.visible[..., 0] & (block.keys.start == 0)
        if self._places is not None:
            rows["placed"], rows["far"] = self._distances(block)
        self._of_blocks.append(rows)
        if self._asked:
            self._ask(block, inverse)
        return inverse

    def figures(self) -> dict[str, Array]:
        """Means over the queries, [sequences, heads]: entropy, max_logit, sink, and of images distance."""
        part, blocks = self._part, self._of_blocks
        xp = array_namespace(part.queries)
        rows = {name: xp.concat([block[name] for block in blocks], axis=-1) for name in blocks[0]}
        choices, total, zeros = rows["choices"], rows["total"], xp.zeros_like(rows["total"])
        # -Σ_j A_ij ln A_ij, with A_ij = weights_ij / total_i
        entropy = (rows["own_total"] * xp.log(total) - rows["energy"]) / total
        several = choices > 1
        behind = part.window[0]
        sees_first = choices > 0 if behind is None else (choices > 0) & (part.positions() <= behind)
        figures = {
            "entropy": mean_where(entropy / xp.log(xp.where(several, choices, 2.0)), several),
            "max_logit": xp.max(xp.where(choices > 0, rows["largest"], zeros - xp.inf), axis=-1),
            "sink": mean_where(rows["first"] * rows["inverse"], rows.get("sees_first", sees_first)),
        }
        if self._places is not None:
            placed = rows["placed"]
            distance = rows["far"] / xp.where(placed > 0, placed, xp.ones_like(placed))
            figures["distance"] = mean_where(distance, (choices > 0) & (placed > 0))
        figures["queries"] = xp.sum(xp.astype(choices > 0, zeros.dtype), axis=-1)
        return figures

    def masses(self) -> Array:
        """[sequences, heads, asked]: the mean attention that was asked for; NaN where there is no such pair."""
        xp = array_namespace(self._masses)
        there = self._asked_pairs > 0
        return xp.where(there, self._masses / xp.where(there, self._asked_pairs, xp.ones_like(self._masses)), xp.nan)

    def _ask(self, block: Block, inverse: Array) -> None:
        xp = array_namespace(inverse)
        where, (rows, columns) = device(inverse), block.logs.shape[-2:]
        first, offset = (xp.asarray(x, device=where)[:, None] for x in zip(*self._asked, strict=True))  # (asked, 1)
        positions = xp.arange(block.queries.stop - 1, block.queries.start - 1, -1, device=where)  # (rows,)
        key = positions - offset - block.keys.start  # (asked, rows)
        there = (positions >= first) & (key >= 0) & (key < columns)

        def taken(pairs: Array) -> Array:
            """Of pairs [sequences, heads or 1, rows, …] those asked for, [sequences, heads or 1, asked, rows]."""
            width = pairs.shape[-1]
            index = xp.where(there, xp.arange(rows, device=where) * width + key, xp.zeros_like(key))
            flat = xp.reshape(pairs, (*pairs.shape[:-2], rows * width))
            found = xp.take(flat, xp.reshape(index, (-1,)), axis=-1)
            found = xp.reshape(found, (*pairs.shape[:-2], *index.shape))
            return xp.where(there, found, xp.zeros_like(found))

        visible = self._part.inside(block.queries, block.keys) if block.visible is None else block.visible
        self._masses += xp.sum(taken(block.spaced) * inverse[..., None, :], axis=-1)
        self._asked_pairs += xp.sum(taken(xp.astype(visible, inverse.dtype)), axis=-1)

    def _distances(self, block: Block) -> tuple[Array, Array]:
        """Σ_j w_ij over the keys with a place, and Σ_j w_ij d_ij over these, [sequences, heads, rows].

        0 for queries that have no place themselves.
        """
        xp, places = array_namespace(block.weights), self._places
        assert places is not None
        known = ~xp.isnan(places[..., 0])  # ([sequences,] n)
        where = xp.astype(xp.where(known[..., None], places, xp.zeros_like(places)), block.weights.dtype)
        own, own_known = (xp.flip(x[..., block.queries, :], axis=-2) for x in (where, known[..., None]))
        both = xp.astype(own_known & known[..., None, block.keys], where.dtype)  # ([sequences,] rows, columns)
        far = xp.linalg.vector_norm(own[..., :, None, :] - where[..., None, block.keys, :], axis=-1) * both
        if places.ndim == 3:
            both, far = both[:, None, ...], far[:, None, ...]
        return xp.sum(block.weights * both, axis=-1), xp.sum(block.weights * far, axis=-1)


def mean_where(values: Array, counted: Array) -> Array:
    """Mean of `values` over the last axis where `counted`, which broadcasts to it; NaN where nothing counts."""
    xp = array_namespace(values)
    count = xp.sum(xp.astype(counted, values.dtype), axis=-1)
    total = xp.sum(xp.where(counted, values, xp.zeros_like(values)), axis=-1)
    return xp.where(count > 0, total / xp.where(count > 0, count, xp.ones_like(count)), xp.nan)
