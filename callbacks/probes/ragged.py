"""Ragged: an input of a model whose sequences have different shapes, so that no one tensor holds them all."""

import torch
from torch import Tensor


class Ragged(tuple[Tensor, ...]):
    """A tensor for each sequence, without an axis of sequences."""

    @property
    def shape(self) -> tuple[int, ...]:
        """Of the axis of sequences, which all tensors of a probe have in common."""
        return (len(self),)

    def stacked(self, part: slice) -> Tensor:
        """Those of some sequences as one tensor, [sequences, …]. They must be of one shape."""
        return torch.stack(self[part])
