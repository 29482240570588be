"""The summaries of a run as TensorBoard holds them: protos, before anything is made of what they claim to be."""

import contextlib
from collections.abc import Iterator
from typing import Any

from tb_attnviz.events import PLUGIN_NAME
from tb_attnviz.events.said import Tensor

_ALL = 2**31 - 1  # points a tag: a timeline shows every checkpoint

Summary = tuple[float, str, int, Tensor]  # wall time, tag, step, tensor


Tags = dict[str, object]  # tag → what differs from the last time's where it has got more


def list_tags(data_provider: Any, context: Any, experiment: str, run: str | None = None) -> dict[str, Tags]:
    """The tags of ours by run: of every run, or of the one called `run` alone, so that many runs cost nothing there.

    Every request asks for it. TensorBoard's Python provider looks at each event of a run for its listing; what that has
    last, and how many there are, is known at once.
    """
    multiplexer = getattr(data_provider, "_multiplexer", None)
    if multiplexer is None:
        from tensorboard.data import provider

        wanted = None if run is None else provider.RunTagFilter(runs=[run])
        listing = data_provider.list_tensors(
            context, experiment_id=experiment, plugin_name=PLUGIN_NAME, run_tag_filter=wanted
        )
        return {
            name: {tag: (of.max_step, of.max_wall_time) for tag, of in tags.items()} for name, tags in listing.items()
        }
    found: dict[str, Tags] = {}
    for name in multiplexer.Runs() if run is None else [run]:
        with contextlib.suppress(KeyError):  # no such run (any more), or none of ours
            accumulator = multiplexer.GetAccumulator(name)
            tags = list(accumulator.PluginTagToContent(PLUGIN_NAME))
            found[name] = {tag: _newest(accumulator.Tensors(tag)) for tag in tags}
    return found


def _newest(events: list[Any]) -> object:
    return (len(events), events[-1].step, events[-1].wall_time) if events else None


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
