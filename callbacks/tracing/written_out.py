"""Written-out softmaxes: e = scores.exp(); weights = e / e.sum(-1, keepdim=True), in whatever steps.

What is made of such exponentials and sums to 1 along an axis is the softmax over it, of the same logits; masks that set
some to 0 in between make -inf of them. What is divided by their sum and more, e / (e.sum(-1, keepdim=True) + 1), is one
with a sink beside the keys, whose logit is the logarithm of what is more. What is neither (it is divided after the
values, say) is refused.
"""

import dataclasses
import math
from collections.abc import Callable, Set
from typing import Any, Protocol

import torch
from torch import Tensor

from .of_tensors import OfTensors
from .product import Product
from .products import Products

UNFINISHED = (
    "it writes its softmax out with exp(), and no weights that sum to 1 came of it (they are divided by something else "
    "than their sum, or after the values): use torch.softmax, or show it with attnviz_tap(q, k, …)"
)
_EXPONENTIALS = {"exp": 1.0, "exp2": math.log(2)}
_DIVIDING = {"div", "truediv", "idiv", "itruediv", "true_divide", "divide"}
_ADDING = {"add", "iadd", "radd"}
_KEEPING = _DIVIDING | {"mul", "imul", "multiply", "rmul", "normalize"}
_KEEPING |= {
    "masked_fill",
    "where",
    "add",
    "iadd",
    "to",
    "type_as",
    "float",
    "nan_to_num",
    "clamp",
    "clip",
    "contiguous",
}
_TINY = 1e-3  # beside a sum: it saves the quotient from dividing by 0
_TOLERANCE = {torch.float16: 1e-2, torch.bfloat16: 5e-2}  # else 1e-4


@dataclasses.dataclass(frozen=True)
class _Exponentials:
    name: str
    product: Product
    logits: Tensor


@dataclasses.dataclass(frozen=True)
class _Sum:
    """Of exponentials over their last axis, which stays, and of what was added to it."""

    name: str
    more: Any = None  # a number, or a tensor [..., 1]


class Take(Protocol):
    def __call__(
        self, name: str, product: Product, logits: Tensor, dim: int, weights: Tensor, result: Tensor | None = None
    ) -> None: ...


class WrittenOut:
    """Tells `take` of weights: their name, the product that they come from, logits, axis, and themselves.

    Where they have a sink beside them, logits and weights have its column; `result` is the tensor of the pass.
    """

    def __init__(
        self,
        products: Products,
        looks_like_attention: Callable[[torch.Size], bool],
        widths: Set[int],
        next_name: Callable[[], str],
        take: Take,
    ) -> None:
        self._products = products
        self._looks_like_attention = looks_like_attention
        self._widths = widths
        self._next_name = next_name
        self._take = take
        self._of = OfTensors[_Exponentials]()
        self._sums = OfTensors[_Sum]()
        self.unfinished: set[str] = set()
        """Those whose weights were not seen."""

    def follow(self, operation: str, args: tuple[Any, ...], kwargs: dict[str, Any], result: Any) -> None:
        """Take notice of one operation of the pass, before `products` does."""
        if not isinstance(result, Tensor) or not result.is_floating_point():
            return
        if operation in _EXPONENTIALS:
            self._begin(operation, args[0] if args else kwargs.get("input"), result)
            return
        if not self._of:
            return
        self._sum(operation, args, kwargs, result)
        if operation in _DIVIDING and len(args) == 2:
            self._divide(*args, result)
        if operation in _KEEPING:
            known = [x for x in (*args, *kwargs.values()) if isinstance(x, Tensor) and x in self._of]
            if len(known) == 1 and known[0].shape == result.shape:
                self._go_on(self._of[known[0]], result)

    def _begin(self, operation: str, x: Any, result: Tensor) -> None:
        product = self._products.of(x) if isinstance(x, Tensor) else None
        if product is None:
            return
        if not self._looks_like_attention(result.shape):
            if result.shape[-2] in self._widths and self._products.are_both_made_of_inputs(product):  # of some keys
                self.unfinished.add(self._next_name())
            return
        factor = _EXPONENTIALS[operation]
        logits = result.log() if x is result else x * factor
        found = _Exponentials(self._next_name(), product.times(factor) if factor != 1 else product, logits)
        self.unfinished.add(found.name)
        self._go_on(found, result)

    def _sum(self, operation: str, args: tuple[Any, ...], kwargs: dict[str, Any], result: Tensor) -> None:
        x = args[0] if args else kwargs.get("input")
        if operation == "sum" and isinstance(x, Tensor) and x in self._of and result.shape == (*x.shape[:-1], 1):
            self._sums[result] = _Sum(self._of[x].name)
        elif operation in _ADDING and len(args) == 2 and not kwargs:
            known = [place for place, one in enumerate(args) if isinstance(one, Tensor) and one in self._sums]
            if len(known) == 1 and self._sums[args[known[0]]].more is None:
                self._sums[result] = dataclasses.replace(self._sums[args[known[0]]], more=args[1 - known[0]])

    def _divide(self, x: Any, divisor: Any, result: Tensor) -> None:
        if not isinstance(x, Tensor) or x not in self._of or not isinstance(divisor, Tensor):
            return
        if divisor not in self._sums or (summed := self._sums[divisor]).more is None:
            return
        found: _Exponentials = self._of[x]
        if found.name not in self.unfinished:
            return
        more = torch.as_tensor(summed.more, dtype=result.dtype, device=result.device)
        if found.name != summed.name or more.dim() > result.dim() or not bool((more > 0).all()):
            return
        if _is_one(result, -1) and bool((more < _TINY).all()):
            return
        column = more.log().expand(*result.shape[:-1], 1)
        weights = torch.cat([result, 1 - result.sum(-1, keepdim=True)], dim=-1)
        logits = torch.cat([found.logits, column], dim=-1)
        if not torch.allclose(logits.softmax(-1), weights, atol=_tolerance(result)):
            logits = torch.cat([x.log() if x is not result else result.log() + divisor.log(), column], dim=-1)
            if not torch.allclose(logits.softmax(-1), weights, atol=_tolerance(result)):
                return
        self.unfinished.remove(found.name)
        # One number a head, from which exponentials that save themselves from overflow are off by that of each row.
        sinks = column if bool((column == column[:1, ..., :1, :]).all()) else torch.zeros_like(column)
        product = dataclasses.replace(found.product, sinks=sinks)
        self._take(found.name, product, logits, result.dim() - 1, weights, result)

    def _go_on(self, found: _Exponentials, result: Tensor) -> None:
        self._of[result] = found
        if found.name not in self.unfinished:
            return
        for axis in (-1, -2):
            if _is_one(result, axis):
                self.unfinished.remove(found.name)
                same = torch.allclose(found.logits.softmax(axis), result, atol=_tolerance(result))
                logits = found.logits if same else result.log()
                self._take(found.name, found.product, logits, axis % result.dim(), result)
                return


def _is_one(weights: Tensor, axis: int) -> bool:
    """Whether they sum to 1, or are all 0, along `axis`."""
    sums = weights.sum(axis)
    return bool((weights >= 0).all()) and bool((((sums - 1).abs() < _tolerance(weights)) | (sums == 0)).all())


def _tolerance(x: Tensor) -> float:
    return _TOLERANCE.get(x.dtype, 1e-4)
