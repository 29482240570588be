"""Event files that grow record by record: the run's own for TensorBoard, and those of figures."""

import contextlib
import os
import socket
import time

from tensorboard.compat.proto.event_pb2 import Event

from tb_attnviz.events import files, records

_FILE_VERSION = "brain.Event:2"


class GrowingFile:
    """A file of records at `path`, which must not be there yet if `new`.

    A record that does not fit on the disk leaves nothing behind: those before and after it can be read.
    """

    def __init__(self, path: str, *, new: bool = False) -> None:
        self._file = files.open_unbuffered(path, new=new)
        self._end = 0  # of the last whole record
        self._torn = False  # something may lie behind it
        self._append(file_version(time.time()))

    def add_event(self, event: Event) -> None:
        self._append(records.frame(event.SerializeToString()))

    def is_removed(self) -> bool:
        """Whether what is written goes to a file that nobody can open any more."""
        with contextlib.suppress(OSError, ValueError):  # object stores have no such thing
            return os.fstat(self._file.fileno()).st_nlink == 0
        return False

    def flush(self) -> None:
        self._file.flush()

    def close(self) -> None:
        self._file.close()

    def _append(self, record: bytes) -> None:
        try:
            if self._torn:
                self._file.seek(self._end)  # a remote file cannot do that, and a local one seldom has to
            left = memoryview(record)
            while left:
                left = left[self._file.write(left) :]
        except OSError:
            self._torn = True
            with contextlib.suppress(OSError):
                self._file.truncate(self._end)
            raise
        self._torn = False
        self._end += len(record)


class EventFile(GrowingFile):
    """An event file for a run that has no SummaryWriter to share, in `directory`, named as TensorBoard expects.

    The name sorts by time, so that readers take a restarted run in the order of its writing.
    """

    def __init__(self, directory: str) -> None:
        host, now = socket.gethostname(), time.time()
        name = f"events.out.tfevents.{int(now)}.{host}.{os.getpid()}.{time.time_ns():016x}.attnviz"
        super().__init__(os.path.join(directory, name))


def file_version(wall_time: float) -> bytes:
    """The record that every event file begins with."""
    return records.frame(Event(wall_time=wall_time, file_version=_FILE_VERSION).SerializeToString())
