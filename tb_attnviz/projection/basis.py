"""Basis: the few directions of aligned coordinates that a picture shows, one for all steps.

biplot  the leading directions about the origin: of all linear pictures, dot products on screen come nearest to the
        centred logits (Gabriel 1971, doi 10.1093/biomet/58.3.453); the origin means "no preference"
pca     the directions of largest variance of queries and keys together, about their common mean

One scale a head, by the bulk of its points: a few keys that lie far away ([CLS], a sink) would else squeeze all others.
They keep their true places, outside of [-1, 1].

Directions are only found up to a turn of the picture. They are turned so that the newest step is as near as can be to
what it shows when it is fitted alone: a picture that was first drawn in the axes of one step hardly moves when those of
all steps are known.
"""

import dataclasses
import math
from collections.abc import Callable
from typing import cast

import numpy as np

from tb_attnviz.array_types import Float32, Float64
from tb_attnviz.geometry import procrustes
from tb_attnviz.projection.eigenvectors import COUNT, leading_eigenvectors

PROJECTIONS = ("biplot", "pca")
MOST_DIMS = COUNT
BULK = 0.96  # of a step's points, which the frame holds: the keys of [CLS] and [SEP] are 4 % of 25 tokens' points
_WORTH = 1.1  # times the bulk's reach: where all points lie within that, the frame holds all of them
_FARTHEST = 100  # frames: how far out a point may lie before the frame grows: rounding is not magnified to fill a cell


@dataclasses.dataclass(frozen=True)
class Basis:
    """One projection of every head of a layer."""

    directions: Float64  # [heads, d, 3]
    centre: Float64  # [heads, d]; the origin for the biplot
    extent: Float64  # [heads, 3]: how far the bulk of the points reaches in 1, 2 or 3 dimensions, over the fitted steps

    def project(self, coordinates: Float32, dims: int) -> Float32:
        """[heads, n, dims] from aligned coordinates [heads, n, d]; BULK of them within [-1, 1] at the fitted steps."""
        return self.placed(coordinates @ self.directions[..., :dims].astype(np.float32))

    def placed(self, along: Float32) -> Float32:
        """On screen, from how far points lie along the first directions, [heads, n, dims], which is written over."""
        dims = along.shape[2]
        origin = self.centre[:, None, :] @ self.directions[..., :dims]  # (heads, 1, dims)
        if origin.any():
            along -= origin.astype(np.float32)
        along /= self.extent[:, dims - 1, None, None].astype(np.float32)
        return along

    def of(self, head: int | None) -> "Basis":
        """That of one head, as of a layer of one; all for None."""
        if head is None:
            return self
        one = slice(head, head + 1)
        return Basis(self.directions[one], self.centre[one], self.extent[one])


@dataclasses.dataclass(frozen=True)
class Moments:
    """Second moments and means of aligned coordinates; sums of them count every step by its weight."""

    second: Float64  # [heads, d, d]
    mean: Float64  # [heads, d]
    weight: Float64  # [heads]

    @staticmethod
    def of(coordinates: Float32) -> "Moments":
        """Of one step's `coordinates` [heads, n, d], so that each step counts alike, however large its logits are."""
        count = coordinates.shape[1]
        second = (coordinates.swapaxes(1, 2) @ coordinates).astype(np.float64) / max(count, 1)  # (heads, d, d)
        mean = (np.ones(count, np.float32) @ coordinates).astype(np.float64) / max(count, 1)  # (heads, d)
        size = np.trace(second, axis1=1, axis2=2)  # (heads,)
        weight = np.divide(1.0, size, out=np.zeros_like(size), where=size > 0)
        return Moments(second * weight[:, None, None], mean * weight[:, None], weight)

    def __add__(self, other: "Moments") -> "Moments":
        return Moments(self.second + other.second, self.mean + other.mean, self.weight + other.weight)

    def turned(self, rotation: Float64) -> "Moments":
        """Those of coordinates that are turned by `rotation` [heads, d, d]."""
        second = rotation.swapaxes(1, 2) @ self.second @ rotation
        return Moments(second, (self.mean[:, None, :] @ rotation)[:, 0], self.weight)

    def between(self, one: Basis, other: Basis) -> Float64:
        """The cross moment [heads, 3, 3] of what two bases of no extent (1) show of these coordinates."""
        about = self.second - self.mean[:, :, None] * other.centre[:, None, :]
        about -= one.centre[:, :, None] * (self.mean - self.weight[:, None] * other.centre)[:, None, :]
        return one.directions.swapaxes(1, 2) @ about @ other.directions

    def bases(self) -> dict[str, Basis]:
        """The basis of each of PROJECTIONS, not turned and its extent not measured yet (1)."""
        weight = np.where(self.weight > 0, self.weight, 1.0)[:, None]  # (heads, 1)
        mean = self.mean / weight
        covariance = self.second / weight[..., None] - mean[:, :, None] * mean[:, None, :]
        extent = np.ones((len(mean), MOST_DIMS))
        return {
            "biplot": Basis(_leading(self.second), np.zeros_like(mean), extent),
            "pca": Basis(_leading(covariance), mean, extent),
        }


def turned(basis: Basis, alone: Basis, newest: Moments, along: Callable[[Float64], Float32]) -> Basis:
    """`basis` turned in its plane so that it shows the newest step as near as can be to what `alone` shows.

    `alone` is the basis of that step only, whose signs are settled first (`_leaning`); `along` gives how far its points
    lie along directions. The third direction keeps its place, so that the plane is the best one; only its sign is
    chosen.
    """
    cross = newest.between(basis, _leaning(alone, along))  # (heads, 3, 3)
    turn = np.zeros_like(cross)
    turn[:, :2, :2] = procrustes(cross[:, :2, :2])
    turn[:, 2, 2] = np.where(cross[:, 2, 2] < 0, -1.0, 1.0)
    return dataclasses.replace(basis, directions=basis.directions @ turn)


def _leaning(basis: Basis, along: Callable[[Float64], Float32]) -> Basis:
    """Each direction turned so that its points lean to the positive side.

    An eigenvector's sign is arbitrary; the third moment fixes it, so that a picture does not flip between fits.
    """
    points = basis.placed(along(basis.directions))
    lean = (points * points * points).sum(axis=1)  # ten times faster than points**3
    return dataclasses.replace(basis, directions=basis.directions * np.where(lean < 0, -1.0, 1.0)[:, None, :])


class Extent:
    """How far a basis' points reach, over all steps: the largest coordinate of a point is its reach."""

    def __init__(self, basis: Basis) -> None:
        self.basis = basis
        self._bulk = np.zeros_like(basis.extent)
        self._largest = np.zeros_like(basis.extent)

    def add(self, points: Float32) -> None:
        """`points` [heads, n, 3] of one step, as the basis shows them."""
        if points.shape[1] == 0:
            return
        bulk, largest = reach_of(farthest(points))
        self._bulk = np.maximum(self._bulk, bulk)
        self._largest = np.maximum(self._largest, largest)

    def measured(self) -> Basis:
        return dataclasses.replace(self.basis, extent=extent_of(self._bulk, self._largest))


def farthest(points: Float32 | Float64) -> Float32 | Float64:
    """The largest of the first coordinates of `points` [heads, n, dims], whatever their signs: [heads, dims, n]."""
    found = np.abs(points.swapaxes(1, 2), order="C")  # so that what follows goes along long rows
    for dim in range(1, points.shape[2]):
        np.maximum(found[:, dim], found[:, dim - 1], out=found[:, dim])
    return cast(Float32 | Float64, found)


def reach_of(reach: Float32 | Float64) -> tuple[Float64, Float64]:
    """How far BULK of the points and how far all of them lie […], from the `reach` of each […, n].

    Of 24 points or fewer the bulk is all.
    """
    place = math.ceil(BULK * reach.shape[-1] - 1e-9) - 1
    ordered = np.partition(reach, place, axis=-1)
    return ordered[..., place].astype(np.float64), ordered[..., place:].max(axis=-1).astype(np.float64)


def extent_of(bulk: Float64, largest: Float64) -> Float64:
    """Where the frame ends: at the bulk, where leaving the rest out is worth it; 1 where all is in one place."""
    extent = np.where(largest <= _WORTH * bulk, largest, np.maximum(bulk, largest / _FARTHEST))
    return np.where(extent > 0, extent, 1.0)


def _leading(moment: Float64) -> Float64:
    """The eigenvectors of the largest eigenvalues, [heads, d, 3]; for d < 3 the missing directions are 0."""
    return leading_eigenvectors(moment)[1]
