"""Opposed values: heads whose values are those of another head times negative factors, however that was written.

a @ v + b @ (-λ v) is (a - λ b) @ v: a subtraction of two attentions. Some values of each head are kept, and compared
where results of two heads are added, by themselves or by a projection: cat(a @ v, b @ v) @ (I, -λ I). Their mean is
kept, too: a @ v - mean(v) attends with a - 1/n.
"""

from collections.abc import Iterable

import torch
from torch import Tensor
from torch.nn import functional

from .whole_tensors import whole

_TOKENS = 16  # of all sequences, whose values are kept
_FEWEST = 6  # that must differ: of fewer, some features of any two heads are opposed by chance
_NUMBERS = 2**31  # more than there are
_HEADS = 4_096  # of the last ones
_RESULTS = 64  # of a projection, that are looked at
_FEWEST_FEATURES = 4  # of a mean: fewer are like it by chance
_MOST_ROWS = 65_536  # that are compared with means
_ROUNDING = {torch.float16: 1e-2, torch.bfloat16: 5e-2}  # of a feature's length; else 1e-3


class Opposed:
    """Knows the values of heads by their numbers."""

    def __init__(self) -> None:
        self._of: dict[int, Tensor] = {}  # head → [tokens, d_v], in the order in which they came
        self._means: dict[int, Tensor] = {}  # head → [batch, d_v], over all keys

    def take(self, heads: Iterable[int], values: Tensor) -> None:
        """values [batch, value_heads, n_key, d_v] of `heads`, which share them in groups."""
        numbers = list(heads)
        if values.dim() != 4 or not values.numel() or not numbers or len(numbers) % values.shape[1]:
            return
        group = len(numbers) // values.shape[1]
        batch, _, n_key, _ = values.shape
        values = whole(values).detach()
        places = torch.linspace(0, batch * n_key - 1, min(_TOKENS, batch * n_key), device=values.device).round().long()
        some = values[places // n_key, :, places % n_key]  # (tokens, value_heads, d_v), a copy
        means = values.mean(dim=2)  # (batch, value_heads, d_v)
        for place, number in enumerate(numbers):
            self._of.pop(number, None)
            self._of[number] = some[:, place // group]
            self._means[number] = means[:, place // group]
        while len(self._of) > _HEADS:
            oldest = next(iter(self._of))
            del self._of[oldest], self._means[oldest]

    def any_of(self, heads: Tensor, others: Tensor) -> bool:
        """Whether values of one of `heads` are, feature by feature, negative multiples of those of its other one."""
        codes = torch.unique(heads.flatten().long() * _NUMBERS + others.flatten().long()).tolist()
        return any(self._are_opposed(*map(self._of.get, divmod(code, _NUMBERS))) for code in codes)

    def any_projected(self, line: Tensor, factors: Tensor) -> bool:
        """Whether a projection subtracts what one head gives from what another one does, in all of its results.

        line: the head that each of the projected features is of; factors: [results, features].
        """
        places: dict[int, list[int]] = {}
        for place, number in enumerate(line.tolist()):
            places.setdefault(number, []).append(place)
        heads = [
            number for number, own in places.items() if number in self._of and self._of[number].shape[1] == len(own)
        ]
        heads = [number for number in heads if self._of[number].shape[0] == self._of[heads[0]].shape[0]]
        if len(heads) < 2:
            return False
        longest = max(self._of[number].shape[1] for number in heads)
        values = torch.stack([_padded(self._of[number], longest) for number in heads])  # (heads, tokens, longest)
        if int(_differing(values.float()).min()) < _FEWEST:
            return False
        some = torch.linspace(0, len(factors) - 1, min(_RESULTS, len(factors)), device=factors.device).round().long()
        chosen = whole(factors).detach()[some].double()
        columns = torch.tensor([places[number] + [0] * (longest - len(places[number])) for number in heads])
        made = values.double() @ chosen.T[columns.to(chosen.device)]  # (heads, tokens, results)
        made = made - made.mean(dim=1, keepdim=True)
        lengths = made.norm(dim=1, keepdim=True)
        made = made / lengths.clamp(min=1e-30)
        vary = lengths[:, 0] > 1e-6 * lengths.amax(dim=(1, 2))[:, None]  # (heads, results)
        rounding = _ROUNDING.get(values.dtype, 1e-3)
        plain = torch.einsum("hto,htp->hop", made, made).abs() > 1 - rounding  # results that are multiples of another
        rich = ~(plain | ~(vary[:, :, None] & vary[:, None])).flatten(1).all(dim=1)  # more than one number a token
        opposed = torch.einsum("hto,gto->hgo", made, made) < rounding**2 - 1
        both = vary[:, None] & vary[None]
        found = (opposed | ~both).all(dim=-1) & both.any(dim=-1) & rich[:, None] & rich[None]
        return bool(found.any())

    def any_mean(self, numbers: Tensor, signs: Tensor, other: Tensor) -> bool:
        """Whether `other` is somewhere the mean of the values of the head there, with the opposite sign.

        All three of one shape, whose last axis numbers features, of one head or of several one after the other.
        """
        first = self._of.get(int(numbers.flatten()[0]))
        if first is None or first.shape[1] < _FEWEST_FEATURES or numbers.shape[-1] % first.shape[1]:
            return False
        rows, of_rows, signs = (x.reshape(-1, first.shape[1]) for x in (whole(other).detach(), numbers, signs))
        if len(rows) > _MOST_ROWS or bool((of_rows != of_rows[:, :1]).any()):
            return False
        for number in torch.unique(of_rows[:, 0]).tolist():
            values, means = self._of.get(number), self._means.get(number)
            if (
                values is None
                or means is None
                or means.shape[1] != rows.shape[1]
                or int(_differing(values.float())) < _FEWEST
            ):
                continue
            own = of_rows[:, 0] == number
            unit, mean = (functional.normalize(x.double(), dim=-1) for x in (rows[own], means))
            like = unit @ mean.T  # (rows, batch)
            rounding = _ROUNDING.get(values.dtype, 1e-3)
            if bool(((like.abs() > 1 - rounding**2) & (like * signs[own][:, :1] < 0)).any()):
                return True
        return False

    @staticmethod
    def _are_opposed(one: Tensor | None, other: Tensor | None) -> bool:
        """A constant beside the multiple counts for nothing: weights that sum to 1 make the same constant of it."""
        if one is None or other is None or one.shape != other.shape:
            return False
        rounding = _ROUNDING.get(one.dtype, 1e-3)
        (a, vary), (b, varies) = (_centred(values.float(), rounding) for values in (one, other))
        if min(int(_differing(a)), int(_differing(b))) < _FEWEST:
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


def _padded(values: Tensor, longest: int) -> Tensor:
    """`values` [tokens, d_v] with zeros behind their features, [tokens, longest]."""
    return functional.pad(values, (0, longest - values.shape[1]))


def _differing(values: Tensor) -> Tensor:
    """How many tokens of `values` [..., tokens, d_v] differ from those before them by more than a hundredth of all."""
    length = values.norm(dim=(-2, -1))[..., None, None]
    near = torch.cdist(values, values) <= 1e-2 * length  # (..., tokens, tokens)
    return torch.where(length[..., 0, 0] > 0, (~near.tril(-1).any(dim=-1)).sum(dim=-1), 1)
