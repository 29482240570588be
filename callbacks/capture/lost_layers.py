"""Lost layers: those that were recorded when training began and are not any more."""

import dataclasses

import numpy as np

from tb_attnviz.events import Samples

from .recording import Float32, Recording


class LostLayers:
    """Keeps a run's layers those of its `first` recording: where one is lost, its values are NaN, and it is said why.

    A run whose layers change begins a new part, and the steps before it go out of sight: for a layer that could not be
    recorded once, in 16 bits for example, that would be too much.
    """

    def __init__(self, first: Recording) -> None:
        self._layers = first.layers
        self._shapes = [(samples.queries.shape, samples.keys.shape) for samples in first.samples]
        self._said: frozenset[str] = frozenset()

    def completed(self, recording: Recording) -> tuple[Recording, str | None]:
        """`recording` with the layers of the first, and a sentence where other ones are lost than before."""
        names = {layer.name for layer in recording.layers}
        lost = frozenset(layer.name for layer in self._layers) - names
        sentence = None
        if lost != self._said:
            self._said = lost
            reasons = "; ".join(f"{name}: {recording.skipped.get(name, 'it was not called')}" for name in sorted(lost))
            sentence = f"layers that are not recorded any more: {reasons}" if lost else "all layers are recorded again"
        if not lost or not names <= {layer.name for layer in self._layers}:
            return recording, sentence
        return self._filled(recording), sentence

    def _filled(self, recording: Recording) -> Recording:
        found = {layer.name: index for index, layer in enumerate(recording.layers)}
        first = np.cumsum([0, *(layer.heads for layer in recording.layers)])
        samples: list[Samples] = []
        figures: dict[str, list[Float32]] = {name: [] for name in recording.figures}
        for layer, (queries, keys) in zip(self._layers, self._shapes, strict=True):
            index = found.get(layer.name)
            if index is not None:
                samples.append(recording.samples[index])
            else:
                samples.append(Samples(np.full(queries, np.nan, np.float32), np.full(keys, np.nan, np.float32)))
            for name, values in recording.figures.items():
                unknown = np.full(layer.heads, np.nan, np.float32)
                figures[name].append(unknown if index is None else values[first[index] : first[index + 1]])
        layers = tuple(
            recording.layers[found[x.name]] if x.name in found else dataclasses.replace(x, values=False)
            for x in self._layers
        )
        maps = tuple(recording.maps[found[x.name]] if x.name in found else {} for x in self._layers if recording.maps)
        joined = {name: np.concatenate(values) for name, values in figures.items()}
        return dataclasses.replace(recording, layers=layers, samples=tuple(samples), figures=joined, maps=maps)
