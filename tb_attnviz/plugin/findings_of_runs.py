"""What requests of `findings` and `evidence` ask for, parsed from their query, as tasks."""

from werkzeug import Request

from tb_attnviz.findings import FOLLOWS, kinds_with
from tb_attnviz.plugin import parameters, tasks
from tb_attnviz.plugin.about import about
from tb_attnviz.projection.jobs import Task
from tb_attnviz.run import NotRecordedError, Run
from tb_attnviz.run.checks import check_head


def findings_task(request: Request, name: str, run: Run, store: tasks.StoreAt) -> Task:
    """What the heads of the run called `name` are at a step, by default the newest, and all that happened."""
    recorded, step = run.recorded, _step(request, run)
    return Task(
        key=repr(("findings", name, recorded.address, step)),
        function=tasks.findings,
        args=(recorded, name, step, store),
        about=about("findings", name, step=step),
    )


def evidence_task(request: Request, name: str, run: Run, store: tasks.StoreAt) -> Task:
    """Which query shows best that a head is of a kind."""
    recorded, step = run.recorded, _step(request, run)
    layer, head = parameters.integer(request, "layer"), parameters.integer(request, "head")
    kinds = kinds_with(name for name in run.records.newest.figures if name.startswith(FOLLOWS))
    kind = parameters.choice(request, "kind", [kind.name for kind in kinds])
    check_head(run, run.newest_step, layer, head)
    return Task(
        key=repr(("evidence", recorded.address, step, layer, head, kind)),
        function=tasks.evidence,
        args=(recorded, step, layer, head, kind, store),
        about=about("evidence", name, layer=layer, head=head, step=step),
        quick=True,
    )


def _step(request: Request, run: Run) -> int:
    step = parameters.optional_integer(request, "step")
    known = run.health_steps or run.steps
    if not known:
        raise NotRecordedError("there is nothing to name yet: the run has no step")
    return known[-1] if step is None else step
