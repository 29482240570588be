"""RunWriter: the one place that writes the format."""

import os
import secrets
import socket
import time
from collections.abc import Iterable
from typing import IO, Protocol

from tensorboard.compat.proto.event_pb2 import Event

from tb_attnviz.events import files, records, summaries
from tb_attnviz.events.samples import Samples, encode_samples
from tb_attnviz.events.schema import AlertRecord, Checkpoint, Layer, ProbeRecord, SamplesLocation
from tb_attnviz.events.summaries import Figures

_FILE_VERSION = "brain.Event:2"


class EventSink(Protocol):
    """Where the small events go: a file of our own, or the SummaryWriter that the training loop has open."""

    def add_event(self, event: Event) -> None: ...
    def flush(self) -> None: ...
    def close(self) -> None: ...


class RunWriter:
    """Writes one run: its probe once, then checkpoints and health figures.

    `directory` is made if it is missing. The events go to `sink`; without one, to an event file of our own.
    Raises OSError if the directory cannot be written.
    """

    def __init__(self, directory: str, *, sink: EventSink | None = None) -> None:
        self._samples_directory = os.path.join(directory, "plugins", summaries.PLUGIN_NAME)
        files.make_directory(self._samples_directory)
        self._sink = sink or EventFile(directory)

    def write_probe(self, probe: ProbeRecord, *, step: int) -> None:
        self._sink.add_event(summaries.probe_event(probe, step=step, wall_time=time.time()))
        self._sink.flush()

    def write_checkpoint(self, step: int, layers: Iterable[tuple[Layer, Samples]]) -> Checkpoint:
        """Write the samples of `step`, then the event that points at them: a crash between leaves nothing half."""
        wall_time = time.time()
        name = f"samples-{step:09d}-{secrets.token_hex(4)}.events"
        written: list[Layer] = []
        locations: list[SamplesLocation] = []
        with files.open_file(os.path.join(self._samples_directory, name), "wb") as file:
            offset = file.write(_file_version(wall_time))
            for layer, samples in layers:
                parts = encode_samples(samples, step=step, layer_name=layer.name, wall_time=wall_time)
                file.writelines(parts)
                length = sum(map(len, parts))
                written.append(layer)
                locations.append(SamplesLocation(offset, length))
                offset += length
        checkpoint = Checkpoint(step, name, tuple(written), tuple(locations))
        self._sink.add_event(summaries.checkpoint_event(checkpoint, wall_time=wall_time))
        self._sink.flush()
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


class EventFile:
    """An event file of our own in `directory`, named as TensorBoard expects."""

    def __init__(self, directory: str) -> None:
        now = time.time()
        name = f"events.out.tfevents.{int(now)}.{socket.gethostname()}.{os.getpid()}.{secrets.token_hex(4)}.attnviz"
        self._file: IO[bytes] = files.open_file(os.path.join(directory, name), "wb")
        self._file.write(_file_version(now))
        self._file.flush()

    def add_event(self, event: Event) -> None:
        self._file.write(records.frame(event.SerializeToString()))

    def flush(self) -> None:
        self._file.flush()

    def close(self) -> None:
        self._file.close()


def _file_version(wall_time: float) -> bytes:
    return records.frame(Event(wall_time=wall_time, file_version=_FILE_VERSION).SerializeToString())
