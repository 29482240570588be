"""Kept attributes: what a module keeps beside its parameters and buffers, to be put back as it was."""

from collections import Counter, OrderedDict, defaultdict, deque
from typing import Any

import torch
from torch import Tensor, nn

_PYTORCHS = frozenset(vars(nn.Module()))  # parameters, buffers, submodules, hooks, the training flag
_PLAIN = (bool, int, float, complex, str, bytes, type(None), tuple, torch.Size, torch.dtype, torch.device)
_MAPPINGS = (dict, OrderedDict, defaultdict, Counter)
_SEQUENCES = (list, deque)


class KeptAttributes:
    """Plain values, tensors, and lists, dictionaries and sets of them that `module` has as attributes.

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

    def __init__(self, value: Any) -> None:
        self._value = value
        self._version = -1
        self._content: Any = None
        if isinstance(value, Tensor):
            if not value.is_inference():
                self._version, self._content = value._version, value.detach().clone()
        elif type(value) in _MAPPINGS:
            self._content = {key: _Kept(inner) for key, inner in value.items()}
        elif type(value) in _SEQUENCES:
            self._content = [_Kept(inner) for inner in value]
        elif type(value) is set:
            self._content = set(value)

    def put_back(self) -> Any:
        """The value, with what it held."""
        value, content = self._value, self._content
        if isinstance(value, Tensor):
            if content is not None and value._version != self._version:
                with torch.no_grad():
                    value.copy_(content)
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
    known = (*_PLAIN, *_MAPPINGS, *_SEQUENCES, set)
    return type(value) in known or (isinstance(value, Tensor) and not isinstance(value, nn.Parameter))
