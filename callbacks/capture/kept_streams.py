"""Kept streams: what goes forward as it is used, and holds no list of what was there: iterators, queues, files."""

import io
import queue
import warnings
import zlib
from collections.abc import Callable, Iterable
from typing import Any
from weakref import WeakKeyDictionary

from torch import Tensor, nn
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler
from torch.utils.data.dataloader import _BaseDataLoaderIter

from .kept_hidden import shared_memory
from .kept_iterators import iterator_back, iterator_place
from .kept_queues import QUEUES, KeptQueue

_IN_MEMORY = (io.StringIO, io.BytesIO)
_FILES = (io.TextIOWrapper, io.BufferedReader, io.BufferedWriter, io.BufferedRandom, io.FileIO)
_told: WeakKeyDictionary[nn.Module, set[str]] = WeakKeyDictionary()


def way_back(value: Any) -> Callable[[], object] | None:
    """What puts `value` back to where it is now; None where it cannot be put back, or need not."""
    kind = type(value)
    if kind in QUEUES:
        return KeptQueue(value).put_back
    if kind in _IN_MEMORY and not value.closed:
        content, place = value.getvalue(), value.tell()

        def rewrite() -> None:
            if value.getvalue() != content:
                value.seek(0)
                value.truncate()
                value.write(content)
            if value.tell() != place:
                value.seek(place)

        return rewrite
    if kind in _FILES and not value.closed and value.seekable() and not value.writable():
        position = _position(value)
        return None if position is None else lambda: _position(value) == position or value.seek(position)
    return iterator_back(value)


class OnlyForward:
    """Those of `values` that go forward alone: what a pass has moved of them is named, since it cannot be undone.

    So are the tensors and arrays `large`, of which there is no copy.
    """

    def __init__(self, values: Iterable[Any], large: Iterable[Any] = ()) -> None:
        places = [(value, _place, _place(value)) for value in values]
        self._before = [*(one for one in places if one[2] is not None), *((x, _written, _written(x)) for x in large)]

    def tell(self, model: nn.Module) -> None:
        """Warn of those that were moved; once of each."""
        moved = [value for value, asked, place in self._before if asked(value) != place]
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
    if issubclass(kind, (Optimizer, LRScheduler)):  # those of a model that trains within its pass
        tensors = [x for state in getattr(value, "state", {}).values() for x in state.values() if isinstance(x, Tensor)]
        return getattr(value, "_step_count", 0), [x._version for x in tensors]
    if issubclass(kind, _BaseDataLoaderIter):
        return value._num_yielded
    return shared_memory(value) or iterator_place(value)


def _written(value: Any) -> int:
    """Of a tensor or an array something that differs once it is written to."""
    return value._version if isinstance(value, Tensor) else zlib.crc32(value.tobytes())


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
