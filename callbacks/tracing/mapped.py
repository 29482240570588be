"""Mapped functions: those under torch.vmap, whose tensors lack an axis each, and other transforms of torch.func."""

from collections.abc import Set
from typing import Any

import torch
from torch import Tensor

MAPPED = (
    "it attends inside torch.vmap, where it cannot be seen whose tokens are whose: write it with an axis more, or "
    "show it with attnviz_tap(q, k, …) outside of torch.vmap"
)


_TRANSFORMED = (
    "it attends inside torch.func ({}), whose tensors cannot be looked into: use torch.autograd there, or attend "
    "outside of it while self.training is False"
)


def why_unseen() -> str | None:
    """Why tensors cannot be looked into here, inside of torch.vmap or torch.func.grad, say; None where they can."""
    interpreter: Any = torch._C._functorch.peek_interpreter_stack()
    if interpreter is None:
        return None
    name = interpreter.key().name.lower()
    return MAPPED if name == "vmap" else _TRANSFORMED.format(name)


def attends(operation: str, args: tuple[Any, ...], kwargs: dict[str, Any], widths: Set[int]) -> bool:
    """Whether an operation, named as in torch, is an attention: a kernel, or a softmax over pairs of so many tokens."""
    if operation in ("scaled_dot_product_attention", "flex_attention", "multi_head_attention_forward"):
        return True
    logits = args[0] if args else kwargs.get("input")
    shape = logits.shape if isinstance(logits, Tensor) and operation in ("softmax", "log_softmax") else ()
    return len(shape) > 1 and {*shape[-2:]} <= widths
