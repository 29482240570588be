"""Kernel axes: which axes of what a fused kernel is given are sequences and heads, which its call does not say."""

from collections.abc import Callable

import torch
from torch import Tensor

from .attention_call import with_heads
from .folded import may_be_folded
from .kernels import as_it_is
from .spread import is_constant
from .token_places import TokenPlaces

OfElements = Callable[[Tensor], Tensor | None]


class KernelAxes:
    """Of passes of so many `sequences`, whose sides have these `widths`.

    numbers: of which patch each element of a tensor is, where that is known; `places` likewise of tokens.
    """

    def __init__(self, sequences: int, widths: set[int], numbers: OfElements, places: TokenPlaces) -> None:
        self._sequences = sequences
        self._widths = widths
        self._numbers = numbers
        self._places = places

    def arrangement(self, query: Tensor) -> Callable[[Tensor], Tensor]:
        """What brings queries of a kernel, and what is of their form, to [batch, heads, n, …]."""
        if query.is_nested:
            return as_it_is
        sequences = self._sequences
        if query.dim() in (3, 4) and self._has_heads_first(query):
            return lambda x: x.reshape(-1, sequences, *x.shape[-2:]).transpose(0, 1)
        if query.dim() == 3:
            numbers = self._numbers(query)
            of_heads = None if numbers is None else with_heads(numbers, self._sequences)
            of_tokens = query.shape[1] in self._widths or may_be_folded(query.shape[1], self._widths)
            if of_tokens or (of_heads is not None and is_constant(of_heads, (1,))):
                return self._with_heads
            return _one_head
        if query.dim() == 5:  # sequences, and windows and heads of them in either order
            numbers = self._numbers(query)
            alike = [axis for axis in (1, 2) if numbers is not None and is_constant(numbers, (axis,))]
            if len(query) == self._sequences and (numbers is None or len(alike) == 2):
                return lambda x: x.flatten(1, 2)  # heads in groups
            heads = 1 if 1 in alike else 2
            return lambda x: x.movedim(heads, 2).flatten(0, 1)
        if query.dim() == 4 and len(query) > sequences and len(query) % sequences == 0 and self._has_groups(query):
            return self._with_groups
        return as_it_is

    def moves(self, arrangement: Callable[[Tensor], Tensor], query: Tensor) -> bool:
        """Whether it does more than take a row, or the axis behind that of the sequences, for a head, or may do so."""
        untold = self._sequences == 1 and query.dim() == 3 and len(query) > 1
        return untold or arrangement not in (as_it_is, self._with_heads, _one_head)

    def _with_heads(self, x: Tensor) -> Tensor:
        """[sequences · heads, …] as [sequences, heads, …]."""
        return with_heads(x, self._sequences)

    def _with_groups(self, x: Tensor) -> Tensor:
        """[sequences · kv_heads, heads of each, …] as [sequences, heads, …]."""
        return x.reshape(self._sequences, -1, *x.shape[2:])

    def _has_groups(self, query: Tensor) -> bool:
        """Whether all rows of a sequence are of the same tokens: heads in groups, and no windows."""
        numbers = self._numbers(query)
        if numbers is not None:
            return is_constant(numbers.unflatten(0, (self._sequences, -1)), (1, 2))  # type: ignore[no-untyped-call]
        return self._places.in_place(query, self._with_groups)

    def _has_heads_first(self, x: Tensor) -> bool:
        """Whether [heads, sequences, n, d], or [heads · sequences, n, d]: as the tokens tell that are followed."""
        of_sequences, count = self._places.sequences_of(x), self._sequences
        if of_sequences is None or count < 2 or x.shape[:-2].numel() % count or (x.dim() == 3 and len(x) == count):
            return False
        once = of_sequences if of_sequences.stride(-1) else of_sequences[..., :1]
        found = once.amax(dim=(-1, -2)).flatten()
        return torch.equal(found, torch.arange(count, device=x.device).repeat(len(found) // count))


def _one_head(x: Tensor) -> Tensor:
    return x.unsqueeze(1)
