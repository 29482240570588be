"""Own objects: those of classes that come with the model's modules, which hold what is the model's."""

import enum
import types
from typing import Any

import torch
from torch import nn
from torch.utils.data import DataLoader, Dataset, Sampler

_TRAINING = {"torch", "builtins", "lightning", "pytorch_lightning"}  # whose objects are the training's
_NOT_OWN = (type, nn.Module, enum.Enum, Dataset, DataLoader, Sampler, torch.optim.Optimizer, types.ModuleType)


def own_packages(model: nn.Module) -> set[str]:
    """Those that the classes of its modules come from."""
    return {package_of(type(module)) for module in model.modules()} - _TRAINING


def is_own(value: Any, packages: set[str]) -> bool:
    """Whether `value` is an object of a class of `packages`, and nothing that training has beside the model."""
    return package_of(type(value)) in packages and not isinstance(value, _NOT_OWN)


def package_of(kind: type) -> str:
    return kind.__module__.partition(".")[0]
