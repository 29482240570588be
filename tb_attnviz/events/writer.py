"""RunWriter: the one place that writes the format."""

import contextlib
import os
import secrets
import time
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
from tensorboard.compat.proto.event_pb2 import Event

from tb_attnviz.events import files, records, summaries
from tb_attnviz.events.alert_record import AlertRecord
from tb_attnviz.events.documents import dump
from tb_attnviz.events.event_file import GrowingFile, event_file, file_version
from tb_attnviz.events.figures import HEALTH, FiguresFile
from tb_attnviz.events.image_files import write_images
from tb_attnviz.events.layers import Layer, layers_to_content
from tb_attnviz.events.locations import Locations, SamplesLocation
from tb_attnviz.events.maps import LayerMaps, write_maps
from tb_attnviz.events.order import Order, maps_name, samples_name
from tb_attnviz.events.own_files import check_within, figures_directory, maps_directory, samples_directory
from tb_attnviz.events.probe_record import ProbeRecord
from tb_attnviz.events.quota import Quota
from tb_attnviz.events.samples import Samples, StoredSamples, encode_samples
from tb_attnviz.events.schema import Checkpoint, Kept, Start
from tb_attnviz.events.summaries import Figures
from tb_attnviz.events.writer_lock import WriterLock, writer


class EventSink(Protocol):
    """Where the small events go: a file of our own, or the SummaryWriter that the training loop has open."""

    def add_event(self, event: Event) -> None: ...
    def flush(self) -> None: ...
    def close(self) -> None: ...


class RunWriter:
    """Writes one run: what is recorded (`begin`), then checkpoints and figures.

    `directory` is made if it is missing. The events go to `sink`; without one, to an event file of our own.
    `max_bytes`: what samples and maps may take on disk; of older steps a log-spaced set keeps them (quota.thin).
    `purge_step`: what was recorded at this step and after is forgotten, as by `SummaryWriter(purge_step=…)`.
    Raises OSError if the directory cannot be written.
    """

    def __init__(
        self,
        directory: str,
        *,
        sink: EventSink | None = None,
        max_bytes: int | None = None,
        purge_step: int | None = None,
    ) -> None:
        self._directory = directory
        self._samples_directory = samples_directory(directory)
        self._maps_directory = maps_directory(directory)
        self._make_directories()
        self._quota = None if max_bytes is None else Quota(max_bytes, self._samples_directory, self._maps_directory)
        self._lock = WriterLock(figures_directory(directory))
        self._own_sink = sink is None
        self._sink: EventSink = sink or event_file(directory)
        self._purge_step = purge_step
        self._figures: FiguresFile | None = None
        self._key = secrets.token_hex(4)
        self._count = 0
        self._previous: dict[str, tuple[int, int]] = {}  # kind → count and step of its last document
        self._written_figures: tuple[int, int] | None = None  # count and step of the last record of the figures file
        self._probe: str | None = None
        self._layers: tuple[Layer, ...] = ()
        self._begun: tuple[ProbeRecord, tuple[Layer, ...], Mapping[str, bytes]] | None = None

    @property
    def other_writer(self) -> str | None:
        """Who else writes this run at this moment, in words; None if nobody is known to."""
        return self._lock.other

    def begin(
        self, step: int, probe: ProbeRecord, layers: tuple[Layer, ...], *, images: Mapping[str, bytes] | None = None
    ) -> None:
        """Say what is recorded from `step` on. Readers go on with the run if it is what they know already.

        `images`: PNG files by the names that the probe has for them; those that are there already are left alone.
        """
        self._begun = probe, layers, images or {}
        write_images(self._samples_directory, images or {})
        self.write_probe(probe, step=step)
        self._layers = layers
        text = self._document("layers", layers_to_content(layers, self._probe), step=step)
        self._figures_file(step).add_document("layers", text, step=step, wall_time=time.time())

    def write_probe(self, probe: ProbeRecord, *, step: int) -> None:
        self._probe = probe.fingerprint
        self._document("probe", probe.to_content(), step=step)

    def write_checkpoint(self, step: int, layers: Iterable[tuple[Layer, Samples | StoredSamples]]) -> Checkpoint:
        """Write the samples of `step`, then the event that points at them: a crash between leaves nothing half."""
        self._renew(step)
        order = self._next(step)
        name = samples_name(step, order, self._key)
        path = os.path.join(self._samples_directory, name)
        files.make_directory(self._samples_directory)  # it may have been removed meanwhile
        written: list[Layer] = []
        locations: list[SamplesLocation] = []
        try:
            with files.open_file(path, "wb") as file:
                offset = file.write(file_version(time.time()))
                for layer, samples in layers:
                    parts = encode_samples(samples, step=step, layer_name=layer.name)
                    file.writelines(parts)
                    length = sum(map(len, parts))
                    written.append(layer)
                    locations.append(SamplesLocation(offset, length, parts[-1][-records.CHECKSUM_BYTES :].hex()))
                    offset += length
        except OSError:
            with contextlib.suppress(OSError):
                files.remove(path)  # half a checkpoint would only take the room that the next one needs
            raise
        checkpoint = Checkpoint(step, name, tuple(written), Locations.of(locations), self._probe, order)
        content = checkpoint.to_content(self._layers)
        if self._written_figures is not None:
            content["figures"] = self._written_figures
        self._document("checkpoint", content, step=step, order=order)
        if self._quota is not None:
            self._make_room(self._quota, step, order)
        return checkpoint

    def write_health(
        self,
        step: int,
        figures: Figures,
        *,
        maps: Sequence[LayerMaps] | None = None,
        arrays: Mapping[str, npt.NDArray[Any]] | None = None,
    ) -> None:
        """`figures`: figure → float32 [heads of all layers]. `maps`: small maps, for each layer in its place.

        `arrays`: what else is known of the heads at this step, of any shape, by names with a slash ("importance/loss").
        """
        self._renew(step)
        order = self._next(step)
        written = None if maps is None else self._write_maps(step, order, maps)
        named = {HEALTH + name: np.asarray(values, np.float32) for name, values in figures.items()}
        now = time.time()
        self._figures_file(step).add_step(
            step, order, {**named, **(arrays or {})}, maps=written, previous=self._written_figures, wall_time=now
        )
        self._written_figures = (order.count, step)
        self._figures_file(step).flush()
        self._sink.add_event(summaries.aggregates_event(figures, step=step, wall_time=now))
        self._sink.flush()
        if written is not None and self._quota is not None:
            self._make_room(self._quota, step, order)

    def write_alerts(self, record: AlertRecord) -> None:
        """Write it behind the step's figures, which supersede the alerts that an earlier recording of it raised."""
        now = time.time()
        if record.alerts:
            self._document("alert", record.to_content(), step=record.step)
        self._sink.add_event(summaries.active_alerts_event(record.active, step=record.step, wall_time=now))
        self._sink.flush()

    def close(self) -> None:
        """Say what was written last, so that it is missed if it gets lost, and close the files."""
        with contextlib.ExitStack() as stack:  # each, whatever becomes of the others
            stack.callback(self._sink.close)
            stack.callback(self._lock.close)
            if self._figures is not None:
                with contextlib.suppress(OSError):
                    self._say_what_was_last()
                stack.callback(self._figures.close)
                self._figures, self._previous, self._written_figures = None, {}, None

    def _say_what_was_last(self) -> None:
        """Of each of the two files in the other one: what is cut off at its end is not known from itself."""
        now = time.time()
        if self._written_figures is not None and self._own_sink:  # another's may be closed by now
            order, step = self._next(0), self._written_figures[1]
            text = dump("end", {"newest": {"figures": self._written_figures}}, order=order, step=step)
            self._sink.add_event(
                summaries.document_event(summaries.document_tag("end", order.start), text, step=step, wall_time=now)
            )
        if self._previous:
            order, (_, step) = self._next(0), max(self._previous.values())
            text = dump("end", {"newest": self._previous}, order=order, step=step)
            self._figures_file(step).add_document("end", text, step=step, wall_time=now)

    def _figures_file(self, step: int) -> FiguresFile:
        """The figures file of this start, which begins with who writes it: made when there is something to write."""
        if self._figures is None:
            self._figures = FiguresFile(self._directory)
            start = Start(writer(), self._key, self._purge_step)
            text = dump("start", start.to_content(), order=Order(self._figures.start, 0), step=step)
            self._figures.add_document("start", text, step=step, wall_time=time.time())
        return self._figures

    def _make_directories(self) -> None:
        for needed in (self._samples_directory, figures_directory(self._directory), self._maps_directory):
            check_within(self._directory, needed)
            if needed != self._maps_directory:  # most runs have none
                files.make_directory(needed)

    def _renew(self, step: int) -> None:
        """Go on in a new file, from `step` on, where the run's directory was removed or moved away meanwhile."""
        if self._figures is None or not self._figures.is_removed():
            return
        self._make_directories()
        with contextlib.suppress(OSError):  # what was waiting is gone with the directory
            self._figures.close()
        self._figures, self._previous, self._written_figures = None, {}, None
        self._lock.close()
        self._lock = WriterLock(figures_directory(self._directory))
        if isinstance(self._sink, GrowingFile) and self._sink.is_removed():
            self._sink.close()
            self._sink = event_file(self._directory)
        if self._begun is not None:
            probe, layers, images = self._begun
            self.begin(step, probe, layers, images=images)

    def _next(self, step: int) -> Order:
        start = self._figures_file(step).start
        self._count += 1
        return Order(start, self._count)

    def _document(self, kind: str, content: Mapping[str, Any], *, step: int, order: Order | None = None) -> str:
        """Writes a document into the event file; it names the one of its kind before it, so that none gets lost."""
        order = order or self._next(step)
        text = dump(kind, {**content, "previous": self._previous.get(kind)}, order=order, step=step)
        tag = summaries.document_tag(kind, order.start)
        self._sink.add_event(summaries.document_event(tag, text, step=step, wall_time=time.time()))
        self._previous[kind] = (order.count, step)  # also where sending it fails: the sink has it
        self._sink.flush()
        return text

    def _write_maps(self, step: int, order: Order, maps: Sequence[LayerMaps]) -> str:
        """The document that says where they are."""
        files.make_directory(self._maps_directory)
        location = write_maps(self._maps_directory, maps_name(step, order, self._key), maps, step=step)
        return dump("maps", location.to_content(), order=order, step=step)

    def _make_room(self, quota: Quota, step: int, order: Order) -> None:
        """Thin samples and maps so that another step like that of `order` fits."""
        removed = quota.thin(order, purge_step=self._purge_step)
        if removed is None:
            return
        # At the newest step, not at theirs: TensorBoard's fast loader forgets what lies after a step that comes again.
        left = self._next(step)
        kept = Kept(frozenset(removed.left), removed.before, left)
        self._document("kept", kept.to_content(), step=max(step, removed.newest_step), order=left)
        for path in removed.paths:
            files.remove(path)
