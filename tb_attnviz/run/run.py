"""Run: one recorded run, read lazily. For notebooks, the plugin and tests alike; imports no torch."""

import importlib
import os
from collections.abc import Callable, Sequence
from typing import Any, Literal, cast

import numpy as np
import numpy.typing as npt

from tb_attnviz import comparison, geometry
from tb_attnviz.array_types import Float32
from tb_attnviz.comparison import Measure
from tb_attnviz.connections import Connections
from tb_attnviz.events import AttentionMap, EventLog, FormatError, Records, VersionError, files
from tb_attnviz.events.own_files import samples_directory
from tb_attnviz.events.shapes import shown
from tb_attnviz.findings import ChangePoint, Evidence, Finding, Happening, HeadChange, HeadRelation, Named, Recorded
from tb_attnviz.image_summary import ImageSummary
from tb_attnviz.importance import Importance
from tb_attnviz.label_attention import LabelAttention
from tb_attnviz.left_out import LeftOut
from tb_attnviz.projection import Frame, Projection, View
from tb_attnviz.projection.ports import unreported
from tb_attnviz.recompute import Weight
from tb_attnviz.run import attention, drawing, figures, maps, naming
from tb_attnviz.run.recorded_run import NotRecordedError, RecordedRun


def open_run(directory: str | os.PathLike[str]) -> "Run":
    """The run recorded in `directory`; live runs grow with `Run.reload`.

    `~` and environment variables in `directory` are expanded, as shells do.
    Raises NotRecordedError if the directory holds no attention records, events.FormatError if they are of another
    version, or so damaged that nothing can be shown. What is damaged else is in `Run.damaged`.
    """
    path = files.expanded(os.fspath(directory))
    try:
        run = readable(Run(path, EventLog(path).load))
    except VersionError:
        raise
    except FormatError as error:
        raise FormatError(f"{error}, of the run {path!r}") from None
    if not run.steps and run.records.probe is None:
        lost = files.list_readable(samples_directory(path)) and "its event files are gone, which name its samples"
        raise NotRecordedError(
            f"no attention was recorded in {path!r}: {lost or 'is it the run directory that the recorder got?'}"
        )
    return run


def readable(run: "Run") -> "Run":
    """`run`, unless nothing can be shown for what is damaged: raises FormatError with the sentence of that."""
    missing = [] if run.records.checkpoints else ["checkpoint"]
    missing += ["probe"] if run.records.probe is None else []
    for (kind, _), sentence in sorted(run.records.damaged.items()):
        if kind in missing:
            raise FormatError(sentence)
    if run.records.probe is not None:
        for layer in run.layers:
            layer.lengths(run.records.probe)
    return run


class Run(RecordedRun):
    """One run: its steps, layers, samples, and what follows from them.

    `directory` holds the samples; `load` gives the summaries recorded so far, from event files or from TensorBoard.
    A run that was begun again with another probe or other layers has several segments: everything but `segments` and
    `earlier` is of the newest.
    """

    def __init__(self, directory: str, load: Callable[[], Records], *, left_out: LeftOut | None = None) -> None:
        self._naming = naming.Naming()
        super().__init__(directory, load, left_out=left_out)

    def reload(self) -> None:
        """Take in what was recorded since the run was opened or last reloaded."""
        super().reload()
        self._naming.forget()

    def show(self, *, height: int = 720, server: bool = True, **options: Any) -> object:
        """The Attention tab of this run, for the last line of a notebook's cell; [height] in pixels.

        It is served by this process, for a browser on the same machine. With `server=False` it is a page that stays in
        the notebook and needs no server; `options` are then those of `tb-attnviz export`: `steps="newest"`,
        `layers="0,1"`, `detail="L0H1"`, `trust=True`, … Raises TypeError for an option that there is not, PlanError or
        ExportError where it cannot be made.
        """
        # By name: what shows runs reads them, and stands above.
        notebook = importlib.import_module("tb_attnviz.alone.notebook")
        return cast(object, notebook.show(self, height=height, server=server, **options))

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

        "mean": averaged over all sequences by position pair, [longest query, longest key]: the first half of each
        sequence counts from its first token on, the rest from its last token back. weight="values": each row weighted
        by ‖v_j‖ and brought to sum 1 again, where value norms were recorded. `query`: its row alone, [1, n_key]; `key`:
        its column alone, [n_query, 1]: of long sequences a small part of the work.
        """
        return attention.attention(self, step, layer, head, sequence, weight=weight, query=query, key=key)

    def image_summary(
        self, step: int, layer: int, head: int, sequence: int | Literal["mean"], *, weight: Weight | None = None
    ) -> ImageSummary:
        """What the attention of one head within one image comes to over its patches.

        Raises NotRecordedError where queries and keys are not the patches of one grid.
        """
        return attention.image_summary(self, step, layer, head, sequence, weight=weight)

    def label_attention(self, step: int, layer: int, head: int, label: str) -> LabelAttention:
        """From which kind of token to which a head attends, for a label of the probe that sorts tokens into kinds.

        Raises NotRecordedError for a label that the probe does not have, one of numbers, and for a layer whose queries
        or keys are patches of a grid of its own, which have no such labels.
        """
        return attention.label_attention(self, step, layer, head, label)

    def point_figure(self, step: int, layer: int, figure: str) -> Float32:
        """A figure of every query and key of a layer: [heads, n_query + n_key], queries first.

        `figure` is one of geometry.POINT_FIGURES: "norm", "entropy", …; NaN for points that it is not defined for.
        """
        return attention.point_figure(self, step, layer, figure)

    def change(self, step: int, since: int, layer: int, *, against: "Run | None" = None) -> Float32:
        """How much the heads of `layer` attend otherwise at `step` than at `since`: [heads], from 0 to 1.

        The mean Jensen-Shannon distance of their attention on the probe. `against`: `since` is a step of this other
        run of the same probe. Raises NotComparableError for runs that cannot be compared.
        """
        return comparison.change(*attention.compared_layers(self, step, since, layer, against=against), unreported)

    def similarity(self, step: int, measure: Measure = "attention") -> Float32:
        """How alike every two heads of all layers are at `step`: [heads, heads], from 0 to 1.

        1 - the mean Jensen-Shannon distance of their attention on the probe; "cka": linear CKA of their canonical
        coordinates, as a second opinion. Raises NotRecordedError for another measure.
        """
        if measure not in comparison.MEASURES:
            raise NotRecordedError(f"no measure {shown(measure)}: there are 'attention' and 'cka'")
        return comparison.similarity(self.recorded_layers(step), measure, unreported)

    def head_order(self, step: int) -> npt.NDArray[np.int64]:
        """The heads of all layers, [heads], in an order in which those whose attention is alike stand together."""
        return geometry.cluster_order(self.similarity(step).astype(np.float64))

    def health(self, steps: Sequence[int] | None = None) -> dict[str, Float32]:
        """Every figure over `steps`, by default `health_steps`: float32 [steps, heads of all layers].

        NaN where a figure is not defined, or was not recorded at a step, or cannot be read (see `damaged`).
        Raises NotRecordedError for a step without figures.
        """
        return figures.health(self, steps)

    def importance(self) -> Importance:
        """What the loss owes to each head at every step with a loss, and the heads that could be pruned.

        Raises NotRecordedError for a run without importance: the recorder's `loss` asks for it.
        """
        return figures.importance(self)

    def relations(self, step: int | None = None) -> tuple[HeadRelation, ...]:
        """How far each head follows each relation at `step`, by default the newest, and since when: the clearest first.

        Raises NotRecordedError for a run without relations: the recorder's `relations` asks for them.
        """
        return figures.relations(self, step)

    @property
    def connection_steps(self) -> list[int]:
        """The steps at which it was recorded which heads feed which, ascending."""
        return list(self.connections_at)

    def connections(self, step: int | None = None) -> Connections:
        """Which heads feed which at `step` (the newest of `connection_steps`), and since when the strongest pairs do.

        Raises NotRecordedError where that was not recorded, events.FormatError where it is damaged.
        """
        return figures.connections(self, step)

    @property
    def map_steps(self) -> list[int]:
        """The steps whose small maps are there, ascending: those of older ones may have been thinned."""
        return maps.map_steps(self)

    @property
    def map_kinds(self) -> tuple[str, ...]:
        """The kinds of sequences that small maps are of, at the newest step that has some; see `damaged` if none."""
        return maps.map_kinds(self)

    def maps(self, step: int, layer: int) -> dict[str, AttentionMap]:
        """The small maps of the heads of one layer at `step`: kind of sequence → map.

        Raises NotRecordedError where there are none (any more), events.FormatError where they are damaged.
        """
        return maps.maps(self, step, layer)

    @property
    def recorded(self) -> Recorded:
        """All that findings follow from, in another process too. Raises NotRecordedError without a probe."""
        return self._naming.recorded(self)

    @property
    def named(self) -> Named:
        """All that findings say, of every step: groups and sentences, too. What is read for it is read once."""
        return self._naming.named(self)

    def findings(self, step: int | None = None) -> list[Finding]:
        """What each head does at `step`, by default the newest: one record a head and kind, by how special it is.

        Those with `needs_samples` are as of the last checkpoint. docs/findings.md defines them. Takes as long as it
        takes to read what was recorded, once.
        """
        return self._naming.findings(self, step)

    def events(self) -> list[Happening]:
        """All that happened, in order: kinds that heads took on and lost, alerts, restarts, another model."""
        return self.named.happenings

    def evidence(self, finding: Finding, step: int | None = None) -> Evidence | None:
        """The query and key that show best that `finding` is so, at `step`: by default the last checkpoint then.

        None where no query shows it. Raises NotRecordedError where no samples are.
        """
        return naming.evidence(self, finding, step)

    def changes(self, step: int, since: int) -> list[HeadChange]:
        """Every head by how far it attends otherwise at `step` than at `since`, the furthest first; see `change`."""
        found = [
            HeadChange(layer, head, step, since, float(change))
            for layer in range(len(self.layers))
            for head, change in enumerate(self.change(step, since, layer))
        ]
        return sorted(found, key=lambda one: -np.nan_to_num(one.change, nan=-1))

    def change_points(self, figures: Sequence[str] | None = None) -> list[ChangePoint]:
        """The steps at which `figures`, by default all shares of attention, moved to another level, in their order.

        Raises NotRecordedError for a figure that the run has not.
        """
        return self._naming.change_points(self, figures)

    def frame(self, layer: int) -> Frame:
        """The frame of every head of `layer`, fitted to all steps recorded so far that can be read."""
        return drawing.frame(self, layer)

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

        Raises NotComparableError as `counterpart` does.
        """
        return drawing.view(self, projection, layer, head, steps=steps, in_frame_of=in_frame_of)

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
        return drawing.project(self, projection, layer, head, dims=dims, in_frame_of=in_frame_of)
