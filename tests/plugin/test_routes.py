"""The routes, asked over HTTP of a real TensorBoard: both its loaders, a path prefix, several log directories."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import werkzeug.test

import tb_attnviz
from tb_attnviz.events import EventLog, ProbeRecord, RunWriter
from tests.conftest import LAYERS, PROBE, make_samples, serving, wait_until, write_checkpoint, write_run
from tests.plugin.conftest import Client, asking, fetch, load, one_server, steps


def test_the_tab_is_offered(client: Client) -> None:
    status, body, _ = fetch(f"{client.address}/data/plugins_listing", {})
    listed = json.loads(body)["attnviz"]
    assert status == 200
    assert listed["enabled"]
    assert listed["tab_name"] == "Attention"
    assert listed["loading_mechanism"]["type"] == "IFRAME"


def test_runs(client: Client) -> None:
    [entry] = client.json("runs")["runs"]
    assert entry["steps"] == [0, 100, 200, 300]
    assert [layer["heads"] for layer in entry["layers"]] == [4, 6]
    assert [layer["number"] for layer in entry["layers"]] == [0, 1]
    assert entry["layers"][0]["head_numbers"] == [0, 1, 2, 3]
    assert (entry["layers"][0]["queries"], entry["layers"][0]["keys"]) == (18, 18)
    assert (entry["layers"][0]["attends"], entry["layers"][0]["query_grid"]) == ("self", None)
    assert entry["segments"] == [{"steps": [0, 100, 200, 300], "layers": 2, "heads": 10, "sequences": 3}]
    assert (entry["sequences"], entry["queries"], entry["keys"]) == (3, 18, 18)
    assert entry["figures"] == ["entropy", "max_logit"]
    assert entry["probe"] == PROBE.fingerprint
    assert entry["error"] is None


def test_probe(client: Client, run: str) -> None:
    sequences = client.json("probe", run=run)["sequences"]
    assert [sequence["tokens"] for sequence in sequences] == [list(s.tokens) for s in PROBE.sequences]
    assert [sequence["repeat"] for sequence in sequences] == [None, {"start": 0, "period": 5}, None]
    assert sequences[0]["labels"] == {
        "part of speech": ["DET", "NOUN", "VERB", "ADJ", "ADV"],
        "year": [1, 2, "NaN", 4, 5],
    }
    assert sequences[1]["labels"] == {}


def test_jobs_are_listed_beside_the_size_of_the_cache(client: Client, run: str) -> None:
    client.array("points", run=run, step=0, layer=0, projection="biplot", dims=2)
    wait_until(lambda: not client.json("jobs")["jobs"], seconds=60)
    cache = client.json("jobs")["cache"]
    assert 0 < cache["bytes"] < cache["limit"] == 4 * 2**30


@pytest.mark.parametrize("sequence", [1, "mean"])
def test_attention_is_that_of_open_run(client: Client, run: str, logdir: Path, sequence: Any) -> None:
    expected = tb_attnviz.open_run(logdir / "run").attention(100, 1, 4, sequence)
    np.testing.assert_allclose(
        client.array("attention", run=run, step=100, layer=1, head=4, sequence=sequence), expected, atol=1e-6
    )


def test_point_figures_are_those_of_open_run(client: Client, run: str, logdir: Path) -> None:
    opened = tb_attnviz.open_run(logdir / "run")
    for layer, figure in ((0, "norm"), (1, "entropy")):
        shown = client.array("point_figures", run=run, step=200, layer=layer, figure=figure)
        np.testing.assert_allclose(shown, opened.point_figure(200, layer, figure), atol=1e-6)


def test_health_keeps_what_is_not_finite(client: Client, run: str) -> None:
    health = client.json("health", run=run)
    assert health["steps"] == [0, 100, 200, 300]
    assert health["heads"] == [4, 6]
    assert health["figures"]["max_logit"][0] == ["Infinity"] * 10
    assert health["figures"]["entropy"][1][0] == pytest.approx(0.9)


def test_health_since_a_step(client: Client, run: str) -> None:
    whole = client.json("health", run=run)
    for since, first in ((-1, 0), (0, 1), (150, 2), (300, 4)):
        later = client.json("health", run=run, since=since)
        assert later["steps"] == whole["steps"][first:]
        assert later["figures"] == {figure: values[first:] for figure, values in whole["figures"].items()}
        assert later["heads"] == whole["heads"]
        assert later["digest"] == whole["digest"]
    assert client.json("health", run=run, since=300, known=whole["digest"])["steps"] == []
    assert client.json("health", run=run, since=300, known="what a restart has written over") == whole


def test_alerts(client: Client, run: str) -> None:
    assert client.json("alerts", run=run)["alerts"] == [
        {
            "step": 100,
            "rule": "max_logit",
            "figure": "max_logit",
            "raised": True,
            "limit": 100,
            "sentence": "max_logit is ∞",
            "heads": [{"layer": 1, "head": 2, "value": "Infinity"}],
            "beyond": "above",
        }
    ]


def test_an_etag_saves_the_second_answer(client: Client, run: str) -> None:
    for route, parameters in [
        ("runs", {}),
        ("points", {"step": 100, "layer": 0, "projection": "biplot", "dims": 2}),
        ("attention", {"step": 100, "layer": 0, "head": 0, "sequence": 0}),
        ("point_figures", {"step": 100, "layer": 0, "figure": "norm"}),
    ]:
        status, _, headers = client.get(route, run=run, **parameters)
        assert status == 200
        for tag in (headers["ETag"], f"W/{headers['ETag']}"):  # a proxy that compresses makes it a weak one
            status, body, again = client.get(route, {"If-None-Match": tag}, run=run, **parameters)
            assert (status, body) == (304, b"")
        assert again["Content-Type"] == headers["Content-Type"]  # TensorBoard warns of every answer without one


@one_server
@pytest.mark.parametrize(
    ("route", "parameters", "status", "sentence"),
    [
        ("probe", {"run": None}, 400, "the parameter 'run' is missing"),
        ("probe", {"run": "other"}, 404, "no run 'other' with attention records; there are: "),
        ("points", {"step": "x"}, 400, "the parameter 'step' must be a whole number, not 'x'"),
        ("points", {"step": 150}, 404, "no step 150: the run has 4 steps from 0 to 300"),
        ("points", {"layer": 7}, 404, "no layer 7: the run has layers 0 to 1"),
        ("points", {"frame": -50}, 404, "no frame -50: the first step of the run is 0"),
        ("points", {"projection": "mds"}, 400, "must be one of biplot, pca, tsne, umap, attention, not 'mds'"),
        ("points", {"dims": 4}, 400, "'dims' must be one of 2, 3, not 4"),
        ("points", {"head": 4}, 404, "no head 4: layer 0 has heads 0 to 3"),
        ("points", {"perplexity": 1}, 400, "'perplexity' must lie between 2 and 500, not 1.0"),
        ("points", {"min_dist": "near"}, 400, "the parameter 'min_dist' must be a number, not 'near'"),
        ("points", {"min_dist": "nan"}, 400, "'min_dist' must lie between 0 and 1, not nan"),
        ("points", {"normalise": "no"}, 400, "'normalise' must be one of canonical, paper, not 'no'"),
        ("points", {"fit": "some"}, 400, "the parameter 'fit' must be one of all, newest, not 'some'"),
        ("points", {"priority": 3}, 400, "the parameter 'priority' must be one of 0, 1, 2, not '3'"),
        ("trust", {"head": None}, 400, "the parameter 'head' is missing"),
        ("trust", {"previous": 50}, 404, "no step 50: the run has 4 steps from 0 to 300"),
        ("trust", {"previous": 0}, 400, "the parameter 'previous' must be a step before 0, not 0"),
        ("health", {"since": "now"}, 400, "the parameter 'since' must be a whole number, not 'now'"),
        ("attention", {"head": 4}, 404, "no head 4: layer 0 has heads 0 to 3"),
        ("attention", {"sequence": 3}, 404, "no sequence 3: the probe has sequences 0 to 2"),
        ("attention", {"sequence": "all"}, 400, "must be a whole number or 'mean', not 'all'"),
        ("point_figures", {"figure": None}, 400, "the parameter 'figure' is missing"),
        ("point_figures", {"figure": "length"}, 400, "'figure' must be one of norm, max_logit, entropy, "),
        ("point_figures", {"layer": 7, "figure": "norm"}, 404, "no layer 7: the run has layers 0 to 1"),
        ("image", {}, 404, "sequence 0 has no image: it is of the kind 'text'"),
        ("image", {"sequence": 3}, 404, "no sequence 3: the probe has sequences 0 to 2"),
        ("static/..%2Frecompute.py", {}, 404, "no static file '../recompute.py'"),
        ("static/..%2F..%2Fpyproject.toml", {}, 404, "no static file"),
        ("static/%2Fetc%2Fpasswd", {}, 404, "no static file '/etc/passwd'"),
        ("static/..", {}, 404, "no static file '..'"),
        ("static/recompute.py%00", {}, 404, "no static file"),
        ("static/" + 9000 * "x", {}, 404, "no static file 'xxx"),
        ("points", {"step": "9" * 5000}, 400, "the parameter 'step' must be a whole number, not '999"),
        ("points", {"seed": 10**30}, 400, "the parameter 'seed' must be a whole number"),
        ("points", {"run": "x" * 9000}, 404, "no run 'xxx"),
        ("points", {"projection": "\x1b" * 9000}, 400, "'projection' must be one of biplot, pca, tsne, umap"),
    ],
)
def test_bad_input_gets_one_sentence(
    client: Client, run: str, logdir: Path, route: str, parameters: dict[str, Any], status: int, sentence: str
) -> None:
    good = {"run": run, "step": 0, "layer": 0, "head": 0, "sequence": 0, "projection": "biplot", "dims": 2}
    asked = {name: value for name, value in {**good, **parameters}.items() if value is not None}
    answered, body, _ = client.get(route, **asked)
    assert answered == status
    error = json.loads(body)["error"]
    assert sentence in error
    assert len(error) < 500
    assert str(logdir) not in error


def test_a_static_file_is_sent_once(logdir: Path) -> None:
    plugin = load(logdir)
    client = werkzeug.test.Client(plugin.get_plugin_apps()["/static/*"])
    assert client.get("/static/none.js").status_code == 404
    assert not plugin._jobs.listing(), "what is not there starts nothing"
    first = client.get("/static/index.js")
    assert (first.status_code, len(first.data) > 0) == (200, True)
    wait_until(lambda: any(worker.begun for worker in plugin._jobs._workers), seconds=60)
    assert asking(plugin)("jobs").json["jobs"] == []  # type: ignore[index]
    again = client.get("/static/index.js", headers={"If-None-Match": first.headers["ETag"]})
    assert (again.status_code, again.data) == (304, b"")


def test_readers_of_runs_that_are_gone_are_let_go(logdir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    plugin = load(logdir)
    assert len(asking(plugin)("runs").json["runs"]) == 1  # type: ignore[index]
    assert len(plugin._runs._readers) == 1
    monkeypatch.setattr(plugin._runs, "_listing", lambda *_: {})
    assert asking(plugin)("runs").json["runs"] == []  # type: ignore[index]
    assert not plugin._runs._readers


def test_what_static_names_must_not_reach_is_there() -> None:
    assert Path(tb_attnviz.__file__).with_name("recompute.py").is_file()


@pytest.mark.parametrize("loader", ["--load_fast=false", "--load_fast=true"])
def test_a_live_run_grows_and_a_broken_one_says_why(
    tmp_path: Path, loader: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    live = RunWriter(str(tmp_path / "live"))
    live.write_probe(PROBE, step=0)
    write_checkpoint(live, 0)
    newer = RunWriter(str(tmp_path / "newer"))
    monkeypatch.setattr("tb_attnviz.events.documents.VERSION", 99)
    newer.write_probe(PROBE, step=0)
    monkeypatch.undo()
    with serving(loader, f"--logdir={tmp_path}") as address:
        client = Client(address)
        wait_until(lambda: len(client.json("runs")["runs"]) == 2, seconds=60)
        entries = {entry["run"]: entry for entry in client.json("runs")["runs"]}
        assert entries["live"]["steps"] == [0]
        assert "recorded in format version 99; this tb-attnviz reads versions 1 and 2" in entries["newer"]["error"]
        old = client.array("points", run="live", step=0, layer=0, projection="biplot", dims=2, frame=0)
        write_checkpoint(live, 100)
        wait_until(lambda: client.json("runs")["runs"][0]["steps"] == [0, 100], seconds=60)
        new = client.array("points", run="live", step=0, layer=0, projection="biplot", dims=2, frame=0)
        np.testing.assert_array_equal(new, old)
        assert client.array("points", run="live", step=100, layer=0, projection="biplot", dims=2, frame=0).any()


def test_more_checkpoints_than_tensorboard_keeps_by_default_or_is_told_to(tmp_path: Path) -> None:
    write_run(tmp_path, range(25))
    assert EventLog(str(tmp_path)).load().steps == list(range(25))
    with serving("--load_fast=false", "--samples_per_plugin=attnviz=3", f"--logdir={tmp_path}") as address:
        client = Client(address)
        wait_until(lambda: client.json("runs")["runs"], seconds=60)
        [entry] = client.json("runs")["runs"]
        assert entry["run"] == "."
        assert entry["steps"] == list(range(25))
        assert client.array("points", run=".", step=24, layer=0, projection="biplot", dims=2).shape == (4, 36, 2)


@pytest.mark.parametrize("loader", [pytest.param("--load_fast=false", marks=pytest.mark.full), "--load_fast=true"])
def test_thinned_steps_are_not_shown_and_earlier_segments_are_runs_of_their_own(tmp_path: Path, loader: str) -> None:
    writer = RunWriter(str(tmp_path / "old"))
    writer.begin(0, ProbeRecord(PROBE.sequences[:1]), LAYERS[:1])
    writer.write_health(0, {"gone": np.zeros(4, np.float32)})
    writer.write_checkpoint(0, [(LAYERS[0], make_samples(LAYERS[0], seed=0))])
    size = sum(path.stat().st_size for path in (tmp_path / "old" / "plugins" / "attnviz").iterdir())
    writer = RunWriter(str(tmp_path / "old"), max_bytes=12 * size)
    writer.begin(10, PROBE, LAYERS)
    for step in range(10, 200, 10):
        write_checkpoint(writer, step)
    expected = tb_attnviz.open_run(tmp_path / "old")
    assert len(expected.steps) < 10
    with serving(loader, f"--logdir={tmp_path}") as address:
        client = Client(address)
        wait_until(lambda: steps(client) == expected.steps, seconds=60)
        entry, part = client.json("runs")["runs"]
        assert (entry["run"], entry["part_of"]) == ("old", None)
        assert [segment["steps"] for segment in entry["segments"]] == [[0], expected.steps]
        assert [segment["heads"] for segment in entry["segments"]] == [4, 10]
        assert entry["figures"] == ["entropy", "max_logit"]
        assert client.json("health", run="old")["steps"] == list(range(10, 200, 10))
        gone = next(step for step in range(10, 200, 10) if step not in expected.steps)
        status, body, _ = client.get("points", run="old", step=gone, layer=0, projection="biplot", dims=2)
        assert (status, json.loads(body)["error"]) == (
            404,
            f"no step {gone}: the run has {len(expected.steps)} steps from 10 to 190",
        )
        points = client.array("points", run="old", step=190, layer=0, projection="biplot", dims=2, frame=gone)
        assert points.shape == (4, 36, 2), "a client may have begun with a frame whose step was thinned since"
        assert (part["run"], part["part_of"], part["steps"], part["sequences"]) == ("old, part 1", "old", [0], 1)
        assert client.json("health", run="old, part 1")["figures"] == {"gone": [[0, 0, 0, 0]]}
        assert [len(one["tokens"]) for one in client.json("probe", run="old, part 1")["sequences"]] == [5]
        status, body, _ = client.get("probe", run="old, part 2")
        assert (status, json.loads(body)["error"][:31]) == (404, "no run 'old, part 2' with atten")
