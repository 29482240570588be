"""Own objects: those of classes that come with the model's modules, which hold what is the model's.

What they are and hold is read without asking their classes, which may overload that.
"""

import enum
import functools
import threading
import types
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


def is_own(kind: type, packages: set[str]) -> bool:
    """Whether objects of `kind`, a class of `packages`, are nothing that training has beside the model."""
    return package_of(kind) in packages and not issubclass(kind, _NOT_OWN)


def package_of(kind: type) -> str:
    return kind.__module__.partition(".")[0]


def dictionary_of(value: Any) -> dict[str, Any] | None:
    """The very dictionary of its attributes; None if it has none."""
    found = object.__getattribute__(value, "__dict__") if type(value).__dictoffset__ else None
    return found if isinstance(found, dict) else None


def slots_of(kind: Any) -> tuple[types.MemberDescriptorType, ...]:
    """The slots of its objects."""
    return _slots_of(kind)


@functools.cache
def _slots_of(kind: Any) -> tuple[types.MemberDescriptorType, ...]:
    classes = [vars(one) for one in kind.__mro__ if "__slots__" in vars(one)]
    return tuple(x for own in classes for x in own.values() if type(x) is types.MemberDescriptorType)


def in_slots(value: Any) -> dict[types.MemberDescriptorType, Any]:
    """What its slots hold, without those that are empty."""
    found = {}
    for slot in slots_of(type(value)):
        try:
            found[slot] = slot.__get__(value)
        except AttributeError:  # empty
            continue
    return found


def keeps_its_own(module: nn.Module) -> bool:
    """Whether PyTorch sets up `module` in its first pass, for all that follow (FSDP1), or keeps it elsewhere."""
    return isinstance(module, torch.jit.ScriptModule) or type(module).__module__.startswith("torch.distributed.")
