"""Progress: how far a task in another process has come, and the way to have it stopped; both through files."""

import contextlib
import dataclasses
import os
import time
from pathlib import Path

_SECONDS = 0.05  # between two looks at the files: a task may report as often as it likes


@dataclasses.dataclass(frozen=True)
class Progress:
    """A job that is still waiting or running: `done` of `total` pieces; both 0 while it waits for a worker."""

    done: int
    total: int


class StoppedError(BaseException):
    """Raised in the worker by `report`: nobody wants the result any more.

    No Exception, so that a task which notes a failure and goes on does not take it for one.
    """


class ProgressFile:
    """What one process writes while it works, and another one reads: `report` is the worker's, all else the parent's.

    The task is told to stop by a file beside it.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._unfinished = path.with_suffix(".part")
        self._stop = path.with_suffix(".stop")
        self._next = 0.0  # of time.monotonic()

    def report(self, done: int, total: int) -> None:
        """Write it down. Raises StoppedError once the parent has called `stop`."""
        now = time.monotonic()
        if now < self._next:
            return
        self._next = now + _SECONDS
        if self._stop.exists():
            raise StoppedError
        with contextlib.suppress(OSError):  # a full disk is no reason to give the work up
            self._unfinished.write_text(f"{done} {total}")
            os.replace(self._unfinished, self._path)  # or a reader may find it empty, and progress jumps back

    def read(self) -> Progress:
        try:
            done, total = self._path.read_text().split()
        except (OSError, ValueError):  # not begun
            return Progress(0, 0)
        return Progress(int(done), int(total))

    def stop(self) -> None:
        with contextlib.suppress(OSError):
            self._stop.touch()

    def remove(self) -> None:
        for path in (self._path, self._unfinished, self._stop):
            with contextlib.suppress(OSError):  # it is not there, or read right now, which forbids it on Windows
                path.unlink()
