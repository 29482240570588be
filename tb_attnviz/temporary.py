"""Temporary files and directories. What a process that was killed left of them, the next one removes.

Each is locked for as long as its process lives: the system takes the lock back however that ends.
"""

import contextlib
import os
import shutil
import tempfile
import time
import weakref
from typing import IO

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]

_PREFIX = "attnviz-"
_LOCK = "lock"  # in a directory
_YOUNG_SECONDS = 60.0  # what is younger may not be locked yet


def temporary_directory() -> "tempfile.TemporaryDirectory[str]":
    """A new one, for `with` or `cleanup`."""
    _remove_leftovers()
    made = tempfile.TemporaryDirectory(prefix=_PREFIX, ignore_cleanup_errors=True)
    if fcntl is not None:
        lock = os.open(os.path.join(made.name, _LOCK), os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
        with contextlib.suppress(OSError):  # a file system without locks: it is left alone for ever
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        weakref.finalize(made, os.close, lock)
    return made


def temporary_file() -> IO[bytes]:
    """A new one, which has a `name` and is removed as it is closed."""
    _remove_leftovers()
    made = tempfile.NamedTemporaryFile(prefix=_PREFIX)  # noqa: SIM115  # closed by whoever asks
    if fcntl is not None:
        with contextlib.suppress(OSError):
            fcntl.flock(made.fileno(), fcntl.LOCK_EX | fcntl.LOCK_NB)
    return made


def _remove_leftovers() -> None:
    with contextlib.suppress(OSError), os.scandir(tempfile.gettempdir()) as entries:
        for entry in entries:
            if fcntl is not None and entry.name.startswith(_PREFIX):
                with contextlib.suppress(OSError):  # somebody else's, in use, or gone
                    _remove_if_left(entry)


def _remove_if_left(entry: "os.DirEntry[str]") -> None:
    """Raises OSError for what is locked, or is none of ours."""
    status = entry.stat(follow_symlinks=False)
    if status.st_uid != os.getuid() or time.time() - status.st_mtime < _YOUNG_SECONDS:
        return
    is_directory = entry.is_dir(follow_symlinks=False)
    path = os.path.join(entry.path, _LOCK) if is_directory else entry.path
    lock = os.open(path, os.O_RDWR | os.O_NONBLOCK | os.O_NOFOLLOW)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if is_directory:
            shutil.rmtree(entry.path, ignore_errors=True)
        else:
            os.unlink(entry.path)
    finally:
        os.close(lock)
