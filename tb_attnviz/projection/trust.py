"""Trust: how far the picture of one head can be believed, as a document for the reader beside it.

docs/trust.md explains each of its figures.
"""

import dataclasses
import hashlib
import json
import math
from dataclasses import astuple
from typing import Any, cast

import numpy as np
import numpy.typing as npt

from tb_attnviz import geometry
from tb_attnviz.array_types import Float64
from tb_attnviz.events import Layer, Lengths, read_samples
from tb_attnviz.geometry.trust import unit_length
from tb_attnviz.projection.pictures import Picture, View, make
from tb_attnviz.projection.ports import Report, Store
from tb_attnviz.projection.projection import Normalisation
from tb_attnviz.projection.verdict import Figures, Motion, verdict
from tb_attnviz.recompute import attention_rows

Indices = npt.NDArray[np.int64]

_VERSION = 2  # of what `make_trust` computes
_STILL = 1e-3  # of the points' mean distance from their centre; what int16 samples may move a head that stands still


@dataclasses.dataclass(frozen=True)
class Seen:
    """Which tokens see one another: what a picture does not know about the samples that it shows."""

    lengths: Lengths  # of each sequence of the probe
    layer: Layer  # as recorded at the step that is shown

    def pairs(self, view: View, step: int) -> geometry.VisiblePairs:
        """The pairs of the view's head that attention sees at `step`: causal masks, and biases of -inf, hide some."""
        samples = read_samples(view.source.directory, *view.source.locations[step], self.layer, self.lengths)
        bias = samples.bias
        if bias is not None:
            bias = bias[
                :, min(cast(int, view.head), bias.shape[1] - 1)
            ]  # (sequences or windows or 1, longest, longest)
        windows = samples.windows
        return geometry.VisiblePairs(self.lengths.queries, self.layer.causal, bias, self.lengths.keys, windows)


def trust_key(view: View, step: int, previous: int | None, seen: Seen) -> str:
    """The address of the document: equal exactly where all that it depends on is equal."""
    before = None if previous is None else (previous, view.key(previous))
    parts = ["trust", _VERSION, view.key(step), view.head, before, astuple(seen.lengths), seen.layer.causal]
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()


def make_trust(view: View, step: int, previous: int | None, store: Store, report: Report, *, seen: Seen) -> bytes:
    """JSON about the picture of `view`, which is of one head, at `step`: from `store`, or made now and put there.

    `previous`: the step that motion is measured from; the picture of both is made where `store` does not have it.
    Non-finite numbers are the strings "NaN". A head that has no picture, or nothing to compare, gets a document all the
    same, with the reason in its sentence.
    """
    if view.head is None:
        raise ValueError("trust is told of one head: the view has none")
    key = trust_key(view, step, previous, seen)
    found = store.get(key)
    if found is None:
        found = json.dumps(_document(view, step, previous, store, report, seen), allow_nan=False).encode()
        store.put(key, found)
    return found


def _document(view: View, step: int, previous: int | None, store: Store, report: Report, seen: Seen) -> dict[str, Any]:
    shown = _Shown.of(view, step, store, report)
    pairs = seen.pairs(view, step)
    method = view.projection.method
    n_query, n = len(shown.queries), len(shown.pictured)
    faithfulness = geometry.logit_faithfulness(
        shown.queries,
        shown.keys,
        shown.points,
        pairs,
        closeness="dot" if method == "biplot" else "distance",
        on_progress=lambda done, total: report(done, n_query + n),
    )
    found = geometry.neighbourhoods(
        shown.coordinates[shown.pictured],
        shown.points[shown.pictured],
        on_progress=lambda done, total: report(n_query + done, n_query + n),
    )
    attention = _attention(shown, view, step, seen)
    motion = None
    if previous is not None:
        motion = _motion(shown, _Shown.of(view, previous, store, report), previous, view.projection.normalise)
    figures = Figures(
        faithfulness,
        found.trustworthiness,
        found.continuity,
        found.k,
        n,
        top_key=attention.top_key,
        top_key_chance=attention.chance,
    )
    notes = [shown.note] if shown.note else []
    if pairs.share < 1:
        notes.append(f"faithfulness is of a random {pairs.share:.0%} of all pairs")
    return {
        "top_key": _number(attention.top_key),
        "top_key_chance": _number(attention.chance),
        "faithfulness": _number(faithfulness),
        "trustworthiness": _number(found.trustworthiness),
        "continuity": _number(found.continuity),
        "neighbour_recall": _number(found.recall),
        "k": found.k,
        "motion": motion and {"previous": motion.previous, "spearman": _number(motion.spearman)},
        "missed_keys": [_number(value, 3) for value in attention.missed.tolist()],
        "false_neighbours": [_number(value, 3) for value in found.false_neighbours.tolist()],
        "tears": [_number(value, 3) for value in found.tears.tolist()],
        "normalisation": _normalisation(view, store, report),
        "sentence": verdict(method, figures, motion, reason=shown.note or found.reason),
        "note": "; ".join(notes) or None,
    }


@dataclasses.dataclass(frozen=True)
class _Shown:
    """One head at one step, as it is and as it is shown."""

    queries: Float64  # [n_query, d]
    keys: Float64  # [n_key, d]
    coordinates: Float64  # [n_query + n_key, d]: what the method worked on; of length 1 for cosines
    points: Float64  # [n_query + n_key, dims]; NaN for those that are not pictured
    pictured: Indices  # into the points, ascending
    note: str | None  # why there is no picture, or what is special about it

    @classmethod
    def of(cls, view: View, step: int, store: Store, report: Report) -> "_Shown":
        picture: Picture = make(view, step, store, report)
        # Some points are pictured, but they are of a whole head.
        source = dataclasses.replace(view.source, subset=None)
        vectors = source.whole(step).of(view.head)
        queries, keys = (array[0].astype(np.float64) for array in (vectors.queries, vectors.keys))
        frame = view.frame(store, report)
        coordinates = frame.coordinates(source, vectors, head=view.head)[0].astype(np.float64)
        if not view.projection.linear and view.projection.metric == "cosine":
            coordinates = unit_length(coordinates)
        subset = view.source.subset
        pictured = np.arange(len(coordinates)) if subset is None else np.array(subset, dtype=np.int64)
        points = np.full((len(coordinates), view.projection.dims), np.nan)
        points[pictured] = picture.points[0]
        note = next(iter(picture.notes.values()), None)
        return cls(queries, keys, coordinates, points, pictured, note)


@dataclasses.dataclass(frozen=True)
class _Attention:
    """Whether the key that a query attends to most is near it on screen; NaN where no query tells."""

    top_key: float  # for which share of the queries it is among the geometry.NEAREST
    chance: float  # what that would be if keys were placed by chance
    missed: Float64  # [pictured]: of each query, and of each key over the queries that attend to it most


def _attention(shown: "_Shown", view: View, step: int, seen: Seen) -> _Attention:
    samples = view.source.samples(step)
    dot = view.projection.method == "biplot"
    n_query = len(shown.queries)
    on_screen = cast(npt.NDArray[np.bool_], np.isfinite(shown.points).all(axis=1))
    first_query, first_key = np.cumsum([0, *seen.lengths.queries]), np.cumsum([0, *seen.lengths.keys])
    missed = np.full(len(shown.points), np.nan)
    total, times = np.zeros(len(shown.keys)), np.zeros(len(shown.keys))
    found: list[float] = []
    chance: list[float] = []
    for rows in attention_rows(samples, seen.layer, seen.lengths, head=view.head):
        queries = first_query[rows.sequence] + rows.queries
        keys = slice(first_key[rows.sequence], first_key[rows.sequence + 1])
        at, of_keys = shown.points[queries], shown.points[n_query:][keys]
        closeness = at @ of_keys.T if dot else -np.square(at[:, None] - of_keys).sum(axis=-1)
        visible = rows.visible[0] & on_screen[queries][:, None] & on_screen[n_query:][keys]
        top = geometry.top_keys(rows.attention[0], visible, closeness)
        missed[queries] = top.missed
        np.add.at(total[keys], top.keys[top.told], top.missed[top.told])
        np.add.at(times[keys], top.keys[top.told], 1)
        found += top.found[top.told].tolist()
        chance += (geometry.NEAREST / top.counts[top.told]).tolist()
    missed[n_query:] = np.where(times > 0, total / np.maximum(times, 1), np.nan)
    if not found:
        return _Attention(math.nan, math.nan, missed[shown.pictured])
    return _Attention(float(np.mean(found)), float(np.mean(chance)), missed[shown.pictured])


def _motion(shown: _Shown, before: _Shown, previous: int, normalise: Normalisation) -> Motion | None:
    """None where one of the two pictures has no points."""
    points, points_before = shown.points[shown.pictured], before.points[shown.pictured]
    if not (np.isfinite(points).all() and np.isfinite(points_before).all()):
        return None
    aligned = shown.coordinates
    if normalise == "canonical":  # the frame aligns with its fitted steps, and these two may join at different ones
        aligned = aligned @ geometry.procrustes(aligned.T @ before.coordinates)
    here, there = aligned[shown.pictured], before.coordinates[shown.pictured]
    size = np.linalg.norm(before.coordinates, axis=-1).mean()
    if np.linalg.norm(here - there, axis=-1).max(initial=0) <= _STILL * size:
        return Motion(previous, math.nan)
    return Motion(previous, geometry.motion_agreement(there, here, points_before, points))


def _normalisation(view: View, store: Store, report: Report) -> dict[str, float | str] | None:
    """What the paper's normalisation does to this head; None where it is not used."""
    paper = view.frame(store, report).paper
    if paper is None:
        return None
    return {"c": float(paper.c[view.head]), "translation": _number(float(paper.translation[view.head]))}


def _number(value: float, digits: int = 4) -> float | str:
    """As docs/http_api.md has it."""
    return round(value, digits) if math.isfinite(value) else "NaN"
