"""Long work of a server's thread gives way; what is no server's does not."""

import time
from pathlib import Path

import pytest

from tb_attnviz import turns
from tb_attnviz.events import RunWriter
from tb_attnviz.run import open_run
from tests.conftest import LAYERS, PROBE, write_checkpoint
from tests.plugin.conftest import asking, load

STEPS = 20


@pytest.fixture
def pauses(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Of a thread that is always found to have been busy."""
    found: list[float] = []
    monkeypatch.setattr(turns, "_BUSY_SECONDS", -1)
    monkeypatch.setattr(time, "sleep", found.append)
    return found


def test_a_list_of_runs_gives_way_at_each_record_and_a_notebook_never(tmp_path: Path, pauses: list[float]) -> None:
    writer = RunWriter(str(tmp_path / "run"))
    writer.begin(0, PROBE, LAYERS)
    for step in range(STEPS):
        write_checkpoint(writer, step)
    writer.close()
    assert open_run(tmp_path / "run").figure_rows.steps.size == STEPS
    assert pauses == []
    plugin = load(tmp_path)
    pauses.clear()
    assert asking(plugin)("runs").status_code == 200
    assert len(pauses) > 4 * STEPS  # documents and figures are read, put in order, and counted
