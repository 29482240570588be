"""Frame: the axes that the projections of a layer's heads keep over all steps.

Fitting walks through the steps in order. Each step's leading canonical coordinates (projection.leading_axes), up to
RANK of them, are brought nearest to the step before by Procrustes; the second moments of all steps, each step counting
alike, give one basis a head. Then the picture of a step is linear in its queries and keys, and moves only with what the
head computes.

A long run is fitted at steps spread over it (`FITTED_STEPS`); any other step, recorded before the fit or after, joins
by being brought nearest to the closest fitted one, and moves nothing.

A step of another run, recorded with the same probe, joins in the same way: its canonical coordinates are brought
nearest to those of the fitted step that is closest in time. So its picture depends on that step and this frame alone,
whatever else the two runs record; and a run that computes the same in another basis falls on the very same points.

With the paper's normalisation there are no canonical coordinates and no alignment: each head's c and translation are
found once, at the newest step, and serve every step, those of another run too; one basis shows them all.
"""

import dataclasses
import functools
from collections.abc import Mapping, Sequence
from types import MappingProxyType

import numpy as np

from tb_attnviz.array_types import Float32, Float64
from tb_attnviz.geometry import canonical_axes, paper_scale, paper_translation, procrustes
from tb_attnviz.projection.basis import Basis, Extent, Moments, turned
from tb_attnviz.projection.leading_axes import LeadingAxes
from tb_attnviz.projection.ports import Report, unreported
from tb_attnviz.projection.projection import Normalisation
from tb_attnviz.projection.source import LayerSamples, Vectors

FITTED_STEPS = 16
RANK = 32  # canonical directions that are followed over the steps: of larger heads the leading ones
_HELD_BYTES = 2**28


def spread(steps: Sequence[int]) -> list[int]:
    """The steps that a frame is fitted to: at most FITTED_STEPS, evenly spread, the first and the last among them."""
    return [steps[index] for index in _spread(len(steps))]


@functools.lru_cache(64)
def _spread(count: int) -> tuple[int, ...]:
    """Each request asks."""
    indices: list[int] = np.linspace(0, count - 1, min(FITTED_STEPS, count)).round().astype(int).tolist()
    return tuple(sorted(set(indices)))


@dataclasses.dataclass(frozen=True)
class Axes:
    """Linear maps from the vectors of one step to coordinates that are aligned over the steps."""

    query: Float32  # [heads, d, rank]
    key: Float32  # [heads, d, rank]
    key_mean: Float32  # [heads, d]

    @classmethod
    def leading(cls, vectors: Vectors, scale: float) -> "Axes":
        """Those of the leading canonical coordinates, not aligned."""
        found = LeadingAxes.of(vectors, scale, min(RANK, vectors.queries.shape[2]), checked=False)
        return cls(*(axes.astype(np.float32) for axes in (found.to_queries, found.to_keys, found.mean)))

    def coordinates(self, vectors: Vectors) -> Float32:
        """[heads, n_query + n_key, rank], queries first."""
        return self._along(vectors, self.query, self.key)

    def turned(self, rotation: Float64) -> "Axes":
        """By `rotation` [heads, rank, rank]."""
        return Axes((self.query @ rotation).astype(np.float32), (self.key @ rotation).astype(np.float32), self.key_mean)

    def along(self, directions: Float64, vectors: Vectors) -> Float32:
        """[heads, n_query + n_key, k]: how far `vectors` lie along `directions` [heads, rank, k] of the coordinates."""
        query, key = ((axes @ directions).astype(np.float32) for axes in (self.query, self.key))
        return self._along(vectors, query, key)

    def of(self, head: int | None) -> "Axes":
        """Those of one head, as of a layer of one; all for None."""
        if head is None:
            return self
        one = slice(head, head + 1)
        return Axes(self.query[one], self.key[one], self.key_mean[one])

    def _along(self, vectors: Vectors, query: Float32, key: Float32) -> Float32:
        """[heads, n_query + n_key, …]: queries along `query` [heads, d, …], centred keys along `key`."""
        heads, n_query, _ = vectors.queries.shape
        found = np.empty((heads, vectors.count, query.shape[2]), np.float32)
        centred = np.empty(vectors.keys.shape[1:], np.float32)
        for head in range(heads):  # one after the other: each stays in the processor's cache
            np.matmul(vectors.queries[head], query[head], out=found[head, :n_query])
            np.subtract(vectors.keys[head], self.key_mean[head], out=centred)
            np.matmul(centred, key[head], out=found[head, n_query:])
        return found


@dataclasses.dataclass(frozen=True)
class Paper:
    """The paper's normalisation of each head: queries are divided by c, keys multiplied, then translated."""

    c: Float64  # [heads]
    translation: Float64  # [heads]: how far the keys are moved


@dataclasses.dataclass(frozen=True)
class Frame:
    """The axes of all heads of one layer. `steps` are those that it was fitted to, `axes` theirs.

    With `paper`, one element of `axes` serves every step.
    """

    steps: tuple[int, ...]
    axes: tuple[Axes, ...]
    bases: dict[str, Basis]
    paper: Paper | None = None

    def nearest(self, step: int) -> int:
        """The fitted step that `step` joins at."""
        return min(self.steps, key=lambda fitted: abs(fitted - step))

    def points(
        self,
        source: LayerSamples,
        step: int,
        projection: str,
        dims: int,
        *,
        whole: Vectors | None = None,
        head: int | None = None,
        home: LayerSamples | None = None,
    ) -> Float32:
        """[heads, n_query + n_key, dims], queries first; NaN for heads whose samples are not finite at `step`.

        `whole`: the vectors of `step`, where they were read. `home` as in `coordinates`.
        """
        whole = (source.whole(step) if whole is None else whole).of(head)
        axes = self._axes_of(source, step, whole, head, home)
        basis = self.bases[projection].of(head)
        points = basis.placed(axes.along(basis.directions[..., :dims], source.pictured(whole)))
        points[~whole.finite] = np.nan
        return points

    def coordinates(self, source: LayerSamples, whole: Vectors, *, head: int | None = None) -> Float32:
        """All coordinates [heads, n_query + n_key, d] of the pictured points of `whole`, not aligned with other steps.

        With a `head`, `whole` and what is returned are of that head alone, as of a layer of one.
        """
        pictured = source.pictured(whole)
        if self.paper is not None:
            return self.axes[0].of(head).coordinates(pictured)
        wide = (x.astype(np.float64) for x in (whole.queries, whole.keys))
        axes = canonical_axes(*wide, scale=source.scale)
        return np.concatenate(axes.coordinates(pictured.queries, pictured.keys), axis=1).astype(np.float32)

    def _axes_of(
        self, source: LayerSamples, step: int, whole: Vectors, head: int | None, home: LayerSamples | None
    ) -> Axes:
        nearest = self.nearest(step)
        axes = self.axes[0 if self.paper is not None else self.steps.index(nearest)].of(head)
        if self.paper is not None or (home is None and step == nearest):
            return axes
        there = axes.coordinates((home or source).whole(nearest).of(head))
        found = Axes.leading(whole, source.scale)
        return found.turned(procrustes(_cross(found.coordinates(whole), there)))


def fit_frame(
    source: LayerSamples,
    steps: Sequence[int],
    *,
    normalise: Normalisation = "canonical",
    on_progress: Report = unreported,
    read: Mapping[int, Vectors] = MappingProxyType({}),
) -> Frame:
    """The frame of every head of a layer over `steps`, ascending.

    Goes over the fitted steps twice: for their moments, and for their extent on screen once the basis is known;
    `on_progress(done, total)` counts these visits. read: the vectors of steps that were read before.
    """
    visited = spread(steps)
    paper, shared = _paper(source.whole(visited[-1])) if normalise == "paper" else (None, None)
    fitted: dict[int, Axes] = {}
    held: dict[int, _Aligned] = {}  # coordinates of pictured points, which are not found again
    newest: _Aligned | None = None  # all coordinates of the last step that was fitted
    moments: Moments | None = None
    for done, step in enumerate(visited, start=1):
        whole = read[step] if step in read else source.whole(step)
        # A step with heads that are not finite is no neighbour to align to; it joins like any other unfitted step.
        if whole.finite.all() or (step == visited[-1] and not fitted):
            axes = shared or Axes.leading(whole, source.scale)
            coordinates = axes.coordinates(whole)
            rotation = np.eye(coordinates.shape[2])[None]
            if newest is not None and shared is None:
                rotation = procrustes(_cross(coordinates, newest.coordinates) @ newest.rotation)
                axes = axes.turned(rotation)
            newest, fitted[step] = _Aligned(coordinates, rotation), axes
            pictured = newest.of(source.subset)
            of_newest = Moments.of(pictured.coordinates).turned(rotation)
            moments = of_newest if moments is None else moments + of_newest
            if len(visited) * pictured.coordinates.nbytes <= _HELD_BYTES:
                held[step] = pictured
        on_progress(done, 2 * len(visited))
    if moments is None:
        return Frame((), (), {}, paper)
    alone = of_newest.bases()
    extents = {
        name: Extent(turned(basis, alone[name], of_newest, pictured.along)) for name, basis in moments.bases().items()
    }
    for done, (step, axes) in enumerate(fitted.items(), start=len(visited) + 1):
        aligned = held.pop(step) if step in held else None
        if aligned is None:
            aligned = _Aligned(axes.coordinates(source.pictured(source.whole(step))), np.eye(axes.query.shape[2])[None])
        for extent in extents.values():
            extent.add(extent.basis.placed(aligned.along(extent.basis.directions)))
        on_progress(done, 2 * len(visited))
    bases = {name: extent.measured() for name, extent in extents.items()}
    return Frame(tuple(fitted), (shared,) if shared else tuple(fitted.values()), bases, paper)


@dataclasses.dataclass(frozen=True)
class _Aligned:
    """Coordinates of a step, and what aligns them: few directions are wanted of them, so they are not turned."""

    coordinates: Float32  # [heads, n, rank]
    rotation: Float64  # [heads or 1, rank, rank]

    def of(self, subset: Sequence[int] | None) -> "_Aligned":
        return self if subset is None else _Aligned(self.coordinates[:, np.array(subset, np.int64)], self.rotation)

    def along(self, directions: Float64) -> Float32:
        """[heads, n, k]: how far the points lie along `directions` [heads, rank, k] of aligned coordinates."""
        return self.coordinates @ (self.rotation @ directions).astype(np.float32)


def _cross(coordinates: Float32, there: Float32) -> Float64:
    """The cross moment [heads, rank, rank] of two sets of coordinates [heads, n, rank]."""
    return (coordinates.swapaxes(1, 2) @ there).astype(np.float64)


def _paper(newest: Vectors) -> tuple[Paper, Axes]:
    """The normalisation of each head at the newest step, and the axes that apply it."""
    heads, _, d = newest.queries.shape
    c, shift = np.ones(heads), np.zeros((heads, d))
    for head, (queries, keys) in enumerate(zip(newest.queries, newest.keys, strict=True)):
        wide = queries.astype(np.float64), keys.astype(np.float64)
        c[head] = paper_scale(*wide)
        shift[head] = paper_translation(*wide, c[head])
    identity = np.broadcast_to(np.eye(d), (heads, d, d))
    axes = Axes(
        query=(identity / c[:, None, None]).astype(np.float32),
        key=(identity * c[:, None, None]).astype(np.float32),
        key_mean=(-shift / c[:, None]).astype(np.float32),  # c (k + shift / c) = c k + shift
    )
    return Paper(c, np.linalg.norm(shift, axis=1)), axes
