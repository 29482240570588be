"""A run's directory that is removed, emptied or copied in part while, or before, a training writes to it."""

import shutil
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pytest

import tb_attnviz
from tb_attnviz.events import Order, RunWriter
from tests.conftest import LAYERS, PROBE, write_checkpoint


@pytest.mark.parametrize("removed", ["", "plugins", "plugins/attnviz", "plugins/attnviz-figures"])
def test_what_is_recorded_later_is_saved_again(tmp_path: Path, removed: str) -> None:
    writer = RunWriter(str(tmp_path / "run"))
    writer.begin(0, PROBE, LAYERS)
    write_checkpoint(writer, 0)
    shutil.rmtree(tmp_path / "run" / removed)
    for step in (100, 200):
        write_checkpoint(writer, step)
    assert RunWriter(str(tmp_path / "run")).other_writer == "this process"
    writer.close()
    run = tb_attnviz.open_run(tmp_path / "run")
    assert run.steps[-2:] == [100, 200]
    assert run.health_steps[-2:] == [100, 200]
    assert (run.probe, run.layers) == (PROBE, LAYERS)
    assert run.samples(200, 1).queries.shape == (6, 18, 8)
    assert len(run.segments) == 1


def test_a_run_that_was_copied_without_its_figures_goes_on_behind_what_it_has(tmp_path: Path) -> None:
    writer = RunWriter(str(tmp_path))
    writer.begin(0, PROBE, LAYERS)
    for step in (0, 100):
        write_checkpoint(writer, step)
    writer.close()
    shutil.rmtree(tmp_path / "plugins" / "attnviz-figures")
    again = RunWriter(str(tmp_path))
    again.begin(100, PROBE, LAYERS)
    write_checkpoint(again, 100)
    run = tb_attnviz.open_run(tmp_path)
    assert run.steps == [0, 100]
    assert run.damaged == ["figures-000001.events is missing, empty or damaged: its figures are left out"]
    assert run.checkpoint(100).order == Order(2, 3)
    assert run.health_steps == [100]


def test_another_training_after_all_but_the_event_file_was_removed_has_its_own_figures(tmp_path: Path) -> None:
    for steps in ((0, 100), (0, 100, 200)):
        shutil.rmtree(tmp_path / "plugins", ignore_errors=True)
        writer = RunWriter(str(tmp_path))
        writer.begin(0, PROBE, LAYERS)
        for step in steps:
            write_checkpoint(writer, step)
        writer.close()
    run = tb_attnviz.open_run(tmp_path)
    assert run.steps[-1] == 200
    assert run.health_steps == [0, 100, 200]


@pytest.mark.parametrize("steps", [(0, 50), range(0, 1000, 50)], ids=["shorter", "longer"])
def test_a_run_that_was_made_again_is_read_anew(run_directory: Path, steps: Iterable[int]) -> None:
    run = tb_attnviz.open_run(run_directory)
    shutil.rmtree(run_directory)
    writer = RunWriter(str(run_directory))
    writer.begin(0, PROBE, LAYERS)
    for step in steps:
        write_checkpoint(writer, step)
    writer.close()
    run.reload()
    assert run.steps == run.health_steps == list(steps)
    assert run.damaged == []
    assert np.isfinite(run.health()["entropy"]).all()


def test_samples_without_their_event_files_are_told_from_nothing_at_all(run_directory: Path) -> None:
    next(run_directory.glob("*tfevents*")).unlink()
    with pytest.raises(tb_attnviz.NotRecordedError, match="its event files are gone, which name its samples"):
        tb_attnviz.open_run(run_directory)
