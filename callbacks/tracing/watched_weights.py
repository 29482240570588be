"""Watched weights: what a tensor of the pass is of the weights of an attention, and what moving it makes of that."""

import dataclasses
from typing import Any

from torch import Tensor

from .axes import Atom, Axes, leaves, size_of


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
    whole: "WatchedWeights | None" = None  # that these are a part of


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
