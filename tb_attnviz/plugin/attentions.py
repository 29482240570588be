"""What requests of `attention` and `image_summary` ask for, parsed from their query, as tasks."""

from werkzeug import Request

from tb_attnviz.plugin import parameters, tasks
from tb_attnviz.projection.jobs import Task
from tb_attnviz.run import Run


def attention_task(request: Request, name: str, run: Run) -> Task:
    """The matrix, or the row or column of it that is asked for."""
    attended = _attended(request, run)
    part = parameters.part(request)
    run.check_part(parameters.integer(request, "step"), attended.number, parameters.sequence(request, "sequence"), part)
    key = repr(("attention", *attended.key, part))
    about = _about("attention", request, name)
    return Task(key=key, function=tasks.attention, args=(attended, part), about=about, quick=True)


def image_summary_task(request: Request, name: str, run: Run) -> Task:
    attended = _attended(request, run)
    step, sequence = parameters.integer(request, "step"), parameters.sequence(request, "sequence")
    grid = run.image_grid(step, attended.number, sequence)
    key = repr(("image_summary", *attended.key))
    about = _about("image_summary", request, name)
    return Task(key=key, function=tasks.image_summary, args=(attended, grid), about=about, quick=True)


def _attended(request: Request, run: Run) -> tasks.Attended:
    step, layer = parameters.integer(request, "step"), parameters.integer(request, "layer")
    head, sequence = parameters.integer(request, "head"), parameters.sequence(request, "sequence")
    weight = parameters.weight(request)
    run.check(step, layer, head, sequence)
    if weight is not None:
        run.check_values(step, layer)
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


def _about(kind: str, request: Request, name: str) -> dict[str, object]:
    layer, head = parameters.integer(request, "layer"), parameters.integer(request, "head")
    step = parameters.integer(request, "step")
    return {"kind": kind, "run": name, "layer": layer, "head": head, "step": step, "projection": None}
