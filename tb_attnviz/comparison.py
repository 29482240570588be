"""Comparison: how far heads are apart by what they attend to: one head at two steps, or every two heads at one.

Both are means of Jensen-Shannon distances of attention rows over the probe's queries; queries that see one key are left
out, as they are of entropy, and padding never counts. A sink counts as one key more.
"""

import dataclasses
import hashlib
import json
from collections.abc import Sequence
from typing import Literal, cast, get_args

import numpy as np
import numpy.typing as npt

from tb_attnviz import geometry
from tb_attnviz.array_types import Float32
from tb_attnviz.events import Layer, Lengths, Samples, SamplesLocation, check_room, read_samples, samples_checksum
from tb_attnviz.projection.ports import Report
from tb_attnviz.recompute import TooLargeError, attention_rows

Indices = npt.NDArray[np.int64]

Measure = Literal["attention", "cka"]
MEASURES: tuple[Measure, ...] = get_args(Measure)

_VERSION = 1  # of what is computed here
_MOST_DISTANCES = 2**32  # outcomes times pairs of heads: 8 s
_MOST_NUMBERS = 2**26  # attention weights that are held at once: 256 MB
_MOST_HEADS = 2**14  # that are compared with one another: 1 GB
_LEAST_QUERIES = 16  # whatever they cost


@dataclasses.dataclass(frozen=True)
class RecordedLayer:
    """One layer at one step, and what its attention needs: small enough to send to a worker process."""

    directory: str
    file: str
    location: SamplesLocation
    layer: Layer
    lengths: Lengths

    def address(self) -> list[object]:
        """Equal exactly where attention is."""
        checksum = samples_checksum(self.directory, self.file, self.location)
        layer = self.layer
        return [
            self.file,
            self.location.offset,
            checksum,
            layer.scale,
            layer.softcap,
            layer.causal,
            dataclasses.astuple(self.lengths),
        ]

    @property
    def tokens(self) -> tuple[object, ...]:
        """From which tokens to which it attends: heads of layers with the same can be compared row by row."""
        return self.lengths, *self.layer.tokens

    def samples(self) -> Samples:
        return read_samples(self.directory, self.file, self.location, self.layer, self.lengths)

    def coordinates(self, chosen_queries: Indices, chosen_keys: Indices) -> Float32:
        """The canonical coordinates of some queries, then keys, [heads, chosen, d]; NaN if not finite."""
        samples = self.samples()
        queries, keys = samples.queries.astype(np.float64), samples.expanded_keys().astype(np.float64)
        finite = np.isfinite(queries.sum(axis=(1, 2), keepdims=True) + keys.sum(axis=(1, 2), keepdims=True))
        queries, keys = (np.where(finite, vectors, 0) for vectors in (queries, keys))
        axes = geometry.canonical_axes(queries, keys, scale=self.layer.scale)
        found = np.concatenate(axes.coordinates(queries[:, chosen_queries], keys[:, chosen_keys]), axis=1)
        return cast(Float32, np.where(finite, found, np.nan).astype(np.float32))


def change_key(before: RecordedLayer, after: RecordedLayer) -> str:
    """The address of `change`; it is the same both ways."""
    return _digest("change", *sorted((before.address(), after.address()), key=repr))


def change(before: RecordedLayer, after: RecordedLayer, report: Report) -> Float32:
    """[heads], from 0 to 1: the mean distance of each head's attention at two steps, or in two runs of one probe.

    NaN for a head that is not finite at one of them, and where no query sees more than one key.
    """
    heads = after.layer.heads
    total, count = np.zeros(heads), np.zeros(heads)
    total_queries, done = sum(after.lengths.queries), 0
    rows = (attention_rows(recorded.samples(), recorded.layer, recorded.lengths) for recorded in (before, after))
    for here, there in zip(*rows, strict=True):
        chooses = here.chooses | there.chooses  # (heads or 1, rows)
        distances = geometry.jensen_shannon(here.outcomes.astype(np.float64), there.outcomes.astype(np.float64))
        total += np.where(chooses, distances, 0).sum(axis=1)
        count += chooses.sum(axis=1)
        done += len(here.queries)
        report(done, total_queries)
    mean: Float32 = np.divide(total, count, out=np.full(heads, np.nan), where=count > 0).astype(np.float32)
    return mean


def similarity_key(layers: Sequence[RecordedLayer], measure: Measure) -> str:
    """The address of `similarity`."""
    return _digest("similarity", measure, *(recorded.address() for recorded in layers))


def order_key(layers: Sequence[RecordedLayer]) -> str:
    """The address of the places of heads in the order of `geometry.cluster_order`."""
    return _digest("head_order", *(recorded.address() for recorded in layers))


def similarity(layers: Sequence[RecordedLayer], measure: Measure, report: Report) -> Float32:
    """[heads, heads] of all `layers` of one step, from 0 to 1: how alike every two heads are.

    "attention": 1 - the mean distance of their attention. "cka": the linear CKA of their canonical coordinates, of
    queries and keys together. Of many heads or tokens, a random sample of the queries (for CKA, of the tokens) stands
    for all, the same one each time. NaN with a head that is not finite, where no query sees more than one key (for
    CKA, where all logits are equal), and between heads whose layers attend from or to other tokens.
    Raises TooLargeError for more heads than can be compared with one another.
    """
    by = {"attention": _by_attention, "cka": _by_coordinates}[measure]
    comparable = _comparable(layers)
    count = sum(recorded.layer.heads for recorded in layers)
    found = np.full((count, count), np.nan, np.float32)
    for alike, heads in comparable:
        found[np.ix_(heads, heads)] = by(alike, report)
    return found


def nearest(layers: Sequence[RecordedLayer]) -> tuple[Float32, Indices]:
    """Of each head of `layers`, how alike the other is whose attention is most alike, and which [heads]; NaN and -1.

    As `similarity` has it, and `geometry.nearest` looks for it. Raises TooLargeError.
    """
    comparable = _comparable(layers)
    count = sum(recorded.layer.heads for recorded in layers)
    found, which = np.full(count, np.nan, np.float32), np.full(count, -1)
    for alike, heads in comparable:
        values, places = geometry.nearest(*_attention(alike))
        found[heads], which[heads] = values, np.where(places < 0, -1, heads[places])
    return found, which


def _comparable(layers: Sequence[RecordedLayer]) -> list[tuple[list[RecordedLayer], Indices]]:
    """Layers that attend from the same tokens to the same, and the places of their heads among all heads."""
    count = sum(recorded.layer.heads for recorded in layers)
    if count > _MOST_HEADS:
        raise TooLargeError(f"{count:,} heads cannot be compared with one another: at most {_MOST_HEADS:,} can")
    heads = np.concatenate([np.full(recorded.layer.heads, index) for index, recorded in enumerate(layers)])
    kinds = [recorded.tokens for recorded in layers]
    found = []
    for kind in dict.fromkeys(kinds):
        alike = [index for index, other in enumerate(kinds) if other == kind]
        found.append(([layers[index] for index in alike], np.flatnonzero(np.isin(heads, alike))))
    return found


def _by_coordinates(layers: Sequence[RecordedLayer], report: Report) -> Float32:
    width = sum(recorded.layer.heads * recorded.layer.head_dim for recorded in layers)
    most = max(_LEAST_QUERIES, _MOST_NUMBERS // (2 * width))
    lengths = layers[0].lengths
    queries, keys = (np.random.default_rng(0).permutation(sum(side))[:most] for side in (lengths.queries, lengths.keys))
    clouds = [recorded.coordinates(queries, keys) for recorded in layers]
    return geometry.linear_cka(clouds, on_progress=report).astype(np.float32)


def _by_attention(layers: Sequence[RecordedLayer], report: Report) -> Float32:
    return geometry.similarity(*_attention(layers), on_progress=report).astype(np.float32)


def _attention(layers: Sequence[RecordedLayer]) -> tuple[Float32, Indices, npt.NDArray[np.bool_]]:
    """Attention of all heads as `geometry.similarity` takes it, of as many queries as the limits allow."""
    for recorded in layers:
        check_room(recorded.directory, recorded.file, recorded.location, recorded.layer, recorded.lengths)
    heads = sum(recorded.layer.heads for recorded in layers)
    sample = _Sample.of(layers[0].lengths, heads, causal=all(recorded.layer.causal for recorded in layers))
    starts = np.cumsum(sample.sizes) - sample.sizes  # (queries,)
    rows = np.empty((heads, sample.sizes.sum()), np.float32)
    chooses = np.empty((heads, len(starts)), np.bool_)
    first = 0
    for recorded in layers:
        of_layer = slice(first, first + recorded.layer.heads)
        sample.lay_out(recorded, rows[of_layer], chooses[of_layer])
        first = of_layer.stop
    return rows, starts, chooses


@dataclasses.dataclass(frozen=True)
class _Sample:
    """Some of the probe's queries, and what each of them may attend to: keys that it sees, and a sink."""

    queries: list[Indices]  # of each sequence, ascending
    sizes: Indices  # [queries of all sequences]: how many outcomes each has
    causal: bool

    @staticmethod
    def of(lengths: Lengths, heads: int, *, causal: bool) -> "_Sample":
        """As many queries of those that choose as the limits allow for so many heads."""
        all_queries = [
            np.arange(1 if causal else 0, n_query if n_key > 1 else 0)
            for n_query, n_key in zip(lengths.queries, lengths.keys, strict=True)
        ]
        sizes = np.concatenate(
            [
                queries + 2 if causal else np.full(len(queries), n_key + 1)
                for queries, n_key in zip(all_queries, lengths.keys, strict=True)
            ]
        )
        most = min(_MOST_DISTANCES // max(1, heads * (heads - 1) // 2), _MOST_NUMBERS // heads)
        share = most / max(1, sizes.sum())
        if share >= 1:
            return _Sample(all_queries, sizes, causal)
        count = min(len(sizes), max(_LEAST_QUERIES, int(share * len(sizes))))
        chosen = np.zeros(len(sizes), np.bool_)
        chosen[np.random.default_rng(0).choice(len(sizes), count, replace=False)] = True
        ends = np.cumsum([len(queries) for queries in all_queries])
        of_sequence = np.split(chosen, ends[:-1])
        return _Sample([q[c] for q, c in zip(all_queries, of_sequence, strict=True)], sizes[chosen], causal)

    def lay_out(self, recorded: RecordedLayer, rows: Float32, chooses: npt.NDArray[np.bool_]) -> None:
        """Fill `rows` [heads, outcomes] and `chooses` [heads, queries] with the attention of a layer."""
        row = outcome = 0
        for block in attention_rows(recorded.samples(), recorded.layer, recorded.lengths, self.queries):
            outcomes = block.outcomes  # (heads, queries, n_key + 1)
            key, sink = np.arange(outcomes.shape[-1]), outcomes.shape[-1] - 1
            seen = (key <= block.queries[:, None]) | (key == sink) | (not self.causal)
            laid = outcomes[:, seen]  # (heads, outcomes of these queries)
            rows[:, outcome : outcome + laid.shape[1]] = laid
            chooses[:, row : row + len(block.queries)] = block.chooses
            row, outcome = row + len(block.queries), outcome + laid.shape[1]


def _digest(*parts: object) -> str:
    return hashlib.sha256(json.dumps([_VERSION, *parts]).encode()).hexdigest()
