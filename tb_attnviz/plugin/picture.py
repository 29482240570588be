"""What requests of `points` and `trust` ask for, parsed from their query, as tasks."""

import bisect
import dataclasses
import json
from collections.abc import Hashable
from typing import Any

from werkzeug import Request

from tb_attnviz.comparable import counterpart
from tb_attnviz.events.shapes import shown
from tb_attnviz.plugin import parameters, tasks
from tb_attnviz.plugin.about import about
from tb_attnviz.plugin.body import body
from tb_attnviz.plugin.responses import BadRequestError
from tb_attnviz.projection.jobs import Task
from tb_attnviz.projection.pictures import View
from tb_attnviz.projection.projection import Projection
from tb_attnviz.projection.trust import Seen, trust_key
from tb_attnviz.run import NotRecordedError, Run

_MOST_BYTES = 2**24  # of a list of points: a million of them


@dataclasses.dataclass(frozen=True)
class PictureRequest:
    """One picture of a run, and how soon it is wanted: 0 looked at, 1 the rest of the matrix, 2 not yet.

    `home`: the number of the layer in the run in whose frame it is shown.
    """

    run: str
    layer: int
    home: int
    step: int
    view: View
    priority: int

    def about(self, kind: str) -> dict[str, Any]:
        """What is listed with its job."""
        method = self.view.projection.method
        return about(kind, self.run, layer=self.layer, head=self.view.head, step=self.step, projection=method)

    def lane(self) -> Hashable:
        """Equal for pictures that have their frame, or their chain of steps, in common."""
        view = self.view
        source, projection = view.source, view.projection
        shared = (view.fitted_to.directory, self.home, view.steps, source.subset)
        return (shared, projection.normalise) if projection.linear else (shared, projection, view.head)


def parse(
    request: Request, name: str, run: Run, *, in_frame_of: Run | None = None, one_head: bool = False
) -> PictureRequest:
    """The picture of the run called `name` that is asked for; `one_head`: the parameter `head` must be there.

    `in_frame_of`: the run whose frame it is shown in, if that is another one.
    """
    step = parameters.integer(request, "step")
    layer = parameters.integer(request, "layer")
    projection = _projection(request)
    described = run.layer(step, layer)
    head = parameters.integer(request, "head") if one_head else parameters.optional_integer(request, "head")
    if head is not None and not 0 <= head < described.heads:
        raise NotRecordedError(f"no head {head}: layer {layer} has heads 0 to {described.heads - 1}")
    framed, home = (run, layer) if in_frame_of is None else (in_frame_of, counterpart(run, in_frame_of, layer))
    newest = parameters.integer(request, "frame", default=framed.newest_step)
    recorded = framed.steps_of(home)
    end = bisect.bisect_right(recorded, newest)
    if not end:
        first = recorded[0] if recorded else framed.newest_step
        raise NotRecordedError(f"no frame {newest}: the first step of the run is {first}")
    alone = parameters.choice(request, "fit", ("all", "newest"), default="all") == "newest"
    steps = tuple(recorded[end - 1 if alone else 0 : end])
    view = run.view(projection, layer, head, steps=steps, in_frame_of=in_frame_of)
    return PictureRequest(name, layer, home, step, view, parameters.priority(request))


def points_task(request: Request, name: str, run: Run, framed: Run | None, store: tasks.StoreAt) -> tuple[Task, int]:
    """The picture that is asked for, and how soon; by POST, of some of its points alone."""
    asked = parse(request, name, run, in_frame_of=framed, one_head=request.method == "POST")
    if request.method == "POST":
        asked = _of_points(request, asked, run)
    task = Task(
        key=asked.view.key(asked.step),
        function=tasks.points,
        args=(asked.view.at(asked.step), asked.step, store),
        about=asked.about("points"),
        lane=asked.lane(),
        stored=True,
    )
    return task, asked.priority


def trust_task(request: Request, name: str, run: Run, framed: Run | None, store: tasks.StoreAt) -> tuple[Task, int]:
    """How far the picture of one head that is asked for can be believed, and how soon."""
    asked = parse(request, name, run, in_frame_of=framed, one_head=True)
    previous = _earlier_step(request, asked, run)
    seen = Seen(run.lengths(asked.step, asked.layer), run.layer(asked.step, asked.layer))
    task = Task(
        key=trust_key(asked.view, asked.step, previous, seen),
        function=tasks.trust,
        args=(asked.view.at(asked.step, *(() if previous is None else (previous,))), asked.step, previous, seen, store),
        about=asked.about("trust"),
        lane=asked.lane(),
        stored=True,
    )
    return task, asked.priority


def _of_points(request: Request, asked: PictureRequest, run: Run) -> PictureRequest:
    """The same of some points alone: the body is JSON, `{"points": [indices into queries, then keys]}`."""
    lengths = run.lengths(asked.step, asked.layer)
    subset = _indices(body(request, _MOST_BYTES), sum(lengths.queries) + sum(lengths.keys))
    return dataclasses.replace(asked, view=asked.view.of_points(subset))


def _earlier_step(request: Request, asked: PictureRequest, run: Run) -> int | None:
    """The step that the picture is compared with, or None."""
    previous = parameters.optional_integer(request, "previous")
    if previous is None:
        return None
    run.layer(previous, asked.layer)
    if previous >= asked.step:
        raise BadRequestError(f"the parameter 'previous' must be a step before {asked.step}, not {previous}")
    return previous


def _projection(request: Request) -> Projection:
    """Parameters that are not in the query keep their defaults. Raises ProjectionError for one out of range."""
    given = {
        "dims": parameters.integer(request, "dims"),
        "normalise": parameters.optional_text(request, "normalise"),
        "attention": parameters.optional_number(request, "attention"),
        "perplexity": parameters.optional_number(request, "perplexity"),
        "neighbours": parameters.optional_integer(request, "neighbours"),
        "min_dist": parameters.optional_number(request, "min_dist"),
        "metric": parameters.optional_text(request, "metric"),
        "seed": parameters.optional_integer(request, "seed"),
    }
    known: dict[str, Any] = {name: value for name, value in given.items() if value is not None}
    method: Any = parameters.text(request, "projection")  # Projection checks what it may be
    return Projection(method=method, **known)


def _indices(data: bytes, count: int) -> tuple[int, ...]:
    """Sorted and distinct. `count`: how many points there are."""
    shape = 'the body must be JSON like {"points": [0, 1, 5]}'
    try:
        document = json.loads(data)
    except (ValueError, RecursionError):
        raise BadRequestError(shape) from None
    points = document.get("points") if isinstance(document, dict) else None
    if not isinstance(points, list) or not points:
        raise BadRequestError(f"{shape}, with one point at least")
    for index in points:
        if type(index) is not int:
            raise BadRequestError(f"{shape}: {_spelled(index)} is not a whole number")
        if not 0 <= index < count:
            raise BadRequestError(f"no point {shown(index)}: a head has points 0 to {count - 1}, queries first")
    return tuple(sorted(set(points)))


def _spelled(value: Any) -> str:
    """As JSON has it, unless it is large."""
    if isinstance(value, str | float | bool | None):
        return json.dumps(value)[:40]
    return shown(value)
