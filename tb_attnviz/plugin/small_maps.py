"""What a request of `maps` asks for, parsed from its query, as a task."""

from werkzeug import Request

from tb_attnviz.plugin import parameters, tasks
from tb_attnviz.plugin.about import about
from tb_attnviz.plugin.maps_of_heads import PARTS, AskedMaps
from tb_attnviz.projection.jobs import Task
from tb_attnviz.run import Run
from tb_attnviz.run.maps import maps_location


def maps_task(request: Request, name: str, run: Run) -> Task:
    """A small map of every head of the run called `name`. Raises NotRecordedError where a step has none."""
    step = parameters.integer(request, "step")
    kind, part = parameters.text(request, "kind"), parameters.choice(request, "part", PARTS)
    asked = AskedMaps(
        run.directory, maps_location(run, step), step, tuple(layer.heads for layer in run.layers), kind, part
    )
    return Task(
        key=repr(("maps", run.directory, asked.location.file, kind, part)),  # no other file has its name
        function=tasks.maps,
        args=(asked,),
        about=about("maps", name, step=step),
        quick=True,
    )
