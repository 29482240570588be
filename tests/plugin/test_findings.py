"""Findings as they are served: what `Run.findings` says, made by a worker, and of a live run only what is new."""

from pathlib import Path

import numpy as np
import pytest
from werkzeug import Request
from werkzeug.test import EnvironBuilder

from tb_attnviz.comparison import RecordedLayer
from tb_attnviz.events import Alert, AlertedHead, AlertRecord, RunWriter
from tb_attnviz.events.files import UnreachableError
from tb_attnviz.findings import measured
from tb_attnviz.plugin import responses
from tb_attnviz.plugin.findings_of_runs import findings_task
from tb_attnviz.plugin.label_tables import label_attention_task
from tb_attnviz.plugin.tasks import StoreAt
from tb_attnviz.projection.ports import MemoryStore
from tb_attnviz.run import open_run
from tests.conftest import LAYERS, PROBE, write_checkpoint
from tests.events.test_maps import maps_of
from tests.plugin.conftest import asking, load

HEADS = sum(layer.heads for layer in LAYERS)


@pytest.fixture
def logs(tmp_path: Path) -> Path:
    """A run whose head L0 H1 is a previous-token head from step 150 on, between checkpoints, and that is resumed."""
    writer = RunWriter(str(tmp_path / "run"))
    writer.begin(0, PROBE, LAYERS)
    for step in (0, 100):
        write_checkpoint(writer, step)
    previous = np.full(HEADS, 0.3, np.float32)
    previous[1] = 0.8
    writer.write_health(150, {"previous": previous})
    alert = Alert(150, "max_logit", "max_logit", True, 100, "max_logit is 132", (AlertedHead(1, 2, 132.0),), "above")
    writer.write_alerts(AlertRecord(150, (alert,), active=1))
    writer.close()
    again = RunWriter(str(tmp_path / "run"))
    again.begin(200, PROBE, LAYERS)
    again.write_health(200, {"previous": np.full(HEADS, 0.3, np.float32)})
    again.close()
    return tmp_path


def test_the_route_says_what_the_notebook_says(logs: Path, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ask, run = asking(load(logs)), open_run(logs / "run")
    answer = ask("findings", run="run", step=150)
    document = answer.json
    assert document is not None
    assert (document["step"], document["sampled"]) == (150, 100)
    assert [(one["layer"], one["head"]) for one in document["heads"]] == run.recorded.heads
    found = [(one["layer"], one["head"], f["kind"]) for one in document["heads"] for f in one["findings"]]
    assert sorted(found) == sorted((one.layer, one.head, one.kind) for one in run.findings(150))
    assert (0, 1, "previous") in found
    head = document["heads"][1]
    assert (head["title"], head["also"]) == ("previous token", [one["title"] for one in head["findings"][1:]])
    assert head["findings"][0]["value"] == pytest.approx(0.8)
    assert "1 previous-token head since step 150" in [group["sentence"] for group in document["groups"]]
    known = {"If-None-Match": answer.headers["ETag"]}
    assert ask("findings", run="run", step=150, headers=known).status_code == 304
    monkeypatch.setattr(responses, "__version__", "9.9.9")  # which may say it in other words
    assert ask("findings", run="run", step=150, headers=known).status_code == 200


def test_events_are_of_the_whole_run(logs: Path, cache: Path) -> None:
    document = asking(load(logs))("findings", run="run").json
    assert document is not None
    assert document["step"] == 200
    events = [(one["step"], one["what"], one["layer"], one["head"]) for one in document["events"]]
    for expected in ((150, "formed", 0, 1), (150, "alert", 1, 2), (200, "restart", None, None), (200, "lost", 0, 1)):
        assert expected in events
    [restart] = [one for one in document["events"] if one["what"] == "restart"]
    assert (restart["sentence"].partition("; ")[2], restart["trouble"]) == ("lost there: 1 previous-token head", True)
    assert "; no longer previous token since step 200." in document["heads"][1]["sentence"]


def test_evidence_is_of_the_last_samples(logs: Path, cache: Path) -> None:
    ask = asking(load(logs))
    query = {"run": "run", "step": 150, "layer": 0, "head": 1}
    answer = ask("evidence", kind="previous", **query)
    assert answer.json is not None
    shown = answer.json["evidence"]
    assert (shown["step"], shown["key"]) == (100, shown["query"] - 1)
    expected = open_run(logs / "run").attention(100, 0, 1, shown["sequence"])[shown["query"], shown["key"]]
    assert shown["weight"] == pytest.approx(expected, abs=1e-6)
    assert ask("evidence", kind="induction", **query).json == {"evidence": None}
    for changed, status in (({"kind": "best"}, 400), ({"kind": "previous", "head": 9}, 404)):
        assert ask("evidence", **{**query, **changed}).status_code == status


def test_a_directory_of_two_names_is_told_under_each(logs: Path) -> None:
    run = open_run(logs / "run")
    query = {"step": "100", "layer": "0", "head": "0", "label": "part of speech"}
    request = Request(EnvironBuilder(query_string=query).get_environ())
    store = StoreAt("", 0)
    assert findings_task(request, "a", run, store).key != findings_task(request, "b", run, store).key
    assert label_attention_task(request, "a", run).key != label_attention_task(request, "b", run).key


def test_of_a_live_run_only_what_is_new_is_measured(tmp_path: Path) -> None:
    class Counting(MemoryStore):
        puts = 0

        def put(self, key: str, value: bytes) -> None:
            self.puts += 1
            super().put(key, value)

    writer, store = RunWriter(str(tmp_path)), Counting()
    writer.begin(0, PROBE, LAYERS)
    for step in (0, 100, 200):
        write_checkpoint(writer, step)
    run = open_run(tmp_path)
    measured(run.recorded, store, lambda done, total: None)
    assert store.puts == 3
    write_checkpoint(writer, 300)
    run.reload()
    grown = measured(run.recorded, store, lambda done, total: None)
    assert store.puts == 4
    assert grown.sampled == (0, 100, 200, 300)
    np.testing.assert_allclose(grown.get("share/moved")[-1, :4], run.change(300, 0, 0))
    alike = run.similarity(300)
    np.fill_diagonal(alike, -1)
    np.testing.assert_allclose(grown.get("share/alike")[-1], alike.max(axis=1))
    writer.close()


def test_a_damaged_step_costs_itself_alone(tmp_path: Path) -> None:
    writer = RunWriter(str(tmp_path))
    writer.begin(0, PROBE, LAYERS)
    for step in (0, 100, 200):
        write_checkpoint(writer, step)
    writer.close()
    run = open_run(tmp_path)
    for step in (100, 0):  # the first step is what the others are compared with
        file = tmp_path / "plugins" / "attnviz" / run.checkpoint(step).file
        file.write_bytes(file.read_bytes()[:200])
        found = measured(run.recorded, MemoryStore(), lambda done, total: None)
        assert np.isnan(found.get("share/alike")[1]).all()
        assert np.isfinite(found.get("share/alike")[2]).all()
        assert np.isnan(found.get("share/moved")[2]).all() == (step == 0)


def test_figures_that_cannot_be_read_cost_their_step_and_are_told(logs: Path, cache: Path) -> None:
    writer = RunWriter(str(logs / "run"))
    writer.write_health(250, {"previous": np.full(HEADS, np.inf, np.float32)})
    writer.close()
    ask = asking(load(logs))
    answers = [ask("findings", run="run", step=step) for step in (250, 200)]
    assert [answer.status_code for answer in answers] == [200, 200]
    assert answers[0].json["heads"] == answers[1].json["heads"]  # type: ignore[index]
    [entry] = ask("runs").json["runs"]  # type: ignore[index]
    sentence = "the figures of step 250 in figures-000003.events cannot be read: 'previous' is infinite"
    assert sentence in str(entry["damaged"])
    run = open_run(logs / "run")
    assert [one.kind for one in run.findings(250)] == [one.kind for one in run.findings(200)]
    assert [sentence in said for said in run.damaged] == [True]


def test_small_maps_that_are_damaged_are_told_with_what_is_found_without_them(tmp_path: Path) -> None:
    writer = RunWriter(str(tmp_path))
    writer.begin(0, PROBE, LAYERS)
    for step in (0, 100):
        write_checkpoint(writer, step)
        writer.write_health(step, {"entropy": np.full(HEADS, 0.5, np.float32)}, maps=maps_of(step))
    writer.close()
    path = sorted((tmp_path / "plugins" / "attnviz-figures" / "maps").iterdir())[1]
    path.write_bytes(path.read_bytes()[:-1] + b"?")
    run = open_run(tmp_path)
    run.findings()
    assert [f"the maps of step 100 in {path.name} cannot be read" in said for said in run.damaged] == [True]


@pytest.mark.parametrize("asked", ["address", "samples"])
def test_a_store_that_is_away_is_no_step_that_is_lost(logs: Path, monkeypatch: pytest.MonkeyPatch, asked: str) -> None:
    """Else what is measured meanwhile would lack it for good."""

    def away(self: RecordedLayer) -> None:
        raise UnreachableError("no answer")

    run = open_run(logs / "run")
    monkeypatch.setattr(RecordedLayer, asked, away)
    with pytest.raises(UnreachableError):
        measured(run.recorded, MemoryStore(), lambda done, total: None)
