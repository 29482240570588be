"""Inputs: what a model is called with, for all sequences of a probe or for some of them."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from .ragged import Ragged

GivenInputs = Tensor | Ragged | Sequence[Any] | Mapping[str, Any]


class Inputs:
    """Every tensor, and every Ragged, has the sequences as its first axis; anything else is passed on as it is."""

    def __init__(self, given: GivenInputs) -> None:
        self._args, self._kwargs = _as_call(given)

    @property
    def named(self) -> dict[str, Any]:
        """All of them by their names, those without one by their place."""
        return {**{f"inputs[{i}]": value for i, value in enumerate(self._args)}, **self._kwargs}

    @property
    def ragged(self) -> bool:
        """Whether sequences have different shapes in one of them."""
        return any(isinstance(value, Ragged) for value in self.named.values())

    def parts(self, sequences: int, size: int) -> Iterator[slice]:
        """At most `size` sequences each, whose inputs have the same shapes."""
        values = [value for value in self.named.values() if isinstance(value, Ragged)]
        shapes = [tuple(value[row].shape for value in values) for row in range(sequences)]
        first = 0
        for row in range(1, len(shapes) + 1):
            if row == len(shapes) or row - first == size or shapes[row] != shapes[first]:
                yield slice(first, row)
                first = row

    def batch(self, part: slice, device: torch.device) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """Those of some sequences, for model(*args, **kwargs)."""
        args = tuple(_take(value, part, device) for value in self._args)
        return args, {name: _take(value, part, device) for name, value in self._kwargs.items()}

    def rows(self, rows: list[int]) -> "Inputs":
        """Those of these sequences alone."""
        if self._kwargs:
            return Inputs({name: _rows(value, rows) for name, value in self._kwargs.items()})
        return Inputs(tuple(_rows(value, rows) for value in self._args))


def _as_call(inputs: GivenInputs) -> tuple[tuple[Any, ...], dict[str, Any]]:
    if isinstance(inputs, (Tensor, Ragged)):
        return (inputs,), {}
    if isinstance(inputs, Mapping):
        return (), dict(inputs)
    if isinstance(inputs, (tuple, list)):
        return tuple(inputs), {}
    raise TypeError(f"inputs is a {type(inputs).__name__}; give a tensor, a tuple for model(*inputs), or a dictionary")


def _take(value: Any, part: slice, device: torch.device) -> Any:
    if isinstance(value, Ragged):
        return value.stacked(part).to(device)
    return value[part].to(device) if isinstance(value, Tensor) else value


def _rows(value: Any, rows: list[int]) -> Any:
    if isinstance(value, Ragged):
        return Ragged(value[row] for row in rows)
    return value[rows] if isinstance(value, Tensor) else value
