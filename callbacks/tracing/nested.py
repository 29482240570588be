"""Nested: the tensors in what operations are given and give, which may be lists, tuples and dictionaries of them."""

from collections.abc import Iterator
from typing import Any

from torch import Tensor


def tensors_in(value: Any) -> Iterator[Tensor]:
    if isinstance(value, Tensor):
        yield value
    elif isinstance(value, (list, tuple, dict)):
        for each in value.values() if isinstance(value, dict) else value:
            yield from tensors_in(each)


def is_nested(value: Any) -> bool:
    """Whether it is a nested tensor of PyTorch, or some: each element of a batch has a length of its own."""
    parts = value if isinstance(value, (list, tuple)) else (value,)
    return any(isinstance(x, Tensor) and x.is_nested for x in parts)


def tensors_given(args: tuple[Any, ...], kwargs: dict[str, Any]) -> Iterator[Tensor]:
    """Those that a function of torch is given: its arguments, and what stands in a list or tuple of them."""
    for value in (*args, *kwargs.values()):
        for x in value if isinstance(value, (tuple, list)) else (value,):
            if isinstance(x, Tensor):
                yield x
