"""Pictures: what is on screen for one step of a layer or a head; found in a store, or made and put there.

This is all that a worker process, the command line and a Dask worker do: `make` reads what it needs from the samples
and from the store, so that a task is small to send and every one of them makes the same picture.
"""

import dataclasses
import functools
import hashlib
import io
import json
import struct
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import cast

import numpy as np

from tb_attnviz.array_types import Float32
from tb_attnviz.extras import check_projections
from tb_attnviz.projection.alone import biplot_alone
from tb_attnviz.projection.basis import extent_of, reach_of
from tb_attnviz.projection.frame import Frame, spread
from tb_attnviz.projection.frames import stored_frame
from tb_attnviz.projection.notes import notes
from tb_attnviz.projection.ports import Report, Store
from tb_attnviz.projection.projection import Projection
from tb_attnviz.projection.source import LayerSamples, Vectors
from tb_attnviz.projection.starts import HeadSteps

__all__ = ["Picture", "Report", "Store", "View", "make", "with_notes"]

_FILLED = 0.9  # of the square: how far the bulk of the frame's newest step reaches; other steps' rarely leaves it
_SHARES, _FIT_SHARE = 1000, 50  # of the work on t-SNE and UMAP: all of it, and fitting the frame
_SPOKEN = {"tsne": "t-SNE", "umap": "UMAP", "attention": "the projection by attention"}
_VERSION = 10  # of what `make` computes: pictures of other versions are not looked at
_HEADER = struct.Struct("<I")


@dataclasses.dataclass(frozen=True)
class Picture:
    """The points of the heads at one step, and a sentence for each head that has no full picture.

    Each head has one scale for all its steps. The bulk (96 %) of the points of a linear picture lies within [-1, 1] at
    each fitted step, as do all of them where none is far from the others; in all other pictures it fills 0.9 of that at
    the frame's newest step. Points that lie farther out are where they are, beyond 1: nothing is cut off or bent.
    """

    points: Float32  # [heads, n_query + n_key, dims], queries first; NaN where there is nothing to show
    notes: dict[int, str]  # head → why it has no picture, or what is special about it

    def to_bytes(self) -> bytes:
        array = io.BytesIO()
        np.save(array, np.ascontiguousarray(self.points, dtype="<f4"))
        return with_notes(self.notes, array.getvalue())

    @staticmethod
    def split(data: bytes) -> tuple[dict[int, str], bytes]:
        """The notes and what is behind them, of what `to_bytes` or `with_notes` gave: an `.npy` file."""
        end = _HEADER.size + _HEADER.unpack_from(data)[0]
        notes = json.loads(data[_HEADER.size : end])
        return {int(head): note for head, note in notes.items()}, data[end:]

    @staticmethod
    def from_bytes(data: bytes) -> "Picture":
        notes, npy = Picture.split(data)
        return Picture(cast(Float32, np.load(io.BytesIO(npy))), notes)


def with_notes(notes: dict[int, str], made: bytes) -> bytes:
    """`made` behind sentences about some heads, or steps."""
    text = json.dumps(notes).encode()
    return _HEADER.pack(len(text)) + text + made


@dataclasses.dataclass(frozen=True)
class View:
    """What is pictured at any step: a layer's heads, or one of them, in the frame of `steps`.

    `source` knows where the samples of the step that is shown are; and of those steps too, unless there is a `home`:
    the same layer of another run of the same probe, whose steps the frame belongs to.
    """

    source: LayerSamples
    steps: tuple[int, ...]  # the recorded steps that the frame belongs to, ascending
    projection: Projection
    head: int | None = None  # None: every head of the layer
    home: LayerSamples | None = None

    @property
    def fitted_to(self) -> LayerSamples:
        """Where the samples are that the frame is fitted to."""
        return self.home or self.source

    def of_points(self, subset: tuple[int, ...]) -> "View":
        """The same of some points alone."""
        home = self.home and dataclasses.replace(self.home, subset=subset)
        return dataclasses.replace(self, source=dataclasses.replace(self.source, subset=subset), home=home)

    def at(self, *steps: int) -> "View":
        """The same, knowing of no other samples than those of `steps` and what the frame is fitted to."""
        needed = {*spread(self.steps), *steps}
        return dataclasses.replace(self, source=self.source.at(needed), home=self.home and self.home.at(needed))

    def key(self, step: int) -> str:
        """The address of the picture at `step`: equal exactly where all that it depends on is equal."""
        shown = self.source.fingerprint(step), self.source.attends(step)
        guest = () if self.home is None else (step, self.source.scale)
        return _digest("picture", self._frame_address(), shown, self.head, *guest)

    def frame_key(self) -> str:
        """The address of the layer's frame: the same for every method, head and step."""
        fitted_to = self.fitted_to
        return _digest("frame", self.projection.normalise, fitted_to.scale, fitted_to.subset, self._fitted())

    def frame(self, store: Store, report: Report, read: Mapping[int, Vectors] = MappingProxyType({})) -> Frame:
        """The frame of the layer: from `store`, or fitted now and put there.

        read: the vectors of steps of `fitted_to` that were read before.
        """
        source, normalise = self.fitted_to, self.projection.normalise
        return stored_frame(self.frame_key(), source, self.steps, normalise, store, report, read)

    def is_biplot_alone(self, step: int) -> bool:
        """Whether it is the biplot of `step` in the axes of that step, of all its points: no frame is needed for it."""
        plain = self.projection.method == "biplot" and self.projection.normalise == "canonical"
        return plain and self.steps == (step,) and self.home is None and self.source.subset is None

    def _frame_address(self) -> object:
        return self.projection.address(), self.fitted_to.scale, self.fitted_to.subset, self._fitted()

    def _fitted(self) -> list[object]:
        source = self.fitted_to
        return [(step, source.fingerprint(step), source.attends(step)) for step in spread(self.steps)]


def make(view: View, step: int, store: Store, report: Report) -> Picture:
    """The picture of `view` at `step`: from `store`, or made now and put there."""
    key = view.key(step)
    found = store.get(key)
    if found is not None:
        return Picture.from_bytes(found)
    linear = view.projection.linear
    if not linear:
        check_projections(_SPOKEN[view.projection.method])
    fitting = report if linear else functools.partial(_report_fit, report)
    whole = view.source.whole(step)
    read = {step: whole} if view.home is None else {}
    frame = None if view.is_biplot_alone(step) else view.frame(store, fitting, read)
    heads = range(len(whole.finite)) if view.head is None else range(view.head, view.head + 1)
    if frame is None:
        points = biplot_alone(whole.of(view.head), view.source.scale, view.projection.dims)
    elif linear:
        method, dims = view.projection.method, view.projection.dims
        points = frame.points(view.source, step, method, dims, whole=whole, head=view.head, home=view.home)
    else:
        pictured = view.source.pictured(whole)
        points = np.full((len(heads), pictured.count, view.projection.dims), np.nan, np.float32)
        shown = [head for head in heads if whole.finite[head]]
        for index, head in enumerate(shown):
            points[head - heads.start] = _embedded(
                view, step, frame, head, store, functools.partial(_report_head, report, index, len(shown))
            )
    picture = Picture(points, notes(whole, points.shape[1], heads, view.projection))
    store.put(key, picture.to_bytes())
    return picture


def _embedded(
    view: View, step: int, frame: Frame, head: int, store: Store, on_progress: Callable[[float], None]
) -> Float32:
    """The t-SNE or UMAP of one head [n, dims] on screen: its scale is set by the root of its steps."""
    steps = HeadSteps(view.source, view.projection, frame, view.frame_key(), head, view.home)
    points = steps.embedding(step, store, on_progress).points
    root = steps.root(store, on_progress).points
    reach = np.abs(root).max(axis=1).astype(np.float64)  # (n,)
    extent = float(extent_of(*reach_of(reach[None]))[0]) if len(reach) else 1.0
    return points * np.float32(_FILLED / extent)


def _report_fit(report: Report, done: int, total: int) -> None:
    report(_FIT_SHARE * done // total, _SHARES)


def _report_head(report: Report, index: int, count: int, share: float) -> None:
    report(_FIT_SHARE + int((_SHARES - _FIT_SHARE) * (index + share) / count), _SHARES)


def _digest(*parts: object) -> str:
    return hashlib.sha256(json.dumps([_VERSION, *parts]).encode()).hexdigest()
