"""Attention calls: every scaled dot-product attention of a forward pass, as it is called.

The queries and keys are those that attention uses: after rotary embedding, after QK-norm.
"""

import dataclasses
import inspect
import math
import types
from collections import Counter
from collections.abc import Callable, Iterable
from typing import Any

from torch import Tensor
from torch.nn import functional
from torch.overrides import TorchFunctionMode

from .module_names import ModuleNames


@dataclasses.dataclass(frozen=True)
class AttentionCall:
    """One call of scaled_dot_product_attention: softmax(queries keysᵀ · scale + mask) before the values."""

    name: str  # of the module that called; "#1", "#2", … behind it from its second call of the pass on
    queries: Tensor  # [batch, heads, n_query, d]
    keys: Tensor  # [batch, kv_heads, n_key, d]
    scale: float
    causal: bool
    mask: Tensor | None  # broadcasts to [batch, heads, n_query, n_key]; boolean (True: visible) or added to the logits


class AttentionCalls(TorchFunctionMode):
    """Hands every attention call within the context to `see`, in the order of the pass.

    The context holds for the present thread. Within it PyTorch's own modules leave out their fused encoder kernel, in
    which attention could not be seen.

        with ModuleNames(model) as names, AttentionCalls(names, see=calls.append):
            model(inputs)
    """

    def __init__(self, names: ModuleNames, *, see: Callable[[AttentionCall], None]) -> None:
        super().__init__()
        self._names = names
        self._see = see
        self._counts: Counter[str] = Counter()

    def __torch_function__(
        self, func: Any, types: Iterable[type], args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        kwargs = kwargs or {}
        if func is functional.scaled_dot_product_attention:
            self._take(*args, **kwargs)
        elif func is functional.multi_head_attention_forward:
            self._look_inside(*args, **kwargs)
        return func(*args, **kwargs)

    def _take(
        self,
        query: Tensor,
        key: Tensor,
        value: Tensor,
        attn_mask: Tensor | None = None,
        dropout_p: float = 0.0,
        is_causal: bool = False,
        scale: float | None = None,
        enable_gqa: bool = False,
    ) -> None:
        """The arguments of scaled_dot_product_attention, by position or by name."""
        name = self._names.innermost
        count = self._counts[name]
        self._counts[name] += 1
        call = AttentionCall(
            name=f"{name}#{count}" if count else name,
            queries=_with_heads(query),
            keys=_with_heads(key),
            scale=1 / math.sqrt(query.shape[-1]) if scale is None else float(scale),
            causal=bool(is_causal),
            mask=attn_mask if attn_mask is None or query.dim() == 4 else attn_mask.unsqueeze(-3),
        )
        self._see(call)

    def _look_inside(self, *args: Any, **kwargs: Any) -> None:
        """See the attention in nn.MultiheadAttention's function, which runs where this mode is switched off.

        Runs a copy of the function in which scaled_dot_product_attention is seen. `need_weights` would make it compute
        the same attention by matrix products instead.
        """

        def seen(*args: Any, **kwargs: Any) -> Tensor:
            self._take(*args, **kwargs)
            return functional.scaled_dot_product_attention(*args, **kwargs)

        original: Any = functional.multi_head_attention_forward
        copy = types.FunctionType(original.__code__, original.__globals__ | {"scaled_dot_product_attention": seen})
        call = inspect.signature(original).bind(*args, **kwargs)
        call.apply_defaults()
        copy(**call.arguments | {"need_weights": False})


def _with_heads(x: Tensor) -> Tensor:
    """[batch, n, d] of one head as [batch, 1, n, d]."""
    return x.unsqueeze(-3) if x.dim() == 3 else x
