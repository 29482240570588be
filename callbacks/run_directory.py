"""Where a run's records go: a directory, with an event file of its own or the one of a SummaryWriter."""

import itertools
import os
import time
import warnings
import weakref
from typing import TYPE_CHECKING

from google.protobuf.message import DecodeError
from tensorboard.compat.proto.event_pb2 import Event, SessionLog

from tb_attnviz.events import RunWriter, records
from tb_attnviz.events.files import expanded, is_remote

if TYPE_CHECKING:
    from torch.utils.tensorboard import SummaryWriter

_TRIES, _PAUSE = 20, 0.1  # seconds
_FIRST_RECORDS = 4  # of an event file: versions, and from which step on what was there is forgotten


def open_run(
    logdir: "str | os.PathLike[str] | SummaryWriter", *, max_bytes: int | None = None, purge_step: int | None = None
) -> RunWriter:
    """A writer for the run in `logdir`, in which `~` and environment variables are expanded.

    Warns if another training writes it.

    purge_step: what was recorded at this step and after is forgotten; by default what a SummaryWriter was told.
    Raises OSError if it cannot be written.
    """
    directory = directory_of(logdir)
    sink = None
    if not isinstance(logdir, (str, os.PathLike)):
        sink, told = SummaryWriterSink(logdir), _purge_step(logdir)
        purge_step = told if purge_step is None else purge_step
    try:
        writer = RunWriter(directory, sink=sink, max_bytes=max_bytes, purge_step=purge_step)
    except OSError as error:
        raise OSError(
            f"cannot record into logdir {directory!r} ({error}): give a directory that can be written"
        ) from error
    if writer.other_writer is not None:
        warnings.warn(
            f"{writer.other_writer} is recording into logdir {directory!r} already: two trainings in one directory "
            "make one timeline of two models. Give each training a directory of its own",
            RuntimeWarning,
            stacklevel=3,
        )
    return writer


class SummaryWriterSink:
    """Sends events to the event file of a SummaryWriter, which stays its owner's to close."""

    def __init__(self, writer: "SummaryWriter") -> None:
        self._writer = writer

    def add_event(self, event: Event) -> None:
        for _ in range(_TRIES):
            try:
                self._writer._get_file_writer().add_event(event)  # type: ignore[no-untyped-call]  # it has no public way
                return
            except OSError as error:  # its owner is closing it at this moment: after that it opens a new event file
                failure = error
                time.sleep(_PAUSE)
        raise failure

    def flush(self) -> None:
        self._writer.flush()

    def close(self) -> None:
        self.flush()


_told: "weakref.WeakSet[SummaryWriter]" = weakref.WeakSet()


def _purge_step(writer: "SummaryWriter") -> int | None:
    """The `purge_step` that `writer` was made with, for the first run that it is given to: the next one is later.

    It forgets the step itself once it has written it: it is what its event file begins with.
    """
    if writer in _told:
        return None
    _told.add(writer)
    try:
        writer.flush()
        path = writer._get_file_writer().event_writer._file_name  # type: ignore[no-untyped-call]  # it tells nobody
        for _, data in itertools.islice(records.read_records(path), _FIRST_RECORDS):
            event = Event.FromString(data)
            if event.session_log.status == SessionLog.START and event.step > 0:
                return int(event.step)
    except (AttributeError, OSError, ValueError, DecodeError):  # readers find it there by themselves
        pass
    return None


def directory_of(logdir: object) -> str:
    """The run's directory, wherever the script goes later. Raises TypeError for what has none, or ValueError."""
    if isinstance(logdir, (str, os.PathLike)):
        found = expanded(os.fspath(logdir))
        if found.startswith("~") and not os.path.exists(found):
            raise ValueError(f"logdir {logdir!r} is in the home directory of nobody here: ./{logdir} is a name")
        return _absolute(found)
    from torch.utils.tensorboard import SummaryWriter  # here: it is slow to import, and most runs are given by path

    if not isinstance(logdir, SummaryWriter):
        kind = type(logdir).__name__
        raise TypeError(f"logdir is a {kind}: give a path or a torch.utils.tensorboard.SummaryWriter")
    return _absolute(str(logdir.log_dir))


def _absolute(directory: str) -> str:
    return directory if is_remote(directory) else os.path.abspath(directory)
