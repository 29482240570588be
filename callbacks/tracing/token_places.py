"""Token places: whether queries and keys lie as [sequences, heads, tokens] of the probe, in its order.

Shapes do not tell where there are as many heads as sequences, or where tokens are shifted, dealt out or cut otherwise.
So every token of the inputs is numbered, as a row of patches, and the numbers are followed to the attention. Only what
was followed all the way is judged.
"""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from .numbered import Numbered
from .patch_grid import PatchGrid
from .sources import Sources
from .spread import is_constant

_HEADS = (
    "the model lays its heads, or something else, before its sequences ([heads · sequences, tokens, d], say), or "
    "attends from one sequence to another: lay queries and keys out as [sequences, heads, tokens, d], or show them so "
    "with attnviz_tap(q, k, …)"
)
_MOVED = (
    "the model puts the tokens in another order before it attends to them (by moving them): the probe names them in "
    "that of the inputs"
)
_MIXED = (
    "its heads have different tokens in the same place, or vectors made of several: its queries or keys are cut across "
    "tokens (by view(…) where a transpose is meant, say)"
)
LATENTS = (
    "its queries, or its keys, are made of none of the inputs (learned latents or a memory, say): they are no tokens "
    "of the probe, though as many"
)
_LATENT = -4  # a number beside those of `patch_grid`


class TokenPlaces:
    """Follows the tokens of `inputs` that are [sequences, tokens] of numbers, or [sequences, tokens, features]."""

    def __init__(
        self, sequences: int, widths: set[int], inputs: Sequence[Tensor], sources: Sources, *, sides: int = 1
    ) -> None:
        """widths: how many tokens each of the `sides` of the probe has."""
        self._sequences = sequences
        self._sides = sides
        self._widths = widths
        self._followed = Numbered(sequences, sources)
        for x in inputs:
            if x.dim() not in (2, 3) or len(x) != sequences or x.shape[1] not in widths:
                continue
            if x.is_floating_point() if x.dim() == 2 else x.shape[2] in widths:
                continue
            grid = PatchGrid.whole(1, x.shape[1])
            numbers = grid.numbers(sequences, x.device)[:, 0]
            self._followed.begin(x, numbers if x.dim() == 2 else numbers[..., None].expand(x.shape), grid)
        self.follow = self._followed.follow

    def are_none(self, x: Tensor) -> None:
        """`x` is of no tokens, whatever it has seen of them: what attends with latents as queries, say."""
        numbers = torch.full((), _LATENT, dtype=torch.int32, device=x.device).expand(x.shape)
        self._followed.set(x, numbers, PatchGrid.whole(1, 1))

    def problem(self, x: Tensor, arrange: Callable[[Tensor], Tensor | None]) -> str | None:
        """Why the tokens of queries, or keys, are not where the probe has them; None if that was not seen.

        arrange: puts a tensor of the shape of `x`, which they were made of, in their order [sequences, heads, n, d].
        """
        placed = self._followed.placed(x)
        numbers = None if placed is None else arrange(placed[0])
        if placed is None or numbers is None or numbers.dim() != 4:
            return None
        if numbers.shape[2] in self._widths and bool((numbers == _LATENT).all()):
            return LATENTS
        grid = placed[1]
        if (len(numbers), numbers.shape[2]) != (self._sequences, grid.size):
            return None
        own = grid.numbers(self._sequences, numbers.device)[:, :, :, None]  # [sequences, 1, n, 1]
        wrong = (numbers >= 0) & (numbers != own)
        if not bool(wrong.any()):
            return None
        elsewhere = (numbers >= 0) & (numbers // grid.size != own // grid.size)
        if bool(elsewhere.any()):
            return _HEADS
        if not is_constant(numbers, (1, 3)):
            return _MIXED
        return _MOVED if self._sides == 1 else None  # a decoder's may be the encoder's, shifted
