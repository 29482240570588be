"""Kept hidden: memory and caches that objects of Python's own hold out of sight, as they are, and the way back."""

import ctypes
import functools
import gc
from collections.abc import Callable, Iterable
from multiprocessing.sharedctypes import SynchronizedBase
from typing import Any

CACHE: Any = type(functools.cache(len))
_MEMORY: Any = ctypes.c_int.__mro__[-2]  # what all numbers, arrays and records of ctypes are


def buffer_back(value: Any) -> Callable[[], object] | None:
    """What puts back the memory that a view or an object of ctypes shows; None of what has none of its own."""
    if issubclass(type(value), memoryview):
        return _written_back(value) if value.contiguous and not value.readonly else None
    own = issubclass(type(value), _MEMORY) and "_wrapper" not in getattr(value, "__dict__", ())  # not shared
    return _written_back(memoryview(value)) if own else None


def shared_memory(value: Any) -> bytes | None:
    """What several processes may write to, so that none can put it back; None of what is none of them."""
    shown: Any = value.get_obj() if issubclass(type(value), SynchronizedBase) else value
    return bytes(shown) if issubclass(type(shown), _MEMORY) and "_wrapper" in vars(shown) else None


def cache_back(cache: Any) -> tuple[Iterable[Any], Callable[[], object]]:
    """What a function with functools.cache has returned, and what lets go of what it returns from now on.

    Its table knows nothing of order: what it has no entry of is an entry less in the order of use.
    """
    table = next(x for x in gc.get_referents(cache) if type(x) is dict and "__wrapped__" not in x)
    known = {*map(id, table)}

    def put_back() -> None:
        for key in [key for key in table if id(key) not in known]:
            del table[key]

    is_bounded = cache.cache_parameters()["maxsize"] is not None
    return gc.get_referents(*table.values()) if is_bounded else [*table.values()], put_back


def _written_back(view: memoryview) -> Callable[[], object]:
    content = view.tobytes()

    def put_back() -> None:
        if view.tobytes() != content:
            view.cast("B")[:] = content

    return put_back
