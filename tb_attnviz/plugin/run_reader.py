"""RunReader: one run as TensorBoard's data provider and the figures files have it; what is new is parsed, no more."""

import threading
from collections.abc import Callable, Iterator
from typing import cast

import numpy as np

from tb_attnviz.events import DamagedError, FiguresLog, FormatError, Records, Said, VersionError, read_summary
from tb_attnviz.events.files import UnreachableError
from tb_attnviz.events.shapes import shown
from tb_attnviz.left_out import LeftOut
from tb_attnviz.plugin.summaries import Summary
from tb_attnviz.projection.source import UnreadableStepError
from tb_attnviz.run import Run, readable
from tb_attnviz.turns import give_way

_NONE = np.empty(0, np.int64)  # hashes of wall time, tag and step: a run may have tens of thousands


class RunReader:
    """Reads the run `name` in `directory` again and again while it grows; several threads may ask at once."""

    def __init__(self, name: str, directory: str) -> None:
        self._name = name
        self._directory = directory
        self._seen: object = None  # what there was at the last reading
        self._run: Run | FormatError | None = None
        self._records = Records()
        self._left_out = LeftOut(directory)
        self._figures = FiguresLog(directory)
        self._known = _NONE  # summaries that were read
        self._lock = threading.Lock()

    def read(self, newest: object, summaries: Callable[[], Iterator[Summary]]) -> Run | FormatError:
        """The run, or why it cannot be shown. `newest` differs from the last time's where `summaries` has more.

        While one thread takes in what is new, the others have the run as it was: were they to wait, all of them would
        go on at once, and whoever looks at another tab wait for them. So they have where a store does not answer.
        """
        if not self._lock.acquire(blocking=self._run is None):
            return cast(Run | FormatError, self._run)
        try:
            seen = newest, self._figures.state()
            if self._run is None or seen != self._seen:
                self._run = self._read(summaries)
                self._seen = seen
        except UnreachableError:
            if self._run is None:
                raise
        finally:
            self._lock.release()
        return self._run

    def _read(self, summaries: Callable[[], Iterator[Summary]]) -> Run | FormatError:
        try:
            records = self._load(list(summaries()))
            return readable(Run(self._directory, lambda: records, left_out=self._left_out))
        except VersionError as error:
            self._forget()
            return error
        except FormatError as error:
            self._forget()
            return FormatError(f"{error}, of the run {shown(self._name)}")
        except BaseException:  # the figures that came before it are read, and nobody has them
            self._forget()
            raise

    def leave_out(self, error: UnreadableStepError) -> bool:
        """Do without what could not be read, if it is of this run; False if that was known."""
        return error.directory == self._directory and self._left_out.add(error.where, error.why)

    def _load(self, summaries: list[Summary]) -> Records:
        now = np.fromiter(map(_hash, summaries), np.int64, len(summaries))
        if not np.isin(self._known, now).all() or self._figures.has_shrunk():
            self._forget()  # TensorBoard has forgotten some, or the run was removed and made again
        found: list[Said | DamagedError] = []
        new = ~np.isin(now, self._known)
        for number in np.flatnonzero(new).tolist():
            give_way()
            wall_time, tag, step, tensor = summaries[number]
            try:
                said = read_summary(tag, step, wall_time, tensor)
            except DamagedError as error:
                found.append(error)
            else:
                found += [said] if said else []
        self._records.take([*found, *self._figures.load()])
        self._known = now
        return self._records.copy()  # other threads look at it while more is taken in

    def _forget(self) -> None:
        self._records = Records()
        self._figures = FiguresLog(self._directory)
        self._known = _NONE


def _hash(summary: Summary) -> int:
    give_way()
    return hash(summary[:3])
