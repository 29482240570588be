"""DiskStore: results kept on disk by key, for every process of a user; the least recently used go first.

An entry is a file: magic, CRC32C of the value, the value. It is written under a name of its own and then renamed, so
that no reader sees half of it; a damaged one is dropped and made again. Entries may vanish at any moment, because
another process needed the room. No process waits for another one: the file `size` holds about how many bytes there
are, and what two processes that change it at once get wrong is put right whenever one of them counts the files.
"""

import contextlib
import dataclasses
import hashlib
import itertools
import logging
import os
import struct
import time
from collections.abc import Iterator
from pathlib import Path

import google_crc32c
import platformdirs

logger = logging.getLogger(__name__)

DIRECTORY_VARIABLE = "TB_ATTNVIZ_CACHE"
LIMIT_VARIABLE = "TB_ATTNVIZ_CACHE_BYTES"

_LIMIT_BYTES = 4 * 2**30
_KEPT_SHARE = 0.9  # of the limit, once it was reached: so that files are not counted at every `put` from then on
_UNCOUNTED_SHARE = 1 / 16  # of the limit: how much one process writes without counting the files
_ABANDONED_SECONDS = 3600  # an unfinished file that old is nobody's
_HEADER = struct.Struct("<8sI")
_MAGIC = b"attnviz1"


class DiskStore:
    """A `Store` in `directory` of at most about `limit_bytes`.

    By default the user's cache directory and 4 GiB, or what TB_ATTNVIZ_CACHE and TB_ATTNVIZ_CACHE_BYTES say. Where
    nothing can be written nothing is kept: that is logged once, and never raised.
    """

    def __init__(self, directory: str | os.PathLike[str] | None = None, *, limit_bytes: int | None = None) -> None:
        place = directory or os.environ.get(DIRECTORY_VARIABLE) or platformdirs.user_cache_dir("tb-attnviz")
        self.directory = Path(place)
        self.limit_bytes = _limit_from_environment() if limit_bytes is None else limit_bytes
        self._uncounted: float | None = None  # bytes put since this process counted the files; None: it never did
        self._numbers = itertools.count()
        self._warned = False

    @property
    def size_bytes(self) -> int:
        """About how many bytes are kept, as the processes that wrote them noted it."""
        try:
            return max(0, int(self._size_file.read_text()))
        except (OSError, ValueError):
            return 0

    def get(self, key: str) -> bytes | None:
        path = self._path(key)
        try:
            data = path.read_bytes()
        except FileNotFoundError:
            return None
        except OSError as error:
            self._warn("read", error)
            return None
        value = _unpack(data)
        with contextlib.suppress(OSError):  # it may be gone by now, or belong to somebody else
            if value is None:
                path.unlink()
            else:
                os.utime(path)
        return value

    def put(self, key: str, value: bytes) -> None:
        size = _HEADER.size + len(value)
        if size > self.limit_bytes:
            return
        path = self._path(key)
        try:
            replaced = _size(path)
            self._write(path, (_HEADER.pack(_MAGIC, google_crc32c.value(value)), value))
            self._account(size - replaced, size)
        except OSError as error:
            self._warn("write", error)

    def _path(self, key: str) -> Path:
        name = hashlib.sha256(key.encode()).hexdigest()
        return self.directory / name[:2] / name

    @property
    def _size_file(self) -> Path:
        return self.directory / "size"

    def _write(self, path: Path, parts: tuple[bytes, ...]) -> None:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        unfinished = path.with_name(f"{path.name}.{os.getpid()}-{id(self):x}-{next(self._numbers)}.part")
        try:
            with open(unfinished, "wb") as file:
                file.writelines(parts)
            os.replace(unfinished, path)
        except BaseException:
            with contextlib.suppress(OSError):
                unfinished.unlink()
            raise

    def _account(self, growth: int, written: int) -> None:
        """Note that an entry was put; count the files, and drop some, if there may be too many."""
        total = self.size_bytes + growth
        uncounted = None if self._uncounted is None else self._uncounted + written
        if uncounted is None or uncounted > self.limit_bytes * _UNCOUNTED_SHARE or total > self.limit_bytes:
            total, uncounted = self._drop_old(), 0
        self._uncounted = uncounted
        self._write(self._size_file, (str(total).encode(),))

    def _drop_old(self) -> int:
        """Drop the least recently used entries if there are too many; how many bytes are left."""
        found = sorted(self._files(), key=lambda file: file.used)
        total = sum(file.size for file in found)
        kept = self.limit_bytes * _KEPT_SHARE if total > self.limit_bytes else total
        for file in found:
            abandoned = file.path.endswith(".part") and file.used < time.time() - _ABANDONED_SECONDS
            if total > kept or abandoned:
                with contextlib.suppress(OSError):
                    os.unlink(file.path)
                total -= file.size
        return total

    def _files(self) -> "Iterator[_File]":
        for shard in os.scandir(self.directory):
            if not shard.is_dir():
                continue
            for entry in os.scandir(shard.path):
                with contextlib.suppress(FileNotFoundError):
                    stat = entry.stat()
                    yield _File(entry.path, stat.st_size, stat.st_mtime)

    def _warn(self, verb: str, error: OSError) -> None:
        if not self._warned:
            self._warned = True
            logger.warning(
                "tb-attnviz cannot %s its cache in %s (%s): pictures are made anew each time. %s names another place.",
                verb,
                self.directory,
                error.strerror,
                DIRECTORY_VARIABLE,
            )


@dataclasses.dataclass(frozen=True)
class _File:
    path: str
    size: int  # bytes
    used: float  # seconds since the epoch


def _unpack(data: bytes) -> bytes | None:
    """The value of an entry; None if it is damaged."""
    if len(data) < _HEADER.size:
        return None
    magic, checksum = _HEADER.unpack_from(data)
    value = data[_HEADER.size :]
    return value if magic == _MAGIC and google_crc32c.value(value) == checksum else None


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0


def _limit_from_environment() -> int:
    text = os.environ.get(LIMIT_VARIABLE)
    if not text:
        return _LIMIT_BYTES
    try:
        return int(text)
    except ValueError:
        logger.warning("%s must be a whole number of bytes, not %r: it is taken as unset", LIMIT_VARIABLE, text)
        return _LIMIT_BYTES
