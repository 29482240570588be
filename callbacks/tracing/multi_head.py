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
        original: Any = functional.multi_head_attention_forward
        # Another mode that is active (of a default device, say) must not send the copy back to the original.
        inside = {"scaled_dot_product_attention": self._attend, "has_torch_function": lambda _: False}
        copy = types.FunctionType(original.__code__, original.__globals__ | inside)
        call = inspect.signature(original).bind(*args, **kwargs)
        call.apply_defaults()
        self.given = call.arguments["query"], call.arguments["key"]
        behind = int(call.arguments["bias_k"] is not None) + int(call.arguments["add_zero_attn"])
        self.beside = (0, behind) if behind else None
        try:
            output, found = copy(**call.arguments | {"need_weights": False})
        finally:
            self.given = self.beside = None
        if weights and call.arguments["need_weights"]:
            found = original(*args, **kwargs)[1]
        return output, found
