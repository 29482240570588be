"""Patches: which patch of the image each token of an attention is, found by following the images through the pass.

Vision models cut images into patches, pool them, merge them, cut them into windows, turn maps into sequences and back.
What a token is of, neither its number nor the number of tokens tells: so every pixel is numbered, and the numbers go
the same way as the pixels, whatever the model's code looks like. A token that is made of several patches lies in their
middle; such tokens that lie evenly in rows and columns have a grid of their own. What goes a way that is not known is
lost, until it is added to what is (a residual).
"""

import dataclasses
from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from tb_attnviz.events import Grid

from .numbered import Numbered
from .patch_grid import LOST, MIXED, PADDING, PatchGrid, merged
from .sources import Sources

UNKNOWN = "it could not be followed of which patches of the image its tokens are"


@dataclasses.dataclass(frozen=True)
class Windows:
    """Where the rows of windows are: `tokens` [windows, n] on `grid`, the same in every sequence."""

    grid: Grid
    tokens: Tensor  # on the processor


@dataclasses.dataclass(frozen=True)
class OnGrid:
    """The tokens of a sequence are the patches of `grid`, and `special` ones that are of no patch.

    order: [n], on the processor, where the special ones and then the patches, row after row, are; None: just so.
    """

    grid: Grid
    special: int
    order: Tensor | None

    @property
    def key(self) -> tuple[object, ...]:
        """Equal for the same tokens."""
        return (self.grid, self.special, None if self.order is None else tuple(self.order.tolist()))


Places = OnGrid | Windows | str | None
"""Of the tokens of an attention: a sentence if their places cannot be told, None if they are of no image."""


class Patches:
    """Follows images: those of `inputs` that are [sequences, channels, height, width]."""

    def __init__(
        self, sequences: int, inputs: Sequence[Tensor], sources: Sources, *, patch: tuple[int, int] | None = None
    ) -> None:
        """patch: height and width; the image is then what is of whole patches of this size."""
        self._sequences = sequences
        self._followed = Numbered(sequences, sources)
        for x in inputs:
            if x.dim() == 4 and x.is_floating_point() and len(x) == sequences:
                grid = PatchGrid.of_pixels(x.shape[2], x.shape[3], patch or (1, 1))
                self._followed.begin(x, grid.numbers(sequences, x.device)[:, None].expand(x.shape), grid)
        self.follow, self.numbers = self._followed.follow, self._followed.numbers

    def places(self, x: Tensor, arrange: Callable[[Tensor], Tensor | None]) -> Places:
        """Those of the tokens that queries, or keys, are of.

        arrange: puts a tensor of the shape of `x`, which they were made of, in their order [sequences · windows, heads,
        n, d].
        """
        if not self._followed.had_a_part_in(x):
            return None
        placed = self._followed.placed(x)
        arranged = None if placed is None else arrange(placed[0])
        if placed is None or arranged is None or arranged.dim() != 4 or len(arranged) % self._sequences:
            return UNKNOWN
        numbers = arranged[:, 0, :, 0]  # (sequences · windows, n)
        if not bool((arranged == numbers[:, None, :, None]).all()) or bool(
            ((numbers == LOST) | (numbers == MIXED)).any()
        ):
            return UNKNOWN
        return self._on_grid(numbers, placed[1])

    def _on_grid(self, numbers: Tensor, grid: PatchGrid) -> Places:
        if bool((numbers == PADDING).any()):
            return (
                f"windows: those of {numbers.shape[1]} patches reach beyond the {grid.rows.count} × "
                f"{grid.columns.count} of the image there, to padding, to which the model attends, too: give images "
                "whose patches fill the model's windows"
            )
        of_patches = numbers >= 0
        if not bool(of_patches.any()):
            return None
        if int(of_patches.sum()) != self._sequences * grid.size:
            again = merged(numbers[..., None], grid, self._sequences)  # every other patch, say
            if again is None:
                return "its tokens are not the patches of a grid: some are left out, or there twice"
            numbers, grid = again[0][..., 0], again[1]
        of_each = numbers.reshape(self._sequences, -1, numbers.shape[1])  # (sequences, windows, n)
        first = of_each[0]
        shift = torch.arange(self._sequences, device=numbers.device, dtype=torch.int32)[:, None, None] * grid.size
        if not torch.equal(torch.where(of_each >= 0, of_each - shift, of_each), first.expand_as(of_each)):
            return "its tokens are of other patches in each sequence"
        every = torch.arange(grid.size, device=first.device, dtype=first.dtype)
        if not torch.equal(first[first >= 0].sort().values, every):
            return "some of its tokens are of the same patches"
        if not grid.even:
            return f"its tokens are {grid.rows.count} × {grid.columns.count} patches that do not cover the image evenly"
        if len(first) > 1:
            return UNKNOWN if bool((first < 0).any()) else Windows(grid.grid, first.cpu())
        order = first[0].cpu().argsort(stable=True)
        special = int((first < 0).sum())
        return OnGrid(grid.grid, special, None if bool((order.diff() == 1).all()) else order)
