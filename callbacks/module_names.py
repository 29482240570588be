"""Module names: which module of a model is being called right now."""

from types import TracebackType
from typing import Any, Self

from torch import nn
from torch.utils.hooks import RemovableHandle


class ModuleNames:
    """Follows the calls of `model`'s modules.

    By hooks, which exist only within the context.

        with ModuleNames(model) as names:
            model(inputs)  # meanwhile names.innermost is "blocks.0.attention", for example
    """

    def __init__(self, model: nn.Module) -> None:
        self._names = {module: _plain(name) or _class_name(module) for name, module in model.named_modules()}
        self._called: list[nn.Module] = [model]
        self._hooks: list[RemovableHandle] = []

    @property
    def innermost(self) -> str:
        """The qualified name of the innermost module being called; the model's class for the model itself."""
        return self._names[self._called[-1]]

    def __enter__(self) -> Self:
        for module in self._names:  # not global hooks: torch.compile warns of those
            self._hooks += [
                module.register_forward_pre_hook(self._enter_module),
                module.register_forward_hook(self._leave_module, always_call=True),  # also if the module raised
            ]
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for hook in self._hooks:
            hook.remove()

    def _enter_module(self, module: nn.Module, args: Any) -> None:
        self._called.append(module)

    def _leave_module(self, module: nn.Module, args: Any, output: Any) -> None:
        while self._called.pop() is not module:  # those inside it that never came back
            pass


def _plain(name: str) -> str:
    """`name` without what torch.compile puts into it."""
    return ".".join(part for part in name.split(".") if part != "_orig_mod")


def _class_name(model: nn.Module) -> str:
    return type(getattr(model, "_orig_mod", model)).__name__
