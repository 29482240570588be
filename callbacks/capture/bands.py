"""Bands: masks that say no more than how far before and after itself a token sees: all, causal, sliding windows.

Most do, once padding is gone. They stay what they are: a mask is read once, some queries at a time, and no array of all
pairs is made of it.
"""

import dataclasses
import math

import torch
from torch import Tensor

from tb_attnviz.geometry import Window

from ..probes.side import Side
from ..tracing.attention_call import HIDDEN, AttentionCall

_PAIRS = 2**19  # that are read at a time
ALL: Window = (None, None)


@dataclasses.dataclass(frozen=True)
class Band:
    """`window`: how many tokens before and after its own a query sees, None: all; `shows_padding`: and padding, too."""

    window: Window
    shows_padding: bool


def read_band(call: AttentionCall, queries: Side, keys: Side) -> Band | None:
    """The band that the mask of `call` is among tokens; None if it says more, or if keys are not those of queries."""
    if call.mask is None and queries is keys and queries.in_order:
        padded = min(queries.counts) < queries.present.shape[1]
        ahead = 0 if call.causal else call.window[1]
        longest = max(queries.counts)
        return Band(_least((call.window[0], ahead), longest), padded and (ahead is None or ahead > 0))
    return _scan(call, queries, keys)


def agree(windows: list[Window], longest: list[int]) -> Window | None:
    """The window of sequences that were read apart; None if they differ. `longest`: of the sequences of each."""
    sides = []
    for side in (0, 1):
        cut = {window[side] for window in windows if window[side] is not None}
        wide = [n - 1 for window, n in zip(windows, longest, strict=True) if window[side] is None]
        if len(cut) > 1 or (cut and wide and max(wide) > min(n for n in cut if n is not None)):
            return None
        sides.append(next(iter(cut), None))
    return sides[0], sides[1]


def inside(window: Window, query: Tensor, key: Tensor) -> Tensor:
    """Whether a query at position `query` sees a key at `key`; both broadcast."""
    behind, ahead = window
    visible = key - query <= (math.inf if ahead is None else ahead)
    return visible if behind is None else visible & (query - key <= behind)


def holds(window: Window, call: AttentionCall, queries: Side, keys: Side) -> bool:
    """Whether `call`'s mask among tokens is this band at its rows, and hides padding."""
    assert call.rows is not None
    assert call.mask is not None
    own, others = (side.present.cumsum(dim=1) - 1 for side in (queries, keys))  # (sequences, width)
    expected = inside(window, own[:, None, call.rows, None], others[:, None, None, :]) & keys.present[:, None, None, :]
    wrong = torch.where(expected, call.mask != 0, call.mask > -torch.inf)  # (sequences, heads, rows, n_key)
    return not bool((wrong & queries.present[:, None, call.rows, None]).any())


def _scan(call: AttentionCall, queries: Side, keys: Side) -> Band | None:
    """Reads a mask: the band is as wide as the farthest pair that it shows, and then must hold as many pairs."""
    n_query, n_key = call.queries.shape[-2], call.keys.shape[-2]
    device = call.queries.device
    mask = torch.ones((), dtype=torch.bool, device=device) if call.mask is None else call.mask
    mask = mask[(None,) * (4 - mask.dim())]
    mask = mask.expand(*mask.shape[:2], n_query, n_key)
    window = (call.window[0], 0 if call.causal else call.window[1])
    own, others = (side.present.cumsum(dim=1, dtype=torch.int32) - 1 for side in (queries, keys))  # (sequences, width)
    rows = max(_PAIRS // (len(own) * mask.shape[1] * n_key), 1)
    behind = ahead = torch.full((), -max(n_query, n_key), dtype=torch.int32, device=device)
    shown, padding, more = torch.zeros(3, dtype=torch.long, device=device)
    for first in range(0, n_query, rows):
        some = mask[:, :, first : first + rows]  # (sequences or 1, heads or 1, rows, n_key)
        visible = some if some.dtype == torch.bool else ~(some <= some.amax(dim=-1, keepdim=True) + HIDDEN)
        if window != ALL:
            query = torch.arange(first, first + some.shape[2], device=device)
            visible = visible & inside(window, query[:, None], torch.arange(n_key, device=device))
        visible = visible & queries.present[:, None, first : first + rows, None]
        padding = padding + (visible & ~keys.present[:, None, None, :]).sum()
        visible = visible & keys.present[:, None, None, :]  # (sequences, heads or 1, rows, n_key)
        if some.dtype != torch.bool:
            more = more + (visible & (some != 0)).sum()
        offset = others[:, None, None, :] - own[:, None, first : first + rows, None]
        behind = torch.maximum(behind, torch.where(visible, -offset, behind).amax())
        ahead = torch.maximum(ahead, torch.where(visible, offset, ahead).amax())
        shown = shown + visible.sum()
    found = int(behind), int(ahead)
    counts = list(zip(queries.counts, keys.counts, strict=True))
    if int(more) or int(shown) != mask.shape[1] * sum(_pairs(n, m, *found) for n, m in counts):
        return None
    if queries is keys:
        return Band(_least(found, max(queries.counts)), bool(padding))
    return Band(ALL, bool(padding)) if all(_pairs(n, m, *found) == n * m for n, m in counts) else None


def _pairs(n_query: int, n_key: int, behind: int, ahead: int) -> int:
    """How many pairs a band shows."""
    if behind + ahead < 0:
        return 0
    query = torch.arange(n_query)
    last, first = (query + ahead + 1).clamp(0, n_key), (query - behind).clamp(0, n_key)
    return int((last - first).clamp(min=0).sum())


def _least(window: Window, longest: int) -> Window:
    """None where it reaches from one end of the longest sequence to the other."""
    behind, ahead = (None if reach is None or reach >= longest - 1 else reach for reach in window)
    return behind, ahead
