"""The summaries in a run's ordinary event file: the probe, the checkpoints, and the health figures."""

import dataclasses
from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
from tensorboard.compat.proto.event_pb2 import Event
from tensorboard.compat.proto.summary_pb2 import DATA_CLASS_SCALAR, DATA_CLASS_TENSOR, Summary, SummaryMetadata
from tensorboard.compat.proto.tensor_pb2 import TensorProto
from tensorboard.compat.proto.tensor_shape_pb2 import TensorShapeProto
from tensorboard.compat.proto.types_pb2 import DT_FLOAT, DT_STRING

from tb_attnviz.events.schema import AlertRecord, Checkpoint, ProbeRecord

PLUGIN_NAME = "attnviz"
PROBE_TAG = "attnviz/probe"
CHECKPOINT_TAG = "attnviz/checkpoint"
HEALTH_PREFIX = "attnviz/health/"
ALERT_TAG = "attnviz/alert"
ACTIVE_ALERTS_TAG = "attnviz/alerts"

Float32 = npt.NDArray[np.float32]
Figures = Mapping[str, Float32]  # figure → [heads of all layers]


@dataclasses.dataclass
class Records:
    """What the summaries of one run say. A step written twice counts as its latest writing."""

    probe: ProbeRecord | None = None
    checkpoints: dict[int, Checkpoint] = dataclasses.field(default_factory=dict)
    health: dict[str, dict[int, Float32]] = dataclasses.field(default_factory=dict)
    alerts: dict[int, AlertRecord] = dataclasses.field(default_factory=dict)

    def add(self, tag: str, step: int, array: npt.NDArray[Any]) -> None:
        """Take in one summary, its tensor as TensorBoard hands it over; tags that are not ours are passed over."""
        if tag == PROBE_TAG:
            self.probe = ProbeRecord.from_json(array.item().decode())
        elif tag == CHECKPOINT_TAG:
            self.checkpoints[step] = Checkpoint.from_json(array.item().decode())
        elif tag == ALERT_TAG:
            self.alerts[step] = AlertRecord.from_json(array.item().decode())
        elif tag.startswith(HEALTH_PREFIX):
            self.health.setdefault(tag.removeprefix(HEALTH_PREFIX), {})[step] = array.astype(np.float32)

    def purge(self, step: int) -> None:
        """Forget what was recorded at `step` and after: the training was restarted from there."""
        self.checkpoints = {earlier: value for earlier, value in self.checkpoints.items() if earlier < step}
        self.alerts = {earlier: value for earlier, value in self.alerts.items() if earlier < step}
        for figure, by_step in self.health.items():
            self.health[figure] = {earlier: values for earlier, values in by_step.items() if earlier < step}

    @property
    def steps(self) -> list[int]:
        """The steps with samples, ascending."""
        return sorted(self.checkpoints)


def probe_event(probe: ProbeRecord, *, step: int, wall_time: float) -> Event:
    return Event(step=step, wall_time=wall_time, summary=Summary(value=[_document(PROBE_TAG, probe.to_json())]))


def checkpoint_event(checkpoint: Checkpoint, *, wall_time: float) -> Event:
    """The event that makes a checkpoint known. Write it once its samples are on disk."""
    value = _document(CHECKPOINT_TAG, checkpoint.to_json())
    return Event(step=checkpoint.step, wall_time=wall_time, summary=Summary(value=[value]))


def health_event(figures: Figures, *, step: int, wall_time: float) -> Event:
    """Every figure for all heads, and its mean, least and greatest as scalars for the Time Series tab."""
    event = Event(step=step, wall_time=wall_time)
    for name, values in figures.items():
        tensor = TensorProto(
            dtype=DT_FLOAT,
            tensor_shape=TensorShapeProto(dim=[TensorShapeProto.Dim(size=len(values))]),
            tensor_content=values.astype("<f4").tobytes(),
        )
        event.summary.value.add(tag=HEALTH_PREFIX + name, tensor=tensor, metadata=_tensor_metadata())
        for suffix, reduce in (("mean", np.nanmean), ("min", np.nanmin), ("max", np.nanmax)):
            if not np.isnan(values).all():
                event.summary.value.append(_scalar(f"attnviz/{name}/{suffix}", float(reduce(values))))
    return event


def alert_event(record: AlertRecord, *, wall_time: float) -> Event:
    """What changed, and how many alerts stand as a scalar for the Time Series tab."""
    values = [_document(ALERT_TAG, record.to_json()), _scalar(ACTIVE_ALERTS_TAG, float(record.active))]
    return Event(step=record.step, wall_time=wall_time, summary=Summary(value=values))


def _document(tag: str, text: str) -> Summary.Value:
    tensor = TensorProto(dtype=DT_STRING, string_val=[text.encode()], tensor_shape=TensorShapeProto())
    return Summary.Value(tag=tag, tensor=tensor, metadata=_tensor_metadata())


def _scalar(tag: str, value: float) -> Summary.Value:
    tensor = TensorProto(dtype=DT_FLOAT, float_val=[value], tensor_shape=TensorShapeProto())
    metadata = SummaryMetadata(
        plugin_data=SummaryMetadata.PluginData(plugin_name="scalars"), data_class=DATA_CLASS_SCALAR
    )
    return Summary.Value(tag=tag, tensor=tensor, metadata=metadata)


def _tensor_metadata() -> SummaryMetadata:
    plugin_data = SummaryMetadata.PluginData(plugin_name=PLUGIN_NAME)
    return SummaryMetadata(plugin_data=plugin_data, data_class=DATA_CLASS_TENSOR)
