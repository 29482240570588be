"""Numbered: inputs whose elements are numbered, and the numbers of all that is made of them in the pass.

The numbers go the same way as the elements (`patch_moves`), whatever the model's code looks like. What goes a way that
is not known is lost.
"""

import dataclasses
from collections.abc import Callable, Sequence
from typing import Any

from torch import Tensor

from .nested import tensors_in
from .of_tensors import OfTensors
from .operations import SAME, WRITING
from .patch_grid import PatchGrid
from .patch_moves import PatchMoves
from .sources import Sources


@dataclasses.dataclass(frozen=True)
class _Known:
    numbers: Tensor  # of the shape of the tensor that it goes with (`patch_grid`)
    grid: PatchGrid
    clock: int


class Numbered:
    """Follows what is made of the inputs that `begin` is told of."""

    def __init__(self, sequences: int, sources: Sources) -> None:
        self._of = OfTensors[_Known]()
        self._written: dict[int, int] = {}  # memory → when something was last written there
        self._clock = 0
        self._inputs = 0
        self._sources = sources
        self._moves = PatchMoves(sequences, self.placed, self.had_a_part_in)

    def begin(self, x: Tensor, numbers: Tensor, grid: PatchGrid) -> None:
        """`x` is an input, `numbers` of its shape count on `grid`."""
        self.set(x, numbers, grid)
        self._inputs |= self._sources.of(x)

    def set(self, x: Tensor, numbers: Tensor, grid: PatchGrid) -> None:
        """`x` has these numbers from now on."""
        self._of[x] = _Known(numbers, grid, self._clock)

    def follow(self, func: Callable[..., Any], operation: str, given: Sequence[Tensor], args: tuple[Any, ...],
               kwargs: dict[str, Any], result: Any) -> None:  # fmt: skip
        """Take notice of one operation of the pass, as `Sources.follow` does."""
        if not self._inputs:
            return
        self._clock += 1
        writes = operation in WRITING and (operation == "setitem" or getattr(func, "__name__", "").endswith("_"))
        if writes or kwargs.get("out") is not None:
            self._write(operation, args, kwargs)
            return
        if not any(x in self._of for x in given):
            return
        if operation == "set" and all(isinstance(x, Tensor) for x in args[:2]):  # x.data = …
            placed = self.placed(args[1])
            if placed is not None:
                self._of[args[0]] = _Known(*placed, self._clock)
            elif args[0] in self._of:
                del self._of[args[0]]
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
        placed = self.placed(x)
        return None if placed is None else placed[0]

    def placed(self, x: Tensor) -> tuple[Tensor, PatchGrid] | None:
        """The numbers of `x`, and the grid that they count on; None if it was not followed."""
        known: _Known | None = self._of.get(x)
        if known is None:
            return None
        if self._written and self._written.get(_memory(x), 0) > known.clock:
            return None
        return known.numbers, known.grid

    def had_a_part_in(self, x: Tensor) -> bool:
        """Whether the inputs had a part in `x`."""
        return bool(self._sources.of(x) & self._inputs)

    def _write(self, operation: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        out = kwargs.get("out")
        x = args[0] if out is None and args else out
        if not isinstance(x, Tensor):
            return
        known = out is None and any(each in self._of for each in tensors_in(args))
        found = self._moves.written(operation, args, kwargs) if known else None
        if operation == "copy" and known and isinstance(args[1], Tensor) and args[1].shape == x.shape:
            found = self.placed(args[1])
        self._written[_memory(x)] = self._clock
        if found is not None:
            self._of[x] = _Known(*found, self._clock)
        elif x in self._of:
            del self._of[x]


def _memory(x: Tensor) -> int:
    return x.untyped_storage().data_ptr()
