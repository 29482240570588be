"""Replayed moves: what is known of each element of a tensor, moved as an operation of the pass moves the elements."""

import functools
from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import Tensor

from .axes import REGROUPING


def replayed(
    func: Callable[..., Any], operation: str, args: tuple[Any, ...], kwargs: dict[str, Any], result: Any
) -> Iterator[tuple[Tensor, Callable[[Tensor], Tensor]]]:
    """Each tensor that `func` makes of args[0] by moving its elements, and what does the same to others of that shape.

    The second is for later: it runs the operation once more when it is called.
    """
    for place, one in enumerate(result if isinstance(result, (list, tuple)) else [result]):
        if isinstance(one, Tensor):
            yield one, functools.partial(_again, func, operation, args[1:], kwargs, place, one.shape)


def _again(
    func: Callable[..., Any],
    operation: str,
    rest: tuple[Any, ...],
    kwargs: dict[str, Any],
    place: int,
    shape: torch.Size,
    of_elements: Tensor,
) -> Tensor:
    found = of_elements.reshape(shape) if operation in REGROUPING else func(of_elements, *rest, **kwargs)
    moved: Tensor = found[place] if isinstance(found, (list, tuple)) else found
    return moved
