"""Kernel axes: which axes of what a fused kernel is given are sequences and heads, which its call does not say."""

from collections.abc import Callable

import torch
from torch import Tensor

from .attention_call import with_heads
from .kernels import as_it_is
from .spread import is_constant

OfElements = Callable[[Tensor], Tensor | None]


class KernelAxes:
    """Of passes of so many `sequences`, whose sides have these `widths`.

    numbers, sequences_of: of which patch, and of which sequence, each element of a tensor is, where that is known.
    """

    def __init__(self, sequences: int, widths: set[int], numbers: OfElements, sequences_of: OfElements) -> None:
        self._sequences = sequences
        self._widths = widths
        self._numbers = numbers
        self._sequences_of = sequences_of

    def arrangement(self, query: Tensor) -> Callable[[Tensor], Tensor]:
        """What brings queries of a kernel, and what is of their form, to [batch, heads, n, …]."""
        sequences = self._sequences
        if query.dim() in (3, 4) and self._has_heads_first(query):
            return lambda x: x.reshape(-1, sequences, *x.shape[-2:]).transpose(0, 1)
        if query.dim() == 3:
            numbers = self._numbers(query)
            of_heads = None if numbers is None else with_heads(numbers, self._sequences)
            if query.shape[1] in self._widths or (of_heads is not None and is_constant(of_heads, (1,))):
                return lambda x: with_heads(x, self._sequences)
            return lambda x: x.unsqueeze(1)  # one head
        if query.dim() == 5:  # sequences, and windows and heads of them in either order
            numbers = self._numbers(query)
            alike = [axis for axis in (1, 2) if numbers is not None and is_constant(numbers, (axis,))]
            if len(query) == self._sequences and (numbers is None or len(alike) == 2):
                return lambda x: x.flatten(1, 2)  # heads in groups
            heads = 1 if 1 in alike else 2
            return lambda x: x.movedim(heads, 2).flatten(0, 1)
        return as_it_is

    def _has_heads_first(self, x: Tensor) -> bool:
        """Whether [heads, sequences, n, d], or [heads · sequences, n, d]: as the tokens tell that are followed."""
        of_sequences, count = self._sequences_of(x), self._sequences
        if of_sequences is None or count < 2 or x.shape[:-2].numel() % count or (x.dim() == 3 and len(x) == count):
            return False
        found = of_sequences.amax(dim=(-1, -2)).flatten()
        return torch.equal(found, torch.arange(count, device=x.device).repeat(len(found) // count))
