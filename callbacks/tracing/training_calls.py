"""Training calls: every attention of a pass that training itself makes, seen without a hand in it.

Unlike `AttentionCalls` it follows no more than it needs, runs nothing twice, and makes no kernel another one: the pass
goes on with the very calls that it would make alone.
"""

import contextlib
import dataclasses
import functools
from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import _disable_current_modes

from . import kernels
from .attention_call import AttentionCall, with_heads
from .axes import arranged
from .multi_head import copy_with
from .operations import operation_of
from .plain_attention import NotAttentionError, read_attention
from .products import Products

_SDPA = ("query", "key", "value", "attn_mask", "dropout_p", "is_causal", "scale", "enable_gqa")


class NotSeenError(ValueError):
    """An attention that cannot be seen rightly in a training pass; the message says why."""


class TrainingCalls(TorchFunctionMode):
    """Within it `take(heads → AttentionCall)` is called at each attention, before the pass goes on.

    heads: how many the module that is under way has; None where it is none that is recorded. take: is given what reads
    the attention, and calls it if it wants to. A call of plain code has all of its `logits`.
    """

    def __init__(self, heads: Callable[[], int | None], take: Callable[[Callable[[], AttentionCall]], None]) -> None:
        super().__init__()
        self._heads = heads
        self._given = take
        self._products = Products()
        self._tapped: tuple[int, int] | None = None

    def __torch_function__(
        self, func: Any, types: Iterable[type], args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        kwargs = kwargs or {}
        heads = None if torch.compiler.is_compiling() else self._heads()
        if heads is None:  # no attention of it is recorded
            return func(*args, **kwargs)
        operation = operation_of(func)
        if func is functional.scaled_dot_product_attention:
            self._take(functools.partial(_fused, heads, *args, **kwargs))
        elif func is functional.multi_head_attention_forward:
            return self._inside(heads, args, kwargs)
        elif operation == "flex_attention" or "flash_attn" in str(getattr(func, "_qualified_op_name", "")):
            self._take(functools.partial(_unread, operation or "flash-attn"))
        result = func(*args, **kwargs)
        if operation in ("softmax", "log_softmax"):
            self._take_softmax(heads, args, kwargs, result)
        else:
            with torch.no_grad():
                self._follow(func, operation, args, kwargs, result)
        return result

    def tap(self, call: AttentionCall) -> None:
        """What `attnviz_tap` shows; the softmax that follows is of the same attention."""
        self._tapped = call.queries.shape[2], call.keys.shape[2]
        self._take(lambda: call)

    def _take(self, read: Callable[[], AttentionCall]) -> None:
        with _past_modes():
            self._given(read)

    def _follow(self, func: Any, operation: str, args: tuple[Any, ...], kwargs: dict[str, Any], result: Any) -> None:
        try:
            with _past_modes():
                self._products.follow(func, operation, args, kwargs, result)
        except Exception as error:  # of ours, never of the pass
            self._take(functools.partial(_failed, error))

    def _take_softmax(self, heads: int, args: tuple[Any, ...], kwargs: dict[str, Any], result: Any) -> None:
        scores = args[0] if args else kwargs.get("input")
        if not isinstance(scores, Tensor):
            return
        tapped, self._tapped = self._tapped, None
        product = self._products.of(scores)
        if product is None or tapped == scores.shape[-2:]:
            return
        dim = kwargs.get("dim", args[1] if len(args) > 1 else -1)
        self._take(lambda: _plain(product, scores, dim + scores.dim() if dim < 0 else dim, result, heads))

    def _inside(self, heads: int, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """The function of nn.MultiheadAttention, in which its own attention is seen: run once, by its own code."""

        def fused(*args: Any, **kwargs: Any) -> Tensor:
            self._take(functools.partial(_fused, heads, *args, **kwargs))
            return functional.scaled_dot_product_attention(*args, **kwargs)

        def softmax(scores: Tensor, *args: Any, **kwargs: Any) -> Tensor:
            self._take(functools.partial(_scored, scores, heads))
            return functional.softmax(scores, *args, **kwargs)

        copy, called = copy_with(args, kwargs, scaled_dot_product_attention=fused, softmax=softmax)
        return copy(**called)


def _past_modes() -> contextlib.AbstractContextManager[None]:
    """Within it modes of others see no operation: a selective checkpoint would hand ours to the backward pass."""
    return _disable_current_modes() if torch._C._len_torch_dispatch_stack() else contextlib.nullcontext()


def _fused(heads: int, *args: Any, **kwargs: Any) -> AttentionCall:
    """What scaled_dot_product_attention is called with; what it drops at random comes behind its weights."""
    given = dict(zip(_SDPA, args, strict=False)) | kwargs
    given.pop("dropout_p", None)
    call = kernels.scaled_dot_product("", **given, arrange=lambda x: _with_heads(x, heads))
    return dataclasses.replace(call, values=None)


def _plain(product: Any, scores: Tensor, dim: int, weights: Tensor, heads: int) -> AttentionCall:
    """Plain code's attention by its own logits."""
    sequences = scores.shape[0] if scores.dim() != 3 else scores.shape[0] // heads
    try:
        first_row = functools.partial(torch.zeros, 1, dtype=torch.long, device=scores.device)
        found = read_attention(product, "", scores, dim, weights=weights, sequences=max(sequences, 1), widths=set(),
                               numbers=lambda x: None, rows_of=lambda count: first_row())  # fmt: skip
    except NotAttentionError as error:
        raise NotSeenError(str(error)) from error
    logits = None
    if found.sink is None:
        logits = arranged(scores, found.axes, found.target)
    elif found.call.whole is not None:
        logits = found.call.whole()[2]
    if logits is None:
        raise NotSeenError("its logits are not those of queries and keys")
    return dataclasses.replace(found.call, logits=logits, mask=None, weights=None, rows=None, whole=None)


def _scored(scores: Tensor, heads: int) -> AttentionCall:
    """The logits of nn.MultiheadAttention, [batch · heads, n_query, n_key]: what they were made of is not needed."""
    logits = _with_heads(scores, heads)
    return AttentionCall("", logits[..., :0], logits[..., :0].mT, 1.0, causal=False, mask=None, logits=logits)


def _with_heads(x: Tensor, heads: int) -> Tensor:
    if x.dim() == 3 and x.shape[0] % heads == 0:
        return with_heads(x, x.shape[0] // heads)
    if x.dim() == 4:
        return x
    raise NotSeenError(f"its queries or logits are {list(x.shape)}, in which its {heads} heads are not known")


def _unread(operation: str) -> AttentionCall:
    raise NotSeenError(f"it calls {operation}, which is not read in training passes")


def _failed(error: Exception) -> AttentionCall:
    raise error
