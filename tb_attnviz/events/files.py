"""Files by path, local or remote: a path with a scheme (`s3://…`, `gs://…`) goes through fsspec, as in TensorBoard.

Local paths are opened with care, as a directory from anywhere needs it; object stores have no links, fifos or devices.
"""

import contextlib
import errno
import os
import stat
from typing import IO, cast

from tb_attnviz.events import remote
from tb_attnviz.events.remote import UnreachableError as UnreachableError
from tb_attnviz.events.remote import is_remote as is_remote

# A fifo without a writer would be waited for, and a terminal taken over. Windows has neither flag, nor such files.
_UNWAITED = getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_NOCTTY", 0) | getattr(os, "O_CLOEXEC", 0)
_NO_DIRECTORY = (errno.ENOENT, errno.ENOTDIR, errno.ELOOP)
_KINDS = {
    stat.S_IFDIR: "a directory",
    stat.S_IFIFO: "a fifo",
    stat.S_IFSOCK: "a socket",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
}


def expanded(path: str) -> str:
    """`path` with the home directory for `~`, and with environment variables, as shells have it.

    A path that exists as it is written stays, and so does what is no variable.
    """
    return path if is_remote(path) or os.path.exists(path) else os.path.expandvars(os.path.expanduser(path))


class NotRegularError(ValueError):
    """What lies at a path is no regular file; the message says what it is."""


def reason(error: OSError) -> str:
    """Why the system, or a store, refuses, without a path where it says so by itself."""
    return error.strerror or str(error)


def open_file(path: str, mode: str) -> IO[bytes]:
    """Open `path` in binary `mode`, "rb" or "wb": a remote one is written as it is closed."""
    if is_remote(path):
        opened = remote.open_to_read(path, 0) if mode == "rb" else remote.open_to_write(path)
        return cast(IO[bytes], opened)
    return cast(IO[bytes], open(path, mode))


def open_regular(path: str, *, follow_links: bool = True, ahead: int = -1) -> IO[bytes]:
    """Open `path` for reading, if it is a regular file: no fifo, device or socket, at which reading might never end.

    `follow_links`: whether `path` itself may be a link. `ahead`: bytes that are read at once where less is asked for.
    Raises NotRegularError, FileNotFoundError.
    """
    if is_remote(path):
        return remote.open_to_read(path, ahead)
    flags = os.O_RDONLY | _UNWAITED | getattr(os, "O_BINARY", 0)
    _check_regular(os.stat(path) if follow_links else os.lstat(path))  # some devices act as they are opened
    descriptor = os.open(path, flags if follow_links else flags | getattr(os, "O_NOFOLLOW", 0))
    try:
        _check_regular(os.fstat(descriptor))  # it may be another one by now
        return os.fdopen(descriptor, "rb", ahead)
    except BaseException:
        os.close(descriptor)
        raise


def open_size(file: IO[bytes]) -> int:
    """How many bytes an open file has; where it is read from is left alone."""
    here = file.tell()
    size = file.seek(0, os.SEEK_END)
    file.seek(here)
    return size


def open_unbuffered(path: str, *, new: bool = False) -> IO[bytes]:
    """Open the local `path` for writing so that what is written is with the operating system, or an error, at once.

    Raises FileExistsError if it is there already and should be `new`.
    """
    return cast(IO[bytes], open(path, "xb" if new else "wb", buffering=0))


def size(path: str) -> int:
    return remote.size(path) if is_remote(path) else os.path.getsize(path)


def changed(path: str) -> tuple[int, ...] | None:
    """Size, and when content, name or permissions were changed last; None if it is not there, or does not answer.

    Of a remote file its size alone.
    """
    try:
        if is_remote(path):
            return (remote.size(path),)
        status = os.stat(path)
    except (OSError, ValueError):
        return None
    return status.st_size, status.st_mtime_ns, status.st_ctime_ns


def list_names(directory: str) -> list[str]:
    """Names of the files in `directory`, sorted; empty if there is no such directory. Raises OSError."""
    try:
        return sorted(remote.sizes(directory) if is_remote(directory) else os.listdir(directory))
    except OSError as error:
        if error.errno in _NO_DIRECTORY or isinstance(error, FileNotFoundError | NotADirectoryError):
            return []
        raise


def list_readable(directory: str) -> list[str]:
    """The same, empty also if it may not be listed: what is tried to be read there says why."""
    try:
        return list_names(directory)
    except OSError:
        return []


def list_sizes(directory: str) -> dict[str, int]:
    """The same with their bytes: of a remote directory at the cost of one request, which may raise OSError."""
    if is_remote(directory):
        with contextlib.suppress(FileNotFoundError, NotADirectoryError):
            return remote.sizes(directory)
        return {}
    found = {}
    with contextlib.suppress(OSError), os.scandir(directory) as entries:  # what is tried to be read there says why
        for entry in entries:
            with contextlib.suppress(OSError):  # removed since
                found[entry.name] = os.stat(entry.path).st_size  # on Windows what `entry` knows is old
    return found


def remove(path: str) -> None:
    """Remove the file at `path`, if it is there."""
    if is_remote(path):
        remote.remove(path)
    else:
        with contextlib.suppress(FileNotFoundError):
            os.remove(path)


def make_directory(directory: str) -> None:
    if is_remote(directory):
        remote.make_directory(directory)
    else:
        os.makedirs(directory, exist_ok=True)


def _check_regular(status: os.stat_result) -> None:
    if not stat.S_ISREG(status.st_mode):
        raise NotRegularError(_KINDS.get(stat.S_IFMT(status.st_mode), "no regular file"))
