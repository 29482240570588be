"""Multi-head attention: what happens inside of nn.MultiheadAttention's function, which runs where modes are off."""

import inspect
import types
from collections.abc import Callable
from typing import Any

from torch import Tensor
from torch.nn import functional


class Inside:
    """Runs a copy of the function in which `attend` stands for scaled_dot_product_attention."""

    def __init__(self, attend: Callable[..., Tensor]) -> None:
        self._attend = attend
        self.given: tuple[Any, Any] | None = None
        """What it makes its queries and keys of, while it runs."""
        self.beside: tuple[int, int] | None = None
        """How many keys of its own it adds before and behind those, if it does."""

    def run(self, args: tuple[Any, ...], kwargs: dict[str, Any], *, weights: bool) -> tuple[Tensor, Tensor | None]:
        """What the function returns; its weights, where they are asked for, only with `weights`.

        `need_weights` would make it compute the same attention by matrix products instead.
        """
        copy, called = copy_with(args, kwargs, scaled_dot_product_attention=self._attend)
        self.given = called["query"], called["key"]
        behind = int(called["bias_k"] is not None) + int(called["add_zero_attn"])
        self.beside = (0, behind) if behind else None
        try:
            output, found = copy(**called | {"need_weights": False})
        finally:
            self.given = self.beside = None
        if weights and called["need_weights"]:
            found = functional.multi_head_attention_forward(*args, **kwargs)[1]
        return output, found


def copy_with(
    args: tuple[Any, ...], kwargs: dict[str, Any], **replaced: Callable[..., Any]
) -> tuple[Callable[..., Any], dict[str, Any]]:
    """A copy of the function in which `replaced` stand for what it calls, and all that it is called with, by name."""
    original: Any = functional.multi_head_attention_forward
    # Another mode that is active (of a default device, say) must not send the copy back to the original.
    names = original.__globals__ | replaced | {"has_torch_function": lambda _: False}
    call = inspect.signature(original).bind(*args, **kwargs)
    call.apply_defaults()
    return types.FunctionType(original.__code__, names), dict(call.arguments)
