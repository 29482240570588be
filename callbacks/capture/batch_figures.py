"""Batch figures: max_logit, entropy and sink of one attention of a training pass, without any array of all its pairs.

max_logit is of all visible pairs. Entropy and sink are means over at most 64 queries of each sequence, evenly spread:
their weights would cost far more than the largest logit does.
"""

import dataclasses
from collections.abc import Iterator

import torch
from torch import Tensor

from tb_attnviz.geometry import logits as scaled_dot_products

from ..tracing.attention_call import HIDDEN, AttentionCall
from .bands import ALL, inside

BATCH_FIGURES = ("batch_max_logit", "batch_entropy", "batch_sink")

_QUERIES = 64  # of a sequence, that entropy and sink are of
_ROWS = 128  # queries of a block
_BLOCK, _BLOCK_OF_ACCELERATORS = 2**20, 2**24  # pairs at once
_SEEN = 0.9 * HIDDEN  # a logit under it is hidden; models add -1e4 or less to a product to hide it
_FLOOR = -87.0  # exp of less is no normal float32


@dataclasses.dataclass(frozen=True)
class Block:
    """Some queries of some sequences; keys that come after all of them may be left out."""

    sequences: slice
    queries: slice
    logits: Tensor  # [sequences, heads, rows, columns]; hidden ones lie far below others, or are -inf


def batch_figures(call: AttentionCall, *, one_side: bool) -> Tensor:
    """[3, heads], each of BATCH_FIGURES, NaN where it is not defined.

    one_side: queries and keys are of the same tokens. A token that the mask hides as a key from every query is padding,
    and does not count as a query. What is known of padding is what the call's mask says.
    """
    shape = call.queries.shape[:3] if call.logits is None else call.logits.shape[:3]
    n_key = call.keys.shape[2] if call.logits is None else call.logits.shape[3]
    sequences, heads, n_query = shape
    stride = -(-n_query // _QUERIES)
    shown = _shown_keys(call)  # (sequences or 1, n_key), or None: all of them
    where = call.queries.device
    counted = torch.ones(1, n_query, dtype=torch.bool, device=where)
    first = torch.zeros(1, dtype=torch.long, device=where)
    if shown is not None:
        first = shown.long().argmax(dim=-1)  # (sequences or 1,): the key of the first token
        counted = shown if one_side and n_query == n_key else counted
    counted, first = counted.expand(sequences, -1), first.expand(sequences)
    largest = torch.full((heads,), -torch.inf, device=where)
    sums = torch.zeros(4, sequences, heads, device=where)  # of entropies, of sinks, and of how many these are
    for block in _blocks(call):
        rows = counted[block.sequences, None, block.queries]  # (sequences, 1, rows)
        top = block.logits.amax(dim=-1).float()  # (sequences, heads, rows)
        rows = rows & (top > _SEEN)
        largest = torch.maximum(largest, torch.where(rows, top, -torch.inf).amax(dim=(0, 2)))
        begin = (stride // 2 - block.queries.start) % stride  # each query stands for those around it
        some = slice(begin, None, stride)
        if begin < top.shape[2]:
            sums[:, block.sequences] += _sums(
                block.logits[:, :, some].float(), top[:, :, some], rows[:, :, some], first[block.sequences], call.sinks
            )
    by_sequence = sums[:2] / sums[2:]  # 0 / 0 where a sequence has no such query
    return torch.stack([torch.where(largest == -torch.inf, torch.nan, largest), *by_sequence.nanmean(dim=1)])


def _sums(scores: Tensor, top: Tensor, rows: Tensor, first: Tensor, sinks: Tensor | None) -> Tensor:
    """[4, sequences, heads]: sums over queries of entropy and of attention on the first key, and how many these are."""
    seen = scores > (top + _SEEN)[..., None]  # (sequences, heads, rows, columns)
    choices = seen.sum(dim=-1)
    logs = (scores - top[..., None]).clamp(min=_FLOOR)
    weights = torch.where(seen, logs.exp(), 0.0)
    own = weights.sum(dim=-1)
    total = own if sinks is None else own + (sinks.float()[:, None] - top).exp()
    entropy = (own * total.log() - (weights * logs).sum(dim=-1)) / total  # -Σ_j A_ij ln A_ij
    several = rows & (choices > 1)
    entropy = entropy / choices.clamp(min=2).log()
    at = first.clamp(max=scores.shape[-1] - 1)[:, None, None, None].expand(*top.shape, 1)
    sees_first = rows & seen.gather(-1, at)[..., 0] & (first < scores.shape[-1])[:, None, None]
    sink = weights.gather(-1, at)[..., 0] / total
    of_both = [torch.where(where, x, 0.0).sum(dim=-1) for where, x in ((several, entropy), (sees_first, sink))]
    return torch.stack([*of_both, several.sum(dim=-1).float(), sees_first.sum(dim=-1).float()])


def _shown_keys(call: AttentionCall) -> Tensor | None:
    """Which keys any query sees, [sequences or 1, n_key], by the first head's mask; None where all are seen."""
    if call.logits is not None:
        return call.logits[:, 0].amax(dim=-2) > _SEEN
    if call.mask is None:
        return None
    mask = call.mask[(None,) * (4 - call.mask.dim())][:, 0]  # (sequences or 1, n_query or 1, n_key or 1)
    shown = mask if mask.dtype == torch.bool else mask > _SEEN
    return shown.any(dim=-2).expand(-1, call.keys.shape[2])


def _blocks(call: AttentionCall) -> Iterator[Block]:
    """All pairs of a call. Logits are those of the pass itself where it shows them."""
    if call.logits is not None:
        sequences, _, n_query, _ = call.logits.shape
        yield Block(slice(0, sequences), slice(0, n_query), call.logits)
        return
    (sequences, heads, n_query, d), n_key = call.queries.shape, call.keys.shape[2]
    kv_heads = call.keys.shape[1]
    exact = torch.float64 if call.queries.dtype == torch.float64 else torch.float32
    block = _BLOCK if call.queries.device.type == "cpu" else _BLOCK_OF_ACCELERATORS
    rows = min(_ROWS, n_query)
    count = max(block // (heads * rows * n_key), 1)
    window = (call.window[0], 0 if call.causal else call.window[1])
    mask = None if call.mask is None else call.mask[(None,) * (4 - call.mask.dim())]
    if mask is not None:
        mask = mask.expand(sequences, -1, n_query, n_key)
    places = torch.arange(max(n_query, n_key), device=call.queries.device)
    for begin in range(0, sequences, count):
        some = slice(begin, min(begin + count, sequences))
        keys = call.keys[some].to(exact)
        for start in range(0, n_query, rows):
            own = slice(start, min(start + rows, n_query))
            end = n_key if window[1] is None else min(own.stop + window[1], n_key)
            queries = call.queries[some, :, own].to(exact).reshape(len(keys), kv_heads, -1, d)
            scores = scaled_dot_products(queries, keys[:, :, :end], scale=call.scale, softcap=call.softcap)
            scores = scores.reshape(len(keys), heads, own.stop - own.start, end)
            if mask is not None:
                of_block = mask[some, :, own, :end]
                hides = of_block.dtype == torch.bool
                scores = scores.masked_fill_(~of_block, -torch.inf) if hides else scores.add_(of_block)
            if window[0] is not None:
                scores.masked_fill_(~inside(window, places[own, None], places[:end]), -torch.inf)
            elif window != ALL:  # before the first of these queries nothing is hidden
                late = scores[..., start:]
                late.masked_fill_(~inside(window, places[own, None], places[start:end]), -torch.inf)
            yield Block(some, own, scores)
