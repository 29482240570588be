"""Files by path, local or remote: a path with a scheme (`s3://…`, `gs://…`) goes through fsspec, as in TensorBoard."""

import contextlib
import os
import stat
from typing import IO, Any, cast

# A fifo without a writer would be waited for, and a terminal taken over. Windows has neither flag, nor such files.
_UNWAITED = getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_NOCTTY", 0) | getattr(os, "O_CLOEXEC", 0)
_KINDS = {
    stat.S_IFDIR: "a directory",
    stat.S_IFIFO: "a fifo",
    stat.S_IFSOCK: "a socket",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
}


class NotRegularError(ValueError):
    """What lies at a path is no regular file; the message says what it is."""


def open_file(path: str, mode: str) -> IO[bytes]:
    """Open `path` in binary `mode` ("rb" or "wb")."""
    if is_remote(path):
        return cast(IO[bytes], _filesystem(path).open(path, mode))
    return cast(IO[bytes], open(path, mode))


def open_regular(path: str, *, follow_links: bool = True, ahead: int = -1) -> IO[bytes]:
    """Open `path` for reading, if it is a regular file: no fifo, device or socket, at which reading might never end.

    `follow_links`: whether `path` itself may be a link. `ahead`: bytes that are read at once where less is asked for.
    Raises NotRegularError, FileNotFoundError.
    """
    if is_remote(path):
        return open_file(path, "rb")
    flags = os.O_RDONLY | _UNWAITED | getattr(os, "O_BINARY", 0)
    try:
        descriptor = os.open(path, flags if follow_links else flags | getattr(os, "O_NOFOLLOW", 0))
    except OSError:  # a socket cannot be opened at all
        with contextlib.suppress(OSError):
            _check_regular(os.stat(path) if follow_links else os.lstat(path))
        raise
    try:
        _check_regular(os.fstat(descriptor))
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
    """Open `path` for writing so that what is written is with the operating system, or an error, at once.

    Raises FileExistsError if it is there already and should be `new`; object stores do not promise that.
    """
    if is_remote(path):
        return open_file(path, "wb")
    return cast(IO[bytes], open(path, "xb" if new else "wb", buffering=0))


def size(path: str) -> int:
    if is_remote(path):
        return int(_filesystem(path).size(path))
    return os.path.getsize(path)


def list_names(directory: str) -> list[str]:
    """Names of the files in `directory`, sorted; empty if there is no such directory."""
    try:
        if is_remote(directory):
            entries = _filesystem(directory).ls(directory, detail=False)
            return sorted(entry.rstrip("/").rsplit("/", 1)[-1] for entry in entries)
        return sorted(os.listdir(directory))
    except (FileNotFoundError, NotADirectoryError):
        return []


def remove(path: str) -> None:
    """Remove the file at `path`, if it is there."""
    with contextlib.suppress(FileNotFoundError):
        if is_remote(path):
            _filesystem(path).rm_file(path)
        else:
            os.remove(path)


def make_directory(directory: str) -> None:
    if is_remote(directory):
        _filesystem(directory).makedirs(directory, exist_ok=True)
    else:
        os.makedirs(directory, exist_ok=True)


def is_remote(path: str) -> bool:
    """Whether `path` has a scheme."""
    return "://" in path


def _check_regular(status: os.stat_result) -> None:
    if not stat.S_ISREG(status.st_mode):
        raise NotRegularError(_KINDS.get(stat.S_IFMT(status.st_mode), "no regular file"))


def _filesystem(path: str) -> Any:
    try:
        import fsspec
    except ImportError as error:
        raise ModuleNotFoundError(
            f"the remote path {path!r} needs fsspec (pip install fsspec and the package of its protocol)"
        ) from error
    return fsspec.core.url_to_fs(path)[0]
