"""Kept attributes: what a module keeps beside its parameters and buffers, to be put back as it was."""

import array
import dataclasses
import types
from collections import Counter, OrderedDict, UserDict, UserList, defaultdict, deque
from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from .own_objects import is_own, own_packages, package_of

_PYTORCHS = frozenset(vars(nn.Module()))  # parameters, buffers, submodules, hooks, the training flag
_PLAIN = (bool, int, float, complex, str, bytes, type(None), torch.Size, torch.dtype, torch.device)
_MAPPINGS = (dict, OrderedDict, defaultdict, Counter)
_SEQUENCES = (list, deque)
_BYTES = (bytearray, array.array)
_USERS = (UserDict, UserList)
_DEEPEST = 30


class KeptAttributes:
    """Plain values, tensors, arrays, and lists, dictionaries, records … of them that `module` has as attributes.

    Records are dataclasses, namespaces, and objects of classes that come with the module's own. Objects of other kinds
    are left alone: what they hold, nothing here can know. `tensors`: whether tensors that are attributes themselves are
    kept; they are not where FSDP1 has put its views of parameters in their place. `memory`: of what modules share.
    """

    def __init__(self, module: nn.Module, *, tensors: bool, memory: "Memory") -> None:
        self._attributes = vars(module)
        self._tensors = tensors
        self._memory = memory
        self._values = {
            name: memory.keep(value) for name, value in self._attributes.items() if self._is_kept(name, value)
        }

    def put_back(self) -> None:
        """Not by setattr, which modules may overload."""
        for name in [name for name, value in self._attributes.items() if self._is_kept(name, value)]:
            if name not in self._values:
                del self._attributes[name]
        for name, kept in self._values.items():
            if self._is_kept(name, self._attributes.get(name)):
                self._attributes[name] = kept.put_back()

    def _is_kept(self, name: str, value: Any) -> bool:
        return (
            name not in _PYTORCHS and self._memory.is_known(value) and (self._tensors or not isinstance(value, Tensor))
        )


class Memory:
    """What the modules of `model` keep, each object once."""

    def __init__(self, model: nn.Module) -> None:
        self._packages = own_packages(model)
        self._of: dict[int, _Kept] = {}

    def keep(self, value: Any, depth: int = 0) -> "_Kept":
        found = self._of.get(id(value))
        if found is None:
            found = _Kept(value)
            if not isinstance(value, _PLAIN):
                self._of[id(value)] = found
            if depth < _DEEPEST:  # else it is left alone
                found.look_inside(self, depth)
        return found

    def is_known(self, value: Any) -> bool:
        known = (*_PLAIN, *_MAPPINGS, *_SEQUENCES, *_BYTES, set, tuple, np.ndarray)
        if type(value) in known or isinstance(value, np.generic) or self.is_record(value):
            return True
        return isinstance(value, Tensor) and not isinstance(value, nn.Parameter)

    def is_record(self, value: Any) -> bool:
        """Whether it is a record of named values that may be written, and nothing more."""
        kind = type(value)
        if kind is types.SimpleNamespace or kind in _USERS:
            return True
        if isinstance(value, (type, Tensor)) or getattr(kind, "__dataclass_params__", _WRITABLE).frozen:
            return False
        if not any(True for _ in _slots(kind)) and not hasattr(value, "__dict__"):
            return False
        of_data = dataclasses.is_dataclass(kind) and package_of(kind) != "torch"  # PyTorch's own are not the model's
        return is_own(value, self._packages) or (of_data and not isinstance(value, nn.Module))


class _Kept:
    """One value, and what it holds."""

    def __init__(self, value: Any) -> None:
        self._value = value
        self._version = -1
        self._content: Any = None
        self._record: dict[str, _Kept] | None = None
        self._is_back = False

    def look_inside(self, memory: Memory, depth: int) -> None:
        value = self._value
        if isinstance(value, Tensor):
            if not value.is_inference():
                self._version, self._content = value._version, value.detach().clone()
        elif type(value) is np.ndarray:
            self._content = value.copy()
        elif type(value) in (set, *_BYTES):
            self._content = value.copy() if isinstance(value, (set, bytearray)) else value[:]
        elif type(value) in _MAPPINGS or (isinstance(value, dict) and memory.is_record(value)):
            self._content = {key: memory.keep(inner, depth + 1) for key, inner in value.items()}
        elif type(value) in (*_SEQUENCES, tuple) or (isinstance(value, _SEQUENCES) and memory.is_record(value)):
            self._content = [memory.keep(inner, depth + 1) for inner in value]
        if not isinstance(value, _PLAIN) and memory.is_record(value):
            self._record = {name: memory.keep(inner, depth + 1) for name, inner in _named(value)}

    def put_back(self) -> Any:
        """The value, with what it held."""
        value, content = self._value, self._content
        if self._is_back:  # it holds itself
            return value
        self._is_back = True
        if self._record is not None:
            self._put_back_names(value, {name: kept.put_back() for name, kept in self._record.items()})
        if content is None:
            return value
        if isinstance(value, Tensor):
            if value._version != self._version:
                with torch.no_grad():
                    value.copy_(content)
        elif type(value) is np.ndarray:
            if value.flags.writeable:
                value[...] = content
        elif type(value) is tuple:
            for kept in content:
                kept.put_back()
        elif isinstance(value, dict):
            inner = {key: kept.put_back() for key, kept in content.items()}
            if [*map(id, value.values())] != [*map(id, inner.values())] or value.keys() != inner.keys():
                value.clear()
                value.update(inner)
        elif isinstance(value, _SEQUENCES):
            items = [kept.put_back() for kept in content]
            if [*map(id, value)] != [*map(id, items)]:
                value.clear()
                value.extend(items)
        elif type(value) is set and value != content:
            value.clear()
            value.update(content)
        elif type(value) in _BYTES and value != content:
            value[:] = content
        return value

    @staticmethod
    def _put_back_names(value: Any, inner: dict[str, Any]) -> None:
        """Not by setattr where it has a dictionary, which its class may overload."""
        now = dict(_named(value))
        if now.keys() == inner.keys() and all(now[name] is one for name, one in inner.items()):
            return
        for name in [*_slots(type(value))]:
            if name in inner:
                object.__setattr__(value, name, inner[name])
            elif name in now:
                object.__delattr__(value, name)
        if hasattr(value, "__dict__"):
            of_slots = set(_slots(type(value)))
            vars(value).clear()
            vars(value).update({name: one for name, one in inner.items() if name not in of_slots})


_WRITABLE = types.SimpleNamespace(frozen=False)


def _named(value: Any) -> Iterator[tuple[str, Any]]:
    """What a record holds, by name."""
    yield from getattr(value, "__dict__", {}).items()
    for name in _slots(type(value)):
        if hasattr(value, name):
            yield name, getattr(value, name)


def _slots(kind: type) -> Iterator[str]:
    for one in kind.__mro__:
        slots = vars(one).get("__slots__", ())
        for name in (slots,) if isinstance(slots, str) else slots:
            if name not in ("__dict__", "__weakref__"):
                yield f"_{one.__name__.lstrip('_')}{name}" if name.startswith("__") and name[-2:] != "__" else name
