"""Run: one recorded run, read lazily. For notebooks, the plugin and tests alike; imports no torch."""

import dataclasses
import os
from collections.abc import Callable, Iterator
from typing import Literal, cast

import numpy as np
import numpy.typing as npt

from tb_attnviz.attention import mean_attention, sequence_attention
from tb_attnviz.events import (
    Alert,
    Checkpoint,
    EventLog,
    FormatError,
    Image,
    Layer,
    Lengths,
    ProbeRecord,
    Records,
    Samples,
    Segment,
    read_picture,
    read_samples,
)
from tb_attnviz.events.records import CorruptRecordError
from tb_attnviz.projection import Frame, LayerSamples, Projection, ProjectionError, View, fit_frame, make
from tb_attnviz.projection.ports import MemoryStore
from tb_attnviz.projection.projection import Method

Float32 = npt.NDArray[np.float32]


class NotRecordedError(LookupError):
    """What was asked for is not in the run; the message says what is."""


def open_run(directory: str | os.PathLike[str]) -> "Run":
    """The run recorded in `directory`; live runs grow with `Run.reload`.

    Raises NotRecordedError if the directory holds no attention records, events.FormatError if they are of another
    version.
    """
    path = os.fspath(directory)
    run = Run(path, EventLog(path).load)
    if not run.steps and run.records.probe is None:
        raise NotRecordedError(f"no attention was recorded in {path!r}: is it the run directory that the recorder got?")
    return run


def runs_below(root: str) -> Iterator[tuple[str, "Run | FormatError | CorruptRecordError"]]:
    """Every run in `root` and below by name, as TensorBoard names it, in order; or why it cannot be read."""
    for directory, folders, names in os.walk(root):
        folders.sort()
        if not any("tfevents" in name for name in names):
            continue
        name = os.path.relpath(directory, root)
        try:
            yield name, open_run(directory)
        except NotRecordedError:
            pass
        except (FormatError, CorruptRecordError) as error:
            yield name, error


class Run:
    """One run: its steps, layers, samples, and what follows from them.

    `directory` holds the samples; `load` gives the summaries recorded so far, from event files or from TensorBoard.
    A run that was begun again with another probe or other layers has several segments: everything but `segments` is of
    the newest.
    """

    def __init__(self, directory: str, load: Callable[[], Records]) -> None:
        self.directory = directory
        self._load = load
        self.records = load()

    def reload(self) -> None:
        """Take in what was recorded since the run was opened or last reloaded."""
        self.records = self._load()

    @property
    def steps(self) -> list[int]:
        """The steps with samples, ascending."""
        return self.records.steps

    @property
    def health_steps(self) -> list[int]:
        """The steps with health figures, ascending: also those between the steps with samples."""
        return self.records.newest.health_steps

    @property
    def segments(self) -> list[Segment]:
        """What was recorded with each probe and set of layers, in the order of recording; the newest is shown."""
        return self.records.segments

    @property
    def layers(self) -> tuple[Layer, ...]:
        """The layers of the newest checkpoint, in the order of the forward pass."""
        return self.records.newest.layers

    @property
    def probe(self) -> ProbeRecord:
        """The fixed inputs. Raises NotRecordedError if the run has none."""
        if self.records.probe is None:
            raise NotRecordedError("this run has no probe: its event file is damaged or still being written")
        return self.records.probe

    def checkpoint(self, step: int) -> Checkpoint:
        """Where the samples of `step` are. Raises NotRecordedError for a step that was not recorded."""
        try:
            return self.records.checkpoints[step]
        except KeyError:
            raise NotRecordedError(f"no step {step}: {_recorded_steps(self.steps)}") from None

    def layer(self, step: int, layer: int) -> Layer:
        """Layer number `layer` at `step`. Raises NotRecordedError if there is none."""
        layers = self.checkpoint(step).layers
        if not 0 <= layer < len(layers):
            raise NotRecordedError(f"no layer {layer}: the run has layers 0 to {len(layers) - 1}")
        return layers[layer]

    def lengths(self, step: int, layer: int) -> Lengths:
        """How many queries and keys each sequence has in `layer`: where layers differ in their tokens, not the same."""
        return self.layer(step, layer).lengths(self.probe)

    def image(self, sequence: int) -> Image:
        """The picture of a sequence. Raises NotRecordedError for one that is no image, or has none."""
        sequences = self.probe.sequences
        if not 0 <= sequence < len(sequences):
            raise NotRecordedError(f"no sequence {sequence}: the probe has sequences 0 to {len(sequences) - 1}")
        image = sequences[sequence].image
        if image is None:
            raise NotRecordedError(
                f"sequence {sequence} has no picture: it is of the kind {sequences[sequence].kind!r}"
            )
        return image

    def png(self, sequence: int) -> bytes:
        """The picture of a sequence, as it is shown.

        Raises NotRecordedError like `image`, FileNotFoundError if its file is gone.
        """
        return read_picture(self.directory, self.image(sequence))

    def samples(self, step: int, layer: int) -> Samples:
        """Queries [heads, n_query, d] and keys [heads, n_key, d], float32; grouped keys repeated for their heads."""
        self.layer(step, layer)
        checkpoint = self.checkpoint(step)
        samples = read_samples(self.directory, checkpoint.file, checkpoint.locations[layer])
        return dataclasses.replace(samples, keys=samples.expanded_keys())

    def attention(self, step: int, layer: int, head: int, sequence: int | Literal["mean"]) -> Float32:
        """Attention [n_query, n_key] of one head on one sequence, recomputed: equal to the model's within 5e-4.

        "mean": averaged over all sequences by position pair, [longest query, longest key].
        """
        self.check(step, layer, head, sequence)
        samples, described, lengths = self.samples(step, layer), self.layer(step, layer), self.lengths(step, layer)
        if sequence == "mean":
            return mean_attention(samples, described, lengths, head)
        return sequence_attention(samples, described, lengths, head, sequence)

    def check(self, step: int, layer: int, head: int, sequence: int | Literal["mean"]) -> None:
        """Raises NotRecordedError unless all four exist."""
        heads, sequences = self.layer(step, layer).heads, len(self.probe.sequences)
        if not 0 <= head < heads:
            raise NotRecordedError(f"no head {head}: layer {layer} has heads 0 to {heads - 1}")
        if sequence != "mean" and not 0 <= sequence < sequences:
            raise NotRecordedError(f"no sequence {sequence}: the probe has sequences 0 to {sequences - 1}")

    def health(self) -> dict[str, Float32]:
        """Every figure over `health_steps`: float32 [steps, heads of all layers], NaN where it was not recorded."""
        heads = sum(layer.heads for layer in self.layers)
        absent = np.full(heads, np.nan, np.float32)
        return {
            figure: np.stack([by_step.get(step, absent) for step in self.health_steps])
            for figure, by_step in sorted(self.records.health.items())
        }

    @property
    def alerts(self) -> list[Alert]:
        """Every alert that was raised or cleared, in the order of the steps."""
        return [alert for _, record in sorted(self.records.alerts.items()) for alert in record.alerts]

    def layer_samples(self, layer: int) -> LayerSamples:
        """Where the samples of `layer` are at every step: all that a projection needs, in another process too."""
        locations = {step: (c.file, c.locations[layer]) for step, c in self.records.checkpoints.items()}
        return LayerSamples(self.directory, self.layer(self.steps[-1], layer).scale, locations)

    def frame(self, layer: int) -> Frame:
        """The frame of every head of `layer`, fitted to all steps recorded so far."""
        return fit_frame(self.layer_samples(layer), self.steps)

    def project(self, projection: Projection | str, layer: int, head: int, *, dims: int | None = None) -> Float32:
        """The points of one head at every step in one frame: [steps, n_query + n_key, dims], float32.

        `projection` is a Projection, or the name of its method: "biplot", "pca", "tsne" or "umap". Linear pictures lie
        within [-1, 1]; those of t-SNE and UMAP rarely reach beyond. Nothing is kept between calls.

        Raises ProjectionError for a parameter out of range, NotRecordedError for a head that the run has not.
        """
        if isinstance(projection, str):
            projection = Projection(method=cast(Method, projection), dims=2 if dims is None else dims)
        elif dims is not None and dims != projection.dims:
            raise ProjectionError(f"'dims' is {projection.dims} in the projection and {dims} beside it: give one")
        self.check(self.steps[-1], layer, head, "mean")
        view, store = View(self.layer_samples(layer), tuple(self.steps), projection, head), MemoryStore()
        return np.concatenate([make(view, step, store, lambda done, total: None).points for step in self.steps])


def _recorded_steps(steps: list[int]) -> str:
    if not steps:
        return "the run has no checkpoint yet"
    return f"the run has {len(steps)} steps from {steps[0]} to {steps[-1]}"
