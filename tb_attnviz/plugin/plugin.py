"""AttnVizPlugin: the routes. `docs/http_api.md` is their contract; a test holds both equal."""

import dataclasses
import mimetypes
from pathlib import Path
from typing import Any

from tensorboard import plugin_util
from tensorboard.backend import http_util
from tensorboard.plugins import base_plugin
from werkzeug import Request, Response

from tb_attnviz.events import PLUGIN_NAME, FormatError, Layer, Segment
from tb_attnviz.plugin import parameters, tasks
from tb_attnviz.plugin.responses import array_response, json_response, route, unchanged
from tb_attnviz.plugin.runs import RunDirectories, Runs
from tb_attnviz.projection import PROJECTIONS
from tb_attnviz.projection.jobs import Jobs, Progress
from tb_attnviz.run import NotRecordedError, Run

_STATIC = Path(__file__).parent.parent / "static"
_ENTRY = "/static/index.js"
_WAIT_SECONDS = 0.25  # how long a request waits for a job before it answers 202


class AttnVizPlugin(base_plugin.TBPlugin):  # type: ignore[misc]  # tensorboard has no types
    """Serves the Attention tab and its data."""

    plugin_name = PLUGIN_NAME

    def __init__(self, context: base_plugin.TBContext) -> None:
        spec = getattr(context.flags, "logdir_spec", "") or ""
        self._runs = Runs(context.data_provider, RunDirectories(context.logdir or "", spec))
        self._jobs = Jobs()

    def get_plugin_apps(self) -> dict[str, Any]:
        return {
            "/runs": self.runs_route,
            "/probe": self.probe_route,
            "/points": self.points_route,
            "/attention": self.attention_route,
            "/health": self.health_route,
            "/alerts": self.alerts_route,
            _ENTRY: self.static_route,
            "/static/*": self.static_route,
        }

    def is_active(self) -> bool:
        return False  # TensorBoard itself shows the tab as soon as a run holds our records

    def frontend_metadata(self) -> base_plugin.FrontendMetadata:
        return base_plugin.FrontendMetadata(es_module_path=_ENTRY, tab_name="Attention", disable_reload=True)

    @route
    def runs_route(self, request: Request) -> Response:
        context, experiment = _scope(request)
        runs = [self._runs_entry(context, experiment, name) for name in self._runs.names(context, experiment)]
        return json_response(request, {"runs": runs})

    @route
    def probe_route(self, request: Request) -> Response:
        name, run = self._run(request)
        sequences = [
            {
                "kind": sequence.kind,
                "tokens": list(sequence.tokens),
                "repeat": vars(sequence.repeat) if sequence.repeat else None,
            }
            for sequence in run.probe.sequences
        ]
        return json_response(request, {"run": name, "sequences": sequences})

    @route
    def points_route(self, request: Request) -> Response:
        _, run = self._run(request)
        step = parameters.integer(request, "step")
        layer = parameters.integer(request, "layer")
        projection = parameters.choice(request, "projection", PROJECTIONS)
        dims = int(parameters.choice(request, "dims", ("2", "3")))
        run.layer(step, layer)
        newest = parameters.integer(request, "frame", default=run.steps[-1])
        if newest < run.steps[0]:
            raise NotRecordedError(f"no frame {newest}: the first step of the run is {run.steps[0]}")
        return self._points(request, run, step, layer, projection, dims, newest)

    @route
    def attention_route(self, request: Request) -> Response:
        _, run = self._run(request)
        step = parameters.integer(request, "step")
        layer = parameters.integer(request, "layer")
        head = parameters.integer(request, "head")
        sequence = parameters.sequence(request, "sequence")
        run.check(step, layer, head, sequence)
        checkpoint, lengths = run.checkpoint(step), run.probe.lengths
        key = ("attention", run.directory, checkpoint.file, layer, head, sequence)
        arguments = (
            run.directory,
            checkpoint.file,
            checkpoint.locations[layer],
            checkpoint.layers[layer],
            lengths,
            head,
            None if sequence == "mean" else sequence,
        )
        return unchanged(request, key) or self._array(request, key, tasks.attention, *arguments)

    @route
    def health_route(self, request: Request) -> Response:
        name, run = self._run(request)
        figures = {figure: values.astype(float).tolist() for figure, values in run.health().items()}
        heads = [layer.heads for layer in run.layers]
        return json_response(request, {"run": name, "steps": run.health_steps, "heads": heads, "figures": figures})

    @route
    def alerts_route(self, request: Request) -> Response:
        name, run = self._run(request)
        alerts = [dataclasses.asdict(alert) for alert in run.alerts]
        return json_response(request, {"run": name, "alerts": alerts})

    @route
    def static_route(self, request: Request) -> Response:
        name = request.path.rsplit("/static/", 1)[-1]
        path = _STATIC / name
        if path.parent != _STATIC or not path.is_file():
            raise NotRecordedError(f"no static file {name!r}")
        content_type = mimetypes.guess_type(name)[0] or "application/octet-stream"
        response: Response = http_util.Respond(request, path.read_bytes(), content_type)
        return response

    def _points(
        self, request: Request, run: Run, step: int, layer: int, projection: str, dims: int, newest: int
    ) -> Response:
        source = run.layer_samples(layer)
        fitted = [recorded for recorded in run.steps if recorded <= newest]
        frame_key = ("frame", run.directory, layer, tuple(source.locations[recorded][0] for recorded in fitted))
        key = ("points", frame_key, source.locations[step][0], projection, dims)
        response = unchanged(request, key)
        if response is not None:
            return response
        frame = self._jobs.result(frame_key, tasks.fit, source.only(*fitted), fitted, wait=_WAIT_SECONDS)
        if isinstance(frame, Progress):
            return _computing(request, frame)
        source = source.only(step, frame.nearest(step))
        return self._array(request, key, tasks.points, frame.at(step), source, step, projection, dims)

    def _array(self, request: Request, key: tuple[Any, ...], task: Any, *args: Any) -> Response:
        npy = self._jobs.result(key, task, *args, wait=_WAIT_SECONDS)
        return _computing(request, npy) if isinstance(npy, Progress) else array_response(request, npy, key)

    def _run(self, request: Request) -> tuple[str, Run]:
        name = parameters.text(request, "run")
        return name, self._runs.get(*_scope(request), name)

    def _runs_entry(self, context: Any, experiment: str, name: str) -> dict[str, Any]:
        entry: dict[str, Any] = {"run": name, "steps": [], "layers": [], "segments": []}
        entry |= {"sequences": 0, "queries": 0, "keys": 0}
        try:
            run = self._runs.get(context, experiment, name)
            probe = run.probe
        except (FormatError, NotRecordedError) as error:
            return {**entry, "figures": [], "error": str(error)}
        return {
            "run": name,
            "steps": run.steps,
            "layers": [_layer_entry(position, layer) for position, layer in enumerate(run.layers)],
            "segments": [_segment_entry(segment) for segment in run.segments],
            "sequences": len(probe.sequences),
            "queries": probe.tokens,
            "keys": probe.tokens,
            "figures": sorted(run.records.health),
            "error": None,
        }


def _scope(request: Request) -> tuple[Any, str]:
    return plugin_util.context(request.environ), plugin_util.experiment_id(request.environ)


def _layer_entry(position: int, layer: Layer) -> dict[str, Any]:
    return {
        "name": layer.name,
        "number": position if layer.number is None else layer.number,
        "heads": layer.heads,
        "head_numbers": list(range(layer.heads) if layer.head_numbers is None else layer.head_numbers),
        "kv_heads": layer.kv_heads,
        "head_dim": layer.head_dim,
        "causal": layer.causal,
    }


def _segment_entry(segment: Segment) -> dict[str, Any]:
    return {
        "steps": segment.steps,
        "layers": len(segment.layers),
        "heads": sum(layer.heads for layer in segment.layers),
        "sequences": len(segment.probe.sequences) if segment.probe else 0,
    }


def _computing(request: Request, progress: Progress) -> Response:
    document = {"state": "computing", "done": progress.done, "total": progress.total}
    return json_response(request, document, code=202)
