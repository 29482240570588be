"""AttnVizPlugin: the routes. `docs/http_api.md` is their contract; a test holds both equal."""

import dataclasses
from collections.abc import Callable
from typing import Any

from tensorboard import plugin_util
from tensorboard.plugins import base_plugin
from werkzeug import Request, Response

from tb_attnviz.entries import sequence_entry
from tb_attnviz.events import PLUGIN_NAME
from tb_attnviz.plugin import (
    attentions,
    change_points,
    comparisons,
    figures,
    findings_of_runs,
    label_tables,
    links,
    parameters,
    picture,
    small_maps,
    static_files,
    tasks,
)
from tb_attnviz.plugin.responses import (
    JSON,
    NPY,
    PNG,
    array_response,
    file_response,
    json_response,
    made_json_response,
    png_response,
    points_response,
    route,
    route_of_get_and_post,
    unchanged,
)
from tb_attnviz.plugin.runs import RunDirectories, Runs
from tb_attnviz.projection.jobs import Jobs, Task
from tb_attnviz.projection.pictures import Picture
from tb_attnviz.projection.progress import Progress
from tb_attnviz.projection.source import UnreadableStepError
from tb_attnviz.projection.store import DiskStore
from tb_attnviz.run import Run

_ENTRY = "/static/index.js"
_MOST_LEFT_OUT = 32  # steps that one request finds to be unreadable; a frame is fitted to 16
_READY = Task(key="ready", function=tasks.ready, quick=True)
_WAIT_SECONDS = 0.25  # how long a request for what is looked at waits for its job before it answers 202


class AttnVizPlugin(base_plugin.TBPlugin):  # type: ignore[misc]  # tensorboard has no types
    """Serves the Attention tab and its data."""

    plugin_name = PLUGIN_NAME

    def __init__(self, context: base_plugin.TBContext) -> None:
        spec = getattr(context.flags, "logdir_spec", "") or ""
        self._runs = Runs(context.data_provider, RunDirectories(context.logdir or "", spec))
        self._store = DiskStore()
        self._store_at = tasks.StoreAt(str(self._store.directory), self._store.limit_bytes)
        self._jobs = Jobs(store=self._store)

    def get_plugin_apps(self) -> dict[str, Any]:
        return {
            "/runs": self.runs_route,
            "/probe": self.probe_route,
            "/image": self.image_route,
            "/points": self.points_route,
            "/trust": self.trust_route,
            "/attention": self.attention_route,
            "/image_summary": self.image_summary_route,
            "/point_figures": self.point_figures_route,
            "/change": self.change_route,
            "/similarity": self.similarity_route,
            "/head_order": self.head_order_route,
            "/health": self.health_route,
            "/health_steps": self.health_steps_route,
            "/health_rows": self.health_rows_route,
            "/health_figure": self.health_figure_route,
            "/health_range": self.health_range_route,
            "/maps": self.maps_route,
            "/connections": self.connections_route,
            "/label_attention": self.label_attention_route,
            "/change_points": self.change_points_route,
            "/findings": self.findings_route,
            "/evidence": self.evidence_route,
            "/alerts": self.alerts_route,
            "/jobs": self.jobs_route,
            _ENTRY: self.static_route,
            "/static/*": self.static_route,
        }

    def is_active(self) -> bool:
        return False  # TensorBoard itself shows the tab as soon as a run holds our records

    def frontend_metadata(self) -> base_plugin.FrontendMetadata:
        return base_plugin.FrontendMetadata(es_module_path=_ENTRY, tab_name="Attention", disable_reload=True)

    @route
    def runs_route(self, request: Request) -> Response:
        if parameters.choice(request, "steps", ("list", "spans"), default="list") == "spans":
            return json_response(request, self._runs.document(*_scope(request)))
        return json_response(request, {"runs": [listed.entry() for listed in self._runs.all(*_scope(request))]})

    @route
    def probe_route(self, request: Request) -> Response:
        name, run = self._run(request)
        return json_response(request, {"run": name, "sequences": list(map(sequence_entry, run.probe.sequences))})

    @route
    def image_route(self, request: Request) -> Response:
        _, run = self._run(request)
        sequence, side = parameters.integer(request, "sequence"), parameters.side(request)
        file = run.image(sequence, side).file  # its name is made of its content
        return unchanged(request, file, PNG) or png_response(request, run.png(sequence, side), file)

    @route_of_get_and_post
    def points_route(self, request: Request) -> Response:
        return self._without_what_is_unreadable(request, self._points)

    def _points(self, request: Request) -> Response:
        task, priority = picture.points_task(request, *self._framed_run(request), self._store_at)
        return unchanged(request, task.key) or self._made(request, task, points_response, priority)

    @route
    def trust_route(self, request: Request) -> Response:
        return self._without_what_is_unreadable(request, self._trust)

    def _trust(self, request: Request) -> Response:
        task, priority = picture.trust_task(request, *self._framed_run(request), self._store_at)
        return unchanged(request, task.key, JSON) or self._made(request, task, made_json_response, priority)

    @route
    def attention_route(self, request: Request) -> Response:
        task = attentions.attention_task(request, *self._run(request))
        return unchanged(request, task.key) or self._made(request, task, array_response, 0)

    @route
    def image_summary_route(self, request: Request) -> Response:
        return self._document(request, attentions.image_summary_task(request, *self._run(request)))

    @route
    def point_figures_route(self, request: Request) -> Response:
        task = attentions.point_figures_task(request, *self._run(request))
        return unchanged(request, task.key) or self._made(request, task, array_response, 0)

    @route
    def change_route(self, request: Request) -> Response:
        name, run = self._run(request)
        against = self._other_run(request, parameters.optional_text(request, "against"), name)
        return self._array(request, comparisons.change_task(request, name, run, against, self._store_at))

    @route
    def similarity_route(self, request: Request) -> Response:
        return self._array(request, comparisons.similarity_task(request, *self._run(request), self._store_at))

    @route
    def head_order_route(self, request: Request) -> Response:
        return self._array(request, comparisons.head_order_task(request, *self._run(request), self._store_at))

    @route
    def jobs_route(self, request: Request) -> Response:
        jobs = [
            {**job.about, "state": job.state, **dataclasses.asdict(job.progress), "priority": job.priority}
            for job in self._jobs.listing()
            if job.about
        ]
        cache = {"bytes": self._store.size_bytes, "limit": self._store.limit_bytes}
        return json_response(request, {"jobs": jobs, "cache": cache})

    @route
    def health_route(self, request: Request) -> Response:
        return self._noted(request, figures.document_task, made_json_response, JSON)

    @route
    def health_steps_route(self, request: Request) -> Response:
        return json_response(request, figures.steps_document(request, *self._run(request)))

    @route
    def health_rows_route(self, request: Request) -> Response:
        return self._noted(request, figures.rows_task)

    @route
    def health_figure_route(self, request: Request) -> Response:
        return self._noted(request, figures.figure_task)

    @route
    def health_range_route(self, request: Request) -> Response:
        return self._noted(request, figures.range_task)

    def _noted(
        self,
        request: Request,
        task_of: Callable[[Request, str, Run], Task],
        respond: Callable[[Request, bytes, str], Response] = array_response,
        content_type: str = NPY,
    ) -> Response:
        """What is made behind notes of steps whose figures cannot be read: the run tells of these."""
        name, run = self._run(request)
        task = task_of(request, name, run)

        def without_notes(request: Request, made: bytes, key: str) -> Response:
            lost, body = Picture.split(made)
            run.lose_figures(lost)
            return respond(request, body, key)

        return unchanged(request, task.key, content_type) or self._made(request, task, without_notes, 0)

    @route
    def maps_route(self, request: Request) -> Response:
        return self._array(request, small_maps.maps_task(request, *self._run(request)))

    @route
    def connections_route(self, request: Request) -> Response:
        return self._document(request, links.connections_task(request, *self._run(request)))

    @route
    def label_attention_route(self, request: Request) -> Response:
        return self._document(request, label_tables.label_attention_task(request, *self._run(request)))

    @route
    def change_points_route(self, request: Request) -> Response:
        name, run = self._run(request)
        none = change_points.none_of(request, name, run)
        if none is not None:
            return json_response(request, none)
        return self._noted(request, change_points.change_points_task, made_json_response, JSON)

    @route
    def findings_route(self, request: Request) -> Response:
        def task(request: Request, name: str, run: Run) -> Task:
            return findings_of_runs.findings_task(request, name, run, self._store_at)

        return self._noted(request, task, made_json_response, JSON)

    @route
    def evidence_route(self, request: Request) -> Response:
        return self._document(request, findings_of_runs.evidence_task(request, *self._run(request), self._store_at))

    @route
    def alerts_route(self, request: Request) -> Response:
        name, run = self._run(request)
        alerts = [dataclasses.asdict(alert) for alert in run.alerts]
        return json_response(request, {"run": name, "alerts": alerts})

    @route
    def static_route(self, request: Request) -> Response:
        found = static_files.read(request.path.rsplit("/static/", 1)[-1])
        self._jobs.begin(_READY)  # a worker's process starts while the browser reads the script
        return file_response(request, *found)

    def _without_what_is_unreadable(self, request: Request, view: Callable[[Request], Response]) -> Response:
        """What `view` answers once the steps that cannot be read are left out: each of them is met once."""
        for _ in range(_MOST_LEFT_OUT):
            try:
                return view(request)
            except UnreadableStepError as error:
                self._runs.leave_out(error)
        return view(request)

    def _made(self, request: Request, task: Task, respond: Any, priority: int) -> Response:
        """What `task` makes, as `respond(request, bytes, key)` sends it, or 202."""
        # A browser has six connections: what nobody looks at yet does not keep one of them.
        made = self._jobs.result(task, priority=priority, wait=0 if priority else _WAIT_SECONDS)
        if isinstance(made, Progress):
            document = {"state": "computing", "done": made.done, "total": made.total}
            return json_response(request, document, code=202)
        response: Response = respond(request, made, task.key)
        return response

    def _array(self, request: Request, task: Task) -> Response:
        priority = parameters.priority(request)
        return unchanged(request, task.key) or self._made(request, task, array_response, priority)

    def _document(self, request: Request, task: Task) -> Response:
        return unchanged(request, task.key, JSON) or self._made(request, task, made_json_response, 0)

    def _run(self, request: Request) -> tuple[str, Run]:
        name = parameters.text(request, "run")
        return name, self._runs.get(*_scope(request), name)

    def _framed_run(self, request: Request) -> tuple[str, Run, Run | None]:
        """The run that is asked for, and the one in whose frame it is shown, if that is another."""
        name, run = self._run(request)
        return name, run, self._other_run(request, parameters.optional_text(request, "in_frame_of"), name)

    def _other_run(self, request: Request, other: str | None, name: str) -> Run | None:
        """The run called `other`; None where that is none, or the run `name` itself."""
        return None if other is None or other == name else self._runs.get(*_scope(request), other)


def _scope(request: Request) -> tuple[Any, str]:
    return plugin_util.context(request.environ), plugin_util.experiment_id(request.environ)
