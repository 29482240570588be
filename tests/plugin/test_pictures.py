"""Points and trust, made when they are asked for: through the plugin in this process, with its real workers."""

import json
import os
import time
from pathlib import Path
from urllib.parse import parse_qsl

import numpy as np
import pytest
from werkzeug import Request
from werkzeug.test import Client, EnvironBuilder

import tb_attnviz
from tb_attnviz.events import Layer, ProbeRecord, RunWriter, Samples, Sequence
from tb_attnviz.plugin import picture, tasks
from tb_attnviz.plugin.plugin import AttnVizPlugin
from tb_attnviz.plugin.responses import points_response
from tb_attnviz.projection.pictures import Picture, Report, View
from tb_attnviz.projection.projection import Projection
from tb_attnviz.projection.store import DiskStore
from tb_attnviz.projection.trust import Seen, make_trust
from tests.plugin.conftest import Ask, asking, load

BIPLOT = {"run": "run", "layer": 0, "projection": "biplot", "dims": 2}


def failing(view: View, step: int, store: tasks.StoreAt, *, report: Report) -> bytes:
    raise FloatingPointError(f"singular in {store.directory}")


def never(view: View, step: int, store: tasks.StoreAt, *, report: Report) -> bytes:
    while True:
        report(3, 16)
        time.sleep(0.01)


def deadly(view: View, step: int, store: tasks.StoreAt, *, report: Report) -> bytes:
    os.kill(os.getpid(), 9)
    return b""


def test_a_picture_made_once_is_read_from_the_disk_after_a_restart(ask: Ask, run_directory: Path) -> None:
    made = ask("points", step=100, **BIPLOT)
    assert made.status_code == 200
    again = load(run_directory.parent)
    found = asking(again)("points", once=True, step=100, **BIPLOT)
    assert (found.status_code, found.data) == (200, made.data)
    assert again._jobs._thread is None, "no worker was needed"


def test_without_a_place_for_the_cache_pictures_come_all_the_same(
    run_directory: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("TB_ATTNVIZ_CACHE", str(tmp_path / "file"))
    plugin = load(run_directory.parent)
    assert asking(plugin)("points", step=100, **BIPLOT).status_code == 200
    assert asking(plugin)("points", once=True, step=100, **BIPLOT).status_code == 200, "from memory"
    assert asking(plugin)("jobs").json["cache"]["bytes"] == 0
    plugin._jobs.close()


def test_priority_is_no_part_of_the_answer(ask: Ask) -> None:
    first = ask("points", step=100, priority=2, **BIPLOT)
    assert ask("points", step=100, priority=0, headers={"If-None-Match": first.headers["ETag"]}, **BIPLOT).status == (
        "304 NOT MODIFIED"
    )
    for other in ({"frame": 100}, {"fit": "newest"}, {"head": 1}, {"step": 200}, {"dims": 3}, {"normalise": "paper"}):
        query = {"step": 100, **BIPLOT, **other}
        assert ask("points", once=True, headers={"If-None-Match": first.headers["ETag"]}, **query).status_code != 304


def test_trust_is_that_of_the_picture_and_an_earlier_one(ask: Ask, run_directory: Path, tmp_path: Path) -> None:
    run = tb_attnviz.open_run(run_directory)
    view = View(run.layer_samples(0), tuple(run.steps), Projection(method="biplot", dims=2), head=3)
    seen, own_store = Seen(run.lengths(200, 0), run.layer(200, 0)), DiskStore(tmp_path / "own")
    expected = make_trust(view, 200, 100, own_store, lambda done, total: None, seen=seen)
    answer = ask("trust", step=200, head=3, previous=100, **BIPLOT)
    assert (answer.status_code, answer.content_type) == (200, "application/json")
    assert answer.json == json.loads(expected)
    again = ask("trust", step=200, head=3, previous=100, headers={"If-None-Match": answer.headers["ETag"]}, **BIPLOT)
    assert (again.status_code, again.content_type) == (304, "application/json")
    assert ask("trust", step=200, head=3, **BIPLOT).json["motion"] is None
    after_restart = asking(load(run_directory.parent))("trust", once=True, step=200, head=3, previous=100, **BIPLOT)
    assert after_restart.json == answer.json


def test_what_is_being_made_is_listed(ask: Ask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tasks, "points", never)
    first, second = {**BIPLOT, "step": 100}, {**BIPLOT, "step": 200, "head": 1}
    while ask("points", once=True, **first).json["total"] == 0:
        pass
    assert ask("points", once=True, **first).json == {"state": "computing", "done": 3, "total": 16}
    assert ask("points", once=True, priority=1, **second).status_code == 202
    about = {"kind": "points", "run": "run", "layer": 0, "projection": "biplot"}
    assert ask("jobs").json["jobs"] == [
        {**about, "head": None, "step": 100, "state": "running", "done": 3, "total": 16, "priority": 0},
        {**about, "head": 1, "step": 200, "state": "waiting", "done": 0, "total": 0, "priority": 1},
    ]
    attention = ask("attention", run="run", step=0, layer=0, head=0, sequence=0)
    assert attention.status_code == 200, "it does not wait behind points"


def test_a_failure_is_one_sentence_without_trace_or_path(
    ask: Ask, cache: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    with monkeypatch.context() as patched:
        patched.setattr(tasks, "points", failing)
        answer = ask("points", step=100, **BIPLOT)
    assert answer.status_code == 503
    assert answer.json == {"error": "this could not be computed (FloatingPointError): TensorBoard's log says more"}
    assert f"singular in {cache}" in caplog.text
    assert ask("points", step=100, **BIPLOT).status_code == 200, "asking again tries again"


def test_a_picture_that_kills_its_workers_says_so(ask: Ask, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patched:
        patched.setattr(tasks, "points", deadly)
        answer = ask("points", step=100, **BIPLOT)
    assert answer.status_code == 503
    assert "the worker process ended twice before its time" in answer.json["error"]
    assert ask("points", step=100, **BIPLOT).status_code == 200


def test_a_body_that_is_too_large_is_not_read(plugin: AttnVizPlugin) -> None:
    client = Client(plugin.get_plugin_apps()["/points"])
    query = {**BIPLOT, "step": 100, "head": 0}
    answer = client.post("/points", query_string=query, data=b" " * (2**24 + 1))
    assert answer.status_code == 400
    assert answer.json == {"error": "the body must not be larger than 16,777,216 bytes"}


def test_pictures_with_a_frame_or_a_chain_in_common_are_in_one_lane(run_directory: Path) -> None:
    run = tb_attnviz.open_run(run_directory)

    def lane(query: str) -> object:
        asked = {"step": "100", "layer": "0", "dims": "2", **dict(parse_qsl(query))}
        return picture.parse(Request(EnvironBuilder(query_string=asked).get_environ()), "run", run).lane()

    biplot, tsne = lane("projection=biplot"), lane("projection=tsne&head=1")
    assert biplot == lane("projection=pca&dims=3&step=300&head=2&priority=2")
    assert tsne == lane("projection=tsne&head=1&step=0&frame=300")
    others = [lane(f"projection=biplot&{q}") for q in ("layer=1", "fit=newest", "frame=200", "normalise=paper")]
    others += [lane(f"projection=tsne&{q}") for q in ("head=2", "head=1&seed=1", "head=1&frame=200")]
    assert len({biplot, tsne, *others}) == 9


def test_notes_travel_in_a_header_of_ascii() -> None:
    noted = Picture(np.zeros((3, 4, 2), np.float32), {2: "Schlüssel…"})
    response = points_response(Request(EnvironBuilder().get_environ()), noted.to_bytes(), "key")
    assert response.headers["Attnviz-Notes"].isascii()
    assert json.loads(response.headers["Attnviz-Notes"]) == {"2": "Schlüssel…"}
    without = Picture(noted.points, {})
    assert (
        "Attnviz-Notes" not in points_response(Request(EnvironBuilder().get_environ()), without.to_bytes(), "").headers
    )


def test_twelve_layers_that_are_in_the_cache_need_no_worker_and_no_samples(
    tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    layers, heads, tokens = 12, 12, 2528
    writer = RunWriter(str(tmp_path / "logs" / "run"))
    writer.write_probe(ProbeRecord((Sequence(("token",) * tokens),)), step=0)
    samples = Samples(np.zeros((heads, tokens, 1), np.float32), np.zeros((heads, tokens, 1), np.float32))
    for step in range(16):
        writer.write_checkpoint(step, [(Layer("attention", heads, heads, 1, 1.0, causal=True), samples)] * layers)
    writer.close()
    run = tb_attnviz.open_run(tmp_path / "logs" / "run")
    stored = Picture(np.zeros((heads, 2 * tokens, 2), np.float32), {}).to_bytes()
    for layer in range(layers):
        view = View(run.layer_samples(layer), tuple(run.steps), Projection(method="biplot", dims=2))
        DiskStore(cache).put(view.key(15), stored)
    ask = asking(load(tmp_path / "logs"))
    monkeypatch.setattr("tb_attnviz.projection.source.read_samples", None)
    answers = [ask("points", once=True, **{**BIPLOT, "layer": layer}, step=15) for layer in range(layers)]
    assert ask("jobs").json["jobs"] == []
    assert {len(answer.data) for answer in answers} == {heads * 2 * tokens * 2 * 4 + 128}
