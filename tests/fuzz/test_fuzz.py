"""Whatever is in the files, and whatever is asked: an answer or one sentence, never a crash, a trace or much memory.

`make test` tries a few of each, `make full` very many (ATTNVIZ_FUZZ_EXAMPLES). What was found is kept in `inputs/`.
"""

import contextlib
import functools
import json
import logging
import os
import resource
import shutil
import tempfile
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from werkzeug.test import Client

import tb_attnviz
from tb_attnviz.connections import WAYS
from tb_attnviz.entries import run_entry, sequence_entry
from tb_attnviz.events import Alert, AlertedHead, AlertRecord, FormatError, ProbeRecord, RunWriter, connection_arrays
from tb_attnviz.events.records import CorruptRecordError, TornRecordError
from tb_attnviz.plugin.plugin import AttnVizPlugin
from tb_attnviz.projection.progress import Progress
from tb_attnviz.projection.source import UnreadableStepError
from tb_attnviz.recompute import TooLargeError
from tb_attnviz.run import Run
from tests.conftest import LAYERS, PROBE, write_checkpoint
from tests.events.test_documents import SOUND, read
from tests.events.test_maps import maps_of
from tests.fuzz.strategies import BODIES, changed, damaged, queries, reframed
from tests.plugin.conftest import load

EXAMPLES = int(os.environ.get("ATTNVIZ_FUZZ_EXAMPLES", "40"))
INPUTS = Path(__file__).parent / "inputs"
DATA = Path(__file__).parents[1] / "data"
MOST_GROWTH = 400_000  # kB
FURTHER = ("importance", "connections", "findings", "events", "change_points")
HEADS = sum(layer.heads for layer in LAYERS)

TOLD = (  # what has a sentence for the one who asked
    FormatError,
    CorruptRecordError,
    TornRecordError,
    UnreadableStepError,
    TooLargeError,
    FileNotFoundError,
    tb_attnviz.NotRecordedError,
)

fuzzed = settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck))


@contextlib.contextmanager
def little_memory() -> Iterator[None]:
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    yield
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < MOST_GROWTH


def kept(name: str) -> list[Any]:
    return [json.loads(line) for line in (INPUTS / name).read_text().splitlines()]


@pytest.mark.parametrize("kind", SOUND)
def test_documents(kind: str) -> None:
    @fuzzed
    @given(changed(json.loads(SOUND[kind])))
    def tried(document: Any) -> None:
        look_at_document(kind, json.dumps(document))

    with little_memory():
        tried()


@pytest.mark.parametrize(("kind", "text"), kept("documents.jsonl"))
def test_documents_that_were_found(kind: str, text: str) -> None:
    look_at_document(kind, text)


def look_at_document(kind: str, text: str) -> None:
    sentence = ""
    try:
        content = read(kind, text)
    except FormatError as error:
        sentence = str(error)
    if sentence:
        assert len(sentence) < 1000
        return
    if isinstance(content, ProbeRecord):
        assert content.fingerprint
        for sequence in content.sequences:
            json.dumps(sequence_entry(sequence))


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Runs of every version, and a small one of today, which has all that can be recorded."""
    directory = tmp_path_factory.mktemp("runs") / "today"
    writer = RunWriter(str(directory))
    writer.begin(0, PROBE, LAYERS)
    between = np.linspace(0, 1, HEADS, dtype=np.float32)
    arrays = connection_arrays({way: np.outer(between, between) for way in WAYS}) | {"importance/loss": between[:1]}
    for step in (0, 100):
        write_checkpoint(writer, step)
        writer.write_health(step + 50, {"importance": between}, maps=maps_of(step), arrays=arrays)
    heads = (AlertedHead(1, 2, float("inf")),)
    writer.write_alerts(AlertRecord(150, (Alert(150, "r", "max_logit", True, 1.0, "high", heads),), active=1))
    writer.close()
    found = {path.parent for version in ("v1", "v2") for path in (DATA / version).rglob("*tfevents*")}
    return {"today": directory, **{str(path.relative_to(DATA)): path for path in sorted(found)}}


@pytest.mark.parametrize("sums", ["checksums that are wrong", "checksums that are right"])
def test_files(runs: dict[str, Path], sums: str) -> None:
    @fuzzed
    @given(st.data())
    def tried(data: st.DataObject) -> None:
        whole = runs[data.draw(st.sampled_from(sorted(runs)))]
        with tempfile.TemporaryDirectory() as folder:
            directory = Path(folder, "run")
            shutil.copytree(whole, directory)
            paths = sorted(path for path in directory.rglob("*") if path.is_file())
            for _ in range(data.draw(st.integers(1, 2))):
                path = data.draw(st.sampled_from(paths))
                if sums.endswith("right") and path.suffix not in (".png", ".lock"):
                    with contextlib.suppress(CorruptRecordError, IndexError, ValueError):
                        path.write_bytes(data.draw(reframed(str(path))))
                else:
                    path.write_bytes(data.draw(damaged(path.read_bytes())))
            sound = whole if sums.endswith("wrong") else None
            look_at_run(directory, data.draw(st.sampled_from(FURTHER)), sound)

    with little_memory():
        tried()


@functools.cache
def opened(directory: Path) -> Run:
    return tb_attnviz.open_run(directory)


@functools.cache
def attention_of(directory: Path, step: int, layer: int, sequence: Any) -> Any:
    return opened(directory).attention(step, layer, 0, sequence)


def look_at_run(directory: Path, further: str, sound: Path | None) -> None:
    """`sound`: the run as it was, where all that can be read must be what it was."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            run = tb_attnviz.open_run(directory)
            json.dumps(run_entry("run", run))
        except TOLD:
            return
        for look in (run.health, getattr(run, further)):
            with contextlib.suppress(*TOLD):
                look()
        for step in run.map_steps:
            for layer in range(len(run.layers)):
                with contextlib.suppress(*TOLD):
                    run.maps(step, layer)
        assert all(len(sentence) < 1000 for sentence in run.damaged)
        for step in run.steps:
            before = None if sound is None else opened(sound).records.checkpoints.get(step)
            same = before is not None and before.file == run.records.checkpoints[step].file
            for layer in range(len(run.layers)):
                for sequence in (0, "mean"):
                    with contextlib.suppress(*TOLD):
                        attention = run.attention(step, layer, 0, sequence)  # type: ignore[arg-type]
                        if sound is not None and same:
                            np.testing.assert_array_equal(attention, attention_of(sound, step, layer, sequence))
                with contextlib.suppress(*TOLD):
                    run.point_figure(step, layer, "entropy")
        for layer in range(len(run.layers)):
            with contextlib.suppress(*TOLD):
                run.project("pca", layer, 0)
        for sequence in range(len(run.probe.sequences)):
            with contextlib.suppress(*TOLD):
                run.png(sequence)


@pytest.fixture(scope="module")
def plugin(runs: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> Iterator[AttnVizPlugin]:
    """The plugin of a log directory with two runs. What would be computed is not: workers are tried elsewhere."""
    logs = tmp_path_factory.mktemp("logs")
    shutil.copytree(runs["today"], logs / "run")
    shutil.copytree(runs["today"], logs / "image")
    plugin = load(logs)
    plugin._jobs.result = lambda *_, **__: Progress(0, 0)  # type: ignore[method-assign]
    yield plugin
    plugin._jobs.close()


def test_requests(plugin: AttnVizPlugin, caplog: pytest.LogCaptureFixture) -> None:
    routes = sorted(plugin.get_plugin_apps())

    @fuzzed
    @given(st.sampled_from(routes), queries(), st.none() | BODIES)
    def tried(route: str, query: dict[str, str], posted: bytes | None) -> None:
        ask(plugin, route, query, posted)

    with little_memory():
        tried()
    assert not [record for record in caplog.records if record.levelno >= logging.ERROR]


def test_static_names(plugin: AttnVizPlugin) -> None:
    pieces = st.sampled_from(["..", ".", "recompute.py", "index.js", "%2e%2e", "%2F", "\\", "\0", "x" * 300, "é", "//"])

    @fuzzed
    @given(st.lists(st.one_of(pieces, st.text(st.characters(codec="utf-8"), max_size=8)), max_size=5))
    def tried(names: list[str]) -> None:
        client = Client(plugin.get_plugin_apps()["/static/*"])
        answer = client.get(environ_overrides={"PATH_INFO": "/static/" + "/".join(names).encode().decode("latin-1")})
        assert answer.status_code == 404 or names == ["index.js"]

    tried()


@pytest.mark.parametrize(("route", "query", "posted"), kept("requests.jsonl"))
def test_requests_that_were_found(plugin: AttnVizPlugin, route: str, query: dict[str, str], posted: str | None) -> None:
    ask(plugin, route, query, None if posted is None else posted.encode())


def ask(plugin: AttnVizPlugin, route: str, query: dict[str, str], posted: bytes | None) -> None:
    client = Client(plugin.get_plugin_apps()[route])
    if posted is None:
        answer = client.get(route, query_string=query)
    else:
        answer = client.post(route, query_string=query, data=posted)
    assert answer.status_code in (200, 202, 304, 400, 403, 404), answer.text
    if answer.status_code >= 400:
        sentence = answer.json["error"]  # type: ignore[index]
        assert sentence
        assert len(sentence) < 600
