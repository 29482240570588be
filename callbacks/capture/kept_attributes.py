"""Kept attributes: what a module keeps beside its parameters and buffers, to be put back as it was."""

import argparse
import array
import contextlib
import dataclasses
import datetime
import enum
import numbers
import threading
import types
import weakref
from collections import ChainMap, Counter, OrderedDict, UserDict, UserList, defaultdict, deque
from collections.abc import Callable, Iterable, Iterator
from pathlib import PurePath
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from .kept_containers import bytes_back, mapping_back, sequence_back, set_back, slots_back, stays, weak_back
from .kept_hidden import CACHE, buffer_back, cache_back
from .kept_iterators import is_iterator
from .kept_streams import OnlyForward, way_back
from .kept_tensors import KeptTensor, array_back, bytes_of, is_on_disk
from .own_objects import dictionary_of, is_own, keeps_its_own, own_packages, package_of, slots_of
from .written_parameters import MOST

_PYTORCHS = frozenset(vars(nn.Module()))  # parameters, buffers, submodules, hooks, the training flag
_PLAIN = (
    *(bool, int, float, complex, str, bytes, type(None), torch.Size, torch.dtype, torch.device, np.generic),
    *(frozenset, range, slice, enum.Enum, numbers.Number, PurePath, datetime.date, datetime.time, datetime.timedelta),
    *(type, types.FunctionType, types.MethodType, types.BuiltinFunctionType, weakref.ref),
)
_MAPPINGS = (dict, OrderedDict, defaultdict, Counter)
_SEQUENCES = (list, deque)
_BYTES = (bytearray, array.array)
_USERS = (UserDict, UserList, ChainMap, types.SimpleNamespace, argparse.Namespace, dict, list, set, deque)
_WEAK = (weakref.WeakKeyDictionary, weakref.WeakValueDictionary, weakref.WeakSet)
_KNOWN = {*_PLAIN, *_MAPPINGS, *_SEQUENCES, *_BYTES, *_WEAK, set, tuple, CACHE, memoryview}
_WRITABLE = types.SimpleNamespace(frozen=False)


class KeptAttributes:
    """Plain values, tensors, arrays, and lists, dictionaries, records … of them that `module`, or a parameter, has as
    attributes.

    Records are dataclasses, namespaces, and objects of classes that come with the module's own. Objects of other kinds
    are left alone: what they hold, nothing here can know. `tensors`: whether tensors that are attributes themselves are
    kept; they are not where FSDP1 has put its views of parameters in their place. `memory`: keeps what they hold.
    """

    def __init__(self, module: nn.Module | nn.Parameter, *, tensors: bool, memory: "Memory") -> None:
        self._attributes = vars(module)
        self._tensors = tensors
        self._memory = memory
        self._values = {name: value for name, value in self._attributes.items() if self._is_kept(name, value)}
        in_slots, self._slots_back = slots_back(module)
        others = [x for name, x in self._attributes.items() if name not in _PYTORCHS and not memory.is_known(x)]
        memory.keep([*self._values.values(), *others, *in_slots])

    def put_back(self) -> None:
        """The same objects under the same names. Not by setattr, which modules may overload."""
        for name in [name for name, value in self._attributes.items() if self._is_kept(name, value)]:
            if name not in self._values:
                del self._attributes[name]
        for name, value in self._values.items():
            if self._is_kept(name, self._attributes.get(name)):
                self._attributes[name] = value
        self._slots_back()

    def _is_kept(self, name: str, value: Any) -> bool:
        kind = type(value)
        return (
            name not in _PYTORCHS and self._memory.is_known(value) and (self._tensors or not issubclass(kind, Tensor))
        )


class KeptClassAttributes:
    """The same of what `kind`, a class of modules, holds for all of them."""

    def __init__(self, kind: type, memory: "Memory") -> None:
        self._class = kind
        self._memory = memory
        self._values = self._kept()
        memory.keep(self._values.values())

    def put_back(self) -> None:
        now = self._kept()
        for name in now.keys() - self._values.keys():
            type.__delattr__(self._class, name)
        for name, value in self._values.items():
            if now.get(name, self) is not value:
                type.__setattr__(self._class, name, value)

    def _kept(self) -> dict[str, Any]:
        own = vars(self._class).items()
        return {name: value for name, value in own if not name.startswith("__") and self._memory.is_known(value)}


class Memory:
    """What the modules of `model` keep, and all that it holds: each object once.

    Of tensors and arrays MOST bytes are copied; those that do not fit are named where the pass writes to them.
    """

    def __init__(self, model: nn.Module, packages: Iterable[str] = ()) -> None:
        """packages: those whose objects are the model's own, beside those of its modules."""
        self._packages = own_packages(model) | {*packages}
        self._modules = {*map(id, model.modules())}
        self._kept: dict[int, Any] = {}  # by id, which stays theirs as long as they are here
        self._known: dict[type, bool] = {}  # whether objects of a kind are
        self._ways_back: list[Callable[[], object]] = []
        self._large: list[Any] = []
        self._room = MOST

    def own_classes(self, model: nn.Module) -> set[type]:
        """Those of the modules of `model`, and what they inherit from, that come with the model."""
        classes = {kind for module in model.modules() for kind in type(module).__mro__}
        return {kind for kind in classes if package_of(kind) in self._packages}

    def keep(self, values: Iterable[Any]) -> None:
        waiting = _not_plain(values)
        while waiting:
            value = waiting.pop()
            if id(value) not in self._kept:
                self._kept[id(value)] = value
                for inner, way_back in self._look_inside(value):
                    waiting += _not_plain(inner)
                    self._ways_back.append(way_back)

    def only_forward(self) -> OnlyForward:
        """What is kept and cannot be put back."""
        return OnlyForward(self._kept.values(), self._large)

    def put_back(self) -> None:
        """What one of them cannot take does not keep the others as they are; it is raised in the end."""
        with contextlib.ExitStack() as stack:
            for way_back in self._ways_back:
                stack.callback(way_back)

    def is_known(self, value: Any) -> bool:
        kind = type(value)
        found = self._known.get(kind)
        if found is None:
            found = self._is_known(value)
            if not issubclass(kind, (Tensor, nn.Module)):  # of which some are, and others not
                self._known[kind] = found
        return found

    def _is_known(self, value: Any) -> bool:
        kind = type(value)
        if kind in _KNOWN or issubclass(kind, (*_PLAIN, tuple, np.ndarray)) or is_iterator(kind):
            return True
        if self.is_record(value) or _is_frozen(kind):
            return True
        return issubclass(kind, Tensor) and not isinstance(value, nn.Parameter)

    def is_record(self, value: Any) -> bool:
        """Whether it is a record of named values that may be written, and nothing more."""
        kind = type(value)
        if issubclass(kind, _USERS):
            return kind not in _KNOWN
        if issubclass(kind, nn.Module):
            return id(value) not in self._modules and not keeps_its_own(value)  # hidden in a list, say
        if issubclass(kind, (type, Tensor)) or getattr(kind, "__dataclass_params__", _WRITABLE).frozen:
            return False
        if not kind.__dictoffset__ and not slots_of(kind):
            return False
        of_data = dataclasses.is_dataclass(kind) and package_of(kind) != "torch"  # PyTorch's own are not the model's
        return is_own(kind, self._packages) or (of_data and not issubclass(kind, nn.Module))

    def _look_inside(self, value: Any) -> Iterator[tuple[Iterable[Any], Callable[[], object]]]:
        """What `value` holds, and what puts just that back into it."""
        kind = type(value)
        is_record = self.is_record(value)
        base = next((one for one in kind.__mro__ if one in _KNOWN), None) if is_record or kind in _KNOWN else None
        if issubclass(kind, Tensor):
            if not value.is_inference() and self._fits(value):
                yield (), KeptTensor(value).put_back
        elif issubclass(kind, np.ndarray):
            if value.flags.writeable and not is_on_disk(value) and self._fits(value):
                yield value.ravel().tolist() if value.dtype.hasobject else (), array_back(value)
            if (dictionary := dictionary_of(value)) is not None:  # of a masked one
                yield mapping_back(dictionary, dict)
        elif kind is types.MappingProxyType:
            yield value.values(), stays
        elif kind is CACHE:
            yield cache_back(value)
        elif base is set:
            yield (), set_back(value)
        elif kind in _BYTES:
            yield (), bytes_back(value)
        elif base in _MAPPINGS:
            yield mapping_back(value, base)
        elif base in _SEQUENCES:
            yield sequence_back(value, base)
        elif kind in _WEAK:
            yield weak_back(value)
        elif kind is threading.local:
            yield mapping_back(value.__dict__, dict)
        elif issubclass(kind, tuple):
            yield tuple.__iter__(value), stays
        elif _is_frozen(kind):
            yield mapping_back(dictionary_of(value) or {}, dict)
            yield slots_back(value)
        elif (back := buffer_back(value) or way_back(value)) is not None:
            yield (), back
        if is_record:
            if (dictionary := dictionary_of(value)) is not None:
                yield mapping_back(dictionary, dict)
            yield slots_back(value)

    def _fits(self, value: Any) -> bool:
        fits = bytes_of(value) <= self._room
        if fits:
            self._room -= bytes_of(value)
        else:
            self._large.append(value)
        return fits


def _not_plain(values: Iterable[Any]) -> list[Any]:
    values = [*values]
    kinds = {kind for kind in {*map(type, values)} if not issubclass(kind, _PLAIN)}
    return [value for value in values if type(value) in kinds] if kinds else []


def _is_frozen(kind: type) -> bool:
    """Whether it is a dataclass whose objects stay as they are, but for what they hold."""
    return bool(getattr(getattr(kind, "__dataclass_params__", None), "frozen", False))
