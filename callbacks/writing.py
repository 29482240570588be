"""Writing off the training thread: training goes on while a checkpoint goes to disk."""

import atexit
import queue
import threading

from tb_attnviz.events import AlertRecord, RunWriter

from .capture import Recording
from .probe import Probe
from .probes.grid_labels import with_grid_labels

_MAPS_BETWEEN = 2**21  # bytes of a step's small maps that go with figures alone; larger ones go with samples only
_WAITING = 2  # recordings in memory at most: when the disk is slower than training, training waits


class BackgroundWriter:
    """Writes recordings of `probe` with `writer` on a thread of its own, in the order given.

    An error there stops nothing: the recording is lost, and `take_error` tells of it.
    """

    def __init__(self, writer: RunWriter, probe: Probe) -> None:
        self._writer = writer
        self._probe = probe
        self._begun: list[tuple[object, ...]] | None = None  # the layers that readers were told of
        self._queue: queue.Queue[tuple[int, Recording, AlertRecord, bool] | None] = queue.Queue(maxsize=_WAITING)
        self._error: Exception | None = None
        self._lock = threading.Lock()  # of the error
        self._closed = False
        self._thread = threading.Thread(target=self._work, name="attnviz-writer", daemon=True)
        self._thread.start()
        atexit.register(self.close)  # a script that ends without close() keeps what it recorded

    def write(self, step: int, recording: Recording, alerts: AlertRecord, *, samples: bool = True) -> None:
        """Hand over a recording, or its health figures alone, and what the rules said to it.

        Waits while too many are under way. Raises RuntimeError after `close`.
        """
        if self._closed:
            raise RuntimeError(f"step {step} was not written: the run was closed, and no other is open in its place")
        self._queue.put((step, recording, alerts, samples))

    def flush(self) -> None:
        """Wait until all that was handed over is written, or lost."""
        self._queue.join()

    def take_error(self) -> Exception | None:
        """The first error since the last call."""
        with self._lock:
            error, self._error = self._error, None
        return error

    def close(self) -> None:
        """Write what is waiting, and end."""
        if self._closed:
            return
        self._closed = True
        atexit.unregister(self.close)
        self._queue.put(None)
        self._thread.join()
        try:
            self._writer.close()
        except Exception as error:
            self._keep(error)

    def _keep(self, error: Exception) -> None:
        with self._lock:
            self._error = self._error or error

    def _work(self) -> None:
        while (work := self._queue.get()) is not None:
            try:
                self._write(*work)
            except Exception as error:
                self._keep(error)
            finally:
                del work  # its samples, while the next are waited for
                self._queue.task_done()
        self._queue.task_done()  # of the end, too, or whoever flushes waits for it

    def _write(self, step: int, recording: Recording, alerts: AlertRecord, samples: bool) -> None:
        layers = [layer.identity for layer in recording.layers]
        if layers != self._begun:
            pngs = self._probe.pngs
            record = with_grid_labels(self._probe.record, pngs, recording.layers)
            self._writer.begin(step, record, recording.layers, images=pngs)
            self._begun = layers
        # First: it is small, and a full disk may still take it.
        with_maps = samples or recording.map_bytes <= _MAPS_BETWEEN
        maps = recording.maps if with_maps else None
        self._writer.write_health(step, recording.figures, maps=maps, arrays=recording.arrays)
        self._writer.write_alerts(alerts)
        if samples:
            self._writer.write_checkpoint(step, zip(recording.layers, recording.samples, strict=True))
