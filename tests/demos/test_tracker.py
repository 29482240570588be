"""The figures of a run in wandb, offline."""

from pathlib import Path

import numpy as np
import pytest

import tb_attnviz


@pytest.mark.full
def test_wandb_is_told_the_figures_of_each_recording(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from demo import tracker

    monkeypatch.setenv("WANDB_SILENT", "true")
    last = tracker.main(tmp_path, steps=20)
    run = tb_attnviz.open_run(tmp_path / "run")
    assert run.health_steps == [0, 10, 20]
    assert last["trainer/global_step"] == 20
    assert last["attnviz/entropy/mean"] == pytest.approx(np.nanmean(run.health()["entropy"][-1]), rel=1e-6)
    [written] = tmp_path.glob("wandb/offline-run-*/*.wandb")
    assert written.read_bytes().count(b"attnviz/entropy/mean") >= 3
