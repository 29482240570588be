"""Attention calls: every attention of a forward pass, as it is computed.

The queries and keys are those that attention uses: after rotary embedding, after QK-norm.
"""

import contextlib
import dataclasses
import inspect
import types
from collections import Counter
from collections.abc import Callable, Iterable
from types import TracebackType
from typing import Any, Protocol

import torch
from torch import Tensor
from torch.nn import functional
from torch.overrides import TorchFunctionMode

from . import kernels, tap
from .attention_call import AttentionCall, with_heads
from .module_names import ModuleNames
from .products import Products
from .weights import Weights
from .window_tokens import WindowTokens

_UNSEEN = "its logits are no product of queries and keys that could be seen: put attnviz_tap(q, k, …) where it has them"


class Witness(Protocol):
    """Who is told what the pass shows."""

    sequences: int  # in the batch

    def take(self, call: AttentionCall) -> None: ...
    def refuse(self, name: str, why: str) -> None: ...
    def weights_changed(self, name: str, before: Tensor, after: Tensor) -> None: ...
    def take_values(self, name: str, values: Tensor) -> None: ...
    def looks_like_attention(self, shape: torch.Size) -> bool: ...


class AttentionCalls(TorchFunctionMode):
    """Tells `witness` of every attention within the context, in the order of the pass.

    Fused kernels are seen as they are called, plain code as it multiplies queries with keys (`Products`). The context
    holds for the present thread. Within it PyTorch's own modules leave out their fused encoder kernel, in which
    attention could not be seen.

        with ModuleNames(model) as names, AttentionCalls(names, witness):
            model(inputs)
    """

    def __init__(self, names: ModuleNames, witness: Witness) -> None:
        super().__init__()
        self._names = names
        self._witness = witness
        self._counts: Counter[str] = Counter()
        self._products = Products()
        self._window_tokens = WindowTokens(witness.sequences)
        self._weights = Weights(witness.weights_changed, witness.refuse, self._take_values)
        self._tapped: AttentionCall | None = None
        self._open = contextlib.ExitStack()

    def __enter__(self) -> "AttentionCalls":
        super().__enter__()  # type: ignore[no-untyped-call]
        self._open.enter_context(tap.listening(self._take_tap))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._open.close()
        super().__exit__(kind, error, trace)  # type: ignore[no-untyped-call]
        if error is None:
            self._finish_tap()

    def __torch_function__(
        self, func: Any, types: Iterable[type], args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        kwargs = kwargs or {}
        operation = getattr(func, "__name__", "").strip("_")
        if func is functional.scaled_dot_product_attention:
            self._take(kernels.scaled_dot_product, args, kwargs)
        elif func is functional.multi_head_attention_forward:
            self._look_inside(*args, **kwargs)
        elif operation == "flex_attention":
            self._take(kernels.flex, args, kwargs)
        elif "flash_attn" in (operator := _operator(func)):
            self._take_flash(operator, args, kwargs)
        result = func(*args, **kwargs)
        self._window_tokens.follow(func, operation, args, kwargs, result)
        if operation == "softmax" and isinstance(result, Tensor):
            self._take_softmax(args, kwargs, result)
        else:
            self._products.follow(operation, args, kwargs, result)
            self._weights.follow(operation, args, kwargs, result)
        return result

    def _take(self, kernel: Callable[..., AttentionCall], args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        """`kernel` reads the arguments of a fused attention."""
        self._finish_tap()
        name = self._next_name()
        try:
            self._tell(kernel(name, *args, **kwargs), args[0] if args else kwargs.get("query"))
        except kernels.UnreadableError as error:
            self._witness.refuse(name, str(error))

    def _take_flash(self, operator: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        if operator.endswith("::_flash_attn_forward"):
            self._take(kernels.flash, args, kwargs)
        else:
            self._witness.refuse(
                self._next_name(),
                f"it calls {operator}, which is not understood, or whose sequences are packed: record it with scaled "
                'dot-product attention (of transformers: model.set_attn_implementation("sdpa"))',
            )

    def _take_softmax(self, args: tuple[Any, ...], kwargs: dict[str, Any], weights: Tensor) -> None:
        """A softmax over the products of queries and keys is the attention of plain code."""
        logits: Tensor = args[0] if args else kwargs["input"]
        if self._tapped is not None and self._tapped.name.partition("#")[0] == self._names.innermost:
            checked = with_heads(weights, self._witness.sequences)
            if checked.shape[-2:] == (self._tapped.queries.shape[2], self._tapped.keys.shape[2]):
                self._tapped = dataclasses.replace(self._tapped, weights=checked)
                self._weights.watch(self._finish_tap() or "", weights)
                return
        product = self._products.of(logits)
        if product is None:
            if self._witness.looks_like_attention(logits.shape):
                self._witness.refuse(self._next_name(), _UNSEEN)
            return
        name = self._next_name()
        dim = kwargs.get("dim", args[1] if len(args) > 1 else None)
        if dim not in (-1, logits.dim() - 1):
            self._witness.refuse(name, f"its softmax is over axis {dim}, not over the keys")
            return
        call = product.attention(name, logits, weights=weights, sequences=self._witness.sequences)
        if call is None:
            self._witness.refuse(name, _UNSEEN)
        else:
            self._tell(call, product.queries)
            self._weights.watch(name, weights)

    def _take_tap(self, call: AttentionCall) -> None:
        """A tap waits for its softmax, which then must not count again, and which it is checked against."""
        self._finish_tap()
        self._tapped = dataclasses.replace(call, name=self._next_name())

    def _finish_tap(self) -> str | None:
        call, self._tapped = self._tapped, None
        if call is None:
            return None
        self._tell(call, call.queries)
        return call.name

    def _tell(self, call: AttentionCall, queries: Tensor | None = None) -> None:
        """`queries`: the tensor of the pass that those of `call` are."""
        windows = None if queries is None else self._window_tokens.windows(queries)
        call = dataclasses.replace(call, crosses=self._names.given_another_sequence, windows=windows)
        self._witness.take(call)

    def _take_values(self, name: str, values: Tensor) -> None:
        self._witness.take_values(name, with_heads(values, self._witness.sequences))

    def _next_name(self) -> str:
        name = self._names.innermost
        count = self._counts[name]
        self._counts[name] += 1
        return f"{name}#{count}" if count else name

    def _look_inside(self, *args: Any, **kwargs: Any) -> None:
        """See the attention in nn.MultiheadAttention's function, which runs where this mode is switched off.

        Runs a copy of the function in which scaled_dot_product_attention is seen. `need_weights` would make it compute
        the same attention by matrix products instead.
        """

        def seen(*args: Any, **kwargs: Any) -> Tensor:
            self._take(kernels.scaled_dot_product, args, kwargs)
            return functional.scaled_dot_product_attention(*args, **kwargs)

        original: Any = functional.multi_head_attention_forward
        # Another mode that is active (of a default device, say) must not send the copy back to the original.
        inside = {"scaled_dot_product_attention": seen, "has_torch_function": lambda _: False}
        copy = types.FunctionType(original.__code__, original.__globals__ | inside)
        call = inspect.signature(original).bind(*args, **kwargs)
        call.apply_defaults()
        copy(**call.arguments | {"need_weights": False})


def _operator(func: Any) -> str:
    """The qualified name of an operator of a library ("flash_attn::_flash_attn_forward"); "" for any other function."""
    name = getattr(func, "_qualified_op_name", None) or getattr(func, "_name", None)
    return name if isinstance(name, str) else ""
