"""Remembered: what was made of numbers before. Layers do the same one after the other, with the very same numbers."""

from collections.abc import Callable, Hashable
from typing import Any, TypeVar

from torch import Size, Tensor

T = TypeVar("T")

_MOST = 256  # results
_LARGEST = 2**20  # bytes of numbers: others are not kept for later
_PLAIN = {int, bool, str, type(None), Size}


class Remembered:
    """Results of functions of numbers, which nobody writes to, and of what else is plain."""

    def __init__(self) -> None:
        self._of: dict[Hashable, tuple[tuple[Any, ...], Any]] = {}

    def once(self, make: Callable[[], T], what: str, numbers: tuple[Any, ...], *others: Hashable) -> T:
        """What `make` gives: made when it is asked for the first time with these very `numbers` and equal `others`."""
        key = what, tuple(map(id, numbers)), others
        found = self._of.get(key)
        if found is not None:
            made: T = found[1]
            return made
        made = make()
        if all(map(_is_small, (*numbers, *(made if isinstance(made, (tuple, list)) else (made,))))):
            if len(self._of) >= _MOST:
                self._of.clear()
            self._of[key] = numbers, made
        return made


def are_plain(values: tuple[Any, ...]) -> bool:
    """Whether they are equal where they say so, and nothing else: numbers and names, and tuples of them."""
    return all(type(x) in _PLAIN or (type(x) is tuple and are_plain(x)) for x in values)


def _is_small(x: Any) -> bool:
    if isinstance(x, (tuple, list)):
        return all(map(_is_small, x))
    return not isinstance(x, Tensor) or x.untyped_storage().nbytes() <= _LARGEST
