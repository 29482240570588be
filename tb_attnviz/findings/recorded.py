"""Recorded: what of a run its findings follow from; small enough to be sent to a worker process."""

import dataclasses
import functools
import hashlib
import json
from collections.abc import Mapping

import numpy as np

from tb_attnviz.array_types import Float32
from tb_attnviz.comparison import RecordedLayer
from tb_attnviz.events import Alert, Checkpoint, FiguresLocation, Grid, Layer, ProbeRecord

Head = tuple[int, int]
"""Layer, and number within it, from 0."""


@dataclasses.dataclass(frozen=True)
class Break:
    """A step at which the run did not simply go on: "restart", or "changed model" where a new segment begins."""

    step: int
    what: str
    sentence: str


@dataclasses.dataclass(frozen=True)
class Recorded:
    """The newest segment of the run in `directory`.

    `figures`: step → where its health figures are, or of version 1 the figures themselves; `maps`: the steps that have
    small maps still; `checkpoints`: those whose samples are there. `before`: the end of the part before this segment,
    which another model or probe was recorded in.
    """

    directory: str
    probe: ProbeRecord
    layers: tuple[Layer, ...]
    figures: Mapping[int, FiguresLocation | dict[str, Float32]]
    maps: tuple[int, ...]
    checkpoints: Mapping[int, Checkpoint]
    alerts: tuple[Alert, ...] = ()
    breaks: tuple[Break, ...] = ()
    tells_induction: bool = True
    before: "Recorded | None" = None

    @functools.cached_property
    def heads(self) -> list[Head]:
        """Of all layers, one after the other: as arrays [heads] have them."""
        return [(index, head) for index, layer in enumerate(self.layers) for head in range(layer.heads)]

    @property
    def of_layers(self) -> list[slice]:
        """Where the heads of each layer lie among all."""
        ends = np.cumsum([layer.heads for layer in self.layers]).tolist()
        return [slice(end - layer.heads, end) for end, layer in zip(ends, self.layers, strict=True)]

    def ending(self) -> "Recorded":
        """The last step alone, of figures, of maps and of samples."""
        last = max(self.checkpoints, default=None), max(self.figures, default=None)
        figures = {step: of for step, of in self.figures.items() if step in last}
        checkpoints = {step: of for step, of in self.checkpoints.items() if step in last}
        maps = tuple(step for step in self.maps if step in figures)
        return dataclasses.replace(self, figures=figures, maps=maps, checkpoints=checkpoints, before=None)

    def grids(self, layer: Layer) -> tuple[Grid, ...]:
        """Those of the images that `layer` attends within; none where a sequence is a text, or there are two sides."""
        if (layer.queries_of, layer.query_grid) != (layer.keys_of, layer.key_grid):
            return ()
        found = [layer.query_grid or sequence.grid for sequence in self.probe.side(layer.queries_of)]
        return tuple(dict.fromkeys(grid for grid in found if grid)) if all(found) else ()

    def numbers(self, head: Head) -> Head:
        """Layer and head as the model counts them, for people."""
        return self.layers[head[0]].in_model(head[0], head[1])

    def name(self, head: Head) -> str:
        layer, number = self.numbers(head)
        return f"L{layer} H{number}"

    def samples_at(self, step: int) -> list[RecordedLayer]:
        """Where the samples of each layer are."""
        checkpoint = self.checkpoints[step]
        return [
            RecordedLayer(self.directory, checkpoint.file, location, layer, layer.lengths(self.probe))
            for layer, location in zip(checkpoint.layers, checkpoint.locations, strict=True)
        ]

    @functools.cached_property
    def digest(self) -> str:
        """Of the probe with its labels, and of the layers: what measures of a step depend on beside its records."""
        layers = [dataclasses.asdict(layer) for layer in self.layers]
        return hashlib.sha256(json.dumps([self.probe.to_content(), layers], default=list).encode()).hexdigest()[:24]

    @functools.cached_property
    def address(self) -> str:
        """Equal exactly where all that was recorded is."""
        found = hashlib.sha256(self.digest.encode())
        for step, of in sorted(self.figures.items()):
            parts = [v.tobytes() for _, v in sorted(of.items())] if isinstance(of, dict) else [of.checksum.encode()]
            found.update(b"".join((f"{step}:{of.file if isinstance(of, FiguresLocation) else ''}:".encode(), *parts)))
        files = [(step, checkpoint.file) for step, checkpoint in sorted(self.checkpoints.items())]
        events = [[dataclasses.astuple(one) for one in some] for some in (self.alerts, self.breaks)]
        found.update(repr((self.directory, self.maps, files, events, self.before and self.before.address)).encode())
        return found.hexdigest()[:24]
