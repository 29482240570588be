"""Spread: numbers of tensors that are the same along whole axes, as they mostly are: each token's along its features.

Such axes have stride 0, so that numbers take little memory and little time, whatever the size of the tensor.
"""

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor


def alike(a: Tensor, b: Tensor) -> bool:
    if a.data_ptr() == b.data_ptr() and a.stride() == b.stride() and a.shape == b.shape:
        return True
    try:
        a, b = torch.broadcast_tensors(a, b)  # type: ignore[no-untyped-call]
    except RuntimeError:
        return False
    return torch.equal(*without_spread(a, b))


def is_constant(numbers: Tensor, axes: Sequence[int]) -> bool:
    """Whether they are the same along all of `axes`."""
    varying = [axis for axis in axes if numbers.shape[axis] > 1 and numbers.stride(axis) != 0]
    if not varying:
        return True
    numbers = without_spread(numbers)
    return all(bool((numbers == numbers.narrow(axis, 0, 1)).all()) for axis in varying)


def without_spread(*tensors: Tensor) -> Any:
    """Tensors of one shape, once where all of them are spread out."""
    for axis in range(tensors[0].dim()):
        if all(x.stride(axis) == 0 for x in tensors):
            tensors = tuple(x.narrow(axis, 0, 1) for x in tensors)
    return tensors[0] if len(tensors) == 1 else tensors


def side_by_side(func: Callable[..., Any], parts: Sequence[Tensor], shape: Sequence[int], axis: int | None) -> Tensor:
    """`func(parts)`, of `shape`, which puts them beside one another; spread out along axes where all of them are.

    axis: of theirs along which they are put; None where it is a new one.
    """
    if axis is not None:
        parts = [x for x in parts if x.numel()] or parts
        axis %= parts[0].dim()
    for each in range(parts[0].dim()):
        if each != axis and all(x.stride(each) == 0 for x in parts):
            parts = [x.narrow(each, 0, 1) for x in parts]
    found: Tensor = parts[0] if axis is not None and len(parts) == 1 else func(parts)
    return found.expand(shape)
