"""What requests of `change`, `similarity` and `head_order` ask for, parsed from their query, as tasks."""

from typing import Any

from werkzeug import Request

from tb_attnviz import comparison
from tb_attnviz.plugin import parameters, tasks
from tb_attnviz.plugin.about import about
from tb_attnviz.projection.jobs import Task
from tb_attnviz.run import NotRecordedError, Run
from tb_attnviz.run.attention import compared_layers


def change_task(request: Request, name: str, run: Run, against: Run | None, store: tasks.StoreAt) -> Task:
    """How far the heads of a layer of the run called `name` have changed since a step of its own, or of `against`."""
    step = parameters.integer(request, "step")
    since = parameters.integer(request, "since")
    layer = parameters.integer(request, "layer")
    before, after = compared_layers(run, step, since, layer, against=against)
    key = comparison.change_key(before, after)
    return Task(
        key=key,
        function=tasks.change,
        args=(before, after, key, store),
        about=about("change", name, layer=layer, step=step),
        stored=True,
    )


def similarity_task(request: Request, name: str, run: Run, store: tasks.StoreAt) -> Task:
    """How alike the heads of all layers of the run called `name` are, or all of them to the one numbered `head`."""
    step = parameters.integer(request, "step")
    measure: Any = parameters.choice(request, "measure", comparison.MEASURES, default="attention")
    layers = run.recorded_layers(step)
    key = comparison.similarity_key(layers, measure)
    head, heads = parameters.optional_integer(request, "head"), sum(recorded.layer.heads for recorded in layers)
    if head is not None:
        if not 0 <= head < heads:
            raise NotRecordedError(f"no head {head}: the run has heads 0 to {heads - 1}, one layer after the other")
        return Task(
            key=tasks.row_key(key, head),
            function=tasks.similarity_to,
            args=(layers, measure, key, head, store),
            about=about("similarity", name, step=step),
            lane=key,
            stored=True,
        )
    return Task(
        key=key,
        function=tasks.similarity,
        args=(layers, measure, key, store),
        about=about("similarity", name, step=step),
        lane=key,
        stored=True,
    )


def head_order_task(request: Request, name: str, run: Run, store: tasks.StoreAt) -> Task:
    """In which order the heads of all layers of the run called `name` stand beside those that are alike."""
    step = parameters.integer(request, "step")
    layers = run.recorded_layers(step)
    key = comparison.order_key(layers)
    return Task(
        key=key,
        function=tasks.head_order,
        args=(layers, key, store),
        about=about("head_order", name, step=step),
        lane=comparison.similarity_key(layers, "attention"),  # which it is made of
        stored=True,
    )
