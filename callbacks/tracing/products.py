"""Products: plain code that multiplies queries and keys itself, followed from the product to its softmax.

    scores = q @ k.transpose(-2, -1) / math.sqrt(d)      # a product, its scale
    scores = scores.masked_fill(hidden, -torch.inf)      # whatever else happens to it …
    weights = scores.softmax(dim=-1)                     # … is what the softmax gets beyond q kᵀ · scale

Only factors, a soft cap (tanh) and a column of sinks (cat) are told apart on the way. All the rest is found at the end,
by subtraction: bias = logits - cap(q kᵀ · scale). So what is recorded gives the model's own logits whatever the code
did in between, and a step that is not understood can make the bias larger, never the attention wrong.
"""

import dataclasses
import math
from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.utils.weak import WeakTensorKeyDictionary

from tb_attnviz.geometry import logits as scaled_dot_products

from .attention_call import HIDDEN, AttentionCall, with_heads

_FACTORS = {"mul", "imul", "rmul", "multiply"}
_DIVISORS = {"div", "idiv", "truediv", "itruediv", "true_divide", "divide"}
_PASSING = {  # what may happen to logits: same shape or a view, so that softmax still gets them
    *("add", "iadd", "radd", "sub", "isub", "subtract", "where", "masked_fill", "max", "maximum", "clamp", "clip"),
    *("view", "reshape", "flatten", "unflatten", "squeeze", "unsqueeze", "contiguous", "clone"),
    *("to", "type", "type_as", "float", "double", "half", "bfloat16"),
}
_FOLLOWED = _FACTORS | _DIVISORS | _PASSING | {"tanh", "cat", "concat"}

LARGEST_LOGITS = 2**24  # elements at a time: 64 MB in float32

# Multiplying and adding in another order than the model leaves this much of a row's largest product.
_ROUNDING = {torch.float16: 4, torch.bfloat16: 4, torch.float32: 32, torch.float64: 32}  # units of the dtype's eps


@dataclasses.dataclass(frozen=True)
class Product:
    """Queries keysᵀ · scale, then factor · tanh where it is capped, then beside sinks."""

    queries: Tensor  # [..., n_query, d]
    keys: Tensor  # [..., n_key, d]
    scale: float = 1.0
    factor: float | None = None  # of the tanh, where there was one
    sinks: Tensor | None = None  # [..., n_query, 1]

    def times(self, factor: float) -> "Product":
        if self.factor is not None:
            return dataclasses.replace(self, factor=self.factor * factor)
        return dataclasses.replace(self, scale=self.scale * factor)

    def attention(
        self, name: str, logits: Tensor, *, weights: Tensor | None = None, sequences: int
    ) -> AttentionCall | None:
        """The attention whose softmax gets `logits`; None if they are of another shape than this product."""
        batch = torch.Size(np.broadcast_shapes(self.queries.shape[:-2], self.keys.shape[:-2]))
        n_query, n_key = self.queries.shape[-2], self.keys.shape[-2]
        sinks, logits = self._without_sinks(with_heads(logits, sequences))  # (sequences, heads, n_query, n_key)
        if logits.shape[-2:] != (n_query, n_key) or logits.shape[:-2].numel() != batch.numel() or logits.dim() != 4:
            return None
        queries, keys = self.queries, self.keys
        if len(batch) != 2 or keys.shape[:-2] not in (batch, (batch[0], 1)):  # else keys stay grouped
            keys = _reshape(keys.expand(*batch, -1, -1), logits.shape[:2])
        queries = _reshape(queries.expand(*batch, -1, -1), logits.shape[:2])  # (sequences, heads, n_query, d)
        cap = None if self.factor is None else abs(self.factor)
        scale = self.scale if self.factor is None else self.scale * self.factor
        return AttentionCall(
            name,
            queries,
            keys,
            scale=scale,
            causal=False,
            mask=remainder(queries, keys, logits, scale=scale, softcap=cap),
            softcap=cap,
            sinks=sinks,
            weights=None if weights is None else with_heads(weights, sequences)[..., :n_key],
        )

    def _without_sinks(self, logits: Tensor) -> tuple[Tensor | None, Tensor]:
        """Sinks [heads], and the logits beside them, shifted back by what was subtracted from both."""
        if self.sinks is None or logits.dim() != 4:
            return None, logits
        sinks = self.sinks.expand(*logits.shape[:-1], 1)[0, :, 0, 0].float()  # (heads,)
        return sinks, logits[..., :-1] - logits[..., -1:] + sinks[:, None, None]


class Products:
    """The products of a pass that are still to meet their softmax."""

    def __init__(self) -> None:
        self._of: WeakTensorKeyDictionary = WeakTensorKeyDictionary()

    def of(self, logits: Tensor) -> Product | None:
        """The product that `logits` come from; None if that was not seen, or if two were added up."""
        product: Product | None = self._of.get(logits)  # type: ignore[no-untyped-call]
        return product

    def follow(self, operation: str, args: tuple[Any, ...], kwargs: dict[str, Any], result: Any) -> None:
        """Take notice of one operation of the pass, named as in torch, without underscores around it."""
        if not isinstance(result, Tensor) or result.dim() < 3:
            return
        found = _multiplied(operation, args, kwargs) or self._passed_on(operation, args, kwargs, result)
        if found is not None:
            self._of[result] = found
        elif result in self._of:  # written over in place
            del self._of[result]

    def _passed_on(
        self, operation: str, args: tuple[Any, ...], kwargs: dict[str, Any], result: Tensor
    ) -> Product | None:
        if operation not in _FOLLOWED or not self._of:
            return None
        tensors = list(_tensors(args, kwargs))
        known = [(tensor, product) for tensor in tensors if (product := self.of(tensor)) is not None]
        if not known or any(product is not known[0][1] for _, product in known):
            return None
        tensor, product = known[0]
        if operation in ("cat", "concat"):
            return _beside_sinks(product, tensors, result)
        if result.numel() != tensor.numel():
            return None
        if operation == "tanh":
            return dataclasses.replace(product, factor=1.0) if product.factor is None else None
        if operation in _FACTORS | _DIVISORS:
            others = [x for x in (*args, *kwargs.values()) if x is not tensor]
            number = _number(others[0]) if others else None
            if number is not None and operation in _FACTORS:
                return product.times(number)
            if number is not None and args and args[0] is tensor:
                return product.times(1 / number)
        return product


def remainder(queries: Tensor, keys: Tensor, logits: Tensor, *, scale: float, softcap: float | None) -> Tensor:
    """What `logits` [sequences, heads, n_query, n_key] hold beyond the scaled and capped products of queries and keys.

    Exactly 0 or -inf where it is rounding or a mask. A constant that was subtracted from a whole row (its maximum, to
    save the exponential from overflow) is no part of it either: softmax does not see that.
    """
    keys = keys.expand(len(queries), -1, -1, -1)
    count = max(LARGEST_LOGITS // logits[0].numel(), 1)  # sequences at a time
    parts = [slice(first, first + count) for first in range(0, len(queries), count)]
    rests = [_rest(queries[part], keys[part], logits[part], scale, softcap) for part in parts]
    if all(plain for _, plain in rests):
        return torch.cat([torch.where(rest.isneginf(), rest, 0.0) for rest, _ in rests])
    return torch.cat([rest for rest, _ in rests])


def _rest(queries: Tensor, keys: Tensor, logits: Tensor, scale: float, softcap: float | None) -> tuple[Tensor, bool]:
    """What is left of `logits`, -inf where they are hidden, and whether that is a mask and nothing else."""
    exact = torch.float64 if queries.dtype == torch.float64 else torch.float32
    keys = keys.repeat_interleave(queries.shape[1] // keys.shape[1], dim=1)
    products = scaled_dot_products(queries.to(exact), keys.to(exact), scale=scale, softcap=softcap)
    rest = logits.to(exact) - products
    rest = torch.where(rest.isnan(), 0.0, rest)  # the products have diverged already
    added = rest <= rest.amax(dim=-1, keepdim=True) + HIDDEN  # scores + mask
    filled = logits <= logits.amax(dim=-1, keepdim=True) + 0.9 * HIDDEN  # scores.masked_fill(hidden, -1e4)
    visible = ~added & ~filled
    noise = _ROUNDING[queries.dtype] * torch.finfo(queries.dtype).eps * products.abs().amax(dim=-1, keepdim=True)
    plain = any(
        bool((~visible | ((rest - shift).abs() <= noise)).all()) for shift in (0.0, rest.amax(dim=-1, keepdim=True))
    )
    return torch.where(visible, rest, -torch.inf), plain


def _multiplied(operation: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Product | None:
    """The product that `operation` makes of two tensors; all matrix products are followed, few meet a softmax."""
    if operation == "einsum":
        return _einsum(args)
    if operation in ("baddbmm", "baddbmm_"):
        left, right = args[1:3] if len(args) > 2 else (kwargs.get("batch1"), kwargs.get("batch2"))
        scale = float(kwargs.get("alpha", 1))
    elif operation in ("matmul", "rmatmul", "bmm") and len(args) == 2:
        left, right, scale = *args, 1.0
    else:
        return None
    if not isinstance(left, Tensor) or not isinstance(right, Tensor) or min(left.dim(), right.dim()) < 3:
        return None
    return Product(left, right.transpose(-2, -1), scale)


def _einsum(args: tuple[Any, ...]) -> Product | None:
    """The product of an einsum whose last two letters come from one operand each, and that sums over one letter."""
    if len(args) != 3 or not isinstance(args[0], str) or "->" not in args[0] or "." in args[0]:
        return None
    inputs, output = args[0].replace(" ", "").split("->")
    letters = inputs.split(",")
    summed = set(letters[0]) & set(letters[1]) - set(output)
    if len(output) < 3 or len(summed) != 1 or set(letters[0]) ^ set(letters[1]) != set(output[-2:]):
        return None
    query, key = (0, 1) if output[-2] in letters[0] else (1, 0)
    (d,) = summed
    return Product(
        torch.einsum(f"{letters[query]}->{output[:-1]}{d}", args[1 + query]),
        torch.einsum(f"{letters[key]}->{output[:-2]}{output[-1]}{d}", args[1 + key]),
    )


def _beside_sinks(product: Product, tensors: list[Tensor], result: Tensor) -> Product | None:
    if len(tensors) != 2 or tensors[1].shape[-1] != 1 or result.shape[-1] != tensors[0].shape[-1] + 1:
        return None
    return dataclasses.replace(product, sinks=tensors[1])


def _reshape(x: Tensor, batch: torch.Size) -> Tensor:
    return x.reshape(*batch, *x.shape[-2:])


def _number(x: Any) -> float | None:
    """`x` as a number if it is one, a tensor of one element included; 0 is no scale."""
    if isinstance(x, (int, float)) or (isinstance(x, Tensor) and x.numel() == 1):
        number = float(x)
        return number if number != 0 and math.isfinite(number) else None
    return None


def _tensors(args: tuple[Any, ...], kwargs: dict[str, Any]) -> Iterator[Tensor]:
    for value in (*args, *kwargs.values()):
        for x in value if isinstance(value, (tuple, list)) else (value,):
            if isinstance(x, Tensor):
                yield x
