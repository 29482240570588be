"""The summaries of a run as TensorBoard holds them: protos, before anything is made of what they claim to be."""

from collections.abc import Iterator
from typing import Any

from tb_attnviz.events import PLUGIN_NAME
from tb_attnviz.events.said import Tensor

_ALL = 2**31 - 1  # points a tag: a timeline shows every checkpoint

Summary = tuple[float, str, int, Tensor]  # wall time, tag, step, tensor


def read_summaries(data_provider: Any, context: Any, experiment: str, run: str, tags: list[str]) -> Iterator[Summary]:
    """All summaries of ours in `run`, tag by tag.

    `read_tensors` of a data provider makes arrays of them at once, as large as a proto says, whatever it holds: a few
    bytes in a run from anywhere could fill TensorBoard's memory. So protos are taken from what both of TensorBoard's
    providers keep, under names that are private; from any other provider, arrays.
    """
    if (multiplexer := getattr(data_provider, "_multiplexer", None)) is not None:
        for tag in tags:
            for event in multiplexer.Tensors(run, tag):
                yield event.wall_time, tag, event.step, event.tensor_proto
    elif (stub := getattr(data_provider, "_stub", None)) is not None:
        yield from _from_server(stub, experiment, run)
    else:
        from tensorboard.data import provider

        series = data_provider.read_tensors(
            context,
            experiment_id=experiment,
            plugin_name=PLUGIN_NAME,
            downsample=_ALL,
            run_tag_filter=provider.RunTagFilter(runs=[run]),
        )
        for tag, data in series.get(run, {}).items():
            for datum in data:
                yield datum.wall_time, tag, datum.step, datum.numpy


def _from_server(stub: Any, experiment: str, run: str) -> Iterator[Summary]:
    """From the process that reads event files for TensorBoard's fast loader."""
    from tensorboard.data.proto import data_provider_pb2

    request = data_provider_pb2.ReadTensorsRequest(experiment_id=experiment)
    request.plugin_filter.plugin_name = PLUGIN_NAME
    request.run_tag_filter.runs.names.append(run)
    request.downsample.num_points = _ALL
    for of_run in stub.ReadTensors(request).runs:
        for series in of_run.tags:
            data = series.data
            for step, wall_time, tensor in zip(data.step, data.wall_time, data.value, strict=True):
                yield wall_time, series.tag_name, step, tensor
