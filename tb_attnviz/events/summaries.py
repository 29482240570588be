"""The summaries in a run's ordinary event file: the probe, the layers, the checkpoints, and the health figures."""

from collections.abc import Iterable, Mapping

import numpy as np
import numpy.typing as npt
from tensorboard.compat.proto.event_pb2 import Event
from tensorboard.compat.proto.summary_pb2 import DATA_CLASS_SCALAR, DATA_CLASS_TENSOR, Summary, SummaryMetadata
from tensorboard.compat.proto.tensor_pb2 import TensorProto
from tensorboard.compat.proto.tensor_shape_pb2 import TensorShapeProto
from tensorboard.compat.proto.types_pb2 import DT_FLOAT, DT_STRING

from tb_attnviz.events.probe_record import ProbeRecord
from tb_attnviz.events.schema import AlertRecord, Checkpoint, Layer, kept_to_json, layers_to_json

PLUGIN_NAME = "attnviz"
PROBE_TAG = "attnviz/probe"
LAYERS_TAG = "attnviz/layers"
CHECKPOINT_TAG = "attnviz/checkpoint"
KEPT_TAG = "attnviz/kept"
HEALTH_PREFIX = "attnviz/health/"
ALERT_TAG = "attnviz/alert"
ACTIVE_ALERTS_TAG = "attnviz/alerts"

Float32 = npt.NDArray[np.float32]
Figures = Mapping[str, Float32]  # figure → [heads of all layers]


def probe_event(probe: ProbeRecord, *, step: int, wall_time: float) -> Event:
    return Event(step=step, wall_time=wall_time, summary=Summary(value=[_document(PROBE_TAG, probe.to_json())]))


def layers_event(layers: tuple[Layer, ...], *, step: int, wall_time: float) -> Event:
    value = _document(LAYERS_TAG, layers_to_json(layers))
    return Event(step=step, wall_time=wall_time, summary=Summary(value=[value]))


def kept_event(files: Iterable[str], *, step: int, wall_time: float) -> Event:
    """The event after which only the samples in `files` count. Write it before the others are removed."""
    value = _document(KEPT_TAG, kept_to_json(files))
    return Event(step=step, wall_time=wall_time, summary=Summary(value=[value]))


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
