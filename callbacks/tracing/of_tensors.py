"""What is known of tensors as long as they live: a dictionary by identity, which keeps none of them alive.

Like torch.utils.weak.WeakTensorKeyDictionary, which hashes and compares in Python: slow where every operation of a
pass looks up its tensors many times.
"""

import weakref
from typing import Generic, TypeVar, overload

from torch import Tensor

V = TypeVar("V")
Default = TypeVar("Default")


class _Reference(weakref.ref[Tensor]):
    __slots__ = ("key",)

    key: int


class OfTensors(Generic[V]):
    """A value for each of some tensors."""

    def __init__(self) -> None:
        self._entries: dict[int, tuple[_Reference, V]] = {}
        this = weakref.ref(self)

        def forget(dead: weakref.ref[Tensor]) -> None:
            if (found := this()) is not None:
                found._forget(dead)

        self._on_death = forget

    def __bool__(self) -> bool:
        return bool(self._entries)

    def __contains__(self, x: object) -> bool:
        entry = self._entries.get(id(x))
        return entry is not None and entry[0]() is x

    @overload
    def get(self, x: object) -> V | None: ...
    @overload
    def get(self, x: object, default: Default) -> V | Default: ...
    def get(self, x: object, default: object = None) -> object:
        """`default` for what is no tensor, too."""
        entry = self._entries.get(id(x))
        return default if entry is None or entry[0]() is not x else entry[1]

    def __getitem__(self, x: Tensor) -> V:
        """Raises KeyError where there is none."""
        reference, value = self._entries[id(x)]
        if reference() is not x:
            raise KeyError(id(x))
        return value

    def __setitem__(self, x: Tensor, value: V) -> None:
        entry = self._entries.get(id(x))
        if entry is not None and entry[0]() is x:
            reference = entry[0]
        else:
            reference = _Reference(x, self._on_death)
            reference.key = id(x)
        self._entries[id(x)] = reference, value

    def __delitem__(self, x: Tensor) -> None:
        del self._entries[id(x)]

    def _forget(self, dead: weakref.ref[Tensor]) -> None:
        assert isinstance(dead, _Reference)
        entry = self._entries.get(dead.key)
        if entry is not None and entry[0] is dead:  # else the number is that of another tensor by now
            del self._entries[dead.key]
