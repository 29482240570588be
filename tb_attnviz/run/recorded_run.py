"""RecordedRun: what one run holds, and what of it can be read; nothing is computed from it."""

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any, Self, get_args

import numpy.typing as npt

from tb_attnviz import geometry
from tb_attnviz.array_types import Float32
from tb_attnviz.comparison import RecordedLayer
from tb_attnviz.events import (
    Alert,
    Checkpoint,
    FigureRows,
    FiguresLocation,
    Image,
    Layer,
    Lengths,
    ProbeRecord,
    Records,
    Samples,
    Segment,
    Side,
    read_figures,
    read_image,
    read_samples,
)
from tb_attnviz.events.shapes import shown
from tb_attnviz.left_out import LeftOut
from tb_attnviz.projection import LayerSamples, UnreadableStepError
from tb_attnviz.run.at_checkpoints import AtCheckpoints


class NotRecordedError(LookupError):
    """What was asked for is not in the run; the message says what is."""


class RecordedRun:
    """The records of a run: `directory` holds the samples, `load` gives the summaries recorded so far.

    A run that was begun again with another probe or other layers has several segments: everything but `segments` and
    `earlier` is of the newest.
    """

    def __init__(self, directory: str, load: Callable[[], Records], *, left_out: LeftOut | None = None) -> None:
        self.directory = directory
        self._load = load
        self.left_out = left_out or LeftOut(directory)
        self.part: int | None = None
        """Of a part in `earlier`, its number, from 1 on; the newest has none."""
        self.reload()

    def reload(self) -> None:
        """Take in what was recorded since the run was opened or last reloaded."""
        self.records = self._load()
        self._steps = self.records.steps
        self._layers = self.records.newest.layers  # each request asks: they are not looked for among all checkpoints
        self._figure_rows: FigureRows | None = None
        self._connections: dict[int, FiguresLocation] | None = None
        self._earlier: list[Self] | None = None
        self.recorded_maps: list[tuple[int, int]] | None = None  # steps, and the starts that wrote them
        self.listed_maps: tuple[int | None, list[int]] | None = None  # when their folder had changed, and their steps
        self.left_out.look_for(checkpoint.file for checkpoint in self.records.checkpoints.values())

    @property
    def steps(self) -> list[int]:
        """The steps with samples, ascending; without those whose samples are gone."""
        gone = {file for file, begins in self.left_out.reasons() if begins is None}
        if not gone:
            return list(self._steps)
        return [step for step in self.records.steps if self.records.checkpoints[step].file not in gone]

    def steps_of(self, layer: int) -> list[int]:
        """The same without those whose samples of `layer` are found to be damaged."""
        left_out = self.left_out.reasons()
        if not left_out:
            return list(self._steps)
        checkpoints = self.records.checkpoints
        return [s for s in self.steps if (checkpoints[s].file, checkpoints[s].locations[layer].offset) not in left_out]

    def leave_out(self, error: UnreadableStepError) -> bool:
        """Do without what could not be read from now on, in frames too; False if it was known.

        A file that changes is tried again.
        """
        return error.directory == self.directory and self.left_out.add(error.where, error.why)

    @property
    def health_steps(self) -> list[int]:
        """The steps with health figures, ascending: also those between the steps with samples."""
        return self.records.newest.health_steps

    @property
    def missing_steps(self) -> list[int]:
        """The checkpoints that are left out whole, ascending: their document or their samples cannot be read."""
        kept = set(self.steps)
        lost = {step for step in self.records.checkpoints if step not in kept}
        return sorted(lost | (self.records.damaged_checkpoints.keys() - kept))

    @property
    def damaged(self) -> list[str]:
        """A sentence for everything that is left out because it cannot be read.

        Of samples, what is found to be damaged when it is needed.
        """
        reasons = self.left_out.reasons()
        checkpoints = {of.file: of for of in self.records.checkpoints.values()} if reasons else {}
        found: list[tuple[int, int, str]] = []  # step, layer, sentence
        for (file, begins), why in reasons.items():
            if (at := checkpoints.get(file)) is None:
                continue
            if begins is None:
                found.append((at.step, -1, f"step {at.step} is left out: {why}"))
            for layer in (n for n, location in enumerate(at.locations) if location.offset == begins):
                number = at.layers[layer].in_model(layer, 0)[0]
                found.append((at.step, layer, f"step {at.step} is left out in layer {number}: {why}"))
        of_records = [sentence for _, sentence in sorted(self.records.damaged.items())]
        return of_records + [sentence for _, _, sentence in sorted(found)]

    @property
    def segments(self) -> list[Segment]:
        """What was recorded with each probe and set of layers, in the order of recording; the newest is shown."""
        return self.records.segments

    @property
    def earlier(self) -> list[Self]:
        """Each part before the newest, oldest first, as a run of its own: it was recorded with another probe or model.

        It ends where it ended when this run was read.
        """
        if self._earlier is None:
            self._earlier = [self._of(part, number) for number, part in enumerate(self.records.earlier(), start=1)]
        return self._earlier

    def _of(self, records: Records, part: int) -> Self:
        run = type(self)(self.directory, lambda: records, left_out=self.left_out)
        run.part = part
        return run

    @property
    def layers(self) -> tuple[Layer, ...]:
        """The layers of the newest checkpoint, in the order of the forward pass."""
        return self._layers

    @property
    def probe(self) -> ProbeRecord:
        """The fixed inputs. Raises NotRecordedError if the run has none."""
        if self.records.probe is None:
            raise NotRecordedError("this run has no probe: its event file is damaged or still being written")
        return self.records.probe

    @property
    def alerts(self) -> list[Alert]:
        """Every alert that was raised or cleared, in the order of the steps."""
        return [alert for _, record in sorted(self.records.alerts.items()) for alert in record.alerts]

    @property
    def tells_induction(self) -> bool:
        """Whether the probe can tell an induction head from one of fixed distance: geometry.tells_repeats."""
        known = [sequence.repeat for sequence in self.probe.sequences]
        repeats = [None if repeat is None else (repeat.start, repeat.period) for repeat in known]
        return geometry.tells_repeats(self.probe.lengths, repeats)

    def checkpoint(self, step: int) -> Checkpoint:
        """Where the samples of `step` are. Raises NotRecordedError for a step that was not recorded."""
        checkpoint = self.records.checkpoints.get(step)
        if checkpoint is None:
            damaged = self.records.damaged_checkpoints.get(step)
            raise NotRecordedError(damaged or f"no step {step}: {steps_in_words(self.steps)}")
        if why := self.left_out.reasons().get((checkpoint.file, None)):
            raise NotRecordedError(f"step {step} is left out: {why}")
        return checkpoint

    @property
    def newest_step(self) -> int:
        """The newest step with samples. Raises NotRecordedError before the first."""
        if not self.steps:
            lost = self.missing_steps and f"there is nothing to show: {self.damaged[-1]}"
            raise NotRecordedError(lost or f"there is nothing to show yet: {steps_in_words(self.steps)}")
        return self.steps[-1]

    def layer(self, step: int, layer: int) -> Layer:
        """Layer number `layer` at `step`. Raises NotRecordedError if there is none, or if it is left out."""
        checkpoint = self.checkpoint(step)
        layers = checkpoint.layers
        if not 0 <= layer < len(layers):
            raise NotRecordedError(f"no layer {layer}: the run has layers 0 to {len(layers) - 1}")
        if why := self.left_out.reasons().get((checkpoint.file, checkpoint.locations[layer].offset)):
            raise NotRecordedError(f"step {step} is left out in layer {layer}: {why}")
        return layers[layer]

    def lengths(self, step: int, layer: int) -> Lengths:
        """How many queries and keys each sequence has in `layer`: where layers differ in their tokens, not the same."""
        return self.layer(step, layer).lengths(self.probe)

    def image(self, sequence: int, side: Side = "tokens") -> Image:
        """The image of a sequence, or of its other side. Raises NotRecordedError for what has none."""
        if side not in get_args(Side):
            raise NotRecordedError(f"no side {shown(side)}: there are 'tokens' and 'key_tokens'")
        sequences = self.probe.sequences
        if not 0 <= sequence < len(sequences):
            raise NotRecordedError(f"no sequence {sequence}: the probe has sequences 0 to {len(sequences) - 1}")
        found = sequences[sequence] if side == "tokens" else sequences[sequence].key_tokens
        if found is None:
            raise NotRecordedError(f"sequence {sequence} has no other side: the probe has no key_tokens")
        if found.image is None:
            of = "" if side == "tokens" else "the other side of "
            raise NotRecordedError(f"{of}sequence {sequence} has no image: it is of the kind {found.kind!r}")
        return found.image

    def png(self, sequence: int, side: Side = "tokens") -> bytes:
        """The PNG file of a sequence. Raises NotRecordedError like `image`, and if the file is gone."""
        try:
            return read_image(self.directory, self.image(sequence, side))
        except FileNotFoundError:
            raise NotRecordedError(f"the image of sequence {sequence} is gone from the log directory") from None

    def samples(self, step: int, layer: int) -> Samples:
        """Queries [heads, n_query, d] and keys [heads, n_key, d], float32; grouped keys repeated for their heads."""
        described, checkpoint = self.layer(step, layer), self.checkpoint(step)
        lengths = None if self.records.probe is None else described.lengths(self.records.probe)
        samples = read_samples(self.directory, checkpoint.file, checkpoint.locations[layer], described, lengths)
        norms = samples.expanded_value_norms()
        return dataclasses.replace(samples, keys=samples.expanded_keys(), value_norms=norms)

    @property
    def figure_rows(self) -> FigureRows:
        """Where the health figures of all `health_steps` are, for another process to read."""
        if self._figure_rows is None:
            segment = self.records.newest
            recorded = {step: segment.recorded[step] for step in segment.health_steps}
            self._figure_rows = FigureRows.of(self.directory, segment.heads, recorded)
        return self._figure_rows

    @property
    def connections_at(self) -> dict[int, FiguresLocation]:
        """Where it was recorded which heads feed which: step → location, ascending; version 1 had no such record."""
        if self._connections is None:
            recorded = self.records.newest.recorded
            located = ((step, recorded[step]) for step in self.health_steps)
            self._connections = {
                step: at for step, at in located if not isinstance(at, dict) and "connections/keys" in at.names
            }
        return self._connections

    def lose_figures(self, lost: Mapping[int, str]) -> None:
        """The figures of these steps turned out to be damaged as they were read: `damaged` tells it."""
        for step, sentence in lost.items():
            self.records.lose("figures", step, sentence)

    def arrays(self, step: int) -> dict[str, npt.NDArray[Any]]:
        """All that was recorded of the heads at `step` beside samples and maps, by name: "health/entropy" [heads], …

        Raises NotRecordedError for a step without figures, events.FormatError for a damaged one.
        """
        recorded = self.figures_at(step)
        if isinstance(recorded, dict):
            return {f"health/{name}": values for name, values in recorded.items()}
        return read_figures(recorded)

    def figures_at(self, step: int) -> FiguresLocation | dict[str, Float32]:
        """Where the figures of `step` are; of version 1 they themselves. Raises NotRecordedError without any."""
        try:
            return self.records.newest.recorded[step]
        except KeyError:
            raise NotRecordedError(f"no figures at step {step}: {steps_in_words(self.health_steps)}") from None

    def recorded_layers(self, step: int) -> list[RecordedLayer]:
        """Where the attention of each layer at `step` can be recomputed from, in another process too."""
        checkpoint = self.checkpoint(step)
        return [
            RecordedLayer(self.directory, checkpoint.file, location, layer, layer.lengths(self.probe))
            for layer, location in zip(checkpoint.layers, checkpoint.locations, strict=True)
        ]

    def layer_samples(self, layer: int) -> LayerSamples:
        """Where the samples of `layer` are at every step: all that a projection needs, in another process too.

        Raises NotRecordedError before the first checkpoint, or for a layer that the run has not.
        """
        steps = self.steps_of(layer) if 0 <= layer < len(self.layers) else []
        newest, probe = self.layer(steps[-1] if steps else self.newest_step, layer), self.records.probe
        checkpoints = self.records.checkpoints
        if len(steps) < len(checkpoints):
            checkpoints = {step: checkpoints[step] for step in steps}
        locations = AtCheckpoints(checkpoints, steps, lambda at: (at.file, at.locations[layer]))
        layers = AtCheckpoints(checkpoints, steps, lambda at: at.layers[layer])
        of = None if probe is None else (newest, newest.lengths(probe))
        return LayerSamples(self.directory, newest.scale, locations, layers, of=of)


def steps_in_words(steps: list[int]) -> str:
    """How many `steps` there are, and from which to which."""
    if not steps:
        return "the run has no checkpoint yet"
    return f"the run has {len(steps)} steps from {steps[0]} to {steps[-1]}"
