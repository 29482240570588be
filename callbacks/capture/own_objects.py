"""Own objects: those of classes that come with the model's modules, which hold what is the model's.

What they are and hold is read without asking their classes, which may overload that.
"""

import enum
import threading
import types
from collections.abc import Iterator
from typing import Any

import torch
from torch import nn
from torch.utils.data import DataLoader, Dataset, Sampler

_TRAINING = {"torch", "builtins", "lightning", "pytorch_lightning"}  # whose objects are the training's
_NOT_OWN = (
    *(type, nn.Module, enum.Enum, types.ModuleType, threading.Thread),
    *(Dataset, DataLoader, Sampler, torch.optim.Optimizer),
)


def own_packages(model: nn.Module) -> set[str]:
    """Those that the classes of its modules come from."""
    return {package_of(type(module)) for module in model.modules()} - _TRAINING


def is_own(value: Any, packages: set[str]) -> bool:
    """Whether `value` is an object of a class of `packages`, and nothing that training has beside the model."""
    return package_of(type(value)) in packages and not issubclass(type(value), _NOT_OWN)


def package_of(kind: type) -> str:
    return kind.__module__.partition(".")[0]


def dictionary_of(value: Any) -> dict[str, Any] | None:
    """The very dictionary of its attributes; None if it has none."""
    found = object.__getattribute__(value, "__dict__") if type(value).__dictoffset__ else None
    return found if isinstance(found, dict) else None


def slots_of(kind: type) -> Iterator[types.MemberDescriptorType]:
    """The slots of its objects."""
    for one in kind.__mro__:
        if "__slots__" in vars(one):
            yield from (x for x in vars(one).values() if type(x) is types.MemberDescriptorType)


def in_slots(value: Any) -> dict[types.MemberDescriptorType, Any]:
    """What its slots hold, without those that are empty."""
    found = {}
    for slot in slots_of(type(value)):
        try:
            found[slot] = slot.__get__(value)
        except AttributeError:  # empty
            continue
    return found
