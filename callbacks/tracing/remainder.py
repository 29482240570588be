"""Remainder: what logits hold beyond the products of their queries and keys: masks, biases, nothing."""

import torch
from torch import Tensor

from tb_attnviz.geometry import logits as scaled_dot_products

from .attention_call import HIDDEN

LARGEST_LOGITS = 2**24  # elements at a time: 64 MB in float32
# Multiplying and adding in another order than the model leaves this much of a row's largest product.
_ROUNDING = {torch.float16: 4, torch.bfloat16: 4, torch.float32: 32, torch.float64: 32}  # units of the dtype's eps


def remainder(
    queries: Tensor, keys: Tensor, logits: Tensor, *, scale: float, softcap: float | None, sinks: bool = False
) -> Tensor:
    """What `logits` [sequences, heads, n_query, n_key] hold beyond the scaled and capped products of queries and keys.

    Exactly 0 or -inf where it is rounding or a mask. A constant that was subtracted from a whole row (its maximum, to
    save the exponential from overflow) is no part of it either: softmax does not see that, unless there are `sinks`.
    """
    keys = keys.expand(len(queries), -1, -1, -1)
    count = max(LARGEST_LOGITS // logits[0].numel(), 1)  # sequences at a time
    parts = [slice(first, first + count) for first in range(0, len(queries), count)]
    rests = [_rest(queries[part], keys[part], logits[part], scale, softcap, sinks) for part in parts]
    if all(plain for _, plain in rests):
        return torch.cat([torch.where(rest.isneginf(), rest, 0.0) for rest, _ in rests])
    return torch.cat([rest for rest, _ in rests])


def _rest(
    queries: Tensor, keys: Tensor, logits: Tensor, scale: float, softcap: float | None, sinks: bool
) -> tuple[Tensor, bool]:
    """What is left of `logits`, -inf where they are hidden, and whether that is a mask and nothing else."""
    exact = torch.float64 if queries.dtype == torch.float64 else torch.float32
    keys = keys.repeat_interleave(queries.shape[1] // keys.shape[1], dim=1)
    products = scaled_dot_products(queries.to(exact), keys.to(exact), scale=scale, softcap=softcap)
    rest = logits.to(exact) - products
    rest = torch.where(rest.isnan(), 0.0, rest)  # the products have diverged already
    added = rest <= rest.amax(dim=-1, keepdim=True) + HIDDEN  # scores + mask
    filled = logits <= logits.amax(dim=-1, keepdim=True) + 0.9 * HIDDEN  # scores.masked_fill(hidden, -1e4)
    visible = ~added & ~filled
    noise = _ROUNDING[queries.dtype] * torch.finfo(queries.dtype).eps * products.abs().amax(dim=-1, keepdim=True)
    shifts = (0.0,) if sinks else (0.0, rest.amax(dim=-1, keepdim=True))
    plain = any(bool((~visible | ((rest - shift).abs() <= noise)).all()) for shift in shifts)
    return torch.where(visible, rest, -torch.inf), plain
