"""The summaries in a run's ordinary event file: documents for the plugin, and plain scalars for everybody."""

from collections.abc import Mapping

import numpy as np
from tensorboard.compat.proto.event_pb2 import Event
from tensorboard.compat.proto.summary_pb2 import DATA_CLASS_TENSOR, Summary, SummaryMetadata
from tensorboard.compat.proto.tensor_pb2 import TensorProto
from tensorboard.compat.proto.tensor_shape_pb2 import TensorShapeProto
from tensorboard.compat.proto.types_pb2 import DT_STRING

from tb_attnviz.array_types import Float32

PLUGIN_NAME = "attnviz"
ACTIVE_ALERTS_TAG = "attnviz/alerts"

_WORST = frozenset(
    f"attnviz/{name}" for name in ("max_logit/max", "batch_max_logit/max", "entropy/min", "non_finite/max")
)

Figures = Mapping[str, Float32]  # figure → [heads of all layers]


def document_tag(kind: str, start: int) -> str:
    """The tag of the documents of a kind: of each start its own, but for the first.

    TensorBoard's fast loader forgets, of a tag, what lies at and after a step that comes again.
    """
    return f"attnviz/{kind}" if start == 1 else f"attnviz/{kind}/{start}"


def document_event(tag: str, text: str, *, step: int, wall_time: float) -> Event:
    tensor = TensorProto(dtype=DT_STRING, string_val=[text.encode()], tensor_shape=TensorShapeProto())
    plugin_data = SummaryMetadata.PluginData(plugin_name=PLUGIN_NAME)
    metadata = SummaryMetadata(plugin_data=plugin_data, data_class=DATA_CLASS_TENSOR)
    return Event(
        step=step,
        wall_time=wall_time,
        summary=Summary(value=[Summary.Value(tag=tag, tensor=tensor, metadata=metadata)]),
    )


def aggregates_event(figures: Figures, *, step: int, wall_time: float) -> Event:
    """The mean of every figure over the heads that define it, and of those that tell trouble the worst of any head.

    They are plain scalars, as `SummaryWriter.add_scalar` writes them: every tool that reads event files knows these.
    TensorBoard holds a thousand steps of each, about 1 kB a number.
    """
    event = Event(step=step, wall_time=wall_time)
    for tag, value in aggregates(figures).items():
        if tag.endswith("/mean") or tag in _WORST:
            event.summary.value.add(tag=tag, simple_value=value)
    return event


def aggregates(figures: Figures) -> dict[str, float]:
    """The mean, least and greatest of every figure by their tags, without figures that no head defines."""
    return {
        f"attnviz/{name}/{suffix}": float(reduce(values))
        for name, values in figures.items()
        if not np.isnan(values).all()
        for suffix, reduce in (("mean", np.nanmean), ("min", np.nanmin), ("max", np.nanmax))
    }


def active_alerts_event(active: int, *, step: int, wall_time: float) -> Event:
    """How many alerts stand."""
    value = Summary.Value(tag=ACTIVE_ALERTS_TAG, simple_value=float(active))
    return Event(step=step, wall_time=wall_time, summary=Summary(value=[value]))
