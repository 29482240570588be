"""Written-out softmaxes: e = scores.exp(); weights = e / e.sum(-1, keepdim=True), in whatever steps.

What is made of such exponentials and sums to 1 along an axis is the softmax over it, of the same logits; masks that set
some to 0 in between make -inf of them. What never does (it is divided after the values, or by more than the sum) is
refused.
"""

import dataclasses
import math
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.utils.weak import WeakTensorKeyDictionary

from .product import Product
from .products import Products

UNFINISHED = (
    "it writes its softmax out with exp(), and no weights that sum to 1 came of it (they are divided by more than "
    "their sum, or after the values): use torch.softmax, or show it with attnviz_tap(q, k, …)"
)
_EXPONENTIALS = {"exp": 1.0, "exp2": math.log(2)}
_KEEPING = {
    "div",
    "truediv",
    "idiv",
    "itruediv",
    "true_divide",
    "divide",
    "mul",
    "imul",
    "multiply",
    "rmul",
    "normalize",
}
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
_TOLERANCE = {torch.float16: 1e-2, torch.bfloat16: 5e-2}  # else 1e-4


@dataclasses.dataclass(frozen=True)
class _Exponentials:
    name: str
    product: Product
    logits: Tensor


class WrittenOut:
    """Tells `take` of weights: their name, the product that they come from, logits, axis, and themselves."""

    def __init__(
        self,
        products: Products,
        looks_like_attention: Callable[[torch.Size], bool],
        next_name: Callable[[], str],
        take: Callable[[str, Product, Tensor, int, Tensor], None],
    ) -> None:
        self._products = products
        self._looks_like_attention = looks_like_attention
        self._next_name = next_name
        self._take = take
        self._of: WeakTensorKeyDictionary = WeakTensorKeyDictionary()
        self.unfinished: set[str] = set()
        """Those whose weights were not seen."""

    def follow(self, operation: str, args: tuple[Any, ...], kwargs: dict[str, Any], result: Any) -> None:
        """Take notice of one operation of the pass, before `products` does."""
        if not isinstance(result, Tensor) or not result.is_floating_point():
            return
        if operation in _EXPONENTIALS:
            self._begin(operation, args[0] if args else kwargs.get("input"), result)
        elif self._of and operation in _KEEPING:
            known = [x for x in (*args, *kwargs.values()) if isinstance(x, Tensor) and x in self._of]
            if len(known) == 1 and known[0].shape == result.shape:
                self._go_on(self._of[known[0]], result)

    def _begin(self, operation: str, x: Any, result: Tensor) -> None:
        product = self._products.of(x) if isinstance(x, Tensor) else None
        if product is None or not self._looks_like_attention(result.shape):
            return
        factor = _EXPONENTIALS[operation]
        logits = result.log() if x is result else x * factor
        found = _Exponentials(self._next_name(), product.times(factor) if factor != 1 else product, logits)
        self.unfinished.add(found.name)
        self._go_on(found, result)

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
