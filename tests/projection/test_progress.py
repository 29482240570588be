"""Progress through files: it never jumps back, and a stop is raised in the task."""

import threading
import time
from pathlib import Path

import pytest

from tb_attnviz.projection import progress
from tb_attnviz.projection.progress import Progress, ProgressFile, StoppedError


def test_what_is_reported_is_read_and_never_jumps_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(progress, "_SECONDS", 0)
    file = ProgressFile(tmp_path / "1")
    assert file.read() == Progress(0, 0)
    worker = threading.Thread(target=lambda: [file.report(done, 500) for done in range(1, 501)])
    worker.start()
    seen = []
    while worker.is_alive():
        seen.append(file.read().done)
    worker.join()
    assert seen == sorted(seen)
    assert file.read() == Progress(500, 500)
    file.remove()
    assert list(tmp_path.iterdir()) == []


def test_reporting_often_costs_little(tmp_path: Path) -> None:
    file = ProgressFile(tmp_path / "1")
    begun = time.process_time()
    for done in range(10_000):
        file.report(done, 10_000)
    assert time.process_time() - begun < 0.5


def test_a_stop_is_raised_in_the_task(tmp_path: Path) -> None:
    file = ProgressFile(tmp_path / "1")
    file.stop()
    with pytest.raises(StoppedError):
        file.report(1, 2)
    file.remove()
    file.report(1, 2)


def test_where_nothing_can_be_written_the_work_goes_on(tmp_path: Path) -> None:
    file = ProgressFile(tmp_path / "gone" / "1")
    file.report(1, 2)
    file.stop()
    assert file.read() == Progress(0, 0)


def test_what_another_thread_reads_and_cannot_be_removed_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Windows forbids it; whoever removes the files goes on."""

    def unlink(path: Path, missing_ok: bool = False) -> None:
        raise PermissionError(13, "The process cannot access the file because it is being used by another process")

    file = ProgressFile(tmp_path / "1")
    file.report(1, 2)
    monkeypatch.setattr(Path, "unlink", unlink)
    file.remove()
    assert file.read() == Progress(1, 2)
