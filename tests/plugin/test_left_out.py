"""Samples that are gone or damaged cost their own step: all others are drawn, and what is left out is named."""

from pathlib import Path

import numpy as np
import pytest

import tb_attnviz
from tb_attnviz.events import DamagedFileWarning
from tests.conftest import wait_until
from tests.plugin.conftest import Ask

BIPLOT = {"run": "run", "layer": 0, "projection": "biplot", "dims": 2}


def samples_file(run_directory: Path, step: int) -> Path:
    return run_directory / "plugins" / "attnviz" / tb_attnviz.open_run(run_directory).checkpoint(step).file


def flip(path: Path, offset: int) -> None:
    data = bytearray(path.read_bytes())
    data[offset] ^= 1
    path.write_bytes(data)


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_lost_file_costs_its_step_alone(ask: Ask, run_directory: Path, when: str) -> None:
    """Also where TensorBoard has seen it: another process thins a run while somebody looks at it."""
    path = samples_file(run_directory, 100)
    if when == "after":
        assert ask("points", step=100, head=0, **BIPLOT).status_code == 200
    path.unlink()
    for step in (0, 200, 300):
        assert ask("points", step=step, **BIPLOT).status_code == 200
    assert ask("trust", step=300, head=0, previous=200, **BIPLOT).status_code == 200
    assert ask("points", step=100, **BIPLOT).status_code == 404
    [entry] = ask("runs").json["runs"]
    assert (entry["steps"], entry["error"]) == ([0, 200, 300], None)
    assert entry["damaged"] == ["step 100 is left out: its samples are gone from the log directory"]
    for route, more in (("points", {"projection": "pca", "dims": 2}), ("attention", {"head": 0, "sequence": 0})):
        answer = ask(route, run="run", step=100, layer=0, **more)
        assert (answer.status_code, answer.json["error"]) == (404, entry["damaged"][0])


def test_a_damaged_layer_of_a_step_costs_itself_alone(ask: Ask, run_directory: Path) -> None:
    run = tb_attnviz.open_run(run_directory)
    path, whole = samples_file(run_directory, 100), samples_file(run_directory, 100).read_bytes()
    flip(path, run.checkpoint(100).locations[0].offset + 200)
    for step in (0, 200, 300):
        assert ask("points", step=step, **BIPLOT).status_code == 200
    [entry] = ask("runs").json["runs"]
    assert entry["steps"] == [0, 100, 200, 300]
    [sentence] = entry["damaged"]
    assert sentence.startswith("step 100 is left out in layer 0: its samples are damaged")
    answer = ask("points", step=100, **BIPLOT)
    assert (answer.status_code, answer.json["error"]) == (404, sentence)
    assert ask("points", step=100, **{**BIPLOT, "layer": 1}).status_code == 200
    path.write_bytes(whole)  # it was still being copied
    wait_until(lambda: ask("points", step=100, **BIPLOT).status_code == 200, seconds=60)


def test_the_picture_is_that_of_a_run_without_the_step(run_directory: Path, tmp_path: Path) -> None:
    samples_file(run_directory, 100).unlink()
    run = tb_attnviz.open_run(run_directory)
    assert run.steps == [0, 200, 300]
    found = run.project("biplot", 0, 1)
    del run.records.checkpoints[100]
    np.testing.assert_array_equal(found, run.project("biplot", 0, 1))


def test_open_run_names_what_it_leaves_out(run_directory: Path) -> None:
    run = tb_attnviz.open_run(run_directory)
    flip(samples_file(run_directory, 300), run.checkpoint(300).locations[1].offset + 200)
    with pytest.warns(DamagedFileWarning, match="step 300 cannot be read: its samples are damaged"):
        assert run.project("tsne", 1, 2).shape[0] == 3
    assert run.damaged[0].startswith("step 300 is left out in layer 1: its samples are damaged")
    assert run.project("pca", 0, 2).shape[0] == 4
    with pytest.raises(tb_attnviz.NotRecordedError, match="step 300 is left out in layer 1"):
        run.attention(300, 1, 0, 0)


def test_a_file_that_changes_is_tried_again(run_directory: Path) -> None:
    path = samples_file(run_directory, 200)
    whole = path.read_bytes()
    path.write_bytes(whole[:100])  # it is still being copied
    run = tb_attnviz.open_run(run_directory)
    with pytest.warns(DamagedFileWarning, match="step 200 cannot be read"):
        run.project("pca", 0, 0)
    path.write_bytes(whole)
    run.left_out._looked = -100.0  # some seconds later
    assert run.project("pca", 0, 0).shape[0] == 4
    path.unlink()
    run.reload()
    assert run.steps == [0, 100, 300]
    path.write_bytes(whole)
    run.left_out._looked = -100.0
    assert run.steps == [0, 100, 200, 300]


def test_a_run_whose_samples_are_all_gone_keeps_its_health(ask: Ask, run_directory: Path) -> None:
    for path in (run_directory / "plugins" / "attnviz").glob("samples-*"):
        path.unlink()
    [entry] = ask("runs").json["runs"]
    assert (entry["steps"], len(entry["damaged"]), entry["error"]) == ([], 4, None)
    assert ask("health", run="run").json["steps"] == [0, 100, 200, 300]
    assert ask("points", step=100, **BIPLOT).status_code == 404
    answer = ask("connections", run="run", layer=0, head=0)
    assert (
        answer.json["error"]
        == "there is nothing to show: step 300 is left out: its samples are gone from the log directory"
    )
