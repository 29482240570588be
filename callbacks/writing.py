"""Writing off the training thread: training goes on while a checkpoint goes to disk."""

import atexit
import os
import queue
import threading
import warnings

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
        self._process = os.getpid()
        self._thread = threading.Thread(target=self._work, name="attnviz-writer", daemon=True)
        self._thread.start()
        atexit.register(self._close_at_exit)  # a script that ends without close() keeps what it recorded

    def write(self, step: int, recording: Recording, alerts: AlertRecord, *, samples: bool = True) -> None:
        """Hand over a recording, or its health figures alone, and what the rules said to it.

        Waits while too many are under way. Raises RuntimeError after `close`.
        """
        if self._closed:
            raise RuntimeError(f"step {step} was not written: the run was closed, and no other is open in its place")
        if os.getpid() != self._process:
            raise RuntimeError(
                f"step {step} was not written: the run is written by the process that this one came from"
            )
        self._queue.put((step, recording, alerts, samples))

    def flush(self) -> None:
        """Wait until all that was handed over is written, or lost."""
        if os.getpid() == self._process:
            self._queue.join()

    def take_error(self) -> Exception | None:
        """The first error since the last call."""
        with self._lock:
            error, self._error = self._error, None
        return error

    def close(self) -> None:
        """Write what is waiting, and end. In a process that was forked from this one nothing: there is no thread."""
        if self._closed or os.getpid() != self._process:
            return
        self._closed = True
        atexit.unregister(self._close_at_exit)
        self._queue.put(None)
        self._thread.join()
        try:
            self._writer.close()
        except Exception as error:
            self._keep(error)

    def _close_at_exit(self) -> None:
        self.close()
        if (error := self.take_error()) is not None:  # nobody else will ask
            warnings.warn(
                f"a recording of attention was not written: {type(error).__name__}: {error}",
                RuntimeWarning,
                stacklevel=2,
            )

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
        try:
            self._writer.write_health(step, recording.figures, maps=maps, arrays=recording.arrays)
        finally:
            self._writer.write_alerts(alerts)  # they are not raised again
        if samples:
            self._writer.write_checkpoint(step, zip(recording.layers, recording.samples, strict=True))
