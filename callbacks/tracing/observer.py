"""Observer: who is told what the pass shows."""

from collections.abc import Callable
from typing import Protocol

import torch
from torch import Tensor

from .attention_call import AttentionCall

Arrange = Callable[[Tensor], Tensor | None]
"""Brings what has the axes of a tensor of the pass to [batch, heads, n, …]; None where that is not known."""
TakeOutput = Callable[[str, Tensor, Arrange], None]
"""Is told of an attention's name and of what its heads give: weights · values, as the model has it."""


class Observer(Protocol):
    """Who is told what the pass shows."""

    sequences: int  # in the batch
    widths: set[int]  # of its sides: how many positions each has
    patch: tuple[int, int] | None  # the height and width of an image's patches, in pixels

    def take(self, call: AttentionCall) -> None: ...
    def refuse(self, name: str, why: str) -> None: ...
    def rows(self, name: str, count: int) -> Tensor | None: ...
    def keeps_weights(self, name: str, before: Tensor, after: Tensor) -> bool: ...
    def take_values(self, name: str, values: Tensor) -> None: ...
    def looks_like_attention(self, shape: torch.Size) -> bool: ...
