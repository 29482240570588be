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
from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import Tensor
from torch.utils.weak import WeakTensorKeyDictionary

from tb_attnviz.geometry import logits as scaled_dot_products

from .attention_call import HIDDEN, AttentionCall
from .axes import Atom, Axes, Axis, arranged, atoms, leaves, moved, regrouped, size_of
from .contraction import OPERATIONS, read_contraction

FACTORS = {"mul", "imul", "rmul", "multiply"}
_DIVISORS = {"div", "idiv", "truediv", "itruediv", "true_divide", "divide"}
_PASSING = {  # what may happen to logits: same shape or a view, so that softmax still gets them
    *("add", "iadd", "radd", "sub", "isub", "subtract", "where", "masked_fill", "max", "maximum", "clamp", "clip"),
    *("view", "reshape", "flatten", "unflatten", "squeeze", "unsqueeze", "contiguous", "clone", "nan_to_num"),
    *("to", "type", "type_as", "float", "double", "half", "bfloat16", "detach", "view_as", "reshape_as", "get"),
    *("permute", "transpose", "movedim", "moveaxis", "swapaxes", "swapdims", "getitem", "dropout"),
}
_ADDING = {"add": 1.0, "iadd": 1.0, "radd": 1.0, "sub": -1.0, "isub": -1.0, "subtract": -1.0}  # of two products
_FOLLOWED = FACTORS | _DIVISORS | _PASSING | {"tanh", "cat", "concat", "pad"}

LARGEST_LOGITS = 2**24  # elements at a time: 64 MB in float32

# Multiplying and adding in another order than the model leaves this much of a row's largest product.
_ROUNDING = {torch.float16: 4, torch.bfloat16: 4, torch.float32: 32, torch.float64: 32}  # units of the dtype's eps


@dataclasses.dataclass(frozen=True)
class Side:
    """Vectors that a product is of: queries, or keys."""

    vectors: Tensor  # [*axes, d]
    axes: Axes
    given: Tensor  # the operand of the model that they are
    of_given: Axes  # of its axes, those that are summed over left out
    place: int  # of the last axis that is summed over, in `given`


@dataclasses.dataclass(frozen=True)
class Product:
    """left rightᵀ · scale, then factor · tanh where it is capped, then beside sinks."""

    left: Side
    right: Side
    axes: Axes  # of the tensor that it is now, without a column of sinks
    scale: float = 1.0
    factor: float | None = None  # of the tanh, where there was one
    sinks: Tensor | None = None  # [..., 1], of the axes of the product
    sinks_first: bool = False  # before the keys
    summed: bool = False  # with another product: it is none of queries and keys any more

    def times(self, factor: float) -> "Product":
        sinks = None if self.sinks is None else self.sinks * factor
        if self.factor is not None:
            return dataclasses.replace(self, factor=self.factor * factor, sinks=sinks)
        return dataclasses.replace(self, scale=self.scale * factor, sinks=sinks)

    def times_each(self, factors: Tensor) -> "Product | None":
        """`factors` broadcasts to the axes; None if it is no factor of the queries or of the keys alone."""
        if self.factor is not None or self.sinks is not None or factors.dim() > len(self.axes):
            return None
        factors = factors[(None,) * (len(self.axes) - factors.dim())]
        varying = {a for n, axis in zip(factors.shape, self.axes, strict=True) if n > 1 for a in leaves(axis)}
        left, right = (set(atoms(side.axes)) for side in (self.left, self.right))
        if not varying & (right - left):
            scaled = _times_each(self.left, self.axes, left | varying, factors)
            return None if scaled is None else dataclasses.replace(self, left=scaled)
        if not varying & (left - right):
            scaled = _times_each(self.right, self.axes, right | varying, factors)
            return None if scaled is None else dataclasses.replace(self, right=scaled)
        return None

    def plus(self, other: "Product", factor: float) -> "Product | None":
        """The sum with `other` · factor, one product of longer vectors; None if it is none.

        q kᵀ + r lᵀ = (q, r) (k, l)ᵀ: content and position with vectors of their own.
        """
        capped = any(x.factor is not None or x.sinks is not None or x.summed for x in (self, other))
        if capped or [*map(size_of, self.axes)] != [*map(size_of, other.axes)]:
            return None
        sides = (other.left, other.right)
        if _rows(self.axes, self.left, self.right) != _rows(other.axes, *sides):
            sides = (other.right, other.left)
            if _rows(self.axes, self.left, self.right) != _rows(other.axes, *sides):
                return None
        left = _beside(self.left, self.axes, sides[0], other.axes, (self.scale, other.scale * factor))
        right = _beside(self.right, self.axes, sides[1], other.axes, (1.0, 1.0))
        return None if left is None or right is None else dataclasses.replace(self, left=left, right=right, scale=1.0)


def _rows(axes: Axes, side: Side, other: Side) -> list[int]:
    """The axes that `side` alone has a part in."""
    alone = set(atoms(side.axes)) - set(atoms(other.axes))
    return [place for place, axis in enumerate(axes) if set(leaves(axis)) & alone]


def _beside(one: Side, axes: Axes, two: Side, of_two: Axes, factors: tuple[float, float]) -> Side | None:
    """The vectors of both, times their factors, one behind the other."""
    own, other = set(atoms(one.axes)), set(atoms(two.axes))
    kept = [bool(set(leaves(a)) & own or set(leaves(b)) & other) for a, b in zip(axes, of_two, strict=True)]
    targets = [tuple(axis if there else () for axis, there in zip(x, kept, strict=True)) for x in (axes, of_two)]
    found = [
        arranged(side.vectors, side.axes, target, behind=1) for side, target in zip((one, two), targets, strict=True)
    ]
    if found[0] is None or found[1] is None:
        return None
    sizes = [size_of(axis) for axis in targets[0]]
    both = [x.expand(*sizes, -1) * factor for x, factor in zip(found, factors, strict=True) if x is not None]
    return dataclasses.replace(one, vectors=torch.cat(both, dim=-1), axes=targets[0])


class NotAttentionError(ValueError):
    """A softmax over a product that is no attention among tokens; the message says why."""


@dataclasses.dataclass(frozen=True)
class PlainAttention:
    """The attention of a softmax, and where its parts are in the tensors of the model."""

    call: AttentionCall
    queries: Side
    keys: Side
    axes: Axes  # of the weights, with the column of sinks, as the model has them
    target: Axes  # of the call's queries and keys: batch, heads, n_query, n_key
    sink: Atom | None  # in place of the keys, where there are sinks beside them
    sinks_first: bool

    @property
    def rows_of_given(self) -> tuple[int, int]:
        """Which axes of the queries' operand number queries, and what is summed over."""
        rows = set(leaves(self.target[2]))
        places = [place for place, axis in enumerate(self.queries.of_given) if set(leaves(axis)) & rows]
        d = self.queries.place
        row = places[-1] if places else len(self.queries.of_given) - 1  # a single query has no axis
        return row + (row >= d), d

    def arrange_given(self, x: Tensor) -> Tensor | None:
        """`x` of the shape of the queries' operand as [batch, heads, n_query, d]; None if axes of it are missing."""
        x = x.movedim(self.queries.place, -1)
        found = arranged(x, self.queries.of_given, self.target[:3], behind=1)
        return found if found is None else found.expand(*(size_of(axis) for axis in self.target[:3]), -1)

    def arrange_given_keys(self, x: Tensor) -> Tensor | None:
        """`x` of the shape of the keys' operand as [batch, heads or kv_heads, n_key, d]."""
        x = x.movedim(self.keys.place, -1)
        return arranged(x, self.keys.of_given, (*self.target[:2], self.target[3]), behind=1, grouped=True)


class Products:
    """The products of a pass that are still to meet their softmax."""

    def __init__(self) -> None:
        self._of: WeakTensorKeyDictionary = WeakTensorKeyDictionary()

    def of(self, logits: Tensor) -> Product | None:
        """The product that `logits` come from; None if that was not seen."""
        product: Product | None = self._of.get(logits)  # type: ignore[no-untyped-call]
        return product

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
        tensors = list(_tensors(args, kwargs))
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
            return both or dataclasses.replace(product, summed=True)
        if operation in ("cat", "concat"):
            return _beside_sinks(product, tensors, result)
        if operation == "pad":
            return _beside_a_constant(product, tensor, args, kwargs, result)
        if operation == "tanh":
            return dataclasses.replace(product, factor=1.0) if product.factor is None else None
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


def read_attention(
    product: Product,
    name: str,
    logits: Tensor,
    dim: int,
    *,
    weights: Tensor,
    sequences: int,
    widths: set[int],
    numbers: Callable[[Tensor], Tensor | None],
    sequences_of: Callable[[Tensor], Tensor | None] = lambda x: None,
    rows_of: Callable[[int], Tensor | None] = lambda count: None,
) -> PlainAttention:
    """The attention whose softmax over axis `dim` gets `logits`. Raises NotAttentionError if it is none.

    widths: how many tokens the sides of the probe have, where it must be told which axis is that of the queries.
    numbers: of which token each element of a tensor is, where windows are followed, to tell them from heads.
    sequences_of: of which sequence each element is, where that is known, to tell heads that stand before sequences.
    rows_of: at which of so many queries mask and weights are wanted; None: at all.
    """
    if product.summed:
        raise NotAttentionError(
            "its logits are made of several products of queries and keys, in a way that is not understood: show it "
            "with attnviz_tap(q, k, …), with queries and keys that give the same logits"
        )
    axes = product.axes
    queries, keys = product.left, product.right
    of_softmax = set(leaves(axes[dim]))
    if not of_softmax:
        raise NotAttentionError(
            "it attends to a single key: where the model takes tokens before sequences (batch_first=False, say) these "
            "are the sequences of the batch, of which it is shown one"
        )
    if of_softmax & set(atoms(queries.axes)):
        queries, keys = keys, queries
    if of_softmax & set(atoms(queries.axes)):
        raise NotAttentionError(f"its softmax is over axis {dim}, not over the keys")
    batch, rows = _rest_of(axes, dim, queries, keys, widths)
    batch = _sequences_first(batch, rows, sequences, queries, sequences_of(queries.given))
    of_tokens = numbers(queries.given) if len(batch) != 2 else None
    target = (*_batch_and_heads(batch, rows, sequences, queries, of_tokens), rows, axes[dim])
    of_queries, of_keys = target[:3], (*target[:2], target[3])
    own_queries = arranged(queries.vectors, queries.axes, of_queries, behind=1)
    own_keys = arranged(keys.vectors, keys.axes, of_keys, behind=1, grouped=True)
    sink = None if product.sinks is None else Atom(size_of(axes[dim]) + 1)
    of_weights = axes if sink is None else (*axes[:dim], (sink,), *axes[dim + 1 :])
    scores, found = (
        arranged(x, of_weights, target if sink is None else (*target[:3], (sink,))) for x in (logits, weights)
    )
    if own_queries is None or own_keys is None or scores is None or found is None:
        raise NotAttentionError("its queries and keys are no longer those of its product")
    own_queries = own_queries.expand(*(size_of(axis) for axis in of_queries), -1)
    sinks = None
    if product.sinks is not None:
        column = arranged(product.sinks.expand(*map(size_of, axes[:-1]), 1), (*axes[:-1], ()), (*of_queries, ()))
        if column is None or dim != len(axes) - 1:
            raise NotAttentionError("its sinks are not beside its keys")
        sinks = column[0, :, 0, 0].float()  # (heads,)
        of_keys_alone = slice(1, None) if product.sinks_first else slice(None, -1)
        beside = scores[..., :1] if product.sinks_first else scores[..., -1:]
        # Shifted back by what was subtracted from both.
        scores, found = scores[..., of_keys_alone] - beside + sinks[:, None, None], found[..., of_keys_alone]
    if own_keys.shape[-1] != own_queries.shape[-1]:
        raise NotAttentionError("its queries and keys are not of one width")
    cap = None if product.factor is None else abs(product.factor)
    scale = product.scale if product.factor is None else product.scale * product.factor

    def seen_at(some: Tensor | slice) -> tuple[Tensor, Tensor, Tensor]:
        """Mask, weights and logits of some queries, [sequences, heads, rows, n_key]."""
        of_some = scores[:, :, some]
        mask = remainder(own_queries[:, :, some], own_keys, of_some, scale=scale, softcap=cap)
        return mask, found[:, :, some], of_some

    wanted = rows_of(own_queries.shape[2])
    mask, own_weights, own_logits = seen_at(slice(None) if wanted is None else wanted)
    call = AttentionCall(
        name,
        own_queries,
        own_keys,
        scale=scale,
        causal=False,
        mask=mask,
        softcap=cap,
        sinks=sinks,
        weights=own_weights,
        logits=own_logits,
        rows=wanted,
        whole=None if wanted is None else lambda: seen_at(slice(None)),
    )
    return PlainAttention(call, queries, keys, of_weights, target, sink, product.sinks_first)


def _rest_of(axes: Axes, dim: int, queries: Side, keys: Side, widths: set[int]) -> tuple[list[Axis], Axis]:
    """The axes of logits beside that of the keys: those of batch and heads, and that of the queries."""
    alone = set(atoms(queries.axes)) - set(atoms(keys.axes))
    rest = [axis for place, axis in enumerate(axes) if place != dim]
    rows = [place for place, axis in enumerate(rest) if axis and set(leaves(axis)) <= alone]
    rows = [place for place in rows if size_of(rest[place]) in widths] or rows
    if not rows and not rest[-1]:
        rows = [len(rest) - 1]  # a single query
    if not rows:
        raise NotAttentionError("its queries are mixed with its sequences in one axis")
    of_queries = rest.pop(rows[-1])
    if not rest:
        raise NotAttentionError("it has no axis of sequences")
    return rest, of_queries


def _sequences_first(rest: list[Axis], rows: Axis, sequences: int, queries: Side, numbers: Tensor | None) -> list[Axis]:
    """`rest` with the sequences before the heads, where `numbers`, which tell the one from the other, say otherwise."""
    of_tokens = None
    if numbers is not None and 0 < len(rest) < 3 and sequences > 1:
        of_tokens = arranged(numbers.movedim(queries.place, -1)[..., 0], queries.of_given, (*rest, rows))
    if of_tokens is None:
        return rest
    found = of_tokens.amax(dim=-1)  # (of rest): -1 where it is not known
    every = torch.arange(sequences, device=found.device)
    if len(rest) == 2 and size_of(rest[1]) == sequences and torch.equal(found, every.expand_as(found)):
        return rest[::-1]
    if len(rest) == 1 and len(found) % sequences == 0 and torch.equal(found, every.repeat(len(found) // sequences)):
        both = regrouped((rest[0],), (len(found) // sequences, sequences))
        return rest if both is None or len(found) == sequences else [both[1], both[0]]
    return rest


def _batch_and_heads(
    rest: list[Axis], rows: Axis, sequences: int, queries: Side, numbers: Tensor | None
) -> tuple[Axis, Axis]:
    """Which atoms number the sequences (and windows of them), and which the heads."""
    if numbers is not None:
        numbers = numbers.movedim(queries.place, -1)[..., 0]
    if len(rest) == 1:
        size = size_of(rest[0])
        of_tokens = None if numbers is None else arranged(numbers, queries.of_given, (rest[0], rows))  # (size, n)
        count = _heads_of(of_tokens, size // sequences) if size % sequences == 0 else 0
        both = regrouped((rest[0],), (size // count, count)) if count else None
        if both is None:
            raise NotAttentionError(f"its {size} rows are not those of {sequences} sequences")
        return both[0], both[1]
    if numbers is None and size_of(rest[0]) == sequences:  # no windows: all other axes are of heads, in groups
        return rest[0], tuple(atom for axis in rest[1:] for atom in axis)
    place = len(rest) - 1
    if numbers is not None:  # all heads of a window are of the same tokens
        of_tokens = arranged(numbers, queries.of_given, (*rest, rows))
        if of_tokens is not None:
            alike = [p for p in range(1, len(rest)) if bool((of_tokens == of_tokens.narrow(p, 0, 1)).all())]
            if size_of(rest[0]) == sequences and len(alike) == len(rest) - 1:  # no windows: heads in groups
                return rest[0], tuple(atom for axis in rest[1:] for atom in axis)
            place = max(alike, key=lambda p: size_of(rest[p]), default=place)
    heads = rest.pop(place)
    return tuple(atom for axis in rest for atom in axis), heads


def _heads_of(of_tokens: Tensor | None, most: int) -> int:
    """How many heads follow each other in [windows · heads, n]: those of a window are of the same tokens."""
    if of_tokens is None:
        return most
    divisors = [heads for heads in range(most, 1, -1) if most % heads == 0]
    by_heads = ((heads, of_tokens.unflatten(0, (-1, heads))) for heads in divisors)  # type: ignore[no-untyped-call]
    return next((heads for heads, x in by_heads if bool((x == x[:, :1]).all())), 1)


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
        for x, labels in (
            (contraction.left, contraction.of_left),
            (contraction.right, contraction.of_right),
        )
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


def _times_each(side: Side, axes: Axes, kept: set[Atom], factors: Tensor) -> Side | None:
    """`side` times factors that broadcast to `axes`, of which it has, or gets, the atoms `kept`."""
    target = tuple(tuple(atom for atom in leaves(axis) if atom in kept) for axis in axes)
    vectors = arranged(side.vectors, side.axes, target, behind=1)
    if vectors is None or not bool(factors.isfinite().all()):
        return None
    return dataclasses.replace(side, vectors=vectors * factors[..., None], axes=target)


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


def _tensors(args: tuple[Any, ...], kwargs: dict[str, Any]) -> Iterator[Tensor]:
    for value in (*args, *kwargs.values()):
        for x in value if isinstance(value, (tuple, list)) else (value,):
            if isinstance(x, Tensor):
                yield x
