"""Files with a scheme (`s3://…`), through fsspec: whole objects and ranges of them, each request by itself.

A request that fails is tried again, a little later each time: object stores fail one now and then. What there is not
is told at once.
"""

import contextlib
import io
import os
import random
import time
from collections.abc import Callable
from types import TracebackType
from typing import IO, Any, TypeVar, cast

from tb_attnviz.extras import line
from tb_attnviz.temporary import temporary_file

_T = TypeVar("_T")

_TRIES = 6
_PAUSE_SECONDS = 0.2  # before the second try; twice that before each further one, and up to half more or less
_LISTED_SECONDS = 2.0  # how long a listing is taken for what there is
_AHEAD = 2**20  # bytes that are read at once where less is asked for
_TOLD = (FileNotFoundError, FileExistsError, IsADirectoryError, NotADirectoryError, PermissionError)

_listed: "dict[str, tuple[float, dict[str, int] | UnreachableError]]" = {}


class UnreachableError(OSError):
    """A store did not answer, however often it was asked; the message says what it, or its client, said.

    What is there is not known: it is neither gone nor damaged, and may be had the next time.
    """


def is_remote(path: str) -> bool:
    """Whether `path` has a scheme."""
    return "://" in path


def sizes(directory: str) -> dict[str, int]:
    """The files in `directory` with their bytes, as they were within the last two seconds."""
    known = _listed.get(directory)
    if known is not None and time.monotonic() - known[0] < _LISTED_SECONDS:
        if isinstance(known[1], UnreachableError):  # nobody else waits for it
            raise UnreachableError(*known[1].args)
        return known[1]
    filesystem = _filesystem(directory)
    _forget(filesystem, directory)
    try:
        found = _tried(lambda: filesystem.ls(directory, detail=True))
    except UnreachableError as error:
        _listed[directory] = time.monotonic(), error
        raise
    entries = [(entry["name"].rstrip("/").rsplit("/", 1)[-1], entry) for entry in found]
    listing = {name: int(entry.get("size") or 0) for name, entry in entries if entry["type"] == "file" and name}
    _listed[directory] = time.monotonic(), listing
    return listing


def size(path: str) -> int:
    filesystem = _filesystem(path)
    _forget(filesystem, path)
    return int(_tried(lambda: filesystem.info(path))["size"])


def read_range(path: str, offset: int, end: int) -> bytes:
    """The bytes of the file from `offset` to before `end`, fewer where it is shorter: one request."""
    filesystem = _filesystem(path)
    return bytes(_tried(lambda: filesystem.cat_file(path, start=offset, end=end)))


def open_to_read(path: str, ahead: int) -> IO[bytes]:
    """The file as it is now, by ranges. Raises FileNotFoundError."""
    return io.BufferedReader(_Ranges(path), max(ahead, _AHEAD))


def open_to_write(path: str) -> "NewObject":
    return NewObject(path)


def put(path: str, content: bytes) -> None:
    """Make `content` the file at `path`, whole or not at all."""
    filesystem = _filesystem(path)
    _tried(lambda: filesystem.pipe_file(path, content))
    _written(path)


def remove(path: str) -> None:
    filesystem = _filesystem(path)
    with contextlib.suppress(FileNotFoundError):
        _tried(lambda: filesystem.rm_file(path))
    _written(path)


def make_directory(directory: str) -> None:
    filesystem = _filesystem(directory)
    _tried(lambda: filesystem.makedirs(directory, exist_ok=True))


class NewObject:
    """A file that is written here first, and put in its place as it is closed: whole, or not at all."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._filesystem = _filesystem(path)
        self._file = temporary_file()  # closed in __exit__

    def write(self, data: bytes) -> int:
        return self._file.write(data)

    def writelines(self, parts: Any) -> None:
        self._file.writelines(parts)

    def __enter__(self) -> "NewObject":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self._file:
            if kind is None:
                self._file.flush()
                _tried(lambda: self._filesystem.put_file(self._file.name, self._path))
                _written(self._path)


class _Ranges(io.RawIOBase):
    def __init__(self, path: str) -> None:
        self._path = path
        self._size = size(path)
        self._place = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        begins = {os.SEEK_SET: 0, os.SEEK_CUR: self._place, os.SEEK_END: self._size}[whence]
        self._place = max(0, begins + offset)
        return self._place

    def tell(self) -> int:
        return self._place

    def readinto(self, buffer: Any) -> int:
        end = min(self._place + len(buffer), self._size)
        if end <= self._place:
            return 0
        data = read_range(self._path, self._place, end)
        buffer[: len(data)] = data
        self._place += len(data)
        return len(data)


def _tried(request: Callable[[], _T]) -> _T:
    """What `request` gives. Raises UnreachableError once it has failed too often, and what is no failure at once."""
    for number in range(_TRIES):
        try:
            return request()
        except _TOLD:
            raise
        except Exception as error:  # each protocol has its own
            if number == _TRIES - 1:
                raise UnreachableError(f"{type(error).__name__}: {error}"[:500]) from error
            time.sleep(_PAUSE_SECONDS * 2**number * random.uniform(0.5, 1.5))
    raise AssertionError("the last try returns or raises")


def _written(path: str) -> None:
    _listed.pop(path.rpartition("/")[0], None)


def _forget(filesystem: Any, path: str) -> None:
    """Have `filesystem` look again: it keeps listings of its own."""
    filesystem.invalidate_cache(path)
    filesystem.invalidate_cache(path.rpartition("/")[0])


def _filesystem(path: str) -> Any:
    """Raises ModuleNotFoundError with the line to type where something is not installed for this scheme."""
    try:
        import fsspec

        return cast(Any, fsspec.core.url_to_fs(path)[0])
    except ImportError as error:
        scheme = path.partition("://")[0]
        raise ModuleNotFoundError(
            f"{scheme}:// needs a package that is not installed ({error}): {line('remote')}, which has S3; for other "
            "stores the package of fsspec for them (gcsfs, adlfs, …)"
        ) from error
