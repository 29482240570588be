"""What worker processes do for the plugin. Each takes little data and `report(done, total)`, and returns bytes."""

import dataclasses
import functools
import io
import json
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from tb_attnviz import comparison, geometry, recompute
from tb_attnviz.comparison import Measure, RecordedLayer
from tb_attnviz.events import FigureRows, Grid, Layer, Lengths, SamplesLocation, read_samples
from tb_attnviz.findings import Named, Recorded, evidence_at, evidence_document, findings_document
from tb_attnviz.image_summary import summarise
from tb_attnviz.plugin import health_series
from tb_attnviz.plugin.maps_of_heads import AskedMaps, maps_of_all_heads
from tb_attnviz.projection.pictures import Picture, Report, View, make, with_notes
from tb_attnviz.projection.store import DiskStore
from tb_attnviz.projection.trust import Seen, make_trust


@dataclasses.dataclass(frozen=True)
class StoreAt:
    """Where the store of the plugin is, for a worker to open its own."""

    directory: str
    limit_bytes: int


def ready(*, report: Report) -> bytes:
    """Nothing: whoever does it has imported what all others need."""
    return b""


def points(view: View, step: int, store: StoreAt, *, report: Report) -> bytes:
    """The picture of `view` at `step`, as Picture.to_bytes gives it; also put in the store, under its key."""
    return make(view, step, _store(store), report).to_bytes()


def trust(view: View, step: int, previous: int | None, seen: Seen, store: StoreAt, *, report: Report) -> bytes:
    """How far the picture of a head can be believed, a JSON document; also put in the store, under its key."""
    return make_trust(view, step, previous, _store(store), report, seen=seen)


@dataclasses.dataclass(frozen=True)
class Attended:
    """One head's attention within one sequence, or for None the mean over all."""

    directory: str
    file: str
    location: SamplesLocation
    number: int
    """Of the layer."""
    layer: Layer
    lengths: Lengths
    head: int
    sequence: int | None
    weight: recompute.Weight | None

    @property
    def key(self) -> tuple[object, ...]:
        """Tells it from others; what is not in it follows from what is."""
        return self.directory, self.file, self.number, self.head, self.sequence, self.weight

    def recomputed(self, part: recompute.Part = recompute.WHOLE) -> npt.NDArray[np.float32]:
        samples = read_samples(self.directory, self.file, self.location, self.layer, self.lengths)
        if self.sequence is None:
            return recompute.mean_attention(samples, self.layer, self.lengths, self.head, weight=self.weight, part=part)
        return recompute.sequence_attention(
            samples, self.layer, self.lengths, self.head, self.sequence, weight=self.weight, part=part
        )


def attention(attended: Attended, part: recompute.Part, *, report: Report) -> bytes:
    """`.npy` float32 [n_query, n_key], or the row or column of it that `part` is."""
    return _npy(attended.recomputed(part))


def image_summary(attended: Attended, grid: Grid, *, report: Report) -> bytes:
    """What the attention within an image comes to over the patches of `grid`, a JSON document."""
    return summarise(attended.recomputed(), grid).to_json()


def point_figures(
    directory: str, file: str, location: SamplesLocation, layer: Layer, lengths: Lengths, figure: str, *, report: Report
) -> bytes:
    """A figure of every point of a layer's heads, `.npy` float32 [heads, queries + keys]."""
    samples = read_samples(directory, file, location, layer, lengths)
    return _npy(recompute.point_figures(samples, layer, lengths, figure))


def change(before: RecordedLayer, after: RecordedLayer, key: str, store: StoreAt, *, report: Report) -> bytes:
    """How far each head has changed, `.npy` float32 [heads]; also put in the store, under `key`."""
    return _kept(store, key, comparison.change(before, after, report))


def similarity(layers: Sequence[RecordedLayer], measure: Measure, key: str, store: StoreAt, *, report: Report) -> bytes:
    """How alike every two heads are, `.npy` float32 [heads, heads]; also put in the store, under `key`."""
    return _kept(store, key, comparison.similarity(layers, measure, report))


def similarity_to(
    layers: Sequence[RecordedLayer], measure: Measure, key: str, head: int, store: StoreAt, *, report: Report
) -> bytes:
    """The row of `head` in that, `.npy` float32 [heads]; also put in the store, and what it is taken from."""
    made = _store(store).get(key) or similarity(layers, measure, key, store, report=report)
    return _kept(store, row_key(key, head), np.load(io.BytesIO(made))[head])


def row_key(key: str, head: int) -> str:
    """The address of the row of `head` in what is kept under `key`."""
    return f"{key} {head}"


def head_order(layers: Sequence[RecordedLayer], key: str, store: StoreAt, *, report: Report) -> bytes:
    """Each head's place among those that are alike, `.npy` float32 [heads]; also put in the store, under `key`."""
    address = comparison.similarity_key(layers, "attention")
    made = _store(store).get(address) or similarity(layers, "attention", address, store, report=report)
    order = geometry.cluster_order(np.load(io.BytesIO(made)).astype(np.float64))
    return _kept(store, key, np.argsort(order))


def maps(asked: AskedMaps, *, report: Report) -> bytes:
    """A small map of the heads of all layers, `.npy` uint8 [heads, rows, columns]."""
    return _npy(maps_of_all_heads(asked), "|u1")


def findings(recorded: Recorded, name: str, step: int, store: StoreAt, *, report: Report) -> bytes:
    """What every head is at `step`, and all that happened, a JSON document behind notes of steps without figures.

    Measures are put in the store.
    """
    named = _named(recorded, store, report)
    document = {"run": name, **findings_document(named, step, recorded.heads)}
    return with_notes(named.lost_figures, json.dumps(document, allow_nan=False).encode())


def evidence(
    recorded: Recorded, step: int, layer: int, head: int, kind: str, store: StoreAt, *, report: Report
) -> bytes:
    """Which query shows best that a head is of `kind` at `step`, a JSON document."""
    found = evidence_at(_named(recorded, store, report), recorded, step, layer, head, kind)
    return json.dumps(evidence_document(found), allow_nan=False).encode()


_known: dict[str, Named] = {}  # the run that this worker named last: scrubbing asks for one step after the other


def _named(recorded: Recorded, store: StoreAt, report: Report) -> Named:
    if recorded.address not in _known:
        made = Named.of(recorded, _store(store), report)
        _known.clear()
        _known[recorded.address] = made
    return _known[recorded.address]


def health(rows: FigureRows, names: Sequence[str], said: dict[str, Any], *, report: Report) -> bytes:
    """All figures as a JSON document, behind notes of steps that cannot be read: they are NaN in it."""
    lost: dict[int, str] = {}
    document = health_series.health_document(rows, names, said, lost)
    return with_notes(lost, document)


def health_rows(rows: FigureRows, names: Sequence[str], *, report: Report) -> bytes:
    """float32 [rows, names, heads], as Picture.to_bytes gives it; its notes are of steps that cannot be read."""
    lost: dict[int, str] = {}
    return Picture(health_series.rows_of_all_heads(rows, names, lost), lost).to_bytes()


def health_figure(rows: FigureRows, name: str, first: int, every: int, *, report: Report) -> bytes:
    """float32 [4, buckets, heads], or [1, rows, heads]; likewise."""
    lost: dict[int, str] = {}
    return Picture(health_series.extremes_of_steps(rows, name, first, every, lost), lost).to_bytes()


def health_range(
    rows: FigureRows, names: Sequence[str], head: int | None, first: int, every: int, *, report: Report
) -> bytes:
    """float32 [names, 2, buckets]; likewise."""
    lost: dict[int, str] = {}
    return Picture(health_series.range_of_figures(rows, names, head, first, every, lost), lost).to_bytes()


@functools.cache
def _store(store: StoreAt) -> DiskStore:
    """One a worker, for as long as it lives: it knows when it last counted the files."""
    return DiskStore(store.directory, limit_bytes=store.limit_bytes)


def _kept(store: StoreAt, key: str, array: npt.NDArray[Any]) -> bytes:
    made = _npy(array)
    _store(store).put(key, made)
    return made


def _npy(array: npt.NDArray[Any], kind: str = "<f4") -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, np.ascontiguousarray(array, dtype=kind))
    return buffer.getvalue()
