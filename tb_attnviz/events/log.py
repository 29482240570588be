"""A run's event files, read without TensorBoard: by notebooks, tests and the command line."""

import math
import os
import warnings
from collections.abc import Iterator

from google.protobuf.message import DecodeError
from tensorboard.compat.proto.event_pb2 import Event, SessionLog

from tb_attnviz.events import files, records
from tb_attnviz.events.figures import FiguresLog
from tb_attnviz.events.said import DamagedError, Said, read_summary
from tb_attnviz.events.segments import Records
from tb_attnviz.events.summaries import PLUGIN_NAME
from tb_attnviz.terminal import plain

_OURS = PLUGIN_NAME.encode()
_LARGEST_SESSION_LOG = 48  # bytes: wall time, step and status


class DamagedFileWarning(UserWarning):
    """An event file is read in part only, or a folder not at all."""


class EventLog:
    """The summaries of the run in `directory`, read on from where the last `load` stopped.

    A torn tail is left for the next `load`: the writer may be in the middle of it. A damaged record is left out, and
    what comes where no record can be (zeros after a loss of power, say) is not read; a file is warned of once. A run
    that was removed and made again is read from its beginning.
    """

    def __init__(self, directory: str) -> None:
        self._directory = directory
        self._warned: set[str] = set()
        self._begin()

    def _begin(self) -> None:
        self._offsets: dict[str, int] = {}
        self._records = Records()
        self._figures = FiguresLog(self._directory)
        self._events = 0  # read so far
        self._newest_start = 0
        self._purges: dict[str, int] = {}  # file → a step from which its start, whose number is not known yet, forgets

    def load(self) -> Records:
        """Everything recorded so far. Raises FormatError for a run that cannot be shown, naming file and step.

        Raises files.UnreachableError where a store does not answer.
        """
        try:
            self._load()
        except BaseException:  # some was read, and nobody has it
            self._begin()
            raise
        return self._records

    def _load(self) -> None:
        sizes, far = files.list_sizes(self._directory), files.is_remote(self._directory)
        if any(sizes.get(name, 0) < offset for name, offset in self._offsets.items()) or self._figures.has_shrunk():
            self._begin()
        found: list[Said | DamagedError] = []
        for name in sorted(sizes) if far else files.list_names(self._directory):
            grown = not far or sizes[name] > self._offsets.get(name, 0)  # to look into one costs a request
            if "tfevents" in name and grown:
                found += self._read(name)
        found += self._figures.load()  # last: the figures that alerts are about are there by now
        self._records.take(found)

    def _read(self, name: str) -> Iterator[Said | DamagedError]:
        path, where = os.path.join(self._directory, name), plain(name)

        def passed_over(offset: int) -> None:
            self._warn(name, f"is damaged at byte {offset:,}: what was recorded there is left out")

        try:
            for offset, data in records.read_records(path, self._offsets.get(name, 0), on_damage=passed_over):
                if _OURS in data or len(data) <= _LARGEST_SESSION_LOG:  # others' scalars and images: not worth parsing
                    try:
                        event = Event.FromString(data)
                    except DecodeError:
                        passed_over(offset - len(data))
                    else:
                        yield from self._said(event, where)
                self._offsets[name] = offset
        except records.CorruptRecordError as error:
            self._warn(name, f"is damaged at its end ({error}): what precedes is read")
        except files.NotRegularError as error:
            self._warn(name, f"is {error}: it is not read")
        except FileNotFoundError:  # since the directory was listed
            pass
        except files.UnreachableError:
            raise
        except OSError as error:
            self._warn(name, f"cannot be read ({files.reason(error)})")

    def _said(self, event: Event, where: str) -> Iterator[Said | DamagedError]:
        self._events += 1
        if event.session_log.status == SessionLog.START and event.step > 0:  # SummaryWriter(purge_step=…)
            behind = math.inf if self._newest_start else self._events
            yield Said((self._newest_start, behind, 0), "purge", event.step, None)
            self._purges[where] = event.step
        for value in event.summary.value:
            if value.metadata.plugin_data.plugin_name != PLUGIN_NAME:
                continue
            try:
                said = read_summary(value.tag, event.step, self._events, value.tensor, where=where)
            except DamagedError as error:
                yield error
            else:
                if said is not None:
                    self._newest_start = max(self._newest_start, said.written[0])
                    if (step := self._purges.pop(where, None)) is not None:  # files may be read in another order
                        yield Said((said.written[0], -1, 0), "purge", step, None)
                    yield said

    def _warn(self, name: str, what: str) -> None:
        if name not in self._warned:
            self._warned.add(name)
            where = plain(os.path.join(self._directory, name))
            warnings.warn(f"{where} {what}", DamagedFileWarning, stacklevel=5)
