"""WriterLock: who writes a run, so that a second training in the same directory is told of the first."""

import contextlib
import errno
import json
import os
import socket
from typing import Any

from tb_attnviz.events import files

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]

_NAME = "writer.lock"
# Not through a link, which may lead to any file of whoever records.
_FLAGS = os.O_RDWR | os.O_CREAT | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_NOFOLLOW", 0)
_MOST_BYTES = 4096


def writer() -> dict[str, Any]:
    """This process, as a run's documents name it."""
    return {"host": socket.gethostname(), "pid": os.getpid(), "pid_namespace": _pid_namespace()}


class WriterLock:
    """A lock on the file `writer.lock` in `directory`, which the system takes back however the process ends.

    `other`: who writes the run already, in words; None if nobody does, or where it cannot be known: on object stores,
    and on file systems without locks.
    """

    def __init__(self, directory: str) -> None:
        self.other: str | None = None
        self._file: int | None = None
        if fcntl is None or files.is_remote(directory):
            return
        try:
            self._file = os.open(os.path.join(directory, _NAME), _FLAGS, 0o644)
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            if self._file is None or error.errno not in (errno.EWOULDBLOCK, errno.EACCES):
                return
            self.other = _alive(os.pread(self._file, _MOST_BYTES, 0))
        if self.other is None:
            with contextlib.suppress(OSError):
                os.ftruncate(self._file, 0)
                os.pwrite(self._file, json.dumps(writer()).encode(), 0)

    def close(self) -> None:
        if self._file is None:
            return
        if fcntl is not None and self.other is None:
            with contextlib.suppress(OSError):
                fcntl.flock(self._file, fcntl.LOCK_UN)  # also for processes that were forked from this one meanwhile
        os.close(self._file)
        self._file = None


def _alive(content: bytes) -> str | None:
    """Who holds the lock, in words; None for a process that is gone and left the lock to one that it had forked."""
    try:
        held: dict[str, Any] = json.loads(content)
        host, pid = str(held["host"])[:80], int(held["pid"])
    except (ValueError, KeyError, TypeError):
        return "another process"
    if (host, held.get("pid_namespace")) != (socket.gethostname(), _pid_namespace()):
        return f"process {pid} on {host!r}"
    if pid == os.getpid():
        return "this process"
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return None
    except PermissionError:
        pass
    return f"process {pid} on this machine"


def _pid_namespace() -> str | None:
    """What tells containers apart whose hosts have the same name; None where there is no such thing."""
    try:
        return os.readlink("/proc/self/ns/pid")
    except OSError:
        return None
