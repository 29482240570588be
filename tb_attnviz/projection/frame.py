"""Frame: the axes that the projections of a layer's heads keep over all steps.

Fitting walks through the steps in order. Each step's canonical coordinates (geometry.canonical) are brought nearest to
the step before by Procrustes; the second moments of all steps, each step counting alike, give one basis a head. Then
the picture of a step is linear in its queries and keys, and moves only with what the head computes.

A long run is fitted at steps spread over it (`FITTED_STEPS`); any other step, recorded before the fit or after, joins
by being brought nearest to the closest fitted one, and moves nothing.

A step of another run, recorded with the same probe, joins in the same way: its canonical coordinates are brought
nearest to those of the fitted step that is closest in time. So its picture depends on that step and this frame alone,
whatever else the two runs record; and a run that computes the same in another basis falls on the very same points.

With the paper's normalisation there are no canonical coordinates and no alignment: each head's c and translation are
found once, at the newest step, and serve every step, those of another run too; one basis shows them all.
"""

import dataclasses
from collections.abc import Callable, Sequence
from typing import cast

import numpy as np
import numpy.typing as npt

from tb_attnviz.geometry import paper_scale, paper_translation, procrustes
from tb_attnviz.projection.basis import MOST_DIMS, Basis, Extent, Moments, turned
from tb_attnviz.projection.projection import Normalisation
from tb_attnviz.projection.second_moments import mean_keys, root_of, second_moments
from tb_attnviz.projection.source import LayerSamples, Vectors

Float32 = npt.NDArray[np.float32]
Float64 = npt.NDArray[np.float64]

FITTED_STEPS = 16
_HELD_BYTES = 2**28
_NOISE = 1e-6  # of the largest singular value of the logits: what smaller ones are


def spread(steps: Sequence[int]) -> list[int]:
    """The steps that a frame is fitted to: at most FITTED_STEPS, evenly spread, the first and the last among them."""
    indices = np.unique(np.linspace(0, len(steps) - 1, min(FITTED_STEPS, len(steps))).round().astype(int))
    return [steps[index] for index in indices]


@dataclasses.dataclass(frozen=True)
class Axes:
    """Linear maps from the vectors of one step to coordinates that are aligned over the steps."""

    query: Float32  # [heads, d, d]
    key: Float32  # [heads, d, d]
    key_mean: Float32  # [heads, d]

    def coordinates(self, vectors: Vectors) -> Float32:
        """[heads, n_query + n_key, d], queries first."""
        keys = (vectors.keys - self.key_mean[:, None, :]) @ self.key
        return np.concatenate([vectors.queries @ self.query, keys], axis=1)

    def aligned_to(self, target: "Axes", there: Vectors, here: Vectors) -> "Axes":
        """Rotated so that the coordinates of `here` are nearest to those that `target` gives of `there`."""
        return self.turned(self.turn_to(target, there, here))

    def turned(self, rotation: Float64) -> "Axes":
        """By `rotation` [heads, d, d]."""
        return Axes((self.query @ rotation).astype(np.float32), (self.key @ rotation).astype(np.float32), self.key_mean)

    def turn_to(self, target: "Axes", there: Vectors, here: Vectors) -> Float64:
        """The rotation [heads, d, d] of `aligned_to`."""
        keys = (here.keys - self.key_mean[:, None, :]).swapaxes(1, 2) @ (there.keys - target.key_mean[:, None, :])
        cross = _between(self.query, here.queries.swapaxes(1, 2) @ there.queries, target.query)
        return cast(Float64, procrustes(cross + _between(self.key, keys, target.key)))

    def shown(self, basis: Basis, vectors: Vectors, dims: int) -> Float64:
        """[heads, n_query + n_key, dims]: the picture of `vectors` in `basis`, without all their coordinates."""
        directions = basis.directions[..., :dims]
        query, key = ((axes @ directions).astype(np.float32) for axes in (self.query, self.key))
        keys = (vectors.keys - self.key_mean[:, None, :]) @ key
        return basis.placed(np.concatenate([vectors.queries @ query, keys], axis=1))

    def of(self, head: int | None) -> "Axes":
        """Those of one head, as of a layer of one; all for None."""
        if head is None:
            return self
        one = slice(head, head + 1)
        return Axes(self.query[one], self.key[one], self.key_mean[one])


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
        points = axes.shown(self.bases[projection].of(head), source.pictured(whole), dims)
        return cast(Float32, np.where(whole.finite[:, None, None], points, np.nan).astype(np.float32))

    def coordinates(
        self,
        source: LayerSamples,
        step: int,
        whole: Vectors,
        *,
        head: int | None = None,
        home: LayerSamples | None = None,
    ) -> Float32:
        """Aligned coordinates [heads, n_query + n_key, d] of the pictured points of `whole`, the vectors of `step`.

        With a `head`, `whole` and what is returned are of that head alone, as of a layer of one. `home`: the samples
        that the frame was fitted to, where `source` is of another run.
        """
        return self._axes_of(source, step, whole, head, home).coordinates(source.pictured(whole))

    def _axes_of(
        self, source: LayerSamples, step: int, whole: Vectors, head: int | None, home: LayerSamples | None
    ) -> Axes:
        nearest = self.nearest(step)
        axes = self.axes[0 if self.paper is not None else self.steps.index(nearest)].of(head)
        if self.paper is not None or (home is None and step == nearest):
            return axes
        there = (home or source).whole(nearest).of(head)
        return _canonical(whole, source.scale)[0].aligned_to(axes, there, whole)


def fit_frame(
    source: LayerSamples,
    steps: Sequence[int],
    *,
    normalise: Normalisation = "canonical",
    on_progress: Callable[[int, int], None] | None = None,
) -> Frame:
    """The frame of every head of a layer over `steps`, ascending.

    Goes over the fitted steps twice: for their moments, and for their extent on screen once the basis is known;
    `on_progress(done, total)` counts these visits.
    """
    report = on_progress or (lambda done, total: None)
    visited = spread(steps)
    paper, shared = _paper(source.whole(visited[-1])) if normalise == "paper" else (None, None)
    fitted: dict[int, Axes] = {}
    before: tuple[Axes, Vectors] | None = None
    held: dict[int, Vectors] = {}  # that are not read again
    moments: Moments | None = None
    for done, step in enumerate(visited, start=1):
        whole = source.whole(step)
        # A step with heads that are not finite is no neighbour to align to; it joins like any other unfitted step.
        if whole.finite.all() or (step == visited[-1] and not fitted):
            axes, of_newest = _moments(whole, source, before, shared)
            before, fitted[step] = (axes, whole), axes
            if len(visited) * whole.nbytes <= _HELD_BYTES:
                held[step] = whole
            moments = of_newest if moments is None else moments + of_newest
        report(done, 2 * len(visited))
    if moments is None:
        return Frame((), (), {}, paper)
    alone = of_newest.bases()
    assert before is not None
    newest = before[0].coordinates(source.pictured(before[1]))
    extents = {name: Extent(turned(basis, alone[name], newest)) for name, basis in moments.bases().items()}
    for done, (step, axes) in enumerate(fitted.items(), start=len(visited) + 1):
        pictured = source.pictured(held.pop(step) if step in held else source.whole(step))
        for extent in extents.values():
            extent.add(axes.shown(extent.basis, pictured, MOST_DIMS))
        report(done, 2 * len(visited))
    bases = {name: extent.measured() for name, extent in extents.items()}
    return Frame(tuple(fitted), (shared,) if shared else tuple(fitted.values()), bases, paper)


def _moments(
    whole: Vectors, source: LayerSamples, before: tuple[Axes, Vectors] | None, shared: Axes | None
) -> tuple[Axes, Moments]:
    """The axes of a step, aligned to those of the step `before`, and the moments of its pictured points in them."""
    if shared is not None:
        return shared, Moments.of(shared.coordinates(source.pictured(whole)))
    axes, values = _canonical(whole, source.scale)
    turn = np.broadcast_to(np.eye(values.shape[1]), (*values.shape, values.shape[1]))
    if before is not None:
        turn = axes.turn_to(*before, whole)
        axes = axes.turned(turn)
    if source.subset is not None:
        return axes, Moments.of(axes.coordinates(source.pictured(whole)))
    total = whole.queries.sum(axis=1, dtype=np.float64)[:, None, :] @ axes.query  # of the keys it is 0
    return axes, Moments.summed(2 * (turn.swapaxes(1, 2) * values[:, None, :]) @ turn, total[:, 0], whole.count)


def _canonical(vectors: Vectors, scale: float) -> tuple[Axes, Float64]:
    """Canonical axes, and Σ [heads, d]: the second moment of the queries in them, and that of the keys.

    As geometry.canonical_axes, but by one decomposition, of C = s² Lᵀ (KᵀK) L with L Lᵀ = QᵀQ (projection.alone has the
    formulas), in double precision. 0 from the rank on: throughout for heads whose keys are all equal.
    """
    mean = mean_keys(vectors)
    of_queries, of_keys = second_moments(vectors, mean, np.float64)
    root = root_of(of_queries)
    squares, left = np.linalg.eigh(scale**2 * (root.swapaxes(1, 2) @ of_keys @ root))
    values, left = np.sqrt(np.maximum(squares[:, ::-1], 0)), left[..., ::-1]  # descending
    values = np.where(values > _NOISE * values[:, :1], values, 0.0)
    inverse = np.divide(1.0, values, out=np.zeros_like(values), where=values > 0)[:, None, :]
    to_keys = scale * (root @ left) * np.sqrt(inverse)
    to_queries = scale * (of_keys @ to_keys) * inverse
    return Axes(*(axes.astype(np.float32) for axes in (to_queries, to_keys, mean))), values


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


def _between(left: Float32, cross: Float32, right: Float32) -> Float64:
    """leftᵀ cross right, in double precision."""
    return left.astype(np.float64).swapaxes(1, 2) @ cross.astype(np.float64) @ right.astype(np.float64)
