"""Pictures: what is on screen for one step of a layer or a head; found in a store, or made and put there.

This is all that a worker process, the command line and a Dask worker do: `make` reads what it needs from the samples
and from the store, so that a task is small to send and every one of them makes the same picture.
"""

import dataclasses
import hashlib
import io
import json
import struct
from typing import Protocol, cast

import numpy as np
import numpy.typing as npt

from tb_attnviz.projection.frame import Frame, fit_frame, spread
from tb_attnviz.projection.projection import Projection
from tb_attnviz.projection.source import LayerSamples

Float32 = npt.NDArray[np.float32]

_VERSION = 1  # of what `make` computes: pictures of other versions are not looked at
_HEADER = struct.Struct("<I")


class Store(Protocol):
    """Where results are kept, by key: on disk for all processes, or nowhere."""

    def get(self, key: str) -> bytes | None: ...
    def put(self, key: str, value: bytes) -> None: ...


class Report(Protocol):
    """Told how far a task has come, in pieces of its own choosing; may raise to have it stopped."""

    def __call__(self, done: int, total: int) -> None: ...


@dataclasses.dataclass(frozen=True)
class Picture:
    """The points of the heads at one step, and a sentence for each head that has no full picture."""

    points: Float32  # [heads, n_query + n_key, dims], queries first; NaN where there is nothing to show
    notes: dict[int, str]  # head → why it has no picture, or what is special about it

    def to_bytes(self) -> bytes:
        notes = json.dumps(self.notes).encode()
        array = io.BytesIO()
        np.save(array, np.ascontiguousarray(self.points, dtype="<f4"))
        return _HEADER.pack(len(notes)) + notes + array.getvalue()

    @staticmethod
    def split(data: bytes) -> tuple[dict[int, str], bytes]:
        """The notes and the `.npy` file of what `to_bytes` gave."""
        end = _HEADER.size + _HEADER.unpack_from(data)[0]
        notes = json.loads(data[_HEADER.size : end])
        return {int(head): note for head, note in notes.items()}, data[end:]

    @staticmethod
    def from_bytes(data: bytes) -> "Picture":
        notes, npy = Picture.split(data)
        return Picture(cast(Float32, np.load(io.BytesIO(npy))), notes)


@dataclasses.dataclass(frozen=True)
class View:
    """What is pictured at any step: a layer's heads, or one of them, in the frame of `steps`.

    `source` knows where the samples of those steps are, and of the step that is shown.
    """

    source: LayerSamples
    steps: tuple[int, ...]  # the recorded steps that the frame belongs to, ascending
    projection: Projection
    head: int | None = None  # None: every head of the layer

    def key(self, step: int) -> str:
        """The address of the picture at `step`: equal exactly where all that it depends on is equal."""
        return _digest("picture", self._frame_address(), self.source.fingerprint(step), self.head)

    def frame_key(self) -> str:
        """The address of the frame of a linear projection: the same for all of its pictures."""
        return _digest("frame", self.source.scale, self.source.subset, self._fitted())

    def _frame_address(self) -> object:
        return self.projection.address(), self.source.scale, self.source.subset, self._fitted()

    def _fitted(self) -> list[object]:
        return [(step, self.source.fingerprint(step)) for step in spread(self.steps)]


def make(view: View, step: int, store: Store, report: Report) -> Picture:
    """The picture of `view` at `step`: from `store`, or made now and put there."""
    key = view.key(step)
    found = store.get(key)
    if found is not None:
        return Picture.from_bytes(found)
    picture = _linear(view, step, report)
    store.put(key, picture.to_bytes())
    return picture


def _linear(view: View, step: int, report: Report) -> Picture:
    frame: Frame = fit_frame(view.source, view.steps, on_progress=report)
    points = frame.points(view.source, step, view.projection.method, view.projection.dims)
    return Picture(points if view.head is None else points[view.head : view.head + 1], {})


def _digest(*parts: object) -> str:
    return hashlib.sha256(json.dumps([_VERSION, *parts]).encode()).hexdigest()
