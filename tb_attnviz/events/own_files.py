"""Files of our own: those beside the event file that a document names, and nothing else that a name could reach.

A document may come from anywhere. What it names is read only if the name is one that we give, and if what lies there,
symbolic links followed, is a regular file below the run's own directory.
"""

import errno
import itertools
import os
import time
from collections.abc import Sequence
from typing import IO

from tb_attnviz.events import files, remote
from tb_attnviz.events.documents import FormatError
from tb_attnviz.events.order import FIGURES_NAME, IMAGE_NAME, MAPS_NAME, SAMPLES_NAME, step_and_order
from tb_attnviz.events.records import TornRecordError
from tb_attnviz.events.shapes import shown


def samples_directory(run_directory: str) -> str:
    return os.path.join(run_directory, "plugins", "attnviz")


def figures_directory(run_directory: str) -> str:
    return os.path.join(run_directory, "plugins", "attnviz-figures")


def maps_directory(run_directory: str) -> str:
    return os.path.join(figures_directory(run_directory), "maps")


def steps_of_maps(run_directory: str) -> set[tuple[int, int]]:
    """The steps that a file of small maps lies there of, each with the start that wrote it."""
    found = map(step_and_order, files.list_readable(maps_directory(run_directory)))
    return {(step, order.start) for step, order in filter(None, found)}


def maps_changed(run_directory: str) -> int | None:
    """When a file of small maps was last added or removed, in nanoseconds; None where that is not known for sure.

    Just now it is not: another file may come within the same tick of the file system's clock.
    """
    if files.is_remote(run_directory):
        return None
    try:
        changed = os.stat(maps_directory(run_directory)).st_mtime_ns
    except OSError:
        return None
    return changed if time.time_ns() - changed > _TICK else None


_TICK = 2 * 10**9  # nanoseconds: that of FAT is the longest
_DIRECTORIES = (
    (SAMPLES_NAME, samples_directory),
    (IMAGE_NAME, samples_directory),
    (FIGURES_NAME, figures_directory),
    (MAPS_NAME, maps_directory),
)


def own_path(run_directory: str, name: str) -> str:
    """Where the file of ours called `name` is, links followed.

    Raises FormatError if it is not one of our names, or leads out of the run.
    """
    directory = next((of(run_directory) for pattern, of in _DIRECTORIES if pattern.fullmatch(name)), None)
    if directory is None:
        raise FormatError(f"{shown(name)} is not the name of a file of this run: it is not read")
    path = os.path.join(directory, name)
    if files.is_remote(path):
        return path
    real = _within(run_directory, path)
    if real is None:
        raise FormatError(f"{name} is a link that leads out of the run: it is not read")
    return real


def check_within(run_directory: str, directory: str) -> None:
    """Raises OSError where `directory`, one of ours, is or lies behind a link out of the run: it would not be read."""
    if not files.is_remote(directory) and _within(run_directory, directory) is None:
        raise OSError(
            f"{directory!r} leads out of the run, to {os.path.realpath(directory)!r}, where it would not be read: "
            "make the whole log directory the link, or record there"
        )


def _within(run_directory: str, path: str) -> str | None:
    """`path` with its links followed; None if that is not below the run."""
    real, run = os.path.realpath(path), os.path.realpath(run_directory)
    return real if os.path.commonpath((real, run)) == run else None


def read_own(run_directory: str, name: str, offset: int, length: int) -> bytes:
    """So many bytes of the file of ours called `name`; nothing is allocated for what it does not hold.

    Raises as `open_own` does, and records.TornRecordError for a place beyond its end.
    """
    return read_own_parts(run_directory, name, offset, (length,))[0]


def read_own_parts(run_directory: str, name: str, offset: int, lengths: Sequence[int]) -> list[bytes]:
    """The same in parts of these lengths, one behind the other: of large records nothing is cut out, and so copied."""
    length = sum(lengths)
    if files.is_remote(run_directory):
        data = _read_remote(own_path(run_directory, name), offset, length)
        ends = [*itertools.accumulate(lengths)]
        return [data[end - part : end] for end, part in zip(ends, lengths, strict=True)]
    with open_own(run_directory, name) as opened:
        size = files.open_size(opened)
        if not 0 <= offset <= offset + length <= size or min(lengths) < 0:
            raise TornRecordError(f"bytes {offset:,} to {offset + length:,} are beyond the file's {size:,}")
        opened.seek(offset)
        return [opened.read(part) for part in lengths]


def _read_remote(path: str, offset: int, length: int) -> bytes:
    """In one request, without asking for the size before."""
    if offset < 0 or length < 0:
        raise TornRecordError(f"there are no bytes {offset:,} to {offset + length:,}")
    name = path.rpartition("/")[2]
    try:
        data = remote.read_range(path, offset, offset + length)
    except FileNotFoundError:
        raise _gone(name) from None
    except files.UnreachableError:
        raise
    except OSError as error:
        raise FormatError(f"{name} cannot be read ({files.reason(error)})") from None
    if len(data) != length:
        raise TornRecordError(f"bytes {offset:,} to {offset + length:,} are beyond the file's end")
    return data


def _gone(name: str) -> FileNotFoundError:
    """With the name as a document has it: stores, and links, say others, or none."""
    return FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), name)


def open_own(run_directory: str, name: str) -> IO[bytes]:
    """Open the file of ours called `name` for reading.

    Raises FormatError if it is none, leads out of the run or is no regular file, FileNotFoundError if it is gone,
    UnreachableError where a store does not answer.
    """
    path = own_path(run_directory, name)
    try:
        return files.open_regular(path, follow_links=False)
    except files.NotRegularError as error:
        raise FormatError(f"{name} is {error}: it is not read") from None
    except FileNotFoundError:
        raise _gone(name) from None
    except files.UnreachableError:
        raise
    except OSError as error:  # its message would hold the path
        raise FormatError(f"{name} cannot be read ({files.reason(error)})") from None
