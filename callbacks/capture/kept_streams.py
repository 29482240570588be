"""Kept streams: what goes forward as it is used, and holds no list of what was there: iterators, queues, files."""

import io
import queue
import warnings
from collections.abc import Callable, Iterable
from typing import Any
from weakref import WeakKeyDictionary

from torch import nn

from .kept_iterators import iterator_back, iterator_place

_QUEUES = (queue.Queue, queue.LifoQueue, queue.PriorityQueue)
_IN_MEMORY = (io.StringIO, io.BytesIO)
_FILES = (io.TextIOWrapper, io.BufferedReader, io.BufferedWriter, io.BufferedRandom, io.FileIO)
_told: WeakKeyDictionary[nn.Module, set[str]] = WeakKeyDictionary()


def way_back(value: Any) -> Callable[[], object] | None:
    """What puts `value` back to where it is now; None where it cannot be put back, or need not."""
    kind = type(value)
    if kind in _QUEUES:
        items, tasks = [*value.queue], value.unfinished_tasks

        def refill() -> None:
            value.queue.clear()
            value.queue.extend(items)
            value.unfinished_tasks = tasks

        return refill
    if kind in _IN_MEMORY and not value.closed:
        content, place = value.getvalue(), value.tell()

        def rewrite() -> None:
            if value.getvalue() != content:
                value.seek(0)
                value.truncate()
                value.write(content)
            value.seek(place)

        return rewrite
    if kind in _FILES and not value.closed and value.seekable() and not value.writable():
        position = _position(value)
        return None if position is None else lambda: value.seek(position)
    return iterator_back(value)


class OnlyForward:
    """Those of `values` that go forward alone: what a pass has moved of them is named, since it cannot be undone."""

    def __init__(self, values: Iterable[Any]) -> None:
        self._before = [(value, _place(value)) for value in values if _place(value) is not None]

    def tell(self, model: nn.Module) -> None:
        """Warn of those that were moved; once of each."""
        moved = [value for value, place in self._before if _place(value) != place]
        known = _told.setdefault(model, set())
        named = {_name(model, value) for value in moved} - known
        known |= named
        if named:
            warnings.warn(
                f"the pass over the probe changes what cannot be put back: {', '.join(sorted(named))}. Leave it alone "
                "while self.training is False, or training goes on from where the pass has left it",
                RuntimeWarning,
                stacklevel=2,
            )


def _place(value: Any) -> Any:
    """Something that differs wherever `value` may stand; None of what is none of them."""
    kind = type(value)
    if kind is queue.SimpleQueue:
        return value.qsize()
    if kind in _FILES and not value.closed and value.seekable() and value.writable():
        return _position(value)
    return iterator_place(value)


def _position(file: Any) -> int | None:
    try:
        return int(file.tell())
    except OSError:  # of a text that is being looped over
        return None


def _name(model: nn.Module, value: Any) -> str:
    kind = f"an object of {type(value).__module__}.{type(value).__qualname__}"
    for name, module in model.named_modules():
        for attribute, one in vars(module).items():
            if one is value:
                return f"{name}.{attribute} ({kind})" if name else f"{attribute} ({kind})"
    return kind
