"""Opposed values: heads whose values are those of another head times negative factors, however that was written.

a @ v + b @ (-λ v) is (a - λ b) @ v: a subtraction of two attentions. Some values of each head are kept, and compared
where results of two heads are added.
"""

from collections.abc import Iterable

import torch
from torch import Tensor

_TOKENS = 16  # of a sequence, whose values are kept
_HEADS = 4_096  # of the last ones
_ROUNDING = {torch.float16: 1e-2, torch.bfloat16: 5e-2}  # of a feature's length; else 1e-3


class Opposed:
    """Knows the values of heads by their numbers."""

    def __init__(self) -> None:
        self._of: dict[int, Tensor] = {}  # head → [tokens, d_v], in the order in which they came

    def take(self, heads: Iterable[int], values: Tensor) -> None:
        """values [batch, value_heads, n_key, d_v] of `heads`, which share them in groups."""
        numbers = list(heads)
        if values.dim() != 4 or not values.numel() or not numbers or len(numbers) % values.shape[1]:
            return
        group = len(numbers) // values.shape[1]
        apart = max(values.shape[2] // _TOKENS, 1)
        some = values[-1, :, ::apart][:, :_TOKENS].detach().clone()  # (value_heads, tokens, d_v)
        for place, number in enumerate(numbers):
            self._of.pop(number, None)
            self._of[number] = some[place // group]
        while len(self._of) > _HEADS:
            del self._of[next(iter(self._of))]

    def any_of(self, heads: Tensor, others: Tensor) -> bool:
        """Whether values of one of `heads` are, feature by feature, negative multiples of those of its other one."""
        pairs = torch.unique(torch.stack([heads.flatten(), others.flatten()]), dim=1).T.tolist()
        return any(self._are_opposed(self._of.get(one), self._of.get(other)) for one, other in pairs)

    @staticmethod
    def _are_opposed(one: Tensor | None, other: Tensor | None) -> bool:
        if one is None or other is None or one.shape != other.shape or len(one) < 3:
            return False
        rounding = _ROUNDING.get(one.dtype, 1e-3)
        a, b = one.float(), other.float()
        factors = (a * b).sum(0) / (a * a).sum(0)  # (d_v,)
        left = (b - factors * a).norm(dim=0)
        return bool(((left <= rounding * b.norm(dim=0)) & (factors < 0)).any())
