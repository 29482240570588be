"""What requests of `attention`, `image_summary` and `point_figures` ask for, parsed from their query, as tasks."""

from typing import Any

from werkzeug import Request

from tb_attnviz.geometry import POINT_FIGURES
from tb_attnviz.plugin import parameters, tasks
from tb_attnviz.plugin.about import about
from tb_attnviz.projection.jobs import Task
from tb_attnviz.run import Run, checks


def attention_task(request: Request, name: str, run: Run) -> Task:
    """The matrix, or the row or column of it that is asked for."""
    attended = _attended(request, run)
    part = parameters.part(request)
    checks.check_part(
        run, parameters.integer(request, "step"), attended.number, parameters.sequence(request, "sequence"), part
    )
    key = repr(("attention", *attended.key, part))
    of = _about("attention", request, name)
    return Task(key=key, function=tasks.attention, args=(attended, part), about=of, quick=True)


def image_summary_task(request: Request, name: str, run: Run) -> Task:
    attended = _attended(request, run)
    step, sequence = parameters.integer(request, "step"), parameters.sequence(request, "sequence")
    grid = checks.image_grid(run, step, attended.number, sequence)
    key = repr(("image_summary", *attended.key))
    of = _about("image_summary", request, name)
    return Task(key=key, function=tasks.image_summary, args=(attended, grid), about=of, quick=True)


def point_figures_task(request: Request, name: str, run: Run) -> Task:
    step, layer = parameters.integer(request, "step"), parameters.integer(request, "layer")
    figure = parameters.choice(request, "figure", POINT_FIGURES)
    described, checkpoint = run.layer(step, layer), run.checkpoint(step)
    if figure == "value_norm":
        checks.check_values(run, step, layer)
    location, lengths = checkpoint.locations[layer], run.lengths(step, layer)
    return Task(
        key=repr(("point_figures", run.directory, checkpoint.file, layer, figure)),
        function=tasks.point_figures,
        args=(run.directory, checkpoint.file, location, described, lengths, figure),
        about=about("point_figures", name, layer=layer, step=step),
        quick=True,
    )


def _attended(request: Request, run: Run) -> tasks.Attended:
    step, layer = parameters.integer(request, "step"), parameters.integer(request, "layer")
    head, sequence = parameters.integer(request, "head"), parameters.sequence(request, "sequence")
    weight = parameters.weight(request)
    checks.check_head(run, step, layer, head, sequence)
    if weight is not None:
        checks.check_values(run, step, layer)
    checkpoint = run.checkpoint(step)
    return tasks.Attended(
        directory=run.directory,
        file=checkpoint.file,
        location=checkpoint.locations[layer],
        number=layer,
        layer=checkpoint.layers[layer],
        lengths=run.lengths(step, layer),
        head=head,
        sequence=None if sequence == "mean" else sequence,
        weight=weight,
    )


def _about(kind: str, request: Request, name: str) -> dict[str, Any]:
    layer, head = parameters.integer(request, "layer"), parameters.integer(request, "head")
    return about(kind, name, layer=layer, head=head, step=parameters.integer(request, "step"))
