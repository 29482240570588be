"""Products: plain code that multiplies queries and keys itself, followed from the product to its softmax.

    scores = q @ k.transpose(-2, -1) / math.sqrt(d)      # a product, its scale
    scores = scores.masked_fill(hidden, -torch.inf)      # whatever else happens to it …
    weights = scores.softmax(dim=-1)                     # … is what the softmax gets beyond q kᵀ · scale

Only factors, a soft cap (tanh) and a column of sinks (cat, pad) are told apart on the way. A factor that queries, or
keys, have of their own (a temperature of each head) becomes part of them. All the rest is found at the end,
by subtraction: bias = logits - cap(q kᵀ · scale). So what is recorded gives the model's own logits whatever the code
did in between, and a step that is not understood can make the bias larger, never the attention wrong.
"""

import dataclasses
import math
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from .axes import Atom, Axis, moved, regrouped, size_of
from .contraction import OPERATIONS, read_contraction
from .nested import tensors_given
from .of_tensors import OfTensors
from .product import Product, Side

FACTORS = {"mul", "imul", "rmul", "multiply"}
_DIVISORS = {"div", "idiv", "truediv", "itruediv", "true_divide", "divide"}
_PASSING = {  # what may happen to logits: same shape or a view, so that softmax still gets them
    *("add", "iadd", "radd", "sub", "isub", "subtract", "where", "masked_fill", "max", "maximum", "clamp", "clip"),
    *("view", "reshape", "flatten", "unflatten", "squeeze", "unsqueeze", "contiguous", "clone", "nan_to_num"),
    *("to", "type", "type_as", "float", "double", "half", "bfloat16", "detach", "view_as", "reshape_as", "get"),
    *("permute", "transpose", "movedim", "moveaxis", "swapaxes", "swapdims", "getitem", "dropout"),
}
_ADDING = {"add": 1.0, "iadd": 1.0, "radd": 1.0, "sub": -1.0, "isub": -1.0, "subtract": -1.0}  # of two products
_FOLLOWED = FACTORS | _DIVISORS | _PASSING | {"tanh", "cat", "concat", "pad", "einsum"}


class Products:
    """The products of a pass that are still to meet their softmax."""

    def __init__(self, is_made_of_inputs: Callable[[Tensor], bool] = lambda x: True) -> None:
        """is_made_of_inputs: whether they had a part in a tensor; others are no queries, and no keys."""
        self._is_made_of_inputs = is_made_of_inputs
        self._of = OfTensors[Product]()

    def of(self, logits: Tensor) -> Product | None:
        """The product that `logits` come from; None if that was not seen."""
        return self._of.get(logits)

    def are_both_made_of_inputs(self, product: Product) -> bool:
        """Whether what is multiplied may be queries and keys, and no weights of a layer."""
        return all(map(self._is_made_of_inputs, (product.left.given, product.right.given)))

    def follow(self, func: Callable[..., Any], operation: str, args: tuple[Any, ...], kwargs: dict[str, Any],
               result: Any) -> None:  # fmt: skip
        """Take notice of one operation of the pass, named as in torch, without underscores around it."""
        if not isinstance(result, Tensor) or result.dim() < 3:
            return
        found = _multiplied(operation, args, kwargs) or self._passed_on(func, operation, args, kwargs, result)
        if found is not None:
            self._of[result] = found
        elif result in self._of:  # written over in place
            del self._of[result]

    def _passed_on(self, func: Callable[..., Any], operation: str, args: tuple[Any, ...], kwargs: dict[str, Any],
                   result: Tensor) -> Product | None:  # fmt: skip
        if operation not in _FOLLOWED or not self._of:
            return None
        tensors = list(tensors_given(args, kwargs))
        known = [(tensor, product) for tensor in tensors if (product := self.of(tensor)) is not None]
        if operation not in ("cat", "concat", "pad"):  # what is spread out over the others is a bias of theirs
            known = [(tensor, product) for tensor, product in known if tensor.numel() == result.numel()]
        if not known:
            return None
        tensor, product = known[0]
        others = [other for _, other in known if other is not product]
        if others:
            added = _ADDING.get(operation)
            both = None if added is None or len(known) != 2 or "alpha" in kwargs else product.plus(others[0], added)
            if both is not None:
                return both
            known = [(x, one) for x, one in known if self.are_both_made_of_inputs(one)]
            if added is None or len(known) != 1 or (added < 0 and known[0][0] is not tensors[0]):
                return dataclasses.replace(product, summed=True)
            tensor, product = known[0]  # the others are a bias: vectors of relative positions, say
        if operation in ("cat", "concat"):
            return _beside_sinks(product, tensors, result)
        if operation == "pad":
            return _beside_a_constant(product, tensor, args, kwargs, result)
        if operation == "tanh":
            return dataclasses.replace(product, factor=1.0) if product.factor is None else None
        if operation == "einsum":
            factors = _einsum_factors(args, kwargs, tensor)
            return None if factors is None else product.times_each(factors) or product
        if operation in FACTORS | _DIVISORS:
            product = _scaled(product, tensor, operation, args, kwargs)
        if tensor.shape == result.shape and operation not in ("permute", "transpose", "get"):
            return product
        if product.sinks is not None:
            return None
        axes = moved(func, operation, args, kwargs, product.axes, result) if args and args[0] is tensor else None
        axes = axes or (regrouped(product.axes, result.shape) if operation not in ("getitem", "get") else None)
        if axes is None or math.prod(map(size_of, axes)) != tensor.numel():
            return None
        return dataclasses.replace(product, axes=axes)


def _multiplied(operation: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Product | None:
    """The product that `operation` makes of two tensors; all matrix products are followed, few meet a softmax."""
    if operation not in OPERATIONS:
        return None
    contraction = read_contraction(operation, args, kwargs)
    if contraction is None or min(contraction.left.dim(), contraction.right.dim()) < 3:
        return None
    if contraction.left.is_complex() or contraction.right.is_complex():
        return None
    summed = contraction.summed
    if len(summed) != 1 or len(contraction.of_result) < 3:
        return None
    (d,) = summed
    if d not in contraction.of_left or d not in contraction.of_right:
        return None
    sizes = {
        label: size
        for x, labels in ((contraction.left, contraction.of_left), (contraction.right, contraction.of_right))
        for label, size in zip(labels, x.shape, strict=True)
        if label != -1
    }
    if set(contraction.of_result) - set(sizes):
        return None
    own: dict[int, Axis] = {label: () if size == 1 else (Atom(size),) for label, size in sizes.items()}
    left, right = (
        _side(x, labels, own, d)
        for x, labels in ((contraction.left, contraction.of_left), (contraction.right, contraction.of_right))
    )
    return Product(left, right, tuple(own[label] for label in contraction.of_result), contraction.factor)


def _side(x: Tensor, labels: tuple[int, ...], own: dict[int, Axis], d: int) -> Side:
    place = labels.index(d)
    axes = tuple(() if label == -1 else own[label] for label in labels if label != d)
    return Side(x.movedim(place, -1), axes, x, axes, place)


def _scaled(product: Product, tensor: Tensor, operation: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Product:
    """`product` times, or divided by, what stands beside `tensor`; as it is if that is found by subtraction only."""
    others = [x for x in (*args, *kwargs.values()) if x is not tensor]
    divides = operation in _DIVISORS
    if not others or (divides and not (args and args[0] is tensor)):
        return product
    number = _number(others[0])
    if number is not None:
        return product.times(1 / number if divides else number)
    if isinstance(others[0], Tensor) and others[0].is_floating_point():
        factors = others[0].detach()
        return product.times_each(1 / factors if divides else factors) or product
    return product


def _einsum_factors(args: tuple[Any, ...], kwargs: dict[str, Any], tensor: Tensor) -> Tensor | None:
    """What an einsum that sums over nothing multiplies the elements of `tensor` with, with its axes."""
    found = read_contraction("einsum", args, kwargs)
    if found is None or found.summed:
        return None
    own, other, of_other = found.of_left, found.right, found.of_right
    if found.right is tensor:
        own, other, of_other = found.of_right, found.left, found.of_left
    if own != found.of_result or not set(of_other) <= set(own):
        return None
    order = sorted(range(other.dim()), key=lambda place: own.index(of_other[place]))
    shape = [other.shape[of_other.index(label)] if label in of_other else 1 for label in own]
    return other.detach().permute(order).reshape(shape)


def _beside_sinks(product: Product, tensors: list[Tensor], result: Tensor) -> Product | None:
    """The logits with a column more, which belongs to no key."""
    if len(tensors) != 2 or product.sinks is not None:
        return None
    columns = [x for x in tensors if x.shape[-1] == 1]
    if len(columns) != 1 or result.shape[-1] != sum(x.shape[-1] for x in tensors):
        return None
    return dataclasses.replace(product, sinks=columns[0], sinks_first=tensors[0] is columns[0])


def _beside_a_constant(
    product: Product, tensor: Tensor, args: tuple[Any, ...], kwargs: dict[str, Any], result: Tensor
) -> Product | None:
    """The same by padding: softmax with one more in its denominator."""
    widths = list(kwargs.get("pad", args[1] if len(args) > 1 else ()))
    value = kwargs.get("value", args[3] if len(args) > 3 else 0.0) or 0.0
    if product.sinks is not None or widths[:2] not in ([0, 1], [1, 0]) or any(widths[2:]):
        return None
    column = torch.full_like(tensor[..., :1], value)
    return dataclasses.replace(product, sinks=column, sinks_first=widths[0] == 1)


def _number(x: Any) -> float | None:
    """`x` as a number if it is one, a tensor of one element included; 0 is no scale."""
    if isinstance(x, (int, float)) or (isinstance(x, Tensor) and x.numel() == 1):
        number = float(x)
        return number if number != 0 and math.isfinite(number) else None
    return None
