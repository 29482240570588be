"""Patch moves: of which patch each element of a result is, for every operation that vision models put maps through.

Operations fall into few kinds: those that leave elements where they are (sums, norms, activations), those that move
them (which are replayed on the numbers), those that sum over features (linear layers, and merging of patches where
features are of several), and those that slide over a map (convolutions, pooling, resizing). What is none of them
is lost.
"""

import functools
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor

from .contraction import OPERATIONS, read_contraction
from .map_moves import padded, pooled_in_row, sliding
from .operations import IN_PLACE, MOVING
from .overwriting import OVERWRITING, read_write, written
from .patch_grid import LOST, MIXED, SPECIAL, PatchGrid, Placed, merged
from .remembered import Remembered, are_plain
from .sliding import POOLING_1D
from .spread import alike, is_constant, side_by_side, without_spread

FREQUENCIES = {f"fft_{name}" for name in ("fft", "fft2", "fftn", "rfft", "rfft2", "rfftn", "hfft")}
"""Of which each is made of all tokens; what is made of them again (ifft) is lost."""

_REDUCING = {"mean", "sum", "amax", "amin", "max", "min", "logsumexp", "nanmean"}


class PatchMoves:
    """Of images of so many `sequences`.

    of: what a tensor is known to be; made_of_images: whether a tensor was made from any at all.
    """

    def __init__(
        self, sequences: int, of: Callable[[Tensor], Placed | None], made_of_images: Callable[[Tensor], bool]
    ) -> None:
        self._sequences = sequences
        self._of = of
        self._made_of_images = made_of_images
        self._remembered = Remembered()

    def made(self, func: Callable[..., Any], operation: str, args: tuple[Any, ...], kwargs: dict[str, Any],
             result: Any) -> list[Placed | None]:  # fmt: skip
        """Of every tensor in `result`; None of one that is not known. Some argument is known."""
        results = [x for x in (result if isinstance(result, (tuple, list)) else [result]) if isinstance(x, Tensor)]
        nothing: list[Placed | None] = [None] * len(results)
        if not results:
            return nothing
        first = results[0]
        if operation in IN_PLACE:
            return [self._together(args, kwargs, first)]
        if operation in ("cat", "concat", "concatenate", "stack"):
            return [self._beside(func, operation, args, kwargs, first)]
        if operation in OPERATIONS:
            return [self._contracted(operation, args, kwargs, first)]
        if operation in OVERWRITING:
            return [self.written(operation, args, kwargs)]
        if operation in ("getitem", "index_select") and (looked_up := self._looked_up(operation, args, first)):
            return [looked_up]
        if operation == "addmm":  # a linear layer as GPT-2 writes it: the bias, then what it is given
            args = args[1:]
        x = args[0] if args and isinstance(args[0], Tensor) else kwargs.get("input", kwargs.get("query"))
        placed = self._of(x) if isinstance(x, Tensor) else None
        if not isinstance(x, Tensor) or placed is None:
            return nothing
        numbers, grid = placed
        if operation in ("embedding", "one_hot"):
            return [(numbers[..., None].expand(first.shape), grid)]
        if operation in ("lstm", "gru", "rnn_tanh", "rnn_relu"):
            if first.shape[:-1] != numbers.shape[:-1]:
                return nothing
            return [self._summed(placed, (-1,), (*first.shape[:-1], 1), first.shape), *nothing[1:]]
        if operation in ("addmm", "mm") and any(map(self._made_of_images, args[1:2])):  # no layer
            return nothing
        if operation in ("linear", "addmm", "mm"):
            return [self._summed(placed, (-1,), (*first.shape[:-1], 1), first.shape)]
        if operation in ("scaled_dot_product_attention", "multi_head_attention_forward", "flex_attention"):
            of_rows = self._summed(placed, (-1,), (*numbers.shape[:-1], 1), first.shape)
            return [of_rows, *nothing[1:]]
        if operation == "pad":
            return [padded(args, kwargs, placed)]
        if operation in _REDUCING:
            return [self._reduced(args, kwargs, placed, first), *nothing[1:]]
        if operation in FREQUENCIES:
            return [(torch.full((), MIXED, dtype=torch.int32, device=first.device).expand(first.shape), grid)]
        if operation in POOLING_1D:
            return [pooled_in_row(args, kwargs, placed, first, self._summed), *nothing[1:]]
        slid = sliding(func, operation, args, kwargs, placed, first, self._sequences, self._summed)
        if slid is not None:
            return [slid, *nothing[1:]]
        if operation in MOVING:
            return self._replayed(func, x, numbers, grid, args, kwargs, results)
        return nothing

    def written(self, operation: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Placed | None:
        """Of a tensor after some of it was written over: x[places] = values, scatter, index_copy; or of the result."""
        write = read_write(operation, args, kwargs)
        return None if write is None else written(write, self._of, self._made_of_images)

    def _looked_up(self, operation: str, args: tuple[Any, ...], result: Tensor) -> Placed | None:
        """Of rows of a table that are picked by tokens: table[ids]."""
        index = (
            args[1] if operation == "getitem" and len(args) > 1 else args[2] if len(args) > 2 and args[1] == 0 else None
        )
        placed = self._of(index) if isinstance(index, Tensor) and index.dtype != torch.bool else None
        if placed is None or self._of(args[0]) is not None or result.shape[: placed[0].dim()] != placed[0].shape:
            return None
        features = [1] * (result.dim() - placed[0].dim())
        return placed[0].reshape(*placed[0].shape, *features).expand(result.shape), placed[1]

    def _together(self, args: tuple[Any, ...], kwargs: dict[str, Any], result: Tensor) -> Placed | None:
        """Of what is made of several element by element: of one that is spread out over the others nothing follows."""
        known = [
            (x.numel(), placed)
            for x in (*args, *kwargs.values())
            if isinstance(x, Tensor) and (placed := self._of(x)) is not None
        ]
        if not known:  # of what was written over through a view
            return None
        most = max(size for size, _ in known)
        full = [placed for size, placed in known if size == most]
        finest = max(grid.size for _, grid in full)
        (numbers, grid), *others = (placed for placed in full if placed[1].size == finest)
        numbers = numbers.to(result.device)
        for other, of_other in others:
            if of_other.shape != grid.shape:
                return None
            other = other.to(result.device)
            if not alike(numbers, other):
                both = (numbers >= 0) & (other >= 0) & (numbers != other)
                numbers = torch.where(both, LOST, torch.maximum(numbers, other))
        if numbers.shape == result.shape:
            return numbers, grid
        try:
            return numbers.expand(result.shape), grid
        except RuntimeError:
            return None

    def _beside(self, func: Callable[..., Any], operation: str, args: tuple[Any, ...], kwargs: dict[str, Any],
                result: Tensor) -> Placed | None:  # fmt: skip
        tensors = list(args[0] if args else kwargs.get("tensors", ()))
        found = [self._of(x) for x in tensors]
        grids = {placed[1].shape: placed[1] for placed in found if placed is not None}
        if len(grids) > 1:  # special tokens are of no grid; the mean of an image beside its patches is one of them
            of_patches = [p for p in found if p is not None and bool((without_spread(p[0]) >= 0).any())]
            grids = {grid.shape: grid for _, grid in of_patches if grid.size > 1}
            found = [_as_special(p) if p is not None and p[1].size == 1 else p for p in found]
        if len(grids) != 1:
            return None  # tokens of several grids
        parts = [
            torch.full((), LOST if self._made_of_images(x) else SPECIAL, dtype=torch.int32, device=x.device).expand(
                x.shape
            )
            if placed is None
            else placed[0]
            for x, placed in zip(tensors, found, strict=True)
        ]
        given = {name: value for name, value in kwargs.items() if name not in ("tensors", "out")}
        dim = args[1] if len(args) > 1 else given.get("dim", given.get("axis", 0))
        numbers = side_by_side(
            lambda them: func(them, *args[1:], **given), parts, result.shape, None if operation == "stack" else dim
        )
        return numbers, next(iter(grids.values()))

    def _contracted(
        self, operation: str, args: tuple[Any, ...], kwargs: dict[str, Any], result: Tensor
    ) -> Placed | None:
        """Of a product: what its rows are, where they are not summed over; a map of weights is as a linear layer."""
        contraction = read_contraction(operation, args, kwargs)
        if contraction is None:
            return None
        sides = (contraction.left, contraction.of_left), (contraction.right, contraction.of_right)
        for (x, labels), (other, _) in (sides, sides[::-1]):
            placed = self._of(x)
            if placed is None or -1 in labels:
                continue
            summed = tuple(place for place, label in enumerate(labels) if label not in contraction.of_result)
            kept = [place for place in range(x.dim()) if place not in summed]
            if not summed and self._made_of_images(other):
                continue
            if not is_constant(placed[0], summed) and self._made_of_images(other):
                continue
            found = self._summed(placed, summed)
            if found is None:
                continue
            numbers = found[0].permute(*kept, *summed)
            for _ in summed:
                numbers = numbers[..., 0]
            order = [label for label in contraction.of_result if label in labels]
            numbers = numbers.permute(*([labels[place] for place in kept].index(label) for label in order))
            shape = [
                size if label in labels else 1 for label, size in zip(contraction.of_result, result.shape, strict=True)
            ]
            return numbers.reshape(shape).expand(result.shape), found[1]
        return None

    def _summed(
        self,
        placed: Placed,
        axes: tuple[int, ...],
        shape: Sequence[int] | None = None,
        expanded: Sequence[int] | None = None,
    ) -> Placed | None:
        """Of what is summed over `axes`, which stay with size 1; then seen as `shape` and spread out to `expanded`."""
        sizes = [None if x is None else tuple(x) for x in (shape, expanded)]
        return self._remembered.once(lambda: self._newly_summed(placed, axes, *sizes), "summed", placed, axes, *sizes)

    def _newly_summed(
        self,
        placed: Placed,
        axes: tuple[int, ...],
        shape: tuple[int, ...] | None,
        expanded: tuple[int, ...] | None,
    ) -> Placed | None:
        numbers, grid = placed
        if is_constant(numbers, axes):
            for axis in axes:
                numbers = numbers.narrow(axis, 0, 1)
        else:
            kept = [place for place in range(numbers.dim()) if place not in {axis % numbers.dim() for axis in axes}]
            gone = [place for place in range(numbers.dim()) if place not in kept]
            sizes = [numbers.shape[place] for place in kept]
            for place in kept:  # copied only as often as they differ
                numbers = numbers.narrow(place, 0, 1) if numbers.stride(place) == 0 else numbers
            found = merged(numbers.permute(*kept, *gone).flatten(len(kept)), grid, self._sequences)
            if found is None:
                return None
            numbers, grid = found
            numbers = numbers.expand(*sizes, 1).reshape(*sizes, *[1] * len(gone))
            numbers = numbers.permute(*([*kept, *gone].index(place) for place in range(len(kept) + len(gone))))
        if shape is not None:
            numbers = numbers.reshape(shape)
        if expanded is not None:
            try:
                numbers = numbers.expand(expanded)
            except RuntimeError:
                return None
        return numbers, grid

    def _reduced(self, args: tuple[Any, ...], kwargs: dict[str, Any], placed: Placed, result: Tensor) -> Placed | None:
        dim = args[1] if len(args) > 1 else kwargs.get("dim", kwargs.get("axis"))
        if isinstance(dim, Tensor) or dim is None or dim == ():
            return None
        axes = tuple(dim) if isinstance(dim, (tuple, list)) else (dim,)
        found = self._summed(placed, axes)
        return None if found is None else (found[0].reshape(result.shape), found[1])

    def _replayed(self, func: Callable[..., Any], x: Tensor, numbers: Tensor, grid: PatchGrid, args: tuple[Any, ...],
                  kwargs: dict[str, Any], results: list[Tensor]) -> list[Placed | None]:  # fmt: skip
        shapes = tuple(one.shape for one in results)
        if args and args[0] is x and not kwargs and are_plain(args[1:]):
            move = functools.partial(self._newly_replayed, func, x, numbers, grid, args, kwargs, results)
            return self._remembered.once(move, "replayed", (func, numbers, grid), args[1:], shapes)
        return self._newly_replayed(func, x, numbers, grid, args, kwargs, results)

    def _newly_replayed(
        self,
        func: Callable[..., Any],
        x: Tensor,
        numbers: Tensor,
        grid: PatchGrid,
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
        results: list[Tensor],
    ) -> list[Placed | None]:
        nothing: list[Placed | None] = [None] * len(results)
        own_args = [numbers if each is x else each for each in args]
        own_kwargs = {name: numbers if each is x else each for name, each in kwargs.items()}
        name = getattr(func, "__name__", "")
        try:
            if name in ("view", "view_as", "reshape_as"):
                moved: Any = numbers.reshape(results[0].shape)
            elif name.endswith("_") and not name.endswith("__"):
                return nothing
            else:
                moved = func(*own_args, **own_kwargs)
        except Exception:  # not with numbers: then it is not known
            return nothing
        found = [n for n in (moved if isinstance(moved, (tuple, list)) else [moved]) if isinstance(n, Tensor)]
        if [n.shape for n in found] != [one.shape for one in results]:
            return nothing
        return [(n, grid) for n in found]


def _as_special(placed: Placed) -> Placed:
    numbers, grid = placed
    return torch.where(numbers >= 0, SPECIAL, numbers), grid
