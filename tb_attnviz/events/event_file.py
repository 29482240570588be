"""Event files that grow record by record: the run's own for TensorBoard, and those of figures.

Object stores cannot append. There a file is put anew, whole and longer, every few seconds in which it got more, and
once it is large the next one begins: what was there of it stays as it was, so that readers go on from where they were.
"""

import contextlib
import os
import socket
import threading
import time
from collections.abc import Callable
from typing import Protocol

from tensorboard.compat.proto.event_pb2 import Event

from tb_attnviz.events import files, records, remote

_FILE_VERSION = "brain.Event:2"
_MOST_BYTES = 2**20  # of a remote file, and of what is sent again with every record
_LEAST_SECONDS = 5.0  # between two times that it is put


class Grows(Protocol):
    """A file, or several, that records are added to."""

    def add_event(self, event: Event) -> None: ...
    def is_removed(self) -> bool: ...
    def flush(self) -> None: ...
    def close(self) -> None: ...


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


class GrowingObjects:
    """Records in remote files, one after the other: `path_of(number)` gives the path of each, from 0.

    A flush that comes too soon after the last is made up for by a thread of its own, a few seconds later. What could
    not be put is put the next time, with what came since; `close` raises OSError where it is lost.
    """

    def __init__(self, path_of: Callable[[int], str]) -> None:
        self._path_of = path_of
        self._number = 0
        self._content = bytearray(file_version(time.time()))
        self._put = 0  # bytes of it
        self._last = float("-inf")  # when that was last tried, by time.monotonic()
        self._later: threading.Timer | None = None  # puts what came too soon
        self._lock = threading.Lock()

    def add_event(self, event: Event) -> None:
        with self._lock:
            if len(self._content) > _MOST_BYTES:
                with contextlib.suppress(OSError):  # it grows on until it can be put: the next flush says so
                    self._send()
                    self._number += 1
                    self._content, self._put = bytearray(file_version(time.time())), 0
            self._content += records.frame(event.SerializeToString())

    def is_removed(self) -> bool:
        return False

    def flush(self) -> None:
        with self._lock:
            too_soon = self._last + _LEAST_SECONDS - time.monotonic()
            if too_soon <= 0:
                self._send()
            elif self._later is None and self._put < len(self._content):
                self._later = threading.Timer(too_soon, self._send_later)
                self._later.daemon = True
                self._later.start()

    def close(self) -> None:
        with self._lock:
            if self._later is not None:
                self._later.cancel()
            self._send()

    def _send_later(self) -> None:
        with self._lock, contextlib.suppress(OSError):  # the next flush says so
            self._later = None
            self._send()

    def _send(self) -> None:
        if self._put < len(self._content):
            self._last = time.monotonic()
            remote.put(self._path_of(self._number), bytes(self._content))
            self._put = len(self._content)


def growing(path_of: Callable[[int], str], *, new: bool = False) -> Grows:
    """A file at `path_of(0)`, which must not be there yet if `new`; remote files at that and what follows."""
    path = path_of(0)
    if not files.is_remote(path):
        return GrowingFile(path, new=new)
    if new and path.rpartition("/")[2] in files.list_names(path.rpartition("/")[0]):
        raise FileExistsError(path)  # two that begin at the same moment are not kept apart
    return GrowingObjects(path_of)


def event_file(directory: str) -> Grows:
    """An event file for a run that has no SummaryWriter to share, in `directory`, named as TensorBoard expects.

    The name sorts by time, so that readers take a restarted run in the order of its writing. It is another than that of
    every file there, also where the clock stands still or was set back.
    """
    host, begun = socket.gethostname(), time.time_ns()

    def path_of(number: int) -> str:
        name = f"events.out.tfevents.{begun // 10**9}.{host}.{os.getpid()}.{begun + number:016x}.attnviz"
        return os.path.join(directory, name)

    while True:
        try:
            return growing(path_of, new=True)
        except FileExistsError:
            begun += 1


def file_version(wall_time: float) -> bytes:
    """The record that every event file begins with."""
    return records.frame(Event(wall_time=wall_time, file_version=_FILE_VERSION).SerializeToString())
