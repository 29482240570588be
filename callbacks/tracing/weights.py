"""Weights: what becomes of an attention between its softmax and its values, and the values that it meets.

Code that changes its weights after softmax (sets some to 0, mixes heads, subtracts another attention) attends otherwise
than its logits say, and must not be recorded as if it did not. So each softmax's weights are followed to the product
with the values, beside a clean copy that moves as they do. What reaches the values must be that copy: whatever an
operation in between is called, and whether it wrote in place. Operations that are not known to move elements alone give
weights that are held to be changed, unless their result is seen to be the same.
"""

import dataclasses
import functools
from collections.abc import Callable, Sequence
from typing import Any, Protocol

import torch
from torch import Tensor

from .axes import MOVING, REGROUPING, SAME, Axes, arranged, axes_of, leaves, moved, size_of
from .contraction import OPERATIONS, Contraction, read_contraction
from .nested import tensors_given
from .observer import Observer
from .of_tensors import OfTensors
from .plain_attention import PlainAttention
from .products import FACTORS
from .tokens_of_calls import TokensOfCalls
from .twins import Twins
from .watched_weights import (
    JOINING,
    HeadsMet,
    WatchedWeights,
    arranged_result,
    arranged_values,
    could_be_weights,
    handed_out,
    moved_part,
    why_not,
    without_sinks,
)

_NOT_SEEN = (
    "its weights go through {} after softmax, which is not known to keep them, and meet no values that could be seen"
)
_LIKE = {"ones_like", "zeros_like", "full_like", "empty_like", "rand_like", "randn_like", "new_zeros", "new_ones"}
_SUMMING = OPERATIONS | {"sum", "nansum", "mean", "linear", "tensordot", "mv", "inner"}
_LIKE |= {"new_full", "new_empty", "new_tensor"}  # of the shape or the kind of a tensor, with nothing of what it holds
_NO_VALUES = (
    "its weights meet no values that could be seen: what the model does with them is not known; where they are what it "
    "attends with, show it with attnviz_tap(q, k, …)"
)


class Met(Protocol):
    def __call__(
        self,
        name: str,
        result: Any,
        made_of: Sequence[Tensor],
        heads: Sequence[int],
        *,
        arrange: Callable[[Tensor], Tensor | None],
        values: tuple[Tensor | None, Callable[[Tensor], Tensor | None]],
    ) -> None: ...


class Weights:
    """Follows weights from their softmax on, and tells `judge` what they meet, or why they cannot be recorded."""

    def __init__(self, judge: Observer, met: Met, tokens: TokensOfCalls, summed: Callable[..., None]) -> None:
        """`met` is told of attentions, the results of their products with values, these, and which axes are heads.

        And, as `arrange`, what brings the results to [batch, heads, n_query, d_v], where that is known; `values` are
        what they were multiplied with, and what brings that to [batch or 1, value_heads, n_key, d_v].
        summed: is told of other sums with weights.
        """
        self._judge = judge
        self._result = met
        self._tokens = tokens
        self._summed = summed
        self._names: set[str] = set()  # the attentions whose weights the model has computed itself
        self._of = OfTensors[tuple[WatchedWeights, ...]]()
        self._met: set[str] = set()
        self._heads = HeadsMet()
        self._twins = Twins()
        self._doubts: dict[str, str] = {}  # attention → the operation that made what was not seen to meet values

    def watch(self, name: str, weights: Tensor, attention: PlainAttention | None, *, logarithm: bool = False) -> None:
        """`weights` are those of `name`; `attention` says which axis is which, else they are [batch, heads, …]."""
        if attention is None:
            axes = axes_of(weights.shape)
            target: Axes = ((), *axes) if len(axes) == 3 else axes
            entry = WatchedWeights(name, weights.clone(), axes, target, None, False, shown=True)
        else:
            entry = WatchedWeights(
                name, weights.clone(), attention.axes, attention.target, attention.sink, attention.sinks_first
            )
            self._names.add(name)
        self._twins.watch(name, weights)
        self._of[weights] = (dataclasses.replace(entry, logarithm=logarithm),)

    def hand_out(self, name: str, weights: Tensor, heads: int, *, averaged: bool) -> None:
        """`weights` of `name` are handed out beside its result, which is seen elsewhere, for whatever use."""
        self._of[weights] = (handed_out(name, weights, heads, averaged=averaged),)

    def follow(self, func: Callable[..., Any], operation: str, args: tuple[Any, ...], kwargs: dict[str, Any],
               result: Any) -> None:  # fmt: skip
        """Take notice of one operation of the pass, named as in torch, without underscores around it."""
        if not self._of or operation in _LIKE:
            return
        known = [(x, entry) for x in tensors_given(args, kwargs) for entry in self._of.get(x, ())]
        if operation.endswith("_as"):  # x.expand_as(weights)
            known = [(x, entry) for x, entry in known if args and x is args[0]]
        if not known or not (operation == "setitem" or any(True for _ in tensors_given((result,), {}))):
            return
        if operation in OPERATIONS:
            contraction = read_contraction(operation, args, kwargs)
            if contraction is not None:
                known = [(x, entry) for x, entry in known if not self._meet(contraction, x, entry, result)]
        if operation in FACTORS:
            known = [(x, entry) for x, entry in known if not self._weighs(args, kwargs, x, entry, result)]
        if operation in _SUMMING and isinstance(result, Tensor):
            for entry in (entry for x, entry in known if result.numel() < x.numel()):
                self._summed(entry.name, result, with_values=False)
        if operation == "setitem" and isinstance(args[0], Tensor):
            known = [(x, entry) for x, entry in known if x is args[0]]
            result = args[0]
        entries: dict[int, list[WatchedWeights]] = {}
        results = result if isinstance(result, (tuple, list)) else (result,)
        for x, entry in known:
            made = self._made(func, operation, args, kwargs, x, entry, result)
            for place, one in enumerate(made):
                if one is not None:
                    entries.setdefault(place, []).append(one)
        for place, found in entries.items():
            found.sort(
                key=lambda entry: entry.clean is not None
            )  # what is seen to be the same is, whatever else met it
            self._of[results[place]] = tuple({entry.name: entry for entry in found}.values())

    def finish(self) -> None:
        """The pass is over: refuse the attentions whose weights went where they could not be followed."""
        for name, operation in self._doubts.items():
            if name not in self._met:
                self._judge.refuse(name, _NOT_SEEN.format(operation))
        for name, why in self._twins.unmet(self._met).items():
            self._judge.refuse(name, why)
        for name, why in self._heads.lacking().items():
            self._judge.refuse(name, why)
        for name in self._names - self._met:
            self._judge.refuse(name, _NO_VALUES)

    def _made(self, func: Callable[..., Any], operation: str, args: tuple[Any, ...], kwargs: dict[str, Any],
              x: Tensor, entry: WatchedWeights, result: Any) -> list[WatchedWeights | None]:  # fmt: skip
        """What each of the results of an operation on `x` is."""
        results = list(result) if isinstance(result, (tuple, list)) else [result]
        if entry.clean is None:
            return [entry if could_be_weights(one, entry) else None for one in results]
        if args and args[0] is x and operation in MOVING | REGROUPING | SAME and entry.axes is not None:
            keeps = operation in SAME and isinstance(result, Tensor)
            clean = entry.clean.to(result.dtype) if keeps else func(entry.clean, *args[1:], **kwargs)
            axes = moved(func, operation, args, kwargs, entry.axes, result)
            if isinstance(result, Tensor) and isinstance(clean, Tensor):
                return [without_sinks(moved_part(entry, clean, axes), entry.clean)]
            if isinstance(clean, (tuple, list)) and isinstance(axes, list):
                return [moved_part(entry, c, a) for c, a in zip(clean, axes, strict=True)]
        if entry.logarithm:
            if operation == "exp" and isinstance(result, Tensor):
                return [dataclasses.replace(entry, clean=entry.clean.exp(), logarithm=False)]
            return [None]  # an entropy, say; what it is not is weights
        if operation in JOINING and isinstance(result, Tensor):
            together = self._together(func, args, kwargs, entry)
            if together is not None:
                return [together]
        made: list[WatchedWeights | None] = []
        for one in results:
            if isinstance(one, Tensor) and _is_dense(one) and one.numel() == x.numel():
                before = entry.clean.reshape(one.shape)
                if self._same(entry, before, one):
                    same_axes = entry.axes if one.shape == x.shape else None
                    made.append(dataclasses.replace(entry, clean=before, axes=same_axes))
                    continue
            made.append(self._changed(entry, operation) if could_be_weights(one, entry) else None)
        return made

    def _changed(self, entry: WatchedWeights, operation: str) -> WatchedWeights:
        if not entry.handed_out:
            self._doubts.setdefault(entry.name, operation)
        return dataclasses.replace(entry, clean=None, axes=None, changed_by=operation)

    def _together(
        self, func: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any], entry: WatchedWeights
    ) -> WatchedWeights | None:
        """All parts of some weights, joined again as they were."""
        parts = args[0] if args else kwargs.get("tensors", ())
        of_parts = [[e for e in self._of.get(part, ()) if e.name == entry.name] for part in parts]
        wholes = [found[0].whole if found and found[0].clean is not None else None for found in of_parts]
        whole = wholes[0]
        if whole is None or whole.clean is None or any(other is not whole for other in wholes):
            return None
        cleans = [found[0].clean for found in of_parts]
        clean = func(cleans, *args[1:], **{key: value for key, value in kwargs.items() if key != "tensors"})
        return whole if torch.equal(clean, whole.clean) else None

    def _meet(self, contraction: Contraction, x: Tensor, entry: WatchedWeights, result: Any) -> bool:
        """Whether `contraction` sums the weights over their keys: what they meet are values then."""
        if contraction.left is x:
            labels, values, of_values = contraction.of_left, contraction.right, contraction.of_right
        elif contraction.right is x:
            labels, values, of_values = contraction.of_right, contraction.left, contraction.of_left
        else:
            return False
        summed = [place for place, label in enumerate(labels) if label in contraction.summed]
        if entry.logarithm or len(summed) != 1:
            return False
        (place,) = summed
        of_keys = set(leaves(entry.target[3]))
        if entry.clean is None or entry.axes is None:
            if entry.handed_out and (values in self._of or not self._tokens.is_made_of_inputs(values)):
                return False  # a rollout, or mean positions
            if x.shape[place] == size_of(entry.target[3]):
                why = why_not(entry.changed_by or "moving them", mixed=len(self._of.get(x, ())) > 1)
                self._judge.refuse(entry.name, why)
                return True
            return False
        axis = leaves(entry.axes[place])
        if any(set(leaves(atom.cut_from)) & of_keys for atom in axis):
            self._refuse(entry, "leaving out some keys")
            return True
        if set(axis) != of_keys:
            return False
        if not self._same(entry, entry.clean, x):
            self._refuse(entry, "writing into them")
            return True
        if self._tokens.is_made_by(entry.name, values):
            self._refuse(entry, "applying them to what they have made")
            return True
        if entry.handed_out:
            return True
        self._met.add(entry.name)
        self._heads.meet(entry)
        axes = {label: entry.axes[place] for place, label in enumerate(labels) if label != -1}
        of_heads = set(leaves(entry.target[1]))
        of_result = [set(leaves(axes.get(label, ()))) for label in contraction.of_result]
        heads_at = [place for place, of_axis in enumerate(of_result) if of_axis & of_heads]
        arrange = functools.partial(arranged_result, labels=contraction.of_result, axes=axes, target=entry.target)
        arrange_values = functools.partial(arranged_values, labels=of_values, axes=axes, target=entry.target)
        self._result(entry.name, result, (x, values), heads_at, arrange=arrange, values=(values, arrange_values))
        found = arrange_values(values)
        if found is not None:
            self._judge.take_values(entry.name, found)
        return True

    def _weighs(
        self, args: tuple[Any, ...], kwargs: dict[str, Any], x: Tensor, entry: WatchedWeights, result: Any
    ) -> bool:
        """Whether each weight is multiplied with a whole value, to be summed by hand: (w[..., None] * v).sum(-2)."""
        others = [other for other in tensors_given(args, kwargs) if other is not x]
        if len(others) != 1 or result.numel() <= x.numel():
            return False
        if entry.axes is None or entry.clean is None:
            each = (
                entry.handed_out
                and self._tokens.is_made_of_inputs(others[0])
                and x.dim() == result.dim()
                and x.shape[-1] == 1 < result.shape[-1]
            )
            if each:
                self._refuse(entry, entry.changed_by)
            return each
        other = others[0]
        spread = other.shape[other.dim() - x.dim() :] if other.dim() >= x.dim() else (1,) * (x.dim() - other.dim())
        sizes = (*spread, *other.shape) if other.dim() < x.dim() else spread
        keys, queries = (set(leaves(entry.target[place])) for place in (3, 2))
        by_key = [n for n, axis in zip(sizes, entry.axes, strict=True) if set(leaves(axis)) == keys]
        by_query = [n for n, axis in zip(sizes, entry.axes, strict=True) if queries and set(leaves(axis)) & queries]
        if by_key != [size_of(entry.target[3])] or any(n > 1 for n in by_query):
            return False
        if self._same(entry, entry.clean, x):
            if not entry.handed_out:
                self._met.add(entry.name)
                self._heads.meet(entry)
            self._summed(entry.name, result, with_values=True, summed=False)
        else:
            self._refuse(entry, "writing into them")
        return True

    def _same(self, entry: WatchedWeights, before: Tensor, after: Tensor) -> bool:
        if before.shape == after.shape and entry.axes is not None and len(entry.axes) == after.dim():
            both = [arranged(x, entry.axes, entry.target) for x in (before, after)]
            if both[0] is not None and both[1] is not None:
                return self._judge.keeps_weights(entry.name, both[0], both[1])
        return self._judge.keeps_weights(entry.name, before, after)

    def _refuse(self, entry: WatchedWeights, by: str) -> None:
        self._judge.refuse(entry.name, why_not(by))


def _is_dense(x: Tensor) -> bool:
    return x.layout is torch.strided and x.is_floating_point()
