"""Embedding: the t-SNE or UMAP, or the picture of attention, of one head at one step, in the units of the method."""

import dataclasses
import io
from collections.abc import Callable

import numpy as np

from tb_attnviz.array_types import Float32, Float64
from tb_attnviz.geometry import procrustes
from tb_attnviz.projection.attended import Attended
from tb_attnviz.projection.projection import Projection
from tb_attnviz.projection.tsne import LEAST_POINTS, tsne
from tb_attnviz.projection.umap import umap

# A point goes back 1/(1 + (c/c₀)ᵖ) of its way from the neighbour's picture at each iteration, where the head changed it
# by c, in mean lengths of a point: c₀ and p; docs/decisions/0009 has the other choices.
_TIE = {"tsne": (0.25, 6), "attention": (0.25, 6), "umap": (0.12, 4)}

__all__ = ["LEAST_POINTS", "Embedding", "embed"]


@dataclasses.dataclass(frozen=True)
class Embedding:
    """Where the points are, and the pull on each of them there: what a longer descent would have followed.

    A descent that starts here for another step leaves half of this pull out: what moves the points is, mostly, what has
    changed.
    """

    points: Float32  # [n, dims]
    pull: Float32  # [n, dims]; 0 for UMAP, whose pull is a matter of chance

    def to_bytes(self) -> bytes:
        file = io.BytesIO()
        np.save(file, np.stack([self.points, self.pull]))
        return file.getvalue()

    @staticmethod
    def from_bytes(data: bytes) -> "Embedding":
        points, pull = np.load(io.BytesIO(data), allow_pickle=False)
        return Embedding(points, pull)


def embed(
    coordinates: Float32,
    picture: Float64,
    neighbour: Embedding | None,
    projection: Projection,
    on_progress: Callable[[float], None],
    *,
    changed: Float64 | None = None,
    attended: Attended | None = None,
) -> Embedding:
    """That of `coordinates` [n, d], n >= LEAST_POINTS, started from the `neighbour`'s step.

    Without one it starts from `picture` [n, dims], the head's linear picture. It ends with the rotation or reflection
    that brings it nearest to its start (no scaling). `changed` [n]: how much the head changed each point since the
    neighbour's step; those that it left alone stay where they were. `attended` is for the method "attention" alone. Too
    few points, or equal ones, are shown in `picture`.
    """
    if len(coordinates) < LEAST_POINTS or not np.ptp(coordinates, axis=0).any():
        return Embedding(picture.astype(np.float32), np.zeros(picture.shape, np.float32))
    if neighbour is not None and not neighbour.points.any():
        neighbour = None  # everything was in one place there: nothing to start from
    start = picture - picture.mean(axis=0) if neighbour is None else neighbour.points.astype(np.float64)
    pull = hold = None
    if neighbour is not None:
        pull = neighbour.pull
        if changed is not None:
            free, sharpness = _TIE[projection.method]
            hold = (1 / (1 + (changed / free) ** sharpness)).astype(np.float32)
    if projection.method == "umap":
        points, left = umap(coordinates, start, projection, pull=pull, hold=hold, on_progress=on_progress)
    else:
        points, left = tsne(
            coordinates, start, projection, pull=pull, hold=hold, on_progress=on_progress, attended=attended
        )
    centred = points.astype(np.float64) - points.mean(axis=0, dtype=np.float64)
    turn = procrustes(centred.T @ (start - start.mean(axis=0)))
    return Embedding((centred @ turn).astype(np.float32), (left @ turn).astype(np.float32))
