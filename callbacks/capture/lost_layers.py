"""Lost layers: those that were recorded when training began and are not any more, and those that came later."""

import dataclasses
from collections.abc import Mapping, Sequence

import numpy as np

from tb_attnviz.array_types import Float32
from tb_attnviz.events import Layer, Samples, StoredSamples

from .recording import NoAttentionError, Recording, explain


class LostLayers:
    """Keeps a run's layers those of its `first` recording: where one is lost, its values are NaN, and it is said why.

    One that the first recording had not is left out. A run whose layers change begins a new part, and the steps before
    it go out of sight: for a layer that could not be recorded once, in 16 bits for example, that would be too much.
    """

    def __init__(self, first: Recording) -> None:
        self._layers = first.layers
        self._shapes = _shapes(first)
        self._lost: frozenset[str] = frozenset()
        self._later: frozenset[str] = frozenset()  # all that have been told

    def completed(self, recording: Recording) -> tuple[Recording, str | None]:
        """`recording` with the layers of the first, and a sentence where other ones are lost, or came, than before."""
        names, wanted = ({layer.name for layer in of} for of in (recording.layers, self._layers))
        lost, later = frozenset(wanted - names), frozenset(names - wanted)
        sentences = []
        if lost != self._lost:
            self._lost = lost
            reasons = "; ".join(f"{name}: {recording.skipped.get(name, 'it was not called')}" for name in sorted(lost))
            sentences.append(
                f"layers that are not recorded any more: {reasons}" if lost else "all layers are recorded again"
            )
        if new := sorted(later - self._later):
            self._later |= later
            sentences.append(
                f"layers that could not be recorded when training began, and are left out of this run: {', '.join(new)}"
            )
        if lost or later:
            recording = _filled(recording, self._layers, self._shapes)
        return recording, "; ".join(sentences) or None


def without(recording: Recording, unfit: Mapping[str, str]) -> Recording:
    """`recording` without the layers `unfit`: name → why. Raises NoAttentionError if none is left."""
    kept = [index for index, layer in enumerate(recording.layers) if layer.name not in unfit]
    skipped = {**recording.skipped, **unfit}
    if not kept:
        raise NoAttentionError(explain(skipped))
    shapes = _shapes(recording)
    found = _filled(recording, [recording.layers[index] for index in kept], [shapes[index] for index in kept])
    values = {name: why for name, why in recording.without_values.items() if name not in unfit}
    return dataclasses.replace(found, skipped=skipped, without_values=values)


_Shapes = Sequence[tuple[tuple[int, ...], tuple[int, ...]]]  # of queries and keys


def _shapes(recording: Recording) -> _Shapes:
    return [(samples.queries.shape, samples.keys.shape) for samples in recording.samples]


def _filled(recording: Recording, layers: Sequence[Layer], shapes: _Shapes) -> Recording:
    """`recording` with just `layers`: NaN for those that it has not."""
    found = {layer.name: index for index, layer in enumerate(recording.layers)}
    first = np.cumsum([0, *(layer.heads for layer in recording.layers)])
    samples: list[Samples | StoredSamples] = []
    figures: dict[str, list[Float32]] = {name: [] for name in recording.figures}
    for layer, (queries, keys) in zip(layers, shapes, strict=True):
        index = found.get(layer.name)
        if index is not None:
            samples.append(recording.samples[index])
        else:
            samples.append(Samples(np.full(queries, np.nan, np.float32), np.full(keys, np.nan, np.float32)))
        for name, values in recording.figures.items():
            unknown = np.full(layer.heads, np.nan, np.float32)
            figures[name].append(unknown if index is None else values[first[index] : first[index + 1]])
    completed = tuple(
        recording.layers[found[x.name]] if x.name in found else dataclasses.replace(x, values=False) for x in layers
    )
    maps = tuple(recording.maps[found[x.name]] if x.name in found else {} for x in layers if recording.maps)
    joined = {name: np.concatenate(values) for name, values in figures.items()}
    defined = {name: values for name, values in joined.items() if not np.isnan(values).all()}
    return dataclasses.replace(recording, layers=completed, samples=tuple(samples), figures=defined, maps=maps)
