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
        self.given: tuple[Tensor, Tensor, Tensor] | None = None
        """What it makes its queries, keys and values of, while it runs: [n, batch, width], or without batch."""
        self.beside: tuple[int, int] | None = None
        """How many keys of its own it adds before and behind those, if it does."""
        self.name = ""
        """That of its attention."""
        self._heads, self._averages = 0, False

    def run(self, args: tuple[Any, ...], kwargs: dict[str, Any], *, weights: bool) -> tuple[Tensor, Tensor | None]:
        """What the function returns; its weights, where they are asked for, only with `weights`.

        `need_weights` would make it compute the same attention by matrix products instead.
        """
        copy, called = copy_with(args, kwargs, scaled_dot_product_attention=self._attend)
        self.given = called["query"], called["key"], called["value"]
        self._heads, self._averages = called["num_heads"], called["average_attn_weights"]
        behind = int(called["bias_k"] is not None) + int(called["add_zero_attn"])
        self.beside = (0, behind) if behind else None
        try:
            # Where weights are wanted, the function goes by the mask, and not by a hint that it is causal.
            is_causal = called["is_causal"] and not called["need_weights"]
            output, found = copy(**called | {"need_weights": False, "is_causal": is_causal})
        finally:
            self.given = self.beside = None
        if weights and called["need_weights"]:
            found = functional.multi_head_attention_forward(*args, **kwargs)[1]
        return output, found

    def hand_out(self, result: tuple[Tensor, Tensor | None], to: Callable[..., None]) -> None:
        """Tell `to` of the weights beside the result of the function that was run last, where it gives some."""
        if result[1] is not None:
            to(self.name, result[1], self._heads, averaged=self._averages)


def tokens_of(x: Tensor) -> Tensor:
    """What the function is given, [n, batch, width] or [n, width], as [batch, 1, n, width]."""
    return x[None, None] if x.dim() == 2 else x.transpose(0, 1)[:, None]


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
