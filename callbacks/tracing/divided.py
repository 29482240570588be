"""Divided results: an attention whose result is divided by another sum with its weights.

    out = (w @ (v * m)) / (w @ m)

leaves out the keys of which m is 0, as a mask after the softmax does: it attends with w · m / Σ w · m, while w says
nothing of m. So all sums with the weights of an attention are followed, element by element, through what only moves,
scales or bounds them. A result divided by its own norm, or by anything else that is made of it, is no such thing; nor
is one divided by sums that are 1, where nothing was left out.
"""

import dataclasses
import functools
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor

from .axes import MOVING, REGROUPING, SAME
from .contraction import OPERATIONS
from .of_tensors import OfTensors
from .replayed import replayed
from .sources import Sources

_DIVIDING = {"div", "truediv", "idiv", "itruediv", "divide", "true_divide"}
_REVERSED = {"rdiv", "rtruediv"}
_FACTORS = {"mul", "rmul", "imul", "multiply"}
_DIVIDING_EITHER_WAY = _DIVIDING | _REVERSED
_MULTIPLYING = _FACTORS | OPERATIONS
_INVERTING = {"reciprocal", "rsqrt"}
_REDUCING = {"mean", "sum", "amax", "amin", "max", "min", "median", "nanmean", "nansum"}
_MOVING = MOVING | REGROUPING | {"iter", "roll", "flip", "repeat", "tile", "repeat_interleave", "expand_as"}
_MOVING |= {"broadcast_to", "index_select", "gather"}
_JOINING = {"cat", "concat", "concatenate", "stack"}
_KEEPING = SAME | _FACTORS | {"add", "iadd", "radd", "sub", "isub", "rsub", "subtract", "neg", "negative", "abs"}
_KEEPING |= {"clamp", "clip", "clamp_min", "clamp_max", "maximum", "minimum", "max", "min", "where", "masked_fill"}
_KEEPING |= {"nan_to_num", "sqrt"} | _DIVIDING
_TOLERANCE = {torch.float16: 1e-2, torch.bfloat16: 5e-2}  # else 1e-4
_WHY = (
    "its result is divided by another sum with its weights: where keys are left out of both, or count less, the model "
    "attends with what is left of the weights, made to sum to 1 again. Mask the logits before the softmax, or show "
    "what it attends with by attnviz_tap(q, k, mask=…) after the softmax"
)
_BY_ANOTHER = "its result is divided by that of {}, or the other way round: the model attends with neither of the two"


@dataclasses.dataclass(frozen=True)
class _Sum:
    """A tensor whose elements are those of a sum with weights, but for constants and factors that are none of it."""

    name: str  # of the attention
    source: int  # the sum, as a set of sources
    elements: Callable[[], Tensor]  # of its shape: the number of each; of a reduced one of all that it is made of
    inverse: bool = False  # 1 / them
    summed: bool = True  # else the factors that are still to be
    reduced: bool = False  # to a figure of several of them


class Divided:
    """Follows sums with weights, and refuses attentions whose results are divided by them."""

    def __init__(self, refuse: Callable[[str, str], None], are_beside: Callable[[str, str], bool]) -> None:
        """`are_beside` tells of two attentions whether neither is made from the other."""
        self._refuse = refuse
        self._are_beside = are_beside
        self._of = OfTensors[_Sum]()
        self._sources = Sources(())  # the sums
        self._with_values: dict[str, int] = {}  # attention → its sums with values, as a set of sources
        self._count = 0  # of elements numbered so far
        self.rows: dict[str, int] = {}
        """Attention → queries of all its heads: what has more numbers holds vectors, and may have a norm."""

    def begin(self, name: str, result: Tensor, *, with_values: bool, summed: bool = True) -> None:
        """`result` is a sum with weights of the attention `name`; with_values: times anything that keys have."""
        source = self._sources.new_attention()
        first, shape, device = self._count, result.shape, result.device
        self._count += result.numel()

        def elements() -> Tensor:
            return torch.arange(first, first + shape.numel(), device=device).view(shape)

        self._of[result] = _Sum(name, source, elements, summed=summed)
        self._sources.add(source, result)
        if with_values:
            self._with_values[name] = self._with_values.get(name, 0) | source

    def follow(self, func: Callable[..., Any], operation: str, given: Sequence[Tensor], args: tuple[Any, ...],
               kwargs: dict[str, Any], result: Any) -> None:  # fmt: skip
        """Take notice of one operation of the pass, as `Sources.follow` does."""
        if not self._of:
            return
        if not isinstance(result, Tensor) or result.dtype != torch.bool:  # where they are 0, say: none of them
            self._sources.follow(operation, given, args, kwargs, result)
        if operation in ("setitem", "copy"):
            self._write(args[0], args[-1])
            return
        known = [x for x in given if x in self._of]
        if not known:
            return
        in_place = any(x is result for x in given)
        if not in_place and self._entry(result) is not None:  # just begun
            return
        x, *others = [known[0], *(one for one in given if one is not known[0])]
        entry = self._of[x]
        made: _Sum | None = None
        numerator, divisor = _quotient(operation, args, kwargs)
        if (of_divisor := self._entry(divisor)) is not None:
            self._judge(numerator, divisor)
            if operation != "addcdiv" and not self._is_made_by(of_divisor, numerator):
                made = _inverse(of_divisor)
        elif operation in _MULTIPLYING and entry.inverse and len(others) == 1:
            self._judge(others[0], x)
            made = entry if operation in _FACTORS and not self._is_made_by(entry, others[0]) else None
        elif operation in _MULTIPLYING and others and (last := self._entry(others[-1])) and last.inverse:
            self._judge(x, others[-1])
        elif operation in _MOVING and args and args[0] is x:
            for one, move in replayed(func, operation, args, kwargs, result):
                self._of[one] = dataclasses.replace(entry, elements=functools.partial(_moved, entry, move))
            return
        elif (operation == "sum" and not entry.summed) or (operation in _JOINING and self._are_of_one(given)):
            self.begin(entry.name, result, with_values=True)
            return
        elif operation in _REDUCING and not others and x.numel() <= self.rows.get(entry.name, 0):
            self._reduce(entry, result)
            return
        elif operation in _KEEPING and not any(self._is_made_by(entry, other) for other in others):
            made = entry
        elif operation in _INVERTING or (operation in ("pow", "ipow") and _is_negative(args[1:])):
            made = _inverse(entry)
        self._set(result, made, in_place=in_place)

    def _reduce(self, entry: _Sum, result: Any) -> None:
        """`result` is a figure of a sum, or of its rows: max gives their places, too."""
        one = result[0] if isinstance(result, tuple) else result
        if isinstance(one, Tensor):
            self._of[one] = dataclasses.replace(entry, reduced=True)

    def _entry(self, x: Any) -> _Sum | None:
        return self._of.get(x)

    def _write(self, x: Tensor, value: Any) -> None:
        """A sum is written into `x`, or a part of it."""
        entry = self._entry(value)
        if entry is not None and not entry.inverse and self._entry(x) is None:
            self.begin(entry.name, x, with_values=bool(entry.source & self._with_values.get(entry.name, 0)))

    def _set(self, result: Any, entry: _Sum | None, *, in_place: bool) -> None:
        if entry is not None and isinstance(result, Tensor):
            self._of[result] = dataclasses.replace(entry, elements=functools.partial(_spread, entry, result.shape))
        elif in_place and result in self._of:
            del self._of[result]

    def _is_made_by(self, entry: _Sum, x: Any) -> bool:
        """Whether a sum, or another one with the same weights and values, had a part in `x`."""
        return bool(self._sources.of(x) & (self._with_values.get(entry.name, 0) | entry.source))

    def _are_of_one(self, tensors: Sequence[Tensor]) -> bool:
        """Whether all are sums of one attention."""
        names = {None if (entry := self._entry(x)) is None else entry.name for x in tensors}
        return len(names) == 1 and None not in names

    def _judge(self, x: Any, divisor: Tensor) -> None:
        """`x` is divided by `divisor`, or multiplied with it where that is an inverse."""
        by = self._of[divisor]
        own, made_of = self._entry(x), self._sources.of(x)
        if own is not None and own.name != by.name:
            of_values = all(one.source & self._with_values.get(one.name, 0) for one in (own, by))
            if of_values and self._are_beside(own.name, by.name):
                self._refuse(own.name, _BY_ANOTHER.format(by.name))
                self._refuse(by.name, _BY_ANOTHER.format(own.name))
            return
        if not made_of & self._with_values.get(by.name, 0) or _is_one(divisor):
            return
        if not made_of & by.source or (own is not None and _differ(own, by)):
            self._refuse(by.name, _WHY)


def _quotient(operation: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[Any, Any]:
    """What `operation` divides by what; twice None if it does not divide."""
    if operation == "addcdiv":
        given = dict(zip(("input", "tensor1", "tensor2"), args, strict=False)) | kwargs
        return given.get("tensor1"), given.get("tensor2")
    if operation not in _DIVIDING_EITHER_WAY:
        return None, None
    given = dict(zip(("input", "other"), args, strict=False)) | kwargs
    both = given.get("input"), given.get("other")
    return both[::-1] if operation in _REVERSED else both


def _inverse(entry: _Sum) -> _Sum:
    return dataclasses.replace(entry, inverse=not entry.inverse)


def _is_negative(exponent: tuple[Any, ...]) -> bool:
    return bool(exponent) and isinstance(exponent[0], (int, float)) and exponent[0] < 0


def _moved(entry: _Sum, move: Callable[[Tensor], Tensor]) -> Tensor:
    return entry.elements() if entry.reduced else move(entry.elements())


def _spread(entry: _Sum, shape: torch.Size) -> Tensor:
    return entry.elements() if entry.reduced else entry.elements().expand(shape)


def _differ(one: _Sum, other: _Sum) -> bool:
    """Whether elements of a sum are divided by other elements of it."""
    if one.reduced or other.reduced:
        return not bool(torch.isin(one.elements(), other.elements()).all())
    return bool((one.elements() != other.elements()).any())


def _is_one(sums: Tensor) -> bool:
    """Whether nothing was left out of them; those of queries that see nothing are NaN."""
    return bool(((sums.detach() - 1).abs().nan_to_num() < _TOLERANCE.get(sums.dtype, 1e-4)).all())
