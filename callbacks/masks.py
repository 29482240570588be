"""Masks: what an attention adds to its logits, reduced to the tokens of the probe and to its plainest form.

Most masks say no more than "all tokens" or "the tokens up to this one", once padding is gone. What says more is kept
as an additive bias: relative positions, sliding windows, prefixes.
"""

import dataclasses

import torch
from torch import Tensor

from .attention_call import AttentionCall

# Models hide a pair by -inf, the least value of a dtype, -1e9 or -1e4. All leave an attention of exactly 0.
HIDDEN = -9_999.0

# Masks that differ by less are the same: where plain code adds a bias, it is known up to rounding only.
_SAME = 2e-5


@dataclasses.dataclass(frozen=True)
class Mask:
    """The mask of one attention over some sequences. Both `full` and `causal` hold for sequences of one token."""

    full: bool  # every token sees every token
    causal: bool  # every token sees itself and those before it
    bias: Tensor | None  # else: float [sequences or 1, heads or 1, longest, longest]; -inf hides; padding is -inf


def additive(call: AttentionCall) -> Tensor:
    """What `call` adds to its logits, [batch or 1, heads or 1, n_query, n_key]; -inf where a pair is hidden."""
    n_query, n_key = call.queries.shape[-2], call.keys.shape[-2]
    zero = torch.zeros((), device=call.queries.device)
    hidden = torch.full_like(zero, -torch.inf)
    bias = zero.expand(1, 1, n_query, n_key)
    if call.mask is not None:
        mask = call.mask[(None,) * (4 - call.mask.dim())]
        mask = mask.expand(*mask.shape[:2], n_query, n_key)
        if mask.dtype == torch.bool:
            bias = torch.where(mask, zero, hidden)
        else:
            bias = mask.float() if mask.dtype != torch.float64 else mask
            bias = torch.where(bias <= bias.amax(dim=-1, keepdim=True) + HIDDEN, -torch.inf, bias)
    if call.causal:
        bias = torch.where(_triangle(n_query, n_key, like=bias), bias, -torch.inf)
    return bias


def shows_padding(bias: Tensor, present: Tensor) -> bool:
    """Whether a token sees a position that is none: attention among the tokens alone is then not the model's.

    `bias` as from `additive`; `present` [sequences, width] boolean.
    """
    padded_pairs = present[:, None, :, None] & ~present[:, None, None, :]  # (sequences, 1, width, width)
    return bool((padded_pairs & (bias > -torch.inf)).any())


def reduce_mask(bias: Tensor, order: Tensor, lengths: Tensor) -> Mask:
    """The mask among the tokens of a batch.

    `bias` as from `additive`; `order` [sequences, longest]: where the tokens are, then padding; `lengths` [sequences].
    """
    bias = bias.expand(len(order), -1, -1, -1)
    bias = torch.take_along_dim(bias, order[:, None, :, None], dim=2)
    bias = torch.take_along_dim(bias, order[:, None, None, :], dim=3)  # (sequences, heads or 1, longest, longest)
    real = _real_pairs(lengths, order.shape[1])
    triangle = _triangle(*bias.shape[-2:], like=bias)
    full = bool((~real | (bias == 0)).all())
    causal = bool((~real | torch.where(triangle, bias == 0, bias == -torch.inf)).all())
    if full or causal:
        return Mask(full, causal, None)
    return Mask(False, False, _compact(torch.where(real, bias, -torch.inf), lengths))


def join_masks(masks: list[Mask], lengths: list[Tensor]) -> Mask:
    """The mask of all sequences, from those of their batches."""
    full, causal = all(mask.full for mask in masks), all(mask.causal for mask in masks)
    if full or causal:
        return Mask(full, causal, None)
    joined_lengths = torch.cat(lengths)
    longest = int(joined_lengths.max())
    heads = max(mask.bias.shape[1] for mask in masks if mask.bias is not None)
    joined = torch.full((len(joined_lengths), heads, longest, longest), -torch.inf)
    first = 0
    for mask, part in zip(masks, lengths, strict=True):
        n = int(part.max())
        joined[first : first + len(part), :, :n, :n] = _spelled_out(mask, part).to(joined)
        first += len(part)
    return Mask(False, False, _compact(joined, joined_lengths))


def _spelled_out(mask: Mask, lengths: Tensor) -> Tensor:
    """`mask` as a bias that broadcasts to [sequences, heads, longest, longest], padding -inf."""
    n = int(lengths.max())
    bias = torch.zeros(1, 1, n, n) if mask.bias is None else mask.bias
    if mask.bias is None and not mask.full:
        bias = torch.where(_triangle(n, n, like=bias), bias, -torch.inf)
    return torch.where(_real_pairs(lengths, n), bias, -torch.inf)


def _compact(bias: Tensor, lengths: Tensor) -> Tensor:
    """One array for all heads, or for all sequences, where they have the same."""
    if bool(_same(bias, bias[:, :1]).all()):
        bias = bias[:, :1]
    longest = int(lengths.argmax())
    template = bias[longest : longest + 1]  # (1, heads or 1, longest, longest): it holds the pairs of all others
    same = ~_real_pairs(lengths, bias.shape[-1]) | _same(bias, template)
    return template if bool(same.all()) else bias


def _same(a: Tensor, b: Tensor) -> Tensor:
    return (a == b) | ((a - b).abs() <= _SAME)


def _real_pairs(lengths: Tensor, longest: int) -> Tensor:
    """Pairs of two tokens, neither padding, [sequences, 1, longest, longest]."""
    token = torch.arange(longest, device=lengths.device) < lengths[:, None]  # (sequences, longest)
    return token[:, None, :, None] & token[:, None, None, :]


def _triangle(n_query: int, n_key: int, *, like: Tensor) -> Tensor:
    return torch.ones(n_query, n_key, dtype=torch.bool, device=like.device).tril()
