"""Scalars: the curves that TensorBoard shows of a run, read from its event files."""

import contextlib
import os
from collections.abc import Iterator

import numpy as np
from google.protobuf.message import DecodeError
from tensorboard.compat.proto.event_pb2 import Event, SessionLog
from tensorboard.compat.proto.summary_pb2 import Summary
from tensorboard.util import tensor_util

from tb_attnviz.events import files, records

Points = list[tuple[int, float]]

_OWN = "attnviz/"
_MOST_TAGS = 40
_MOST_POINTS = 1000


def read_scalars(directory: str) -> dict[str, Points]:
    """The run's scalars but our own: tag → (step, value), ascending, at most 1,000 of each.

    Of a step written twice the latest writing counts; what a restart took back, as `purge_step` says, does not.
    """
    latest: dict[str, dict[int, float]] = {}
    for name in files.list_names(directory):
        if "tfevents" not in name:
            continue
        for event in _events(os.path.join(directory, name)):
            if event.session_log.status == SessionLog.START and event.step > 0:
                latest = {tag: {step: x for step, x in of.items() if step < event.step} for tag, of in latest.items()}
            for value in event.summary.value:
                number = _number(value)
                if number is not None and not value.tag.startswith(_OWN):
                    latest.setdefault(value.tag, {})[event.step] = number
    known = sorted((tag, points) for tag, points in latest.items() if points)
    return {tag: _thinned(sorted(points.items())) for tag, points in known[:_MOST_TAGS]}


def _events(path: str) -> Iterator[Event]:
    """Those that can be read: what is damaged was warned of when the run was opened."""
    with contextlib.suppress(records.CorruptRecordError, files.NotRegularError, OSError):
        for _, data in records.read_records(path, on_damage=lambda offset: None):
            with contextlib.suppress(DecodeError):
                yield Event.FromString(data)


def _number(value: Summary.Value) -> float | None:
    if value.HasField("simple_value"):
        return float(value.simple_value)
    if value.HasField("tensor") and value.metadata.plugin_data.plugin_name == "scalars":
        if value.tensor.tensor_shape.dim:
            return None  # no number, whatever it claims to be
        with contextlib.suppress(ValueError, TypeError):
            return float(tensor_util.make_ndarray(value.tensor))
    return None


def _thinned(points: Points) -> Points:
    if len(points) <= _MOST_POINTS:
        return points
    return [points[i] for i in np.linspace(0, len(points) - 1, _MOST_POINTS).astype(int)]
