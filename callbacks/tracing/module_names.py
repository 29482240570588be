"""Module names: which module of a model is being called right now."""

from collections.abc import Callable, Iterator
from types import TracebackType
from typing import Any, Self

import torch
from torch import nn
from torch.utils.hooks import RemovableHandle

# What torch.compile, FullyShardedDataParallel and checkpoint_wrapper call the module inside them.
_WRAPPED = ("_orig_mod", "_fsdp_wrapped_module", "_checkpoint_wrapped_module")


def named_modules(model: nn.Module) -> Iterator[tuple[str, nn.Module]]:
    """The modules of `model` by the names they have without wrappers; a wrapper before the module inside it."""
    for name, module in model.named_modules():
        yield ".".join(part for part in name.split(".") if part not in _WRAPPED), module


class _Hook:
    """A hook of this package; in copies of the model, and in files, there is one that does nothing."""

    def __init__(self, told: Callable[..., None]) -> None:
        self._told = told

    def __call__(self, *given: Any) -> None:
        self._told(*given)

    def __reduce__(self) -> tuple[Any, ...]:  # also what copy.deepcopy goes by
        return _Hook, (_nothing,)


def _nothing(*given: Any) -> None:
    """What a copied hook does."""


class ModuleNames:
    """Follows the calls of `model`'s modules.

    By hooks, which exist only within the context.

        with ModuleNames(model) as names:
            model(inputs)  # meanwhile names.innermost is "blocks.0.attention", for example
    """

    def __init__(self, model: nn.Module) -> None:
        self._names = {
            module: name or _class_name(module)
            for name, module in named_modules(model)
            if not isinstance(module, nn.Softmax)  # a function in a module's clothes: who calls it is of interest
        }
        self._called: list[nn.Module] = [model]
        self.passed: Callable[[Any, Any], None] = lambda inputs, output: None
        """Is told what each module was given, and what it made of it."""
        self.outermost: Callable[[bool], None] = lambda called: None
        """Is told when a module is called that no other one has called, and when it is through."""
        self.ever_called: dict[str, str] = {}
        """Name → class of the modules called so far, in their order."""
        self._hooks: list[RemovableHandle] = []

    @property
    def innermost(self) -> str:
        """The qualified name of the innermost module being called; the model's class for the model itself."""
        return self._names[self._called[-1]]

    @property
    def inside(self) -> bool:
        """Whether any module is being called."""
        return len(self._called) > 1

    def __enter__(self) -> Self:
        for module in self._names:  # not global hooks: torch.compile warns of those
            if isinstance(module, torch.jit.ScriptModule):  # takes no hooks: its name is that of the module around it
                continue
            self._hooks += [
                module.register_forward_pre_hook(_Hook(self._enter_module), with_kwargs=True),
                module.register_forward_hook(
                    _Hook(self._leave_module), always_call=True, with_kwargs=True
                ),  # also if the module raised
            ]
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.remove()

    def remove(self) -> None:
        """Follow no further calls."""
        for hook in self._hooks:
            hook.remove()

    def _enter_module(self, module: nn.Module, args: Any, kwargs: dict[str, Any]) -> None:
        if self._is_strange(module):
            return
        self._called.append(module)
        if len(self._called) == 2:
            self.outermost(True)
        self.ever_called.setdefault(self._names[module], _class_name(module))

    def _leave_module(self, module: nn.Module, args: Any, kwargs: dict[str, Any], output: Any) -> None:
        if self._is_strange(module):
            return
        while self.inside and self._called.pop() is not module:  # those inside it that never came back
            pass
        if not self.inside:
            self.outermost(False)
        self.passed((args, kwargs), output)

    def _is_strange(self, module: nn.Module) -> bool:
        """Whether this is a replica of DataParallel, or is being compiled, which would keep the hook for ever."""
        return torch.compiler.is_compiling() or module not in self._names


def _class_name(module: nn.Module) -> str:
    """The class of `module`; of a wrapper, that of the module inside it."""
    inner = next((module._modules[name] for name in _WRAPPED if name in module._modules), None)
    return type(module).__name__ if inner is None else _class_name(inner)
