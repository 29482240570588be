"""Map moves: of which patch each element of a result is, for what pads, slides over or resizes maps of patches."""

import math
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from .patch_grid import MIXED, PADDING, Placed, convolved, find_maps, merged
from .sliding import RESIZING, count_of, of_unfold, read_window, stride_in_row
from .spread import is_constant

Summed = Callable[..., Placed | None]
"""`PatchMoves._summed`: of what is summed over axes."""


def padded(args: tuple[Any, ...], kwargs: dict[str, Any], placed: Placed) -> Placed | None:
    """Of what zeros were put around."""
    given = dict(zip(("input", "pad", "mode"), args, strict=False)) | kwargs
    if given.get("mode", "constant") != "constant":
        return None
    numbers = functional.pad(placed[0], given["pad"], value=PADDING)
    return numbers, placed[1]


def pooled_in_row(
    args: tuple[Any, ...], kwargs: dict[str, Any], placed: Placed, result: Tensor, summed: Summed
) -> Placed | None:
    """Of [sequences, channels, n], so many tokens at a time."""
    numbers, grid = placed
    size = stride_in_row(args, kwargs)
    if size is None or numbers.shape[-1] != size * result.shape[-1]:
        return None
    return summed((torch.unflatten(numbers, -1, (-1, size)), grid), (-1,), result.shape)


def sliding(func: Callable[..., Any], operation: str, args: tuple[Any, ...], kwargs: dict[str, Any], placed: Placed,
            result: Tensor, sequences: int, summed: Summed) -> Placed | None:  # fmt: skip
    """Of convolutions, pooling and resizing; None where it is no such, or the map is none."""
    numbers, grid = placed
    if operation in RESIZING and numbers.dim() == 3:  # a row
        same = numbers.shape == result.shape and is_constant(numbers, (1,))
        return placed if same else (torch.full_like(numbers[:1, :1, :1], MIXED).expand(result.shape), grid)
    window = read_window(func, operation, args, kwargs, numbers.shape, result.shape)
    if window is None:
        return None
    at, every, alone = window
    if alone:  # each token by itself
        return summed(placed, (1,), None, result.shape)
    if numbers.dim() != 4:
        return None
    if not is_constant(numbers, (1,)):
        found = summed(placed, (1,))
        if found is None:
            return None
        numbers, grid = found
    numbers = numbers[:, 0]
    maps = find_maps(numbers, grid)
    if maps is None and (again := merged(numbers[..., None], grid, sequences)) is not None:
        numbers, grid = again[0][..., 0], again[1]  # every other patch, say
        maps = find_maps(numbers, grid)
    if maps is None and (at, every) == ((0, 0), (1, 1)) and numbers.shape[1:] == result.shape[2:]:
        return numbers[:, None].expand(result.shape), grid  # of windows: each token stays in its place
    if maps is None or (maps.before != (0, 0) and operation in RESIZING):
        return None
    shape = result.shape[-2:]
    if result.dim() == 3:  # im2col, whose tokens are in one axis
        shape = tuple(count_of(n, *of) for n, of in zip(numbers.shape[1:], of_unfold(args, kwargs), strict=True))  # type: ignore[assignment]
        if math.prod(shape) != result.shape[-1]:
            return None
    own = convolved(grid, shape, (at[0] - maps.before[0], at[1] - maps.before[1]), every)
    fresh = maps.numbers(own)
    if result.dim() == 3:
        return fresh.flatten(1)[:, None].expand(result.shape), own
    return fresh[:, None].expand(result.shape), own
