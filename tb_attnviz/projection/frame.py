"""Frame: the axes that the projections of a layer's heads keep over all steps.

Fitting walks through the steps in order. Each step's canonical coordinates (geometry.canonical) are brought nearest to
the step before by Procrustes; the second moments of all steps, each step counting alike, give one basis a head. Then
the picture of a step is linear in its queries and keys, and moves only with what the head computes.

A long run is fitted at steps spread over it (`FITTED_STEPS`); any other step, recorded before the fit or after, joins
by being brought nearest to the closest fitted one, and moves nothing.
"""

import dataclasses
from collections.abc import Callable, Sequence
from typing import cast

import numpy as np
import numpy.typing as npt

from tb_attnviz.geometry import canonical_axes, procrustes
from tb_attnviz.projection.basis import Basis, Extent, Moments
from tb_attnviz.projection.source import LayerSamples, Vectors

Float32 = npt.NDArray[np.float32]
Float64 = npt.NDArray[np.float64]

FITTED_STEPS = 16


def spread(steps: Sequence[int]) -> list[int]:
    """The steps that a frame is fitted to: at most FITTED_STEPS, evenly spread, the first and the last among them."""
    indices = np.unique(np.linspace(0, len(steps) - 1, min(FITTED_STEPS, len(steps))).round().astype(int))
    return [steps[index] for index in indices]


@dataclasses.dataclass(frozen=True)
class Axes:
    """Linear maps from the vectors of one step to canonical coordinates, aligned over the steps."""

    query: Float64  # [heads, d, d]
    key: Float64  # [heads, d, d]
    key_mean: Float64  # [heads, d]

    def coordinates(self, vectors: Vectors) -> Float64:
        """[heads, n_query + n_key, d], queries first."""
        keys = (vectors.keys - self.key_mean[:, None, :]) @ self.key
        return np.concatenate([vectors.queries @ self.query, keys], axis=1)

    def aligned_to(self, target: Float64, vectors: Vectors) -> "Axes":
        """Rotated so that the coordinates of `vectors` are nearest to `target` [heads, n_query + n_key, d]."""
        rotation = procrustes(self.coordinates(vectors).swapaxes(1, 2) @ target)  # (heads, d, d)
        return Axes(self.query @ rotation, self.key @ rotation, self.key_mean)


@dataclasses.dataclass(frozen=True)
class Frame:
    """The axes of all heads of one layer. `steps` are those that it was fitted to, `axes` theirs."""

    steps: tuple[int, ...]
    axes: tuple[Axes, ...]
    bases: dict[str, Basis]

    def nearest(self, step: int) -> int:
        """The fitted step that `step` joins at."""
        return min(self.steps, key=lambda fitted: abs(fitted - step))

    def at(self, step: int) -> "Frame":
        """What `points` needs of the frame for `step`: small enough to send to a worker for each picture."""
        index = self.steps.index(self.nearest(step))
        return Frame((self.steps[index],), (self.axes[index],), self.bases)

    def points(self, source: LayerSamples, step: int, projection: str, dims: int) -> Float32:
        """[heads, n_query + n_key, dims], queries first; NaN for heads whose samples are not finite at `step`."""
        vectors = source.vectors(step)
        fitted = self.nearest(step)
        axes = self.axes[self.steps.index(fitted)]
        if step != fitted:
            target = axes.coordinates(source.vectors(fitted))
            axes = _canonical(vectors, source.scale).aligned_to(target, vectors)
        points = self.bases[projection].project(axes.coordinates(vectors), dims)
        return cast(Float32, np.where(vectors.finite[:, None, None], points, np.nan).astype(np.float32))


def fit_frame(
    source: LayerSamples, steps: Sequence[int], *, on_progress: Callable[[int, int], None] | None = None
) -> Frame:
    """The frame of every head of a layer over `steps`, ascending.

    Goes over the fitted steps twice: for their moments, and for their extent on screen once the basis is known;
    `on_progress(done, total)` counts these visits.
    """
    report = on_progress or (lambda done, total: None)
    visited = spread(steps)
    fitted: dict[int, Axes] = {}
    target: Float64 | None = None
    moments: Moments | None = None
    for done, step in enumerate(visited, start=1):
        vectors = source.vectors(step)
        # A step with heads that are not finite is no neighbour to align to; it joins like any other unfitted step.
        if vectors.finite.all() or (step == visited[-1] and not fitted):
            found = _canonical(vectors, source.scale)
            fitted[step] = found if target is None else found.aligned_to(target, vectors)
            target = fitted[step].coordinates(vectors)
            moments = moments or Moments(target.shape[0], target.shape[2])
            moments.add(target)
        report(done, 2 * len(visited))
    bases = moments.bases() if moments else {}
    extents = {name: Extent(basis) for name, basis in bases.items()}
    for done, (step, axes) in enumerate(fitted.items(), start=len(visited) + 1):
        coordinates = axes.coordinates(source.vectors(step))
        for extent in extents.values():
            extent.add(coordinates)
        report(done, 2 * len(visited))
    return Frame(tuple(fitted), tuple(fitted.values()), {name: extent.measured() for name, extent in extents.items()})


def _canonical(vectors: Vectors, scale: float) -> Axes:
    found = canonical_axes(vectors.queries, vectors.keys, scale=scale)
    return Axes(found.query_axes, found.key_axes, found.key_mean)
