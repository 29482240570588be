"""Patches: which patch of the image each token of an attention is, found by following the images through the pass.

Vision models cut images into patches, pool them, merge them, cut them into windows, turn maps into sequences and back.
What a token is of, neither its number nor the number of tokens tells: so every pixel is numbered, and the numbers go
the same way as the pixels, whatever the model's code looks like. A token that is made of several patches lies in their
middle; such tokens that lie evenly in rows and columns have a grid of their own. What goes a way that is not known is
lost, until it is added to what is (a residual).
"""

import dataclasses
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.utils.weak import WeakTensorKeyDictionary

from tb_attnviz.events import Grid

from .operations import SAME, WRITING
from .patch_grid import LOST, PADDING, PatchGrid, merged
from .patch_moves import PatchMoves
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


@dataclasses.dataclass(frozen=True)
class _Known:
    numbers: Tensor  # of the shape of the tensor that it goes with (`patch_grid`)
    grid: PatchGrid
    clock: int


class Patches:
    """Follows images: those of `inputs` that are [sequences, channels, height, width]."""

    def __init__(self, sequences: int, inputs: Sequence[Tensor], sources: Sources) -> None:
        self._sequences = sequences
        self._of: WeakTensorKeyDictionary = WeakTensorKeyDictionary()
        self._written: dict[int, int] = {}  # memory → when something was last written there
        self._clock = 0
        self._images = 0
        for x in inputs:
            if x.dim() == 4 and x.is_floating_point() and len(x) == sequences:
                grid = PatchGrid.whole(*x.shape[2:])
                self._of[x] = _Known(grid.numbers(sequences, x.device)[:, None].expand(x.shape), grid, 0)
                self._images |= sources.of(x)
        self._sources = sources
        self._moves = PatchMoves(sequences, self._placed, self._made_of_images)

    def follow(self, func: Callable[..., Any], operation: str, args: tuple[Any, ...], kwargs: dict[str, Any],
               result: Any) -> None:  # fmt: skip
        """Take notice of one operation of the pass, named as in torch, without underscores around it."""
        if not self._images:
            return
        self._clock += 1
        writes = operation in WRITING and (operation == "setitem" or getattr(func, "__name__", "").endswith("_"))
        if writes or kwargs.get("out") is not None:
            self._write(operation, args, kwargs)
            return
        if not any(x in self._of for x in _tensors((args, kwargs))):
            return
        made = self._moves.made(func, operation, args, kwargs, result)
        results = [x for x in (result if isinstance(result, (tuple, list)) else [result]) if isinstance(x, Tensor)]
        for x, placed in zip(results, made, strict=True):
            if placed is not None:
                self._of[x] = _Known(*placed, self._clock)
            elif x in self._of and operation not in SAME:
                del self._of[x]

    def numbers(self, x: Tensor) -> Tensor | None:
        """Of which patch each element of `x` is, of its shape; None if it was not followed."""
        placed = self._placed(x)
        return None if placed is None else placed[0]

    def places(self, x: Tensor, arrange: Callable[[Tensor], Tensor | None]) -> Places:
        """Those of the tokens that queries, or keys, are of.

        arrange: puts a tensor of the shape of `x`, which they were made of, in their order [sequences · windows, heads,
        n, d].
        """
        if not self._images or not self._made_of_images(x):
            return None
        placed = self._placed(x)
        arranged = None if placed is None else arrange(placed[0])
        if placed is None or arranged is None or len(arranged) % self._sequences:
            return UNKNOWN
        numbers = arranged[:, 0, :, 0]  # (sequences · windows, n)
        if not bool((arranged == numbers[:, None, :, None]).all()) or bool((numbers == LOST).any()):
            return UNKNOWN
        return self._on_grid(numbers, placed[1])

    def _on_grid(self, numbers: Tensor, grid: PatchGrid) -> Places:
        if bool((numbers == PADDING).any()):
            return (
                f"windows: they reach beyond the {grid.rows.count} × {grid.columns.count} patches of the image, and "
                "padding takes part: give images whose patches fill the model's windows"
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

    def _placed(self, x: Tensor) -> tuple[Tensor, PatchGrid] | None:
        known: _Known | None = self._of.get(x)  # type: ignore[no-untyped-call]
        if known is None:
            return None
        if self._written and self._written.get(_memory(x), 0) > known.clock:
            return None
        return known.numbers, known.grid

    def _made_of_images(self, x: Tensor) -> bool:
        return bool(self._sources.of(x) & self._images)

    def _write(self, operation: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        out = kwargs.get("out")
        x = args[0] if out is None and args else out
        if not isinstance(x, Tensor):
            return
        known = out is None and any(each in self._of for each in _tensors(args))
        found = self._moves.written(args) if operation == "setitem" and known else None
        if operation == "copy" and known and isinstance(args[1], Tensor) and args[1].shape == x.shape:
            found = self._placed(args[1])
        self._written[_memory(x)] = self._clock
        if found is not None:
            self._of[x] = _Known(*found, self._clock)
        elif x in self._of:
            del self._of[x]


def _memory(x: Tensor) -> int:
    return x.untyped_storage().data_ptr()


def _tensors(value: Any) -> list[Tensor]:
    if isinstance(value, Tensor):
        return [value]
    if isinstance(value, dict):
        value = list(value.values())
    return [x for each in value for x in _tensors(each)] if isinstance(value, (tuple, list)) else []
