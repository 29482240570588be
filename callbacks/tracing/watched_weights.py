"""Watched weights: what a tensor of the pass is of the weights of an attention, and what moving it makes of that."""

import dataclasses
import math
from typing import Any

from torch import Tensor

from .axes import Atom, Axes, Axis, arranged, axes_of, leaves, size_of

_SOME_HEADS = (
    "the weights of some of its heads meet no values that could be seen: those of others are used in their place"
)


JOINING = {"cat", "concat", "concatenate", "stack"}
_CHANGED = "its weights are changed after softmax (by {}): its attention is not what its logits say"
_AVERAGING = "the mean over heads that need_weights=True gives: average_attn_weights=False gives those of each head"
_JOINED = (
    "its weights are put into one tensor with others (by {}) before they meet values, which is not followed: let each "
    "meet its own values, or show it with attnviz_tap(q, k, …)"
)
_MIXED = (
    "its weights are mixed with those of another softmax before they meet values: the mixture, or the difference, is "
    "what the model attends with, and no queries and keys give it"
)


def why_not(operation: str, *, mixed: bool = False) -> str:
    """Why weights that `operation` made something else of are refused. mixed: with those of another attention."""
    return (_JOINED if operation in JOINING else _MIXED if mixed else _CHANGED).format(operation)


@dataclasses.dataclass(frozen=True)
class WatchedWeights:
    """What a tensor of the pass is: the weights of an attention, or what has become of them."""

    name: str
    clean: Tensor | None  # what it would be if nothing had changed it; None if it has been changed
    axes: Axes | None  # of it
    target: Axes  # batch, heads, n_query, n_key
    sink: Atom | None  # what stands for the keys while sinks are beside them
    sinks_first: bool
    changed_by: str = ""
    shown: bool = False  # by attnviz_tap
    logarithm: bool = False  # still to be exponentiated
    handed_out: bool = False  # beside a result that they have made already
    whole: "WatchedWeights | None" = None  # that these are a part of


class HeadsMet:
    """Of which heads the weights meet values, where some are taken apart from the others."""

    def __init__(self) -> None:
        self._parts: dict[str, dict[tuple[object, ...], int]] = {}  # attention → parts of its weights, and how many
        self._whole: dict[str, int] = {}

    def meet(self, entry: WatchedWeights) -> None:
        """These weights are multiplied with values."""
        x, axes = entry.clean, entry.axes
        if x is None or axes is None or not size_of(entry.target[1]) > 1:
            return
        whole = self._whole[entry.name] = math.prod(map(size_of, entry.target))
        has_all = set(leaves(entry.target[1])) <= {atom for axis in axes for atom in leaves(axis)}
        parts = self._parts.setdefault(entry.name, {})
        if has_all:
            parts[()] = whole
        else:  # an element that is spread out counts once
            once = math.prod(size for size, stride in zip(x.shape, x.stride(), strict=True) if stride)
            parts[x.data_ptr(), x.shape, x.stride()] = once

    def lacking(self) -> dict[str, str]:
        """Attention → why it is not recorded, for those of which some heads meet none."""
        return {name: _SOME_HEADS for name, parts in self._parts.items() if sum(parts.values()) < self._whole[name]}


def handed_out(name: str, weights: Tensor, heads: int, *, averaged: bool) -> WatchedWeights:
    """`weights` [batch, heads, n_query, n_key], or without batch; [batch, n_query, n_key] where they are `averaged`."""
    axes = axes_of(weights.shape)
    kept = axes[:-2] if not averaged else (*axes[:-2], ())
    target: Axes = (*((),) * (2 - len(kept)), *kept, *axes[-2:])
    changed = averaged and heads > 1
    clean, by = (None, _AVERAGING) if changed else (weights.clone(), "")
    return WatchedWeights(name, clean, None if changed else axes, target, None, False, changed_by=by, handed_out=True)


def moved_part(entry: WatchedWeights, clean: Tensor, axes: Axes | None) -> WatchedWeights:
    """What a move makes of `entry`: all of it, or a part."""
    assert entry.clean is not None
    whole = entry.whole if clean.numel() == entry.clean.numel() else entry
    return dataclasses.replace(entry, clean=clean, axes=axes, whole=whole)


def without_sinks(entry: WatchedWeights, before: Tensor) -> WatchedWeights:
    """`entry` with its keys, if just the column of sinks was cut off."""
    if entry.sink is None or entry.axes is None or entry.clean is None:
        return entry
    for place, axis in enumerate(entry.axes):
        if any(entry.sink in leaves(atom.cut_from) for atom in axis) and before.dim() == entry.clean.dim():
            keys = before.narrow(place, int(entry.sinks_first), before.shape[place] - 1)
            if keys.shape == entry.clean.shape and keys.data_ptr() == entry.clean.data_ptr():
                axes = (*entry.axes[:place], entry.target[3], *entry.axes[place + 1 :])
                return dataclasses.replace(entry, axes=axes, sink=None)
    return entry


def could_be_weights(x: Any, entry: WatchedWeights) -> bool:
    """Whether `x`, made of weights, has a number for each pair still, at least of one head and sequence."""
    least = size_of(entry.target[2]) * size_of(entry.target[3])
    return isinstance(x, Tensor) and x.is_floating_point() and x.numel() >= least


def arranged_values(values: Tensor, labels: tuple[int, ...], axes: dict[int, Axis], target: Axes) -> Tensor | None:
    """`values` as [batch or 1, value_heads, n_key, d_v], from the axes of the weights that they share."""
    own = [place for place, label in enumerate(labels) if label not in axes and label != -1]
    if len(own) != 1:
        return None  # broadcast otherwise, it is not told whose
    (place,) = own
    shared = tuple(axes.get(label, ()) for label in labels if label != labels[place])
    return arranged(values.movedim(place, -1), shared, (*target[:2], target[3]), behind=1, grouped=True)


def arranged_result(result: Tensor, *, labels: tuple[int, ...], axes: dict[int, Axis], target: Axes) -> Tensor | None:
    """`result` of weights and values as [batch, heads, n_query, d_v]."""
    own = [place for place, label in enumerate(labels) if label not in axes]
    if len(own) != 1 or result.dim() != len(labels):
        return None
    (place,) = own
    shared = tuple(axes[label] for label in labels if label != labels[place])
    return arranged(result.movedim(place, -1), shared, target[:3], behind=1)
