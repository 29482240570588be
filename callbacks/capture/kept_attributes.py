"""Kept attributes: what a module keeps beside its parameters and buffers, to be put back as it was."""

import dataclasses
import types
from collections import Counter, OrderedDict, defaultdict, deque
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

_PYTORCHS = frozenset(vars(nn.Module()))  # parameters, buffers, submodules, hooks, the training flag
_PLAIN = (bool, int, float, complex, str, bytes, type(None), torch.Size, torch.dtype, torch.device)
_MAPPINGS = (dict, OrderedDict, defaultdict, Counter)
_SEQUENCES = (list, deque)
_DEEPEST = 8  # what contains itself has no end


class KeptAttributes:
    """Plain values, tensors, arrays, and lists, dictionaries, dataclasses … of them that `module` has as attributes.

    Objects of other kinds are left alone: what they hold, nothing here can know. `tensors`: whether tensors that are
    attributes themselves are kept; they are not where FSDP1 has put its views of parameters in their place.
    """

    def __init__(self, module: nn.Module, *, tensors: bool) -> None:
        self._attributes = vars(module)
        self._tensors = tensors
        self._values = {name: _Kept(value) for name, value in self._attributes.items() if self._is_kept(name, value)}

    def put_back(self) -> None:
        """Not by setattr, which modules may overload."""
        for name in [name for name, value in self._attributes.items() if self._is_kept(name, value)]:
            if name not in self._values:
                del self._attributes[name]
        for name, kept in self._values.items():
            if self._is_kept(name, self._attributes.get(name)):
                self._attributes[name] = kept.put_back()

    def _is_kept(self, name: str, value: Any) -> bool:
        return name not in _PYTORCHS and _is_known(value) and (self._tensors or not isinstance(value, Tensor))


class _Kept:
    """One value, and what it holds."""

    def __init__(self, value: Any, depth: int = 0) -> None:
        self._value = value
        self._version = -1
        self._content: Any = None
        if isinstance(value, Tensor):
            if not value.is_inference():
                self._version, self._content = value._version, value.detach().clone()
        elif type(value) is np.ndarray:
            self._content = value.copy()
        elif type(value) is set:
            self._content = set(value)
        elif depth == _DEEPEST:
            pass  # left alone
        elif type(value) in _MAPPINGS:
            self._content = {key: _Kept(inner, depth + 1) for key, inner in value.items()}
        elif type(value) in (*_SEQUENCES, tuple):
            self._content = [_Kept(inner, depth + 1) for inner in value]
        elif _is_record(value):
            self._content = {key: _Kept(inner, depth + 1) for key, inner in vars(value).items()}

    def put_back(self) -> Any:
        """The value, with what it held."""
        value, content = self._value, self._content
        if isinstance(value, Tensor):
            if content is not None and value._version != self._version:
                with torch.no_grad():
                    value.copy_(content)
        elif content is None:
            return value
        elif type(value) is np.ndarray:
            if value.flags.writeable:
                value[...] = content
        elif type(value) is tuple:
            for kept in content:
                kept.put_back()
        elif _is_record(value):
            inner = {key: kept.put_back() for key, kept in content.items()}
            if [*map(id, vars(value).values())] != [*map(id, inner.values())] or vars(value).keys() != inner.keys():
                vars(value).clear()
                vars(value).update(inner)
        elif type(value) in _MAPPINGS:
            inner = {key: kept.put_back() for key, kept in content.items()}
            if [*map(id, value.values())] != [*map(id, inner.values())] or value.keys() != inner.keys():
                value.clear()
                value.update(inner)
        elif type(value) in _SEQUENCES:
            items = [kept.put_back() for kept in content]
            if [*map(id, value)] != [*map(id, items)]:
                value.clear()
                value.extend(items)
        elif type(value) is set and value != content:
            value.clear()
            value.update(content)
        return value


def _is_known(value: Any) -> bool:
    known = (*_PLAIN, *_MAPPINGS, *_SEQUENCES, set, tuple, np.ndarray)
    if type(value) in known or isinstance(value, np.generic) or _is_record(value):
        return True
    return isinstance(value, Tensor) and not isinstance(value, nn.Parameter)


def _is_record(value: Any) -> bool:
    """Whether it is a record of named values that may be written, and nothing more."""
    if type(value) is types.SimpleNamespace:
        return True
    if not dataclasses.is_dataclass(value) or isinstance(value, (type, nn.Module)) or not hasattr(value, "__dict__"):
        return False
    frozen = getattr(value, "__dataclass_params__").frozen  # noqa: B009
    return not frozen and not type(value).__module__.startswith("torch.")  # PyTorch's own are not the model's to keep
