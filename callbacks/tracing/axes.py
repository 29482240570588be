"""Axes: what each axis of a tensor is made of, followed through the operations that only move elements.

Models split, merge and swap the axes of batch, heads, queries and keys between a product and its softmax, and again
before the values. An axis is a row of atoms; an atom is a piece of an axis that nothing has taken apart so far:

    [batch · heads, n, n]     (b, h) (q) (k)      after view(batch, heads, n, n):     (b) (h) (q) (k)
"""

import math
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import torch
from torch import Tensor


class Atom:
    """A piece of an axis. Two are the same only if they are one object."""

    __slots__ = ("cut_from", "parts", "size")

    def __init__(self, size: int, cut_from: "Axis" = ()) -> None:
        self.size = size
        self.cut_from = cut_from  # the axis that it is a piece of, where some of it was left out
        self.parts: tuple[Atom, Atom] | None = None  # once it has been taken apart

    def split(self, size: int) -> "tuple[Atom, Atom]":
        """A slower part of `size`, and a faster one."""
        self.parts = Atom(size), Atom(self.size // size)
        return self.parts


Axis = tuple[Atom, ...]  # the last atom is the fastest; none for an axis of size 1
Axes = tuple[Axis, ...]

REGROUPING = {"view", "reshape", "flatten", "unflatten", "view_as", "reshape_as", "ravel"}
MOVING = {"permute", "transpose", "movedim", "moveaxis", "swapaxes", "swapdims", "t", "adjoint", "get", "getitem"}
MOVING |= {"select", "narrow", "unbind", "chunk", "split", "tensor_split", "squeeze", "unsqueeze", "expand"}
SAME = {"contiguous", "clone", "detach", "alias", "to", "type", "type_as", "float", "double", "half", "bfloat16"}
SAME |= {"cpu", "cuda"}

_STEP = 1_000_003  # the strides by which axes are known again: no size comes near it


def axes_of(shape: Iterable[int]) -> Axes:
    """Axes of their own for a tensor of this shape."""
    return tuple((Atom(size),) if size != 1 else () for size in shape)


def leaves(axis: Axis) -> Axis:
    """The atoms of `axis` as they are taken apart by now."""
    return tuple(leaf for atom in axis for leaf in ((atom,) if atom.parts is None else leaves(atom.parts)))


def atoms(axes: Iterable[Axis]) -> list[Atom]:
    """All of them in their order."""
    return [atom for axis in axes for atom in leaves(axis)]


def size_of(axis: Axis) -> int:
    return math.prod(atom.size for atom in axis)


def moved(func: Callable[..., Any], operation: str, args: tuple[Any, ...], kwargs: dict[str, Any],
          axes: Axes, result: Any) -> Any:  # fmt: skip
    """The axes of `result`, which `operation` makes of args[0] with `axes`; of each where it makes several.

    None where that is not known: the operation does more than move elements.
    """
    if operation in REGROUPING:
        return regrouped(axes, result.shape) if isinstance(result, Tensor) else None
    if operation in SAME:
        return axes if isinstance(result, Tensor) and len(result.shape) == len(axes) else None
    several = isinstance(result, (tuple, list)) and all(isinstance(one, Tensor) for one in result)
    if operation not in MOVING or not _basic(args[1:]) or not (several or isinstance(result, Tensor)):
        return None  # a shape is got, say
    # A tensor without memory, whose strides say after the move which axis is which.
    strides = [_STEP * 2**place for place in range(len(axes))]
    try:
        ghost = torch.empty_strided([size_of(axis) for axis in axes], strides, device="meta")
        found = func(ghost, *args[1:], **kwargs)
    except Exception:  # not with a ghost: then it is not known
        return None
    by_stride = dict(zip(strides, axes, strict=True))
    if isinstance(found, Tensor):
        return _read(found, by_stride)
    if isinstance(found, (tuple, list)):
        return [_read(one, by_stride) for one in found]
    return None


def regrouped(axes: Axes, shape: Sequence[int]) -> Axes | None:
    """The same elements in the same order, as a tensor of `shape`; None if that cuts through an axis unevenly."""
    rest = atoms(axes)[::-1]
    found: list[Axis] = []
    for size in shape:
        axis: list[Atom] = []
        have = 1
        while have < size:
            if not rest or size % have:
                return None
            atom, missing = rest.pop(), size // have
            if atom.size > missing:
                if atom.size % missing:
                    return None
                atom, behind = atom.split(missing)
                rest.append(behind)
            axis.append(atom)
            have *= atom.size
        if have != size:
            return None
        found.append(tuple(axis))
    return None if rest else tuple(found)


def arranged(x: Tensor, axes: Axes, target: Axes, *, behind: int = 0, grouped: bool = False) -> Tensor | None:
    """`x` with the axes of `target`, before `behind` axes that stay as they are.

    An axis that x has nothing of has size 1; one that it has a part of is spread out, but for its first atoms alone
    where `grouped`. None if x has more than `target` has.
    """
    own, wanted = atoms(axes), atoms(target)
    if not set(own) <= set(wanted):
        return None
    kept = x.shape[x.dim() - behind :]
    x = x.reshape(*(atom.size for atom in own), *kept)
    x = x.permute(*(own.index(atom) for atom in wanted if atom in own), *range(len(own), x.dim()))
    shape: list[int] = []
    spread: list[int] = []
    merged: list[int] = []
    for axis in target:
        of_axis = leaves(axis)
        has = [atom in own for atom in of_axis]
        whole = any(has) and not (grouped and sorted(has, reverse=True) == has)
        taken = of_axis if whole else [atom for atom, there in zip(of_axis, has, strict=True) if there]
        shape += [atom.size if atom in own else 1 for atom in taken]
        spread += [atom.size for atom in taken]
        merged.append(math.prod(atom.size for atom in taken))
    return x.reshape(*shape, *kept).expand(*spread, *kept).reshape(*merged, *kept)


def _read(ghost: Tensor, by_stride: dict[int, Axis]) -> Axes:
    """The axes that a moved ghost has; of one that was cut, an atom of its own."""
    found: list[Axis] = []
    for size, stride in zip(ghost.shape, ghost.stride(), strict=True):
        axis = by_stride.get(stride, ())
        found.append(() if size == 1 else axis if size_of(axis) == size else (Atom(size, axis),))
    return tuple(found)


def _basic(arguments: Iterable[Any]) -> bool:
    """Whether no argument picks elements by a tensor or a list, which is more than to move them."""
    for argument in arguments:
        parts = argument if isinstance(argument, tuple) else (argument,)
        if any(isinstance(part, (Tensor, list)) for part in parts):
            return False
    return True
