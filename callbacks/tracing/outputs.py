"""Outputs: what becomes of the result of an attention before the next layer, to see attentions that are subtracted.

Differential attention (arXiv 2410.05258) attends with the difference of two softmaxes. It is as well written as the
difference of what each of them gives, where neither's weights are touched; as a sum in which one of them has a negative
factor, which may be learned; as a product with such factors, of both side by side; or by values that are those of the
other, times a negative factor (`opposed`). So every element of a result is followed with the number of the head that it
is of, and its sign, through what only moves, scales or adds it, up to the layer that projects it.
"""

import dataclasses
import functools
import operator
from collections.abc import Callable, Iterable, Sequence, Set
from typing import Any

import torch
from torch import Tensor

from .axes import MOVING, REGROUPING, SAME
from .contraction import OPERATIONS
from .divided import Divided
from .of_tensors import OfTensors
from .opposed import Opposed
from .replayed import replayed
from .sums import ADDING, SUBTRACTING, Sum, read_mixture, read_sum, sign_of

_FACTORS = {"mul", "rmul", "imul", "multiply", "div", "truediv", "idiv", "itruediv", "divide", "true_divide"}
_KEEPING = SAME | {"dropout", "layer_norm", "rms_norm", "group_norm", "normalize"}
_JOINING = {"cat", "concat", "concatenate", "stack"}
_FOLLOWED = MOVING | REGROUPING | _KEEPING | _JOINING | _FACTORS | ADDING
_FOLLOWED |= {"neg", "negative", "roll", "flip", "repeat", "repeat_interleave", "expand_as", "setitem"}
_SUMMING = OPERATIONS | {"sum", "mean", "diff", "linear", "tensordot"}
_FOLLOWED |= _SUMMING
_WHY = (
    "its result is subtracted from that of another attention, or of other heads: what the model attends with is the "
    "difference, which no queries and keys give"
)
_LESSENED = (
    "the mean of its values is subtracted from its result: what the model attends with is its weights less as much "
    "for every key, which no queries and keys give"
)
_MOST = 30_000  # heads of a pass that are told apart


@dataclasses.dataclass(frozen=True)
class _Output:
    """A tensor that is made of the results of attentions alone, and of what was added to them."""

    names: frozenset[str]
    elements: Callable[[], tuple[Tensor, Tensor]]
    """Of its shape: the number of the head that each element is of, 0 for none, and its sign. Made when asked for."""


class Outputs:
    """Follows the results of attentions, and refuses those that are subtracted."""

    def __init__(self, refuse: Callable[[str, str], None], sources: Callable[[Any], int]) -> None:
        """`sources` says what a tensor was made from, as a set of `Sources`."""
        self._refuse = refuse
        self._sources = sources
        self._of = OfTensors[_Output]()
        self._heads = 0  # numbered so far
        self._values = Opposed()
        self.divided = Divided(
            refuse, lambda *names: bool(self._beside(*({name} & {*self._made_from} for name in names)))
        )
        self._heads_of: dict[str, int] = {}  # attention → how many of them
        self._made_from: dict[str, tuple[int, int]] = {}  # attention → its sources, and itself

    def begin(
        self,
        name: str,
        result: Any,
        made_of: Iterable[Any],
        attention: int,
        heads: Iterable[int] | None = None,
        values: Tensor | None = None,
    ) -> None:
        """`result` is what the attention `name` gives, made of weights and values, say.

        attention: itself, as a set of sources. heads: which axes of the result number heads; by default all but the
        last two and, of four or more, the first. values: [batch, value_heads, n_key, d_v], if known.
        """
        if not isinstance(result, Tensor):
            return
        axes = tuple(range(int(result.dim() > 3), result.dim() - 2)) if heads is None else tuple(heads)
        shape = [size if place in axes else 1 for place, size in enumerate(result.shape)]
        first = self._heads % _MOST + 1
        count = torch.Size(shape).numel()
        self._heads += count
        self._heads_of[name] = self._heads_of.get(name, 0) + count
        if values is not None:
            self._values.take(range(first, first + count), values)
        whole, device = result.shape, result.device

        def elements() -> tuple[Tensor, Tensor]:
            numbers = torch.arange(first, first + count, dtype=torch.int32, device=device).view(shape)
            return numbers.expand(whole), torch.ones((), dtype=torch.int8, device=device).expand(whole)

        self._of[result] = _Output(frozenset({name}), elements)
        self._made_from[name] = functools.reduce(operator.or_, map(self._sources, made_of), 0) & ~attention, attention
        self.divided.begin(name, result, with_values=True)

    def follow(self, func: Callable[..., Any], operation: str, given: Sequence[Tensor], args: tuple[Any, ...],
               kwargs: dict[str, Any], result: Any) -> None:  # fmt: skip
        """Take notice of one operation of the pass, as `Sources.follow` does."""
        self.divided.follow(func, operation, given, args, kwargs, result)
        if not self._of or operation not in _FOLLOWED:
            return
        x = args[0] if args else None
        known = [one for one in given if one in self._of]
        if not known:
            return
        if operation in ADDING:
            self._add(read_sum(operation, args, kwargs), result, subtracts=operation in SUBTRACTING)
        elif (mixture := read_mixture(operation, args, kwargs)) is not None:
            self._mix(*mixture)
        elif operation == "setitem":
            self._write(*args[:3])
        elif operation in _JOINING:
            self._join(func, args, kwargs, result)
        elif (output := self._output(x)) is None or not isinstance(x, Tensor):
            if operation in ("mul", "rmul", "multiply") and len(known) == 1:
                self._scale(known[0], x, result)
        elif operation in _FACTORS and len(known) == 1:
            self._scale(x, args[1] if len(args) > 1 else kwargs.get("other"), result)
        elif operation in ("neg", "negative"):
            self._scale(x, -1, result)
        elif operation in _KEEPING:
            if isinstance(result, Tensor) and result.shape == x.shape:
                self._of[result] = output
        elif operation not in _SUMMING | _FACTORS:
            self._move(func, operation, args, kwargs, output, result)

    def _output(self, x: Any) -> _Output | None:
        return self._of.get(x)

    def _move(self, func: Callable[..., Any], operation: str, args: tuple[Any, ...], kwargs: dict[str, Any],
              output: _Output, result: Any) -> None:  # fmt: skip
        for one, move in replayed(func, operation, args, kwargs, result):

            def elements(move: Callable[[Tensor], Tensor] = move) -> tuple[Tensor, Tensor]:
                numbers, signs = output.elements()
                return move(numbers), move(signs)

            self._of[one] = _Output(output.names, elements)

    def _scale(self, x: Tensor, factor: Any, result: Any) -> None:
        output = self._output(x)
        if output is None or not isinstance(result, Tensor) or not isinstance(factor, (int, float, Tensor)):
            return
        sign = sign_of(factor)

        def elements() -> tuple[Tensor, Tensor]:
            numbers, signs = output.elements()
            return numbers.expand(result_shape), (signs * sign).expand(result_shape)

        result_shape = result.shape
        self._of[result] = _Output(output.names, elements)

    def _join(self, func: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any], result: Any) -> None:
        parts = args[0] if args else kwargs.get("tensors", ())
        if not isinstance(result, Tensor) or not isinstance(parts, (list, tuple)):
            return
        outputs = [self._output(part) for part in parts]
        shapes = [part.shape for part in parts]
        options = {key: value for key, value in kwargs.items() if key != "tensors"}
        device = result.device

        def elements() -> tuple[Tensor, Tensor]:
            both = [_none(s, device) if o is None else o.elements() for o, s in zip(outputs, shapes, strict=True)]
            numbers, signs = (func(list(of_all), *args[1:], **options) for of_all in zip(*both, strict=True))
            return numbers, signs

        self._of[result] = _Output(frozenset().union(*(o.names for o in outputs if o is not None)), elements)

    def _write(self, x: Any, place: Any, value: Any) -> None:
        """x[place] = value."""
        own, given = self._output(x), self._output(value)
        if not isinstance(x, Tensor) or not isinstance(value, Tensor):
            return
        shape, of_value, device = x.shape, value.shape, x.device

        def elements() -> tuple[Tensor, Tensor]:
            base = [e.clone() for e in (_none(shape, device) if own is None else own.elements())]
            written = _none(of_value, device) if given is None else given.elements()
            for one, new in zip(base, written, strict=True):
                one[place] = new
            return base[0], base[1]

        names = frozenset[str]().union(*(o.names for o in (own, given) if o is not None))
        self._of[x] = _Output(names, elements)

    def _add(self, terms: Sum, result: Any, *, subtracts: bool) -> None:
        """`result` is the sum of tensors, each times a factor of which the sign is given.

        subtracts: the code says so, and whether a factor is below 0 just now counts for nothing.
        """
        if not isinstance(result, Tensor):
            return
        shape = result.shape
        outputs = [(output, sign) for x, sign in terms if (output := self._output(x)) is not None]
        if self._output(result) is not None and all(x is not result for x, _ in terms):  # weights met values in it
            outputs += [(self._of[result], 1)]

        def signed(output: _Output, sign: Any) -> tuple[Tensor, Tensor]:
            numbers, signs = output.elements()
            return numbers.expand(shape), (signs * sign).expand(shape)

        for at, (output, sign) in enumerate(outputs):
            for other, of_other in outputs[:at]:
                names = self._beside(output.names, other.names)
                if not names:
                    continue
                (numbers, signs), (others, of_others) = signed(output, sign), signed(other, of_other)
                apart = (numbers > 0) & (others > 0) & (numbers != others)
                against = apart if subtracts else apart & (signs * of_others < 0)
                if bool(against.any()) or self._values.any_of(numbers[apart], others[apart]):
                    self._refuse_all(names)

        for output, sign in outputs:
            for x, of_x in terms:
                names = self._without_part_in(x, output.names)
                of_values = self._output(x) is None and bool(names) and x.numel() > 0
                if of_values and self._values.any_mean(*signed(output, sign), (x.detach() * of_x).expand(shape)):
                    self._refuse_all(names, _LESSENED)

        def elements() -> tuple[Tensor, Tensor]:
            numbers, signs = signed(*outputs[0])
            for output, sign in outputs[1:]:
                others, of_others = signed(output, sign)
                numbers, signs = torch.where(numbers > 0, numbers, others), torch.where(numbers > 0, signs, of_others)
            return numbers, signs

        if outputs:
            self._of[result] = _Output(frozenset().union(*(output.names for output, _ in outputs)), elements)

    def _mix(self, x: Tensor, place: int, factors: Tensor) -> None:
        """Axis `place` of `x` is summed over, with `factors` [of each result or 1, size]."""
        output = self._output(x)
        names = frozenset[str]() if output is None else self._beside(output.names, output.names)
        if output is None or not names or x.numel() == 0:
            return
        if x.shape[place] > sum(self._heads_of[name] for name in output.names):  # a projection of features
            numbers, signs = (e.movedim(place, -1)[(0,) * (x.dim() - 1)] for e in output.elements())
            if self._values.any_projected(numbers, factors.detach() * signs):
                self._refuse_all(names)
            return
        numbers, signs = (e.movedim(place, -1) for e in output.elements())  # (…, size)
        line = numbers.flatten(0, -2)[0]
        if len(set(line.tolist())) < max(len(line), 2):
            return  # of one head, too
        signs = torch.unique(signs.flatten(0, -2), dim=0)  # (kinds, size)
        both = signs[:, None] * sign_of(factors)[None] * (line > 0)  # (kinds, results, size)
        if bool(((both > 0).any(dim=-1) & (both < 0).any(dim=-1)).any()):
            self._refuse_all(names)

    def _beside(self, names: Set[str], others: Set[str]) -> frozenset[str]:
        """Those of two sets of attentions that are made beside each other, and not one from the other."""
        found = set()
        for one in names:
            for other in others:
                (of_one, own), (of_other, theirs) = self._made_from[one], self._made_from[other]
                if one == other or not (of_one & theirs or of_other & own):
                    found |= {one, other}
        return frozenset(found)

    def _without_part_in(self, x: Tensor, names: frozenset[str]) -> frozenset[str]:
        """Those that `x` is not made of."""
        return frozenset(name for name in names if not self._sources(x) & self._made_from[name][1])

    def _refuse_all(self, names: frozenset[str], why: str = _WHY) -> None:
        for name in sorted(names):
            self._refuse(name, why)


def _none(shape: torch.Size, device: torch.device) -> tuple[Tensor, Tensor]:
    return (  # of no attention
        torch.zeros((), dtype=torch.int32, device=device).expand(shape),
        torch.ones((), dtype=torch.int8, device=device).expand(shape),
    )
