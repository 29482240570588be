"""Inputs: what a model is called with, for all sequences of a probe or for some of them."""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from .ragged import Ragged
from .records import fields_of, with_fields

GivenInputs = Tensor | Ragged | Sequence[Any] | Mapping[str, Any]


class Inputs:
    """What a model is called with: tensors, also in dictionaries, lists, tuples, dataclasses, however deep.

    Tensors whose first axis counts the `sequences`, and every Ragged, are cut into batches. Other tensors belong to no
    sequence (a time step, a mask [n, n]) and are passed on whole, like everything else; `shared` names those whose
    first axis is as long as there are sequences by chance.
    Raises ValueError for a name of `shared` that is not there.
    """

    def __init__(
        self, given: GivenInputs, sequences: int, shared: Collection[str] = (), *, patch: tuple[int, int] | None = None
    ) -> None:
        self.patch = patch
        """Height and width of the images' patches, where they are known."""
        self._args, self._kwargs = _as_call(given)
        self._sequences = sequences
        self._shared = frozenset(shared)
        if missing := sorted(self._shared - set(self.named)):
            raise ValueError(f"shared names {missing[0]!r}, but the inputs are {', '.join(self.named)}")

    @property
    def named(self) -> dict[str, Any]:
        """Tensors and Raggeds by their names: of arguments by place `inputs[0]`, in dictionaries by their keys.

        A key that comes twice is told with all that leads to it: `text.input_ids`.
        """
        leaves = [*_leaves(list(self._args), ("inputs",)), *_leaves(self._kwargs, ())]
        last = [path[-1] for path, _ in leaves]
        return {
            path[-1] if isinstance(path[-1], str) and last.count(path[-1]) == 1 else _told(path): value
            for path, value in leaves
        }

    def of_sequences(self, name: str) -> bool:
        """Whether this one of the `named` has the sequences as its first axis."""
        return name not in self._shared and _counts(self.named[name], self._sequences)

    def is_shared(self, name: str) -> bool:
        """Whether the user has said that this one of the `named` belongs to no sequence."""
        return name in self._shared

    @property
    def doubtful(self) -> tuple[str, ...]:
        """Those of the `named` that may belong to no sequence, though their first axis is as long: [n, n], as masks."""
        square = (self._sequences, self._sequences)
        return tuple(
            name
            for name, value in self.named.items()
            if isinstance(value, Tensor)
            and tuple(value.shape) == square
            and _is_mask(value)
            and not self.is_shared(name)
        )

    @property
    def ragged(self) -> bool:
        """Whether sequences have different shapes in one of them."""
        return any(isinstance(value, Ragged) for value in self.named.values())

    def parts(self, size: int) -> Iterator[slice]:
        """At most `size` sequences each, whose inputs have the same shapes."""
        values = [value for value in self.named.values() if isinstance(value, Ragged)]
        shapes = [tuple(value[row].shape for value in values) for row in range(self._sequences)]
        first = 0
        for row in range(1, len(shapes) + 1):
            if row == len(shapes) or row - first == size or shapes[row] != shapes[first]:
                yield slice(first, row)
                first = row

    def batch(self, part: slice, device: torch.device) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """Those of some sequences, for model(*args, **kwargs)."""

        def take(value: Tensor | Ragged, own: bool) -> Tensor:
            if isinstance(value, Ragged):
                return value.stacked(part).to(device)
            return (value[part] if own else value).to(device)

        return self._changed(take)

    def rows(self, rows: list[int]) -> "Inputs":
        """Those of these sequences alone."""

        def take(value: Tensor | Ragged, own: bool) -> Tensor | Ragged:
            if isinstance(value, Ragged):
                return Ragged(value[row] for row in rows)
            return value[rows] if own else value

        args, kwargs = self._changed(take)
        shared = self._shared | {n for n in self.named if not self.of_sequences(n)}
        return Inputs(kwargs or args, len(rows), shared, patch=self.patch)

    def _changed(self, change: Callable[[Any, bool], Any]) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """The call with each tensor as `change(tensor, whether it is of the sequences)` has it."""
        own = [self.of_sequences(name) for name in self.named]
        which = iter(own)
        args = _mapped(list(self._args), lambda value: change(value, next(which)))
        return tuple(args), _mapped(self._kwargs, lambda value: change(value, next(which)))


def _as_call(inputs: GivenInputs) -> tuple[tuple[Any, ...], dict[str, Any]]:
    if isinstance(inputs, (Tensor, Ragged)):
        return (inputs,), {}
    if isinstance(inputs, Mapping):
        return (), dict(inputs)
    if isinstance(inputs, (tuple, list)):
        return tuple(inputs), {}
    if fields_of(inputs) is not None:
        return (inputs,), {}
    raise TypeError(f"inputs is a {type(inputs).__name__}; give a tensor, a tuple for model(*inputs), or a dictionary")


def _counts(value: Tensor | Ragged, sequences: int) -> bool:
    return isinstance(value, Ragged) or (value.dim() > 0 and value.shape[0] == sequences)


def _is_mask(value: Tensor) -> bool:
    return value.dtype == torch.bool or value.is_floating_point()


def _leaves(value: Any, path: tuple[str | int, ...]) -> list[tuple[tuple[str | int, ...], Any]]:
    """Every tensor and Ragged in `value`, and what leads to it."""
    if isinstance(value, (Tensor, Ragged)):
        return [(path, value)]
    if isinstance(value, Mapping):
        return [leaf for key, inner in value.items() for leaf in _leaves(inner, (*path, str(key)))]
    if isinstance(value, (list, tuple)):
        return [leaf for index, inner in enumerate(value) for leaf in _leaves(inner, (*path, index))]
    return [leaf for name, inner in (fields_of(value) or {}).items() for leaf in _leaves(inner, (*path, name))]


def _told(path: tuple[str | int, ...]) -> str:
    return "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in path).removeprefix(".")


def _mapped(value: Any, change: Callable[[Any], Any]) -> Any:
    """`value` with its tensors and Raggeds changed, in the order of `_leaves`."""
    if isinstance(value, (Tensor, Ragged)):
        return change(value)
    if isinstance(value, Mapping):
        return {key: _mapped(inner, change) for key, inner in value.items()}
    if isinstance(value, (list, tuple)):
        inner = [_mapped(each, change) for each in value]
        if isinstance(value, list):
            return inner
        return type(value)(*inner) if hasattr(value, "_fields") else tuple(inner)  # a named tuple, or a plain one
    if (fields := fields_of(value)) is not None:
        return with_fields(value, {name: _mapped(inner, change) for name, inner in fields.items()})
    return value
