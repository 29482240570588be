"""RunWriter: the one place that writes the format."""

import contextlib
import os
import time
from collections.abc import Iterable, Mapping
from typing import Protocol

from tensorboard.compat.proto.event_pb2 import Event

from tb_attnviz.events import files, summaries
from tb_attnviz.events.event_file import EventFile, file_version
from tb_attnviz.events.pictures import write_pictures
from tb_attnviz.events.probe_record import ProbeRecord
from tb_attnviz.events.quota import SamplesFile, thin
from tb_attnviz.events.samples import Samples, encode_samples
from tb_attnviz.events.schema import AlertRecord, Checkpoint, Layer, SamplesLocation
from tb_attnviz.events.summaries import Figures


class EventSink(Protocol):
    """Where the small events go: a file of our own, or the SummaryWriter that the training loop has open."""

    def add_event(self, event: Event) -> None: ...
    def flush(self) -> None: ...
    def close(self) -> None: ...


class RunWriter:
    """Writes one run: what is recorded (`begin`), then checkpoints and health figures.

    `directory` is made if it is missing. The events go to `sink`; without one, to an event file of our own.
    `max_bytes`: what the samples may take on disk; of older checkpoints a log-spaced set keeps them (quota.thin).
    Raises OSError if the directory cannot be written.
    """

    def __init__(self, directory: str, *, sink: EventSink | None = None, max_bytes: int | None = None) -> None:
        self._samples_directory = os.path.join(directory, "plugins", summaries.PLUGIN_NAME)
        files.make_directory(self._samples_directory)
        self._max_bytes = max_bytes
        self._samples_files = [] if max_bytes is None else _samples_files(self._samples_directory)
        self._newest_step = 0
        self._sink = sink or EventFile(directory)

    def begin(
        self, step: int, probe: ProbeRecord, layers: tuple[Layer, ...], *, pictures: Mapping[str, bytes] | None = None
    ) -> None:
        """Say what is recorded from `step` on. Readers go on with the run if it is what they know already.

        `pictures`: PNG files by the names that the probe has for them; those that are there already are left alone.
        """
        write_pictures(self._samples_directory, pictures or {})
        self.write_probe(probe, step=step)
        self._sink.add_event(summaries.layers_event(layers, step=step, wall_time=time.time()))
        self._sink.flush()

    def write_probe(self, probe: ProbeRecord, *, step: int) -> None:
        self._sink.add_event(summaries.probe_event(probe, step=step, wall_time=time.time()))
        self._sink.flush()

    def write_checkpoint(self, step: int, layers: Iterable[tuple[Layer, Samples]]) -> Checkpoint:
        """Write the samples of `step`, then the event that points at them: a crash between leaves nothing half."""
        wall_time = time.time()
        name = f"samples-{step:09d}-{time.time_ns():016x}.events"
        path = os.path.join(self._samples_directory, name)
        written: list[Layer] = []
        locations: list[SamplesLocation] = []
        try:
            with files.open_file(path, "wb") as file:
                offset = file.write(file_version(wall_time))
                for layer, samples in layers:
                    parts = encode_samples(samples, step=step, layer_name=layer.name, wall_time=wall_time)
                    file.writelines(parts)
                    length = sum(map(len, parts))
                    written.append(layer)
                    locations.append(SamplesLocation(offset, length))
                    offset += length
        except OSError:
            with contextlib.suppress(OSError):
                files.remove(path)  # half a checkpoint would only take the room that the next one needs
            raise
        checkpoint = Checkpoint(step, name, tuple(written), tuple(locations))
        self._sink.add_event(summaries.checkpoint_event(checkpoint, wall_time=time.time()))
        self._sink.flush()
        if self._max_bytes is not None:
            self._make_room(SamplesFile(step, name, offset), self._max_bytes)
        return checkpoint

    def write_health(self, step: int, figures: Figures) -> None:
        """`figures`: figure → float32 [heads of all layers]."""
        self._sink.add_event(summaries.health_event(figures, step=step, wall_time=time.time()))
        self._sink.flush()

    def write_alerts(self, record: AlertRecord) -> None:
        """Write it at every step with health, also without alerts: a step written twice counts as its latest."""
        self._sink.add_event(summaries.alert_event(record, wall_time=time.time()))
        self._sink.flush()

    def close(self) -> None:
        self._sink.close()

    def _make_room(self, newest: SamplesFile, most: int) -> None:
        """Thin the samples so that another checkpoint like `newest` fits into `most` bytes.

        A quarter is freed at a time: the list of what is left is then written rarely, and pictures change rarely.
        """
        self._samples_files.append(newest)
        self._newest_step = max(self._newest_step, newest.step)
        if sum(file.size for file in self._samples_files) + newest.size <= most:
            return
        left = thin(self._samples_files, most * 3 // 4)
        # At the newest step, not at theirs: TensorBoard's fast loader forgets what lies after a step that comes again.
        names = [file.name for file in left]
        self._sink.add_event(summaries.kept_event(names, step=self._newest_step, wall_time=time.time()))
        self._sink.flush()
        for file in sorted(set(self._samples_files) - set(left)):
            files.remove(os.path.join(self._samples_directory, file.name))
            self._samples_files.remove(file)


def _samples_files(directory: str) -> list[SamplesFile]:
    """What earlier starts of the run left in `directory`."""
    steps = {name: SamplesFile.step_of(name) for name in files.list_names(directory)}
    return [
        SamplesFile(step, name, files.size(os.path.join(directory, name)))
        for name, step in steps.items()
        if step is not None
    ]
