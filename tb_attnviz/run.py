"""Run: one recorded run, read lazily. For notebooks, the plugin and tests alike; imports no torch."""

import dataclasses
import importlib
import os
import warnings
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Literal, cast

import numpy as np
import numpy.typing as npt

from tb_attnviz import comparison, findings, geometry
from tb_attnviz.comparable import check_comparable
from tb_attnviz.comparison import Measure, RecordedLayer
from tb_attnviz.connections import Connections, Way, connections_of, read_step
from tb_attnviz.events import (
    Alert,
    AttentionMap,
    Checkpoint,
    DamagedFileWarning,
    EventLog,
    FigureRows,
    FiguresLocation,
    FormatError,
    Grid,
    Image,
    Layer,
    Lengths,
    MapsLocation,
    ProbeRecord,
    Records,
    Samples,
    Segment,
    Side,
    VersionError,
    read_figures,
    read_image,
    read_maps,
    read_samples,
    start_of_figures,
    steps_of_maps,
)
from tb_attnviz.findings import (
    Break,
    ChangePoint,
    Evidence,
    Finding,
    Happening,
    HeadChange,
    HeadRelation,
    Named,
    Recorded,
)
from tb_attnviz.image_summary import ImageSummary, summarise
from tb_attnviz.importance import Importance, importance_of
from tb_attnviz.label_attention import LabelAttention, label_attention, labels_of
from tb_attnviz.left_out import LeftOut
from tb_attnviz.projection import (
    Frame,
    LayerSamples,
    Projection,
    ProjectionError,
    UnreadableStepError,
    View,
    fit_frame,
    make,
)
from tb_attnviz.projection.ports import MemoryStore
from tb_attnviz.projection.projection import Method
from tb_attnviz.recompute import Part, Weight, attention_rows, mean_attention, point_figures, sequence_attention
from tb_attnviz.terminal import plain

Float32 = npt.NDArray[np.float32]

_SHARES = ("entropy", "sink", "previous", "self", "next", "induction", "duplicate")  # figures from 0 to 1


def is_share(figure: str) -> bool:
    """Whether a figure lies between 0 and 1, so that a change of it counts the same in every head."""
    return figure in _SHARES or figure.startswith(findings.FOLLOWS)


class NotRecordedError(LookupError):
    """What was asked for is not in the run; the message says what is."""


def open_run(directory: str | os.PathLike[str]) -> "Run":
    """The run recorded in `directory`; live runs grow with `Run.reload`.

    Raises NotRecordedError if the directory holds no attention records, events.FormatError if they are of another
    version, or so damaged that nothing can be shown. What is damaged else is in `Run.damaged`.
    """
    path = os.fspath(directory)
    try:
        run = readable(Run(path, EventLog(path).load))
    except VersionError:
        raise
    except FormatError as error:
        raise FormatError(f"{error}, of the run {path!r}") from None
    if not run.steps and run.records.probe is None:
        raise NotRecordedError(f"no attention was recorded in {path!r}: is it the run directory that the recorder got?")
    return run


def readable(run: "Run") -> "Run":
    """`run`, unless nothing can be shown for what is damaged: raises FormatError with the sentence of that."""
    missing = [] if run.steps else ["checkpoint"]
    missing += ["probe"] if run.records.probe is None else []
    for (kind, _), sentence in sorted(run.records.damaged.items()):
        if kind in missing:
            raise FormatError(sentence)
    if run.records.probe is not None:
        for layer in run.layers:
            layer.lengths(run.records.probe)
    return run


class Run:
    """One run: its steps, layers, samples, and what follows from them.

    `directory` holds the samples; `load` gives the summaries recorded so far, from event files or from TensorBoard.
    A run that was begun again with another probe or other layers has several segments: everything but `segments` and
    `earlier` is of the newest.
    """

    def __init__(self, directory: str, load: Callable[[], Records], *, left_out: LeftOut | None = None) -> None:
        self.directory = directory
        self._load = load
        self.left_out = left_out or LeftOut(directory)
        self._measures = MemoryStore()  # of each step, for findings
        self._named: tuple[str, Named] | None = None  # of what was recorded at this address
        self.reload()

    def reload(self) -> None:
        """Take in what was recorded since the run was opened or last reloaded."""
        self.records = self._load()
        self._figure_rows: FigureRows | None = None
        self._earlier: list[Run] | None = None
        self._recorded_all: Recorded | None = None
        self.left_out.look_for(checkpoint.file for checkpoint in self.records.checkpoints.values())

    def show(self, *, height: int = 720, server: bool = True, **options: Any) -> object:
        """The Attention tab of this run, for the last line of a notebook's cell; [height] in pixels.

        It is served by this process, for a browser on the same machine. With `server=False` it is a page that stays in
        the notebook and needs no server; `options` are then those of `tb-attnviz export`: `steps="newest"`,
        `layers="0,1"`, `detail="L0H1"`, `trust=True`, … Raises PlanError or ExportError where it cannot be made.
        """
        # By name: what shows runs reads them, and stands above.
        notebook = importlib.import_module("tb_attnviz.alone.notebook")
        return cast(object, notebook.show(self, height=height, server=server, **options))

    @property
    def steps(self) -> list[int]:
        """The steps with samples, ascending; without those whose samples are gone."""
        gone = {file for file, begins in self.left_out.reasons() if begins is None}
        return [step for step in self.records.steps if self.records.checkpoints[step].file not in gone]

    def steps_of(self, layer: int) -> list[int]:
        """The same without those whose samples of `layer` are found to be damaged."""
        left_out = self.left_out.reasons()
        checkpoints = self.records.checkpoints
        return [s for s in self.steps if (checkpoints[s].file, checkpoints[s].locations[layer].offset) not in left_out]

    def leave_out(self, error: UnreadableStepError) -> bool:
        """Do without what could not be read from now on, in frames too; False if it was known.

        A file that changes is tried again.
        """
        return error.directory == self.directory and self.left_out.add(error.place, error.why)

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
        sentences = [sentence for _, sentence in sorted(self.records.damaged.items())]
        for step, checkpoint in sorted(self.records.checkpoints.items()) if reasons else ():
            if why := reasons.get((checkpoint.file, None)):
                sentences.append(f"step {step} is left out: {why}")
            for layer, location in enumerate(checkpoint.locations):
                if why := reasons.get((checkpoint.file, location.offset)):
                    sentences.append(f"step {step} is left out in layer {layer}: {why}")
        return sentences

    @property
    def segments(self) -> list[Segment]:
        """What was recorded with each probe and set of layers, in the order of recording; the newest is shown."""
        return self.records.segments

    @property
    def earlier(self) -> list["Run"]:
        """Each part before the newest, oldest first, as a run of its own: it was recorded with another probe or model.

        It ends where it ended when this run was read.
        """
        if self._earlier is None:
            parts = self.records.earlier()
            self._earlier = [Run(self.directory, lambda part=part: part, left_out=self.left_out) for part in parts]  # type: ignore[misc]
        return self._earlier

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
            raise NotRecordedError(damaged or f"no step {step}: {_recorded_steps(self.steps)}")
        if why := self.left_out.reasons().get((checkpoint.file, None)):
            raise NotRecordedError(f"step {step} is left out: {why}")
        return checkpoint

    @property
    def newest_step(self) -> int:
        """The newest step with samples. Raises NotRecordedError before the first."""
        if not self.steps:
            raise NotRecordedError(f"there is nothing to show yet: {_recorded_steps(self.steps)}")
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
        """The PNG file of a sequence. Raises NotRecordedError like `image`, FileNotFoundError if the file is gone."""
        return read_image(self.directory, self.image(sequence, side))

    def samples(self, step: int, layer: int) -> Samples:
        """Queries [heads, n_query, d] and keys [heads, n_key, d], float32; grouped keys repeated for their heads."""
        described, checkpoint = self.layer(step, layer), self.checkpoint(step)
        lengths = None if self.records.probe is None else described.lengths(self.records.probe)
        samples = read_samples(self.directory, checkpoint.file, checkpoint.locations[layer], described, lengths)
        norms = samples.expanded_value_norms()
        return dataclasses.replace(samples, keys=samples.expanded_keys(), value_norms=norms)

    def attention(
        self,
        step: int,
        layer: int,
        head: int,
        sequence: int | Literal["mean"],
        *,
        weight: Weight | None = None,
        query: int | None = None,
        key: int | None = None,
    ) -> Float32:
        """Attention [n_query, n_key] of one head on one sequence, recomputed: equal to the model's within 5e-4.

        "mean": averaged over all sequences by position pair, [longest query, longest key]. weight="values": each row
        weighted by ‖v_j‖ and brought to sum 1 again, where value norms were recorded. `query`: its row alone,
        [1, n_key]; `key`: its column alone, [n_query, 1]: of long sequences a small part of the work.
        """
        self.check(step, layer, head, sequence)
        if weight is not None:
            self.check_values(step, layer)
        part = Part(query, key)
        self.check_part(step, layer, sequence, part)
        samples, described, lengths = self.samples(step, layer), self.layer(step, layer), self.lengths(step, layer)
        if sequence == "mean":
            return mean_attention(samples, described, lengths, head, weight=weight, part=part)
        return sequence_attention(samples, described, lengths, head, sequence, weight=weight, part=part)

    def image_summary(
        self, step: int, layer: int, head: int, sequence: int | Literal["mean"], *, weight: Weight | None = None
    ) -> ImageSummary:
        """What the attention of one head within one image comes to over its patches.

        Raises NotRecordedError where queries and keys are not the patches of one grid.
        """
        self.check(step, layer, head, sequence)
        grid = self.image_grid(step, layer, sequence)
        return summarise(self.attention(step, layer, head, sequence, weight=weight), grid)

    def label_attention(self, step: int, layer: int, head: int, label: str) -> LabelAttention:
        """From which kind of token to which a head attends, for a label of the probe that sorts tokens into kinds.

        Raises NotRecordedError for a label that the probe does not have, one of numbers, and for a layer whose queries
        or keys are patches of a grid of its own, which have no such labels.
        """
        own, others = self.token_labels(step, layer, head, label)
        described = self.layer(step, layer)
        rows = attention_rows(self.samples(step, layer), described, self.lengths(step, layer), head=head)
        return label_attention(rows, own, others)

    def token_labels(self, step: int, layer: int, head: int, label: str) -> tuple[list[list[str]], list[list[str]]]:
        """Of each sequence the labels of a layer's queries, and of its keys. Raises as `label_attention` does."""
        self.check(step, layer, head, "mean")
        described = self.layer(step, layer)
        if described.query_grid or described.key_grid:
            raise NotRecordedError(f"layer {layer} attends on a grid of its own, whose patches have no label {label!r}")
        try:
            own, others = (
                labels_of(self.probe.side(side), label) for side in (described.queries_of, described.keys_of)
            )
        except (LookupError, TypeError) as error:
            raise NotRecordedError(str(error)) from None
        return own, others

    def point_figure(self, step: int, layer: int, figure: str) -> Float32:
        """A figure of every query and key of a layer: [heads, n_query + n_key], queries first.

        `figure` is one of geometry.POINT_FIGURES: "norm", "entropy", …; NaN for points that it is not defined for.
        """
        if figure not in geometry.POINT_FIGURES:
            raise NotRecordedError(f"no point figure {figure!r}: there are {', '.join(geometry.POINT_FIGURES)}")
        if figure == "value_norm":
            self.check_values(step, layer)
        return point_figures(self.samples(step, layer), self.layer(step, layer), self.lengths(step, layer), figure)

    def check(self, step: int, layer: int, head: int, sequence: int | Literal["mean"]) -> None:
        """Raises NotRecordedError unless all four exist."""
        heads, sequences = self.layer(step, layer).heads, len(self.probe.sequences)
        if not 0 <= head < heads:
            raise NotRecordedError(f"no head {head}: layer {layer} has heads 0 to {heads - 1}")
        if sequence != "mean" and not 0 <= sequence < sequences:
            raise NotRecordedError(f"no sequence {sequence}: the probe has sequences 0 to {sequences - 1}")

    def check_part(self, step: int, layer: int, sequence: int | Literal["mean"], part: Part) -> None:
        """Raises NotRecordedError unless the sequence, or for the mean any, has this query and this key in `layer`."""
        lengths = self.lengths(step, layer)
        for what, number, of in (("query", part.query, lengths.queries), ("key", part.key, lengths.keys)):
            count = max(of) if sequence == "mean" else of[sequence]
            if number is not None and not 0 <= number < count:
                raise NotRecordedError(f"no {what} {number}: sequence {sequence} has numbers 0 to {count - 1} there")

    def image_grid(self, step: int, layer: int, sequence: int | Literal["mean"]) -> Grid:
        """The grid whose patches the last queries and keys of a sequence are; for "mean" that of all sequences.

        Raises NotRecordedError where there is none.
        """
        described = self.layer(step, layer)
        if (described.queries_of, described.query_grid) != (described.keys_of, described.key_grid):
            raise NotRecordedError(f"queries and keys of layer {layer} are not of the same tokens")
        of = self.probe.side(described.queries_of)
        grids = {described.query_grid or each.grid for each in (of if sequence == "mean" else [of[sequence]])}
        grid = grids.pop()
        if grid is None or grids:
            raise NotRecordedError(
                f"sequence {sequence} is no image"
                if grid is None
                else "the images have different grids: there is no mean"
            )
        if sequence == "mean" and len(set(self.lengths(step, layer).queries)) > 1:
            raise NotRecordedError("the images have different numbers of tokens before their patches: there is no mean")
        return grid

    def check_values(self, step: int, layer: int) -> None:
        """Raises NotRecordedError unless the norms of values were recorded."""
        if not self.layer(step, layer).values:
            raise NotRecordedError(
                f'no value norms of layer {layer} at step {step}: record them with AttentionRecorder(…, values="norms")'
            )

    def recorded_layers(self, step: int) -> list[RecordedLayer]:
        """Where the attention of each layer at `step` can be recomputed from, in another process too."""
        checkpoint = self.checkpoint(step)
        return [
            RecordedLayer(self.directory, checkpoint.file, location, layer, layer.lengths(self.probe))
            for layer, location in zip(checkpoint.layers, checkpoint.locations, strict=True)
        ]

    def compared_layers(
        self, step: int, since: int, layer: int, *, against: "Run | None" = None
    ) -> tuple[RecordedLayer, RecordedLayer]:
        """What `change` compares: `layer` at `since`, and at `step`."""
        self.layer(step, layer)
        if against is not None:
            check_comparable(self, against, layer)
        return (against or self).recorded_layers(since)[layer], self.recorded_layers(step)[layer]

    def change(self, step: int, since: int, layer: int, *, against: "Run | None" = None) -> Float32:
        """How much the heads of `layer` attend otherwise at `step` than at `since`: [heads], from 0 to 1.

        The mean Jensen-Shannon distance of their attention on the probe. `against`: `since` is a step of this other
        run of the same probe. Raises NotComparableError for runs that cannot be compared.
        """
        return comparison.change(*self.compared_layers(step, since, layer, against=against), _unreported)

    def similarity(self, step: int, measure: Measure = "attention") -> Float32:
        """How alike every two heads of all layers are at `step`: [heads, heads], from 0 to 1.

        1 - the mean Jensen-Shannon distance of their attention on the probe; "cka": linear CKA of their canonical
        coordinates, as a second opinion.
        """
        return comparison.similarity(self.recorded_layers(step), measure, _unreported)

    def head_order(self, step: int) -> npt.NDArray[np.int64]:
        """The heads of all layers, [heads], in an order in which those whose attention is alike stand together."""
        return geometry.cluster_order(self.similarity(step).astype(np.float64))

    def health(self, steps: Sequence[int] | None = None) -> dict[str, Float32]:
        """Every figure over `steps`, by default `health_steps`: float32 [steps, heads of all layers].

        NaN where a figure is not defined, or was not recorded at a step, or cannot be read (see `damaged`).
        """
        segment, lost = self.records.newest, dict[int, str]()
        recorded = {step: segment.recorded[step] for step in (segment.health_steps if steps is None else steps)}
        names, rows = segment.figures, FigureRows.of(self.directory, segment.heads, recorded)
        found = np.full((len(names), len(rows), segment.heads), np.nan, np.float32)
        for row, values in enumerate(rows.read(names, lost)):
            found[:, row] = values
        self.lose_figures(lost)
        return dict(zip(names, found, strict=True))

    @property
    def figure_rows(self) -> FigureRows:
        """Where the health figures of all `health_steps` are, for another process to read."""
        if self._figure_rows is None:
            segment = self.records.newest
            recorded = {step: segment.recorded[step] for step in segment.health_steps}
            self._figure_rows = FigureRows.of(self.directory, segment.heads, recorded)
        return self._figure_rows

    def lose_figures(self, lost: Mapping[int, str]) -> None:
        """The figures of these steps turned out to be damaged as they were read: `damaged` tells it."""
        for step, sentence in lost.items():
            self.records.lose("figures", step, sentence)

    def arrays(self, step: int) -> dict[str, npt.NDArray[Any]]:
        """All that was recorded of the heads at `step` beside samples and maps, by name: "health/entropy" [heads], …

        Raises NotRecordedError for a step without figures, events.FormatError for a damaged one.
        """
        recorded = self._recorded(step)
        if isinstance(recorded, dict):
            return {f"health/{name}": values for name, values in recorded.items()}
        return read_figures(recorded)

    def importance(self) -> Importance:
        """What the loss owes to each head at every step with a loss, and the heads that could be pruned.

        Raises NotRecordedError for a run without importance: the recorder's `loss` asks for it.
        """
        recorded = self.records.newest.recorded
        steps = [step for step in self.health_steps if "importance/loss" in _names(recorded[step])]
        if not steps:
            raise NotRecordedError("this run has no importance of heads: record it with loss=")
        health = self.health(steps)
        unknown = np.full((len(steps), self.records.newest.heads), np.nan, np.float32)
        losses = [self._array(step, "importance/loss") for step in steps]
        loss = np.array([np.nan if x is None or x.shape != (1,) else x[0] for x in losses], np.float32)
        figures = (health.get(name, unknown) for name in ("importance", "importance_exact"))
        return importance_of(steps, self.layers, loss, *figures)

    def relations(self, step: int | None = None) -> tuple[HeadRelation, ...]:
        """How far each head follows each relation at `step`, by default the newest, and since when: the clearest first.

        Raises NotRecordedError for a run without relations: the recorder's `relations` asks for them.
        """
        if not any(name.startswith(findings.FOLLOWS) for name in self.records.newest.figures):
            raise NotRecordedError("this run has no relations: record it with relations=")
        steps = [one for one in self.health_steps if step is None or one <= step]
        if not steps:
            raise NotRecordedError(f"no figures at step {step}: {_recorded_steps(self.health_steps)}")
        return findings.head_relations(steps, self.layers, self.health(steps))

    @property
    def connection_steps(self) -> list[int]:
        """The steps at which it was recorded which heads feed which, ascending."""
        recorded = self.records.newest.recorded
        return [step for step in self.health_steps if "connections/keys" in _names(recorded[step])]

    def connections(self, step: int | None = None) -> Connections:
        """Which heads feed which at `step` (the newest of `connection_steps`), and since when the strongest pairs do.

        Raises NotRecordedError where that was not recorded, events.FormatError where it is damaged.
        """
        steps = self.connection_steps
        if not steps:
            raise NotRecordedError("this run has no connections of heads: record them with connections_every=")
        step = steps[-1] if step is None else step
        if step not in steps:
            raise NotRecordedError(f"no connections at step {step}: they were recorded at {steps}")
        found: dict[int, dict[Way, Float32]] = {}
        for each in steps[: steps.index(step) + 1]:
            try:
                location = self.records.newest.recorded[each]
                if not isinstance(location, dict):  # version 1 had none
                    found[each] = read_step(location, self.records.newest.heads)
            except FormatError as error:
                if each == step:
                    raise
                self.records.lose("figures", each, str(error))
        return connections_of(step, found, self.layers)

    def _array(self, step: int, name: str) -> npt.NDArray[Any] | None:
        """One array of a step; None where it is not there, or cannot be read, which is told in `damaged`."""
        try:
            return self.arrays(step).get(name)
        except FormatError as error:
            self.records.lose("figures", step, str(error))
            return None

    @property
    def map_steps(self) -> list[int]:
        """The steps whose small maps are there, ascending: those of older ones may have been thinned."""
        recorded, kept = self.records.newest.recorded, steps_of_maps(self.directory)
        return [
            step
            for step in self.health_steps
            if not isinstance(at := recorded[step], dict) and at.maps and (step, start_of_figures(at.file)) in kept
        ]

    @property
    def map_kinds(self) -> tuple[str, ...]:
        """The kinds of sequences that small maps are of, at the newest step that has some; see `damaged` if none."""
        for step in reversed(self.map_steps):
            try:
                return self.maps_location(step).kinds
            except FormatError as error:
                self.records.lose("maps", step, str(error))
        return ()

    def maps_location(self, step: int) -> MapsLocation:
        """Where the small maps of `step` are, or were. Raises NotRecordedError, or events.FormatError if damaged."""
        recorded = self._recorded(step)
        location = None if isinstance(recorded, dict) else recorded.maps_location()
        if location is None:
            raise NotRecordedError(f"no small maps were recorded at step {step}")
        return location

    def maps(self, step: int, layer: int) -> dict[str, AttentionMap]:
        """The small maps of the heads of one layer at `step`: kind of sequence → map.

        Raises NotRecordedError where there are none (any more), events.FormatError where they are damaged.
        """
        location = self.maps_location(step)
        if not 0 <= layer < len(location.layers):
            raise NotRecordedError(f"no layer {layer}: there are maps of layers 0 to {len(location.layers) - 1}")
        try:
            return read_maps(self.directory, location, layer, step)
        except FileNotFoundError:
            raise NotRecordedError(f"the small maps of step {step} were thinned, or are lost") from None

    def _recorded(self, step: int) -> FiguresLocation | dict[str, Float32]:
        try:
            return self.records.newest.recorded[step]
        except KeyError:
            raise NotRecordedError(f"no figures at step {step}: {_recorded_steps(self.health_steps)}") from None

    @property
    def recorded(self) -> Recorded:
        """All that findings follow from, in another process too. Raises NotRecordedError without a probe."""
        segment, steps, maps = self.records.newest, self.steps, tuple(self.map_steps)
        known = self._recorded_all
        if known is not None and (known.maps, list(known.checkpoints)) == (maps, steps):
            return known  # nothing was thinned since
        self._recorded_all = Recorded(
            self.directory,
            self.probe,
            self.layers,
            {step: segment.recorded[step] for step in self.health_steps},
            maps,
            {step: segment.checkpoints[step] for step in steps},
            tuple(self.alerts),
            self._breaks(),
            self.tells_induction,
        )
        return self._recorded_all

    def findings(self, step: int | None = None) -> list[Finding]:
        """What each head does at `step`, by default the newest: one record a head and kind, by how special it is.

        Those with `needs_samples` are as of the last checkpoint. docs/findings.md defines them. Takes as long as it
        takes to read what was recorded, once.
        """
        known = self.health_steps or self.steps
        if not known:
            raise NotRecordedError(f"there is nothing to name yet: {_recorded_steps(known)}")
        return self.named.at(known[-1] if step is None else step)

    def events(self) -> list[Happening]:
        """All that happened, in order: kinds that heads took on and lost, alerts, restarts, another model."""
        return self.named.happenings

    def evidence(self, finding: Finding, step: int | None = None) -> Evidence | None:
        """The query and key that show best that `finding` is so, at `step`: by default the last checkpoint then.

        None where no query shows it. Raises NotRecordedError where no samples are.
        """
        if step is None:
            step = max((one for one in self.steps if one <= finding.step), default=self.newest_step)
        self.check(step, finding.layer, finding.head, "mean")
        layer = self.layer(step, finding.layer)
        own, others = self.probe.side(layer.queries_of), self.probe.side(layer.keys_of)
        return findings.evidence(finding, self.recorded_layers(step)[finding.layer], own, others, step=step)

    def changes(self, step: int, since: int) -> list[HeadChange]:
        """Every head by how far it attends otherwise at `step` than at `since`, the furthest first; see `change`."""
        found = [
            HeadChange(layer, head, step, since, float(change))
            for layer in range(len(self.layers))
            for head, change in enumerate(self.change(step, since, layer))
        ]
        return sorted(found, key=lambda one: -np.nan_to_num(one.change, nan=-1))

    def change_points(self, figures: Sequence[str] | None = None) -> list[ChangePoint]:
        """The steps at which `figures`, by default all shares of attention, moved to another level, in their order."""
        heads, steps, health = self.recorded.heads, self.health_steps, self.health()
        found = []
        following = [name for name in health if name.startswith(findings.FOLLOWS)]
        for name in (*_SHARES, *following) if figures is None else figures:
            for one in findings.change_points(health[name]) if name in health else ():
                step = steps[one.row]
                found.append(ChangePoint(*heads[one.series], name, step, one.before, one.after, one.score))
        return sorted(found, key=lambda one: one.step)

    @property
    def named(self) -> Named:
        """All that findings say, of every step: groups and sentences, too. What is read for it is read once."""
        recorded = self.recorded
        if self._named is None or self._named[0] != recorded.address:
            measured = findings.measured(recorded, self._measures, _unreported)
            self._named = recorded.address, Named(recorded, measured)
        return self._named[1]

    def _breaks(self) -> tuple[Break, ...]:
        """Where the newest segment began, if it is not the first, and where it was started again."""
        first_steps = self.records.newest.first_steps
        found = [
            Break(step, "restart", f"training was started again at step {step}")
            for step in list(first_steps.values())[1:]
        ]
        if len(self.segments) > 1 and first_steps:
            step = min([*first_steps.values(), *self.steps[:1]])  # figures may begin later than samples
            sentence = f"another model, or another probe, from step {step} on; nothing of before is shown"
            found.insert(0, Break(step, "changed model", sentence))
        return tuple(found)

    @property
    def alerts(self) -> list[Alert]:
        """Every alert that was raised or cleared, in the order of the steps."""
        return [alert for _, record in sorted(self.records.alerts.items()) for alert in record.alerts]

    def layer_samples(self, layer: int) -> LayerSamples:
        """Where the samples of `layer` are at every step: all that a projection needs, in another process too.

        Raises NotRecordedError before the first checkpoint, or for a layer that the run has not.
        """
        steps = self.steps_of(layer) if 0 <= layer < len(self.layers) else []
        newest, probe = self.layer(steps[-1] if steps else self.newest_step, layer), self.records.probe
        checkpoints = {step: self.records.checkpoints[step] for step in steps}
        locations = {step: (c.file, c.locations[layer]) for step, c in checkpoints.items()}
        layers = {step: c.layers[layer] for step, c in checkpoints.items()}
        of = None if probe is None else (newest, newest.lengths(probe))
        return LayerSamples(self.directory, newest.scale, locations, layers, of=of)

    def frame(self, layer: int) -> Frame:
        """The frame of every head of `layer`, fitted to all steps recorded so far that can be read."""
        while True:
            try:
                return fit_frame(self.layer_samples(layer), self.steps_of(layer))
            except UnreadableStepError as error:
                self._do_without(error, self)

    def check_samples(self, steps: Iterable[int], layers: Iterable[int]) -> bool:
        """Read the samples of `layers` at `steps`, and leave out what cannot be read; whether there was any."""
        found = False
        for layer in layers:
            source = self.layer_samples(layer)
            for step in sorted(source.locations.keys() & set(steps)):
                try:
                    source.whole(step)
                except UnreadableStepError as error:
                    found = self.leave_out(error) or found
        return found

    def view(
        self,
        projection: Projection,
        layer: int,
        head: int | None,
        *,
        steps: tuple[int, ...],
        in_frame_of: "Run | None" = None,
    ) -> View:
        """Pictures of `layer`, or of one of its heads, in the frame of `steps`: of this run, or of `in_frame_of`.

        Raises NotComparableError as `check_comparable` does.
        """
        if in_frame_of is None:
            return View(self.layer_samples(layer), steps, projection, head)
        check_comparable(self, in_frame_of, layer)
        return View(self.layer_samples(layer), steps, projection, head, in_frame_of.layer_samples(layer))

    def project(
        self,
        projection: Projection | str,
        layer: int,
        head: int,
        *,
        dims: int | None = None,
        in_frame_of: "Run | None" = None,
    ) -> Float32:
        """The points of one head at every step in one frame: [steps of `steps_of`, n_query + n_key, dims], float32.

        A step whose samples turn out to be damaged is left out, with a warning that names it.
        `projection` is a Projection, or the name of its method: "biplot", "pca", "tsne", "umap" or "attention", whose
        distances say who attends to whom. The bulk of the points (96 % at each step of a linear picture) lies within
        [-1, 1]; those far out keep their places beyond. Nothing is kept between calls.
        `in_frame_of`: another run of the same probe, in whose frame this one is shown, to be laid over it.
        Raises ProjectionError for a parameter out of range, NotRecordedError for a head that the run has not,
        NotComparableError for runs that have no frame in common.
        """
        if isinstance(projection, str):
            projection = Projection(method=cast(Method, projection), dims=2 if dims is None else dims)
        elif dims is not None and dims != projection.dims:
            raise ProjectionError(f"'dims' is {projection.dims} in the projection and {dims} beside it: give one")
        self.check(self.newest_step, layer, head, "mean")
        framed = in_frame_of or self
        while True:
            try:
                steps = tuple(framed.steps_of(layer))
                view, store = self.view(projection, layer, head, steps=steps, in_frame_of=in_frame_of), MemoryStore()
                shown = self.steps_of(layer)
                return np.concatenate([make(view, step, store, _unreported).points for step in shown])
            except UnreadableStepError as error:
                self._do_without(error, self, framed)

    @staticmethod
    def _do_without(error: UnreadableStepError, *runs: "Run") -> None:
        known = [not run.leave_out(error) for run in runs]  # both: they may be two of one directory
        if all(known):
            raise error
        warnings.warn(f"{plain(error.directory)}: {error}: it is left out", DamagedFileWarning, stacklevel=3)


def _names(recorded: FiguresLocation | dict[str, Float32]) -> tuple[str, ...]:
    """Of the arrays of one step; of version 1 there are none but health figures."""
    return () if isinstance(recorded, dict) else recorded.names


def _unreported(done: int, total: int) -> None:
    """Nobody waits for it elsewhere."""


def _recorded_steps(steps: list[int]) -> str:
    if not steps:
        return "the run has no checkpoint yet"
    return f"the run has {len(steps)} steps from {steps[0]} to {steps[-1]}"
