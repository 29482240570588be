"""A run's event files, read without TensorBoard: by notebooks, tests and the command line."""

import os

from tensorboard.compat.proto.event_pb2 import Event, SessionLog
from tensorboard.util import tensor_util

from tb_attnviz.events import files, records
from tb_attnviz.events.segments import Records
from tb_attnviz.events.summaries import PLUGIN_NAME

_OURS = PLUGIN_NAME.encode()
_LARGEST_SESSION_LOG = 48  # bytes: wall time, step and status


class EventLog:
    """The summaries of the run in `directory`, read on from where the last `load` stopped.

    A torn tail is left for the next `load`: the writer may be in the middle of it.
    """

    def __init__(self, directory: str) -> None:
        self._directory = directory
        self._offsets: dict[str, int] = {}
        self._records = Records()

    def load(self) -> Records:
        """Everything recorded so far. Raises FormatError for a document of an unknown version."""
        for name in files.list_names(self._directory):
            if "tfevents" in name:
                self._read(os.path.join(self._directory, name))
        return self._records

    def _read(self, path: str) -> None:
        for offset, data in records.read_records(path, self._offsets.get(path, 0)):
            if _OURS in data or len(data) <= _LARGEST_SESSION_LOG:  # others' scalars and images are not worth parsing
                self._take(Event.FromString(data))
            self._offsets[path] = offset

    def _take(self, event: Event) -> None:
        if event.session_log.status == SessionLog.START and event.step > 0:  # SummaryWriter(purge_step=…)
            self._records.purge(event.step)
        for value in event.summary.value:
            if value.metadata.plugin_data.plugin_name == PLUGIN_NAME:
                self._records.add(value.tag, event.step, tensor_util.make_ndarray(value.tensor))
