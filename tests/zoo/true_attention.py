"""True attention: what a model attends with, captured without the recorder.

The functions that models compute attention with are replaced for one pass: scaled_dot_product_attention by one that
computes softmax(q kᵀ · scale + mask) from its arguments in float64, softmax by one that keeps its result.
"""

import contextlib
import dataclasses
import math
from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional


@dataclasses.dataclass(frozen=True)
class Seen:
    """One attention of the pass, in its order."""

    module: str  # the innermost that was called
    weights: Tensor  # [..., n_query, n_key]


@contextlib.contextmanager
def true_attention(model: nn.Module) -> Iterator[list[Seen]]:
    """Within it, what `model` attends with is added to the list."""
    seen: list[Seen] = []
    called = [type(model).__name__]
    hooks = [hook for name, module in model.named_modules() for hook in _follow(name or called[0], module, called)]
    fused, plain, of_tensor = functional.scaled_dot_product_attention, torch.softmax, Tensor.softmax
    of_functional = functional.softmax
    inside = False

    def attend(query: Tensor, key: Tensor, value: Tensor, attn_mask: Tensor | None = None, dropout_p: float = 0.0,
               is_causal: bool = False, scale: float | None = None, enable_gqa: bool = False) -> Tensor:  # fmt: skip
        weights = _weights(query, key, attn_mask, is_causal, scale)
        seen.append(Seen(called[-1], weights))
        options = {"scale": scale, "enable_gqa": enable_gqa}
        return fused(query, key, value, attn_mask, dropout_p, is_causal, **options)

    def keeping(softmax: Callable[..., Tensor]) -> Callable[..., Tensor]:
        def kept(x: Tensor, *args: Any, **kwargs: Any) -> Tensor:
            nonlocal inside
            before, inside = inside, True
            result = softmax(x, *args, **kwargs)
            inside = before
            if result.dim() > 2 and not inside:  # one of these calls another
                dim = kwargs.get("dim", args[0] if args else -1)
                seen.append(Seen(called[-1], result.movedim(dim, -1).detach().clone()))
            return result

        return kept

    fast = torch.backends.mha.get_fastpath_enabled()
    torch.backends.mha.set_fastpath_enabled(False)
    functional.scaled_dot_product_attention = torch._C._nn.scaled_dot_product_attention = attend
    torch.softmax, Tensor.softmax, functional.softmax = keeping(plain), keeping(of_tensor), keeping(of_functional)
    try:
        yield seen
    finally:
        functional.scaled_dot_product_attention = torch._C._nn.scaled_dot_product_attention = fused
        torch.softmax, Tensor.softmax, functional.softmax = plain, of_tensor, of_functional
        torch.backends.mha.set_fastpath_enabled(fast)
        for hook in hooks:
            hook.remove()


def _follow(name: str, module: nn.Module, called: list[str]) -> list[Any]:
    if isinstance(module, (nn.Softmax, torch.jit.ScriptModule)):
        return []
    return [
        module.register_forward_pre_hook(lambda *_: called.append(name)),
        module.register_forward_hook(lambda *_: called.pop() and None, always_call=True),
    ]


def _weights(query: Tensor, key: Tensor, mask: Tensor | None, causal: bool, scale: float | None) -> Tensor:
    if key.dim() == query.dim() > 3 and key.shape[-3] != query.shape[-3]:
        key = key.repeat_interleave(query.shape[-3] // key.shape[-3], dim=-3)
    scale = 1 / math.sqrt(query.shape[-1]) if scale is None else scale
    scores = torch.einsum("...qd,...kd->...qk", query.double(), key.double()) * scale
    if causal:
        scores = scores.masked_fill(torch.ones(scores.shape[-2:]).triu(1).bool(), -torch.inf)
    if mask is not None:
        scores = scores.masked_fill(~mask, -torch.inf) if mask.dtype == torch.bool else scores + mask.double()
    return torch.nan_to_num(scores - scores.logsumexp(-1, keepdim=True), nan=-torch.inf).exp()
