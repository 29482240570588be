"""Orders: whether the tokens that a model attends among are the probe's, in their order, and all sequences at once.

A model that reads its tokens backwards, sorts them, or attends for one sequence after the other gives queries of the
same shapes as any other. So what is made of the inputs is followed through reversals, picks by an index, and loops.
"""

import dataclasses
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor

from .nested import tensors_in
from .of_tensors import OfTensors

_PICKING = {"getitem", "index_select", "gather", "take_along_dim"}
_ONE_BY_ONE = {"getitem", "select", "unbind", "iter", "split", "chunk"}
_SORTING = {"sort", "msort", "topk"}
_CHANGING = _PICKING | _ONE_BY_ONE | _SORTING
_TOGETHER = {"stack", "cat", "concat", "pad_sequence"}

_TOKENS = (
    "the model puts the tokens in another order before it attends to them (by {}): the probe names them in that of "
    "the inputs"
)
_SEQUENCES = "the model puts the sequences in another order before it attends (by {}): record it without"
_LOOP = (
    "it attends within one sequence at a time, in a loop: what it does for all of them is not brought together; give "
    "it all sequences at once, or show it with attnviz_tap(q, k, …) with those of all"
)
_Permutation = tuple[int, ...]  # at each place, which one stands there; () where that is not known


@dataclasses.dataclass(frozen=True)
class _Order:
    """How a tensor differs from one in which everything stands as in the inputs."""

    tokens: _Permutation | None = None
    sequences: _Permutation | None = None
    alone: bool = False  # of one sequence
    by: str = ""  # the operation


_AS_IT_IS = _Order()


class Orders:
    """Follows what is made of the inputs through what changes the order of its tokens."""

    def __init__(
        self,
        sequences: int,
        widths: set[int],
        is_content: Callable[[Tensor], bool],
        is_of_features: Callable[[Tensor], bool],
    ) -> None:
        """How many sequences, and how many tokens the sides of the probe have.

        is_content: whether inputs had a part in a tensor. is_of_features: whether its first axis is known as theirs.
        """
        self._sequences = sequences
        self._widths = widths
        self._is_content = is_content
        self._is_of_features = is_of_features
        self._of = OfTensors[_Order]()

    def problem(self, *tensors: Any, placed: bool) -> str | None:
        """Why an attention with these queries and keys is not among the probe's tokens in their order.

        placed: of which patches of an image they are is told elsewhere, in whatever order.
        """
        for order in map(self._order, tensors):
            if order.alone and self._sequences > 1:
                return _LOOP
            if order.sequences is not None:
                return _SEQUENCES.format(order.by)
            if order.tokens is not None and not placed:
                return _TOKENS.format(order.by)
        return None

    def follow(self, operation: str, given: Sequence[Tensor], args: tuple[Any, ...], kwargs: dict[str, Any],
               result: Any) -> None:  # fmt: skip
        """Take notice of one operation of the pass, as `Sources.follow` does."""
        x = args[0] if args else kwargs.get("input")
        changes = operation in _CHANGING or operation.startswith("flip")
        if not self._of and not (changes and isinstance(x, Tensor)):
            return
        order = self._joint(given)
        if operation in _TOGETHER:
            order = dataclasses.replace(order, alone=False)
        elif changes and isinstance(x, Tensor) and self._is_content(x):
            order = self._changed(operation, x, args[1:], kwargs, result, self._order(x))
        for one in tensors_in(result):
            if order != _AS_IT_IS and one is not x:
                self._of[one] = order

    def _order(self, x: Any) -> _Order:
        return self._of.get(x, _AS_IT_IS)

    def _joint(self, tensors: Sequence[Tensor]) -> _Order:
        """That of what is made of several tensors: of those that are not as they are, unknown if they differ."""
        found = list({order: None for x in tensors if (order := self._order(x)) != _AS_IT_IS})
        if len(found) < 2:
            return found[0] if found else _AS_IT_IS
        of_tokens = {order.tokens for order in found} - {None}
        of_sequences = {order.sequences for order in found} - {None}
        return _Order(
            tokens=None if not of_tokens else of_tokens.pop() if len(of_tokens) == 1 else (),
            sequences=None if not of_sequences else of_sequences.pop() if len(of_sequences) == 1 else (),
            alone=any(order.alone for order in found),
            by=found[0].by,
        )

    def _changed(
        self, operation: str, x: Tensor, rest: tuple[Any, ...], kwargs: dict[str, Any], result: Any, order: _Order
    ) -> _Order:
        if operation.startswith("flip"):
            given = {"fliplr": (1,), "flipud": (0,)}.get(operation) or kwargs.get("dims", rest)
            dims = given[0] if len(given) == 1 and isinstance(given[0], (tuple, list)) else given
            for axis in dims:
                order = self._picked(x, axis % x.dim(), range(x.shape[axis])[::-1], order, operation)
            return order
        if operation in _SORTING:
            return self._sorted(operation, x, rest, kwargs, result, order)
        if operation in _PICKING and (picked := _index(operation, x, rest, kwargs)) is not None:
            return self._picked(x, *picked, order, "an index")
        if operation in _ONE_BY_ONE and self._takes_one(operation, x, rest, kwargs, result):
            return dataclasses.replace(order, alone=True)
        return order

    def _picked(self, x: Tensor, axis: int, places: Sequence[int], order: _Order, by: str) -> _Order:
        """`places`: which ones of `axis` stand there now; empty where that is not one order."""
        size = x.shape[axis]
        if len(places) not in (0, size):
            return order
        if axis == 0 and size == self._sequences and x.dim() > 1 and not order.alone:
            return dataclasses.replace(order, sequences=_after(order.sequences, places, size), by=by)
        if size in self._widths and (axis < x.dim() - 1 or x.dim() == 2) and x.dtype != torch.bool:
            return dataclasses.replace(order, tokens=_after(order.tokens, places, size), by=by)
        return order

    def _sorted(
        self, operation: str, x: Tensor, rest: tuple[Any, ...], kwargs: dict[str, Any], result: Any, order: _Order
    ) -> _Order:
        """Of features of tokens, or their ids, that are sorted along the tokens."""
        given = dict(zip({"topk": ("k", "dim"), "sort": ("dim",)}.get(operation, ()), rest, strict=False)) | kwargs
        axis = given.get("dim", 0 if operation == "msort" else -1) % x.dim()
        made = next(iter(tensors_in(result)), x)
        if made.shape != x.shape or (x.dim() == 2 and x.is_floating_point()) or axis == x.dim() - 1 > 1:
            return order
        return self._picked(x, axis, (), order, f"{operation}()")

    def _takes_one(self, operation: str, x: Tensor, rest: tuple[Any, ...], kwargs: dict[str, Any], result: Any) -> bool:
        """Whether it takes one sequence out of all."""
        if self._sequences < 2 or x.dim() < 2 or x.shape[0] != self._sequences or self._is_of_features(x):
            return False
        if operation == "getitem":
            first = rest[0][0] if isinstance(rest[0], tuple) and rest[0] else rest[0]
            if not isinstance(first, int) or isinstance(first, bool):
                return False
        elif kwargs.get("dim", (*rest, 0, 0)[operation in ("split", "chunk")]) != 0:
            return False
        parts = tensors_in(result)
        if operation in ("split", "chunk"):
            return len(parts) == self._sequences
        # Stacked queries, keys and values are taken apart likewise.
        return not any(part.dim() > 3 and part.shape[0] == self._sequences for part in parts)


def _after(before: _Permutation | None, places: Sequence[int], size: int) -> _Permutation | None:
    """What stands where after `places` were picked of what stood as `before` says."""
    if not places or before == ():
        return ()
    found = tuple(places if before is None else (before[place] for place in places))
    return None if found == tuple(range(size)) else found


def _index(
    operation: str, x: Tensor, rest: tuple[Any, ...], kwargs: dict[str, Any]
) -> tuple[int, Sequence[int]] | None:
    """The axis of `x` that is picked from, and which of it; nothing of another kind of picking."""
    if operation == "getitem":
        parts = rest[0] if isinstance(rest[0], tuple) else (rest[0],)
        picks = [n for n, part in enumerate(parts) if isinstance(part, (Tensor, list))]
        plain = all(isinstance(part, slice) and part == slice(None) for n, part in enumerate(parts) if n not in picks)
        if len(picks) != 1 or not plain:
            return None
        axis = picks[0]
        index: Any = torch.as_tensor(parts[picks[0]])
    else:
        given: dict[str, Any] = dict(zip(("dim", "index"), rest, strict=False)) | kwargs
        if operation == "take_along_dim":
            given = dict(zip(("indices", "dim"), rest, strict=False)) | kwargs
        if not isinstance(given.get("dim"), int):
            return None
        axis, index = given["dim"], given.get("index", given.get("indices"))
    if not isinstance(index, Tensor) or index.dtype == torch.bool:
        return None
    axis %= x.dim()
    if index.dim() == 1 and index.dtype != torch.uint8:
        places = [place % x.shape[axis] for place in index.tolist()] if len(index) == x.shape[axis] else [-1]
        return axis, places
    if operation != "getitem" and index.dim() == x.dim() and index.shape[axis] == x.shape[axis]:
        line = torch.arange(x.shape[axis], device=index.device).view(-1, *[1] * (x.dim() - axis - 1))
        return None if bool((index == line).all()) else (axis, [])
    return None
