"""Files by path, local or remote: a path with a scheme (`s3://…`, `gs://…`) goes through fsspec, as in TensorBoard."""

import contextlib
import os
from typing import IO, Any, cast


def open_file(path: str, mode: str) -> IO[bytes]:
    """Open `path` in binary `mode` ("rb" or "wb")."""
    if _is_remote(path):
        return cast(IO[bytes], _filesystem(path).open(path, mode))
    return cast(IO[bytes], open(path, mode))


def open_unbuffered(path: str) -> IO[bytes]:
    """Open `path` for writing so that what is written is with the operating system, or an error, at once."""
    if _is_remote(path):
        return open_file(path, "wb")
    return cast(IO[bytes], open(path, "wb", buffering=0))


def read_range(path: str, offset: int, length: int) -> bytes:
    """At most `length` bytes of `path` from `offset` on; fewer at the file's end."""
    with open_file(path, "rb") as file:
        file.seek(offset)
        return file.read(length)


def size(path: str) -> int:
    if _is_remote(path):
        return int(_filesystem(path).size(path))
    return os.path.getsize(path)


def list_names(directory: str) -> list[str]:
    """Names of the files in `directory`, sorted; empty if there is no such directory."""
    try:
        if _is_remote(directory):
            entries = _filesystem(directory).ls(directory, detail=False)
            return sorted(entry.rstrip("/").rsplit("/", 1)[-1] for entry in entries)
        return sorted(os.listdir(directory))
    except (FileNotFoundError, NotADirectoryError):
        return []


def remove(path: str) -> None:
    """Remove the file at `path`, if it is there."""
    with contextlib.suppress(FileNotFoundError):
        if _is_remote(path):
            _filesystem(path).rm_file(path)
        else:
            os.remove(path)


def make_directory(directory: str) -> None:
    if _is_remote(directory):
        _filesystem(directory).makedirs(directory, exist_ok=True)
    else:
        os.makedirs(directory, exist_ok=True)


def _is_remote(path: str) -> bool:
    return "://" in path


def _filesystem(path: str) -> Any:
    try:
        import fsspec
    except ImportError as error:
        raise ModuleNotFoundError(
            f"the remote path {path!r} needs fsspec (pip install fsspec and the package of its protocol)"
        ) from error
    return fsspec.core.url_to_fs(path)[0]
