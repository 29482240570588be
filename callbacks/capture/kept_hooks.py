"""Kept hooks: those of modules and parameters that the model's own code makes or removes in a pass, and gradients."""

import contextlib
from collections.abc import Iterator
from typing import Any

from torch import nn

from .own_code import functions_in, is_written_here

_OF_MODULES = [name for name in vars(nn.Module()) if "_hooks" in name]
_OF_TENSORS = ("_backward_hooks", "_post_accumulate_grad_hooks")


@contextlib.contextmanager
def hooks_put_back(model: nn.Module) -> Iterator[None]:
    """After it modules and parameters have the hooks that they had.

    But for those of installed packages, which set up in the first pass what all others need: new ones stay, and those
    that it has removed stay away.
    """
    held: list[tuple[Any, str]] = [
        (x, name) for x in model.modules() for name in _OF_MODULES if isinstance(vars(x).get(name), dict)
    ]
    held += [(x, name) for x in model.parameters() for name in _OF_TENSORS]
    kept = [(x, name, dict(getattr(x, name) or {})) for x, name in held]
    try:
        yield
    finally:
        found: list[tuple[dict[Any, Any], dict[Any, Any] | None]]
        found = [(before, getattr(x, name)) for x, name, before in kept]
        changed = [(before, now) for before, now in found if now is not None and before.keys() != now.keys()]
        theirs = {
            key
            for before, now in changed
            for key in before.keys() ^ now.keys()
            if callable(hook := before.get(key, now.get(key))) and not _is_own(hook)
        }
        for before, now in changed:
            wanted = {
                key: hook for key, hook in (before | now).items() if (key in now if key in theirs else key in before)
            }
            now.clear()
            now.update(wanted)


@contextlib.contextmanager
def gradients_put_back(model: nn.Module) -> Iterator[None]:
    """After it parameters have the gradients that they had."""
    kept = [(x, x.grad) for x in model.parameters()]
    try:
        yield
    finally:
        for x, grad in kept:
            if x.grad is not grad:
                x.grad = grad


def _is_own(hook: Any) -> bool:
    modules = [f.__globals__.get("__name__") for f in functions_in(hook)] or [type(hook).__module__]
    return any(is_written_here(str(module)) for module in modules)
