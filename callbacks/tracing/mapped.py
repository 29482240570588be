"""Mapped functions: those under torch.vmap, whose tensors lack an axis each."""

import torch

MAPPED = (
    "it attends inside torch.vmap, where it cannot be seen whose tokens are whose: write it with an axis more, or "
    "show it with attnviz_tap(q, k, …) outside of torch.vmap"
)


def is_mapped() -> bool:
    """Whether this is inside of torch.vmap."""
    interpreter = torch._C._functorch.peek_interpreter_stack()
    return interpreter is not None and interpreter.key() == torch._C._functorch.TransformType.Vmap
