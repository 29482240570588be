"""Nested: the tensors in what operations are given and give, which may be lists, tuples and dictionaries of them."""

from collections.abc import Iterable, Iterator
from typing import Any

from torch import Tensor


def tensors_in(value: Any) -> list[Tensor]:
    if isinstance(value, Tensor):
        return [value]
    found: list[Tensor] = []
    if isinstance(value, (list, tuple, dict)):
        _gather(value.values() if isinstance(value, dict) else value, found)
    return found


def _gather(values: Iterable[Any], found: list[Tensor]) -> None:
    for each in values:
        if isinstance(each, Tensor):
            found.append(each)
        elif isinstance(each, (list, tuple)):
            _gather(each, found)
        elif isinstance(each, dict):
            _gather(each.values(), found)


def is_nested(value: Any) -> bool:
    """Whether it is a nested tensor of PyTorch, or some: each element of a batch has a length of its own."""
    if isinstance(value, Tensor):
        return value.is_nested
    return isinstance(value, (list, tuple)) and any(isinstance(x, Tensor) and x.is_nested for x in value)


def tensors_given(args: tuple[Any, ...], kwargs: dict[str, Any]) -> Iterator[Tensor]:
    """Those that a function of torch is given: its arguments, and what stands in a list or tuple of them."""
    for value in (*args, *kwargs.values()):
        for x in value if isinstance(value, (tuple, list)) else (value,):
            if isinstance(x, Tensor):
                yield x
