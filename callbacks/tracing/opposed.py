"""Opposed values: heads whose values are those of another head times negative factors, however that was written.

a @ v + b @ (-λ v) is (a - λ b) @ v: a subtraction of two attentions. Some values of each head are kept, and compared
where results of two heads are added.
"""

from collections.abc import Iterable

import torch
from torch import Tensor

_TOKENS = 16  # of all sequences, whose values are kept
_FEWEST = 6  # that must differ: of fewer, some features of any two heads are opposed by chance
_NUMBERS = 2**31  # more than there are
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
        batch, _, n_key, _ = values.shape
        places = torch.linspace(0, batch * n_key - 1, min(_TOKENS, batch * n_key), device=values.device).round().long()
        some = values.detach()[places // n_key, :, places % n_key]  # (tokens, value_heads, d_v), a copy
        for place, number in enumerate(numbers):
            self._of.pop(number, None)
            self._of[number] = some[:, place // group]
        while len(self._of) > _HEADS:
            del self._of[next(iter(self._of))]

    def any_of(self, heads: Tensor, others: Tensor) -> bool:
        """Whether values of one of `heads` are, feature by feature, negative multiples of those of its other one."""
        codes = torch.unique(heads.flatten().long() * _NUMBERS + others.flatten().long()).tolist()
        return any(self._are_opposed(*map(self._of.get, divmod(code, _NUMBERS))) for code in codes)

    @staticmethod
    def _are_opposed(one: Tensor | None, other: Tensor | None) -> bool:
        """A constant beside the multiple counts for nothing: weights that sum to 1 make the same constant of it."""
        if one is None or other is None or one.shape != other.shape:
            return False
        rounding = _ROUNDING.get(one.dtype, 1e-3)
        (a, vary), (b, varies) = (_centred(values.float(), rounding) for values in (one, other))
        if min(_differing(a), _differing(b)) < _FEWEST:
            return False
        factors = (a * b).sum(0) / (a * a).sum(0)  # (d_v,)
        left = (b - factors * a).norm(dim=0)
        opposed = (left <= rounding * b.norm(dim=0)) & (factors < 0) & vary & varies
        return int(opposed.sum()) >= min(2, one.shape[1])  # a single feature of many may be by chance


def _centred(values: Tensor, rounding: float) -> tuple[Tensor, Tensor]:
    """`values` [tokens, d_v] less the tokens' mean, 0 where they differ by rounding alone; and which features vary."""
    centred = values - values.mean(0)
    vary = centred.norm(dim=0) > rounding * values.norm(dim=0)  # (d_v,)
    return centred * vary, vary


def _differing(values: Tensor) -> int:
    """How many tokens of `values` [tokens, d_v] differ from those before them by more than a hundredth of all."""
    near = torch.cdist(values, values) <= 1e-2 * values.norm()  # (tokens, tokens)
    return int((~near.tril(-1).any(dim=1)).sum()) if bool(values.any()) else 1
