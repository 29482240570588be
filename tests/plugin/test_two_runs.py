"""Two runs of one probe, asked of the plugin in this process with its real workers."""

import dataclasses
import io
import json
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import werkzeug.test

import tb_attnviz
from tb_attnviz.events import Layer, ProbeRecord, RunWriter, Samples, Sequence
from tb_attnviz.plugin.plugin import AttnVizPlugin
from tests.conftest import LAYERS, PROBE, make_samples, write_checkpoint
from tests.plugin.conftest import Ask, asking, load

BIPLOT = {"projection": "biplot", "dims": 2, "layer": 1}


@pytest.fixture
def plugin(run_directory: Path, cache: Path) -> Iterator[AttnVizPlugin]:
    """Four runs: `run`, `seed` of the same probe, `partly` like that without the first layer, `stranger` of another."""
    for name, layers in (("seed", LAYERS), ("partly", (dataclasses.replace(LAYERS[1], number=1),))):
        writer = RunWriter(str(run_directory.parent / name))
        writer.write_probe(PROBE, step=0)
        for step in (0, 120):
            writer.write_checkpoint(step, [(layer, make_samples(layer, seed=step + 7)) for layer in layers])
        writer.close()
    stranger = RunWriter(str(run_directory.parent / "stranger"))
    tokens = tuple(dataclasses.replace(sequence, tokens=sequence.tokens[::-1]) for sequence in PROBE.sequences)
    stranger.write_probe(ProbeRecord(tokens), step=0)
    write_checkpoint(stranger, 0)
    stranger.close()
    plugin = load(run_directory.parent)
    yield plugin
    plugin._jobs.close()


def test_runs_with_the_same_probe_say_so(ask: Ask) -> None:
    probes = {entry["run"]: entry["probe"] for entry in ask("runs").json["runs"]}
    assert probes["run"] == probes["seed"] != probes["stranger"]


def test_points_of_a_run_in_the_frame_of_another(ask: Ask, plugin: AttnVizPlugin, run_directory: Path) -> None:
    run, seed = (tb_attnviz.open_run(run_directory.parent / name) for name in ("run", "seed"))
    query = {"run": "seed", "in_frame_of": "run", "step": 120, **BIPLOT}
    answer = ask("points", **query)
    shown = np.load(io.BytesIO(answer.data))
    assert shown.shape == (6, 36, 2)
    np.testing.assert_array_equal(shown[4], seed.project("biplot", 1, 4, in_frame_of=run)[1])
    assert ask("points", headers={"If-None-Match": answer.headers["ETag"]}, **query).status_code == 304
    own = ask("points", run="seed", step=120, headers={"If-None-Match": answer.headers["ETag"]}, **BIPLOT)
    assert own.status_code == 200, "its own picture is another one"
    earlier = np.load(io.BytesIO(ask("points", frame=100, **query).data))
    assert not np.array_equal(earlier, shown), "frame is about the steps of the other run"
    client = werkzeug.test.Client(plugin.get_plugin_apps()["/points"])
    subset = json.dumps({"points": [0, 5, 20]})
    while (some := client.post("/points", query_string={**query, "head": 4}, data=subset)).status_code == 202:
        time.sleep(0.02)
    assert np.load(io.BytesIO(some.data)).shape == (1, 3, 2)


def test_a_run_that_recorded_some_layers_is_shown_in_the_frame_of_those(ask: Ask) -> None:
    """The only layer of `partly` is the second one of `run`, and drawn as that of `seed`, of the same samples."""
    query = {**BIPLOT, "in_frame_of": "run", "step": 120}
    partly, seed = (
        ask("points", run=name, **{**query, "layer": layer}) for name, layer in (("partly", 0), ("seed", 1))
    )
    assert partly.data == seed.data
    framed = {**BIPLOT, "in_frame_of": "partly", "step": 100}
    assert ask("points", run="run", **{**framed, "layer": 1}).status_code == 200
    refused = ask("points", run="run", **{**framed, "layer": 0})
    assert refused.status_code == 400
    assert refused.json["error"] == "layer 0, blocks.0.attention, was not recorded in the other run"


def test_a_run_in_its_own_frame_is_as_without(ask: Ask) -> None:
    answer = ask("points", run="run", step=100, **BIPLOT)
    again = ask(
        "points", run="run", in_frame_of="run", step=100, headers={"If-None-Match": answer.headers["ETag"]}, **BIPLOT
    )
    assert again.status_code == 304


def test_layers_that_attend_among_other_tokens_are_not_compared(tmp_path: Path, cache: Path) -> None:
    """As many heads of as many dimensions, of the same probe: their points are of other tokens all the same."""
    probe = ProbeRecord((Sequence(("ein", "Hund"), key_tokens=Sequence(("a", "dog", "barks"))),))
    rng = np.random.default_rng(0)
    for name, side, keys in (("own", "tokens", 2), ("across", "key_tokens", 3)):
        writer = RunWriter(str(tmp_path / name))
        writer.write_probe(probe, step=0)
        layer = Layer("attention", 2, 2, 4, 0.5, causal=False, keys_of=side)  # type: ignore[arg-type]
        arrays = (rng.normal(size=(2, n, 4)).astype(np.float32) for n in (2, keys))
        writer.write_checkpoint(0, [(layer, Samples(*arrays))])
        writer.close()
    plugin = load(tmp_path)
    ask = asking(plugin)
    for route, query in (
        ("change", {"step": 0, "since": 0, "layer": 0, "against": "across"}),
        ("points", {**BIPLOT, "step": 0, "layer": 0, "in_frame_of": "across"}),
    ):
        answer = ask(route, run="own", **query)
        assert answer.status_code == 400, answer.json
        assert "layer 0, attention, attends among other tokens in this run" in answer.json["error"]
    plugin._jobs.close()


def test_trust_is_told_of_a_run_in_the_frame_of_another(ask: Ask) -> None:
    query = {"run": "seed", "in_frame_of": "run", "step": 120, "previous": 0, "head": 4, **BIPLOT}
    document = ask("trust", **query).json
    assert document["motion"]["previous"] == 0
    assert 0 < document["trustworthiness"] <= 1
    assert document != ask("trust", **{**query, "in_frame_of": "seed"}).json


@pytest.mark.parametrize(
    ("asked", "status", "sentence"),
    [
        (
            {"in_frame_of": "stranger"},
            400,
            "the two runs were recorded with different probe sequences (as many, but others)",
        ),
        ({"in_frame_of": "nobody"}, 404, "no run 'nobody' with attention records"),
        ({"step": 100}, 404, "no step 100: the run has 2 steps from 0 to 120"),
        ({"frame": -1}, 404, "no frame -1: the first step of the run is 0"),
    ],
)
def test_bad_input_gets_one_sentence(ask: Ask, asked: dict[str, object], status: int, sentence: str) -> None:
    for route in ("points", "trust"):
        answer = ask(route, **{"run": "seed", "in_frame_of": "run", "step": 120, "head": 0, **BIPLOT, **asked})
        assert (answer.status_code, sentence in answer.json["error"]) == (status, True), answer.json


def test_change_and_similarity_are_those_of_open_run(ask: Ask, run_directory: Path) -> None:
    run, seed = (tb_attnviz.open_run(run_directory.parent / name) for name in ("run", "seed"))
    for route, query, expected in (
        ("change", {"run": "run", "step": 300, "since": 100, "layer": 1}, run.change(300, 100, 1)),
        (
            "change",
            {"run": "seed", "step": 120, "since": 0, "layer": 1, "against": "run"},
            seed.change(120, 0, 1, against=run),
        ),
        ("similarity", {"run": "run", "step": 200}, run.similarity(200)),
        ("similarity", {"run": "run", "step": 200, "measure": "cka"}, run.similarity(200, "cka")),
        ("similarity", {"run": "run", "step": 100, "head": 7}, run.similarity(100)[7]),
        ("head_order", {"run": "run", "step": 200}, np.argsort(run.head_order(200))),
    ):
        answer = ask(route, **query)
        shown = np.load(io.BytesIO(answer.data))
        assert shown.dtype == np.float32
        np.testing.assert_array_equal(shown, expected)
        assert ask(route, headers={"If-None-Match": answer.headers["ETag"]}, **query).status_code == 304
        restarted = load(run_directory.parent)
        assert asking(restarted)(route, once=True, priority=2, **query).data == answer.data, "from the disk"


@pytest.mark.parametrize(
    ("route", "asked", "status", "sentence"),
    [
        ("change", {"since": None}, 400, "the parameter 'since' is missing"),
        ("change", {"since": 50}, 404, "no step 50: the run has 4 steps from 0 to 300"),
        ("change", {"layer": 2}, 404, "no layer 2: the run has layers 0 to 1"),
        ("change", {"layer": -1}, 404, "no layer -1: the run has layers 0 to 1"),
        ("change", {"against": "stranger"}, 400, "the two runs were recorded with different probe sequences"),
        ("change", {"priority": 3}, 400, "the parameter 'priority' must be one of 0, 1, 2, not '3'"),
        ("similarity", {"step": 50}, 404, "no step 50"),
        ("similarity", {"head": 10}, 404, "no head 10: the run has heads 0 to 9"),
        ("head_order", {"step": 50}, 404, "no step 50"),
        ("similarity", {"measure": "js"}, 400, "the parameter 'measure' must be one of attention, cka, not 'js'"),
    ],
)
def test_comparisons_that_there_are_not(
    ask: Ask, route: str, asked: dict[str, object], status: int, sentence: str
) -> None:
    query = {"run": "run", "step": 300, "since": 0, "layer": 0, **asked}
    answer = ask(route, **{name: value for name, value in query.items() if value is not None})
    assert (answer.status_code, sentence in answer.json["error"]) == (status, True), answer.json
