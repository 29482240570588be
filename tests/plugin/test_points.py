"""Points over HTTP: whole layers, one head, some points alone; in frames of many steps or one."""

import dataclasses
import io
import json
from pathlib import Path

import numpy as np
import pytest

import tb_attnviz
from tb_attnviz.projection import fit_frame
from tests.plugin.conftest import Client, one_server


def test_points_are_those_of_open_run(client: Client, run: str, logdir: Path) -> None:
    expected = tb_attnviz.open_run(logdir / "run").project("pca", 1, 5, dims=3)
    shown = client.array("points", run=run, step=200, layer=1, projection="pca", dims=3)
    assert shown.shape == (6, 36, 3)
    np.testing.assert_allclose(shown[5], expected[2], atol=1e-5)


def test_a_frame_says_which_steps_it_was_fitted_to(client: Client, run: str, logdir: Path) -> None:
    shown = client.array("points", run=run, step=300, layer=0, projection="biplot", dims=2, frame=0)
    source = tb_attnviz.open_run(logdir / "run").layer_samples(0)
    expected = fit_frame(source, [0]).points(source, 300, "biplot", 2)
    np.testing.assert_allclose(shown, expected, atol=1e-5)


def test_one_head_is_the_same_as_among_all_heads(client: Client, run: str) -> None:
    address = {"run": run, "step": 200, "layer": 1, "projection": "pca", "dims": 2}
    one = client.array("points", **address, head=5)
    np.testing.assert_array_equal(one, client.array("points", **address)[5:6])


def test_a_frame_of_its_newest_step_alone(client: Client, run: str, logdir: Path) -> None:
    shown = client.array("points", run=run, step=100, layer=0, projection="biplot", dims=2, frame=250, fit="newest")
    opened = tb_attnviz.open_run(logdir / "run")
    expected = fit_frame(opened.layer_samples(0), [200]).points(opened.layer_samples(0), 100, "biplot", 2)
    np.testing.assert_allclose(shown, expected, atol=1e-5)


@pytest.mark.parametrize("content_type", ["application/json", "text/plain;charset=UTF-8"])
def test_some_points_are_projected_alone(client: Client, run: str, logdir: Path, content_type: str) -> None:
    address = {"run": run, "step": 100, "layer": 0, "projection": "biplot", "dims": 2, "head": 3}
    body = json.dumps({"points": [35, 0, 1, 2, 18, 19, 20, 0]}).encode()
    status, answer, _ = client.get("points", {"Content-Type": content_type}, body, **address)
    assert status == 200, answer
    alone = dataclasses.replace(tb_attnviz.open_run(logdir / "run").layer_samples(0), subset=(0, 1, 2, 18, 19, 20, 35))
    expected = fit_frame(alone, [0, 100, 200, 300]).points(alone, 100, "biplot", 2)[3:4]
    np.testing.assert_allclose(np.load(io.BytesIO(answer)), expected, atol=1e-5)


@one_server
@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        (b"", 'the body must be JSON like {"points": [0, 1, 5]}'),
        (b"\xff", "the body must be JSON like"),
        (b"[1, 2]", "with one point at least"),
        (b'{"points": []}', "with one point at least"),
        (b'{"points": "all"}', "with one point at least"),
        (b'{"points": [0, true]}', "true is not a whole number"),
        (b'{"points": [0, 1.5]}', "1.5 is not a whole number"),
        (b'{"points": [0, 36]}', "no point 36: a head has points 0 to 35, queries first"),
        (b'{"points": [-1]}', "no point -1"),
    ],
)
def test_points_that_there_are_not(client: Client, run: str, body: bytes, sentence: str) -> None:
    address = {"run": run, "step": 100, "layer": 0, "projection": "biplot", "dims": 2}
    status, answer, _ = client.get("points", None, body, **address, head=3)
    assert (status, sentence in json.loads(answer)["error"]) == (400, True), answer
    status, answer, _ = client.get("points", None, b'{"points": [0]}', **address)
    assert (status, json.loads(answer)["error"]) == (400, "the parameter 'head' is missing")


def test_only_points_take_a_post(client: Client, run: str) -> None:
    status, answer, _ = client.get("health", None, b"{}", run=run)
    assert (status, json.loads(answer)["error"]) == (400, "POST is not understood here: use GET")
