"""Product: of which vectors logits are made, by which factors, and what their axes are."""

import dataclasses

import torch
from torch import Tensor

from .axes import Atom, Axes, arranged, atoms, leaves, size_of


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


def _times_each(side: Side, axes: Axes, kept: set[Atom], factors: Tensor) -> Side | None:
    """`side` times factors that broadcast to `axes`, of which it has, or gets, the atoms `kept`."""
    target = tuple(tuple(atom for atom in leaves(axis) if atom in kept) for axis in axes)
    vectors = arranged(side.vectors, side.axes, target, behind=1)
    if vectors is None or not bool(factors.isfinite().all()):
        return None
    return dataclasses.replace(side, vectors=vectors * factors[..., None], axes=target)
