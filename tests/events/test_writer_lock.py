"""A second training in one directory is told of the first; what a first one left behind is no false alarm."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tb_attnviz.events import EventLog, RunWriter
from tb_attnviz.events.writer_lock import WriterLock
from tests.conftest import LAYERS, PROBE, write_checkpoint

HOLD = """
import os, sys, time
from tb_attnviz.events.writer_lock import WriterLock
lock = WriterLock(sys.argv[1])
if "fork" in sys.argv and os.fork() == 0:  # as a data loader's worker, which outlives its parent for a while
    os.setsid()
    time.sleep(60)
print(os.getpid(), flush=True)
time.sleep(60)
"""


def hold(directory: Path, *how: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", HOLD, directory, *how], stdout=subprocess.PIPE, text=True, start_new_session=True
    )


def test_another_process_is_named_and_forgotten_once_it_was_killed(tmp_path: Path) -> None:
    with hold(tmp_path) as process:
        assert process.stdout
        assert int(process.stdout.readline()) == process.pid
        assert WriterLock(str(tmp_path)).other == f"process {process.pid} on this machine"
        process.send_signal(signal.SIGKILL)
    assert WriterLock(str(tmp_path)).other is None


def test_a_worker_that_outlives_a_killed_training_is_no_training(tmp_path: Path) -> None:
    before = set(os.listdir("/proc"))
    with hold(tmp_path, "fork") as process:
        assert process.stdout
        assert process.stdout.readline()
        assert WriterLock(str(tmp_path)).other is not None
        process.send_signal(signal.SIGKILL)
        process.wait()
        try:
            lock = WriterLock(str(tmp_path))
            assert lock.other is None
            assert WriterLock(str(tmp_path)).other == "this process"
            lock.close()
        finally:
            for pid in set(os.listdir("/proc")) - before:
                if pid.isdecimal() and str(tmp_path).encode() in command_line(pid):
                    os.kill(int(pid), signal.SIGKILL)


def command_line(pid: str) -> bytes:
    try:
        return Path("/proc", pid, "cmdline").read_bytes()
    except OSError:
        return b""


def test_two_writers_in_one_process_are_told_and_one_after_the_other_is_not(tmp_path: Path) -> None:
    first = RunWriter(str(tmp_path))
    assert first.other_writer is None
    assert RunWriter(str(tmp_path)).other_writer == "this process"
    first.close()
    assert RunWriter(str(tmp_path)).other_writer is None


@pytest.mark.parametrize("turns", [(0, 1), (1, 0), (0, 0, 1)])
def test_a_quota_holds_for_two_writers_together(tmp_path: Path, turns: tuple[int, ...]) -> None:
    samples = tmp_path / "run" / "plugins" / "attnviz"
    alone = RunWriter(str(tmp_path / "measured"))
    write_checkpoint(alone, 100)
    one = sum(path.stat().st_size for path in (tmp_path / "measured" / "plugins" / "attnviz").iterdir())
    writers = [RunWriter(str(tmp_path / "run"), max_bytes=8 * one + 100) for _ in range(2)]
    for writer in writers:
        writer.begin(0, PROBE, LAYERS)
    for step in range(0, 6000, 100):
        write_checkpoint(writers[turns[step // 100 % len(turns)]], step)
        assert sum(path.stat().st_size for path in samples.iterdir()) <= 8 * one + 100
    records = EventLog(str(tmp_path / "run")).load()
    assert {checkpoint.file for checkpoint in records.checkpoints.values()} == {path.name for path in samples.iterdir()}


def test_a_link_in_its_place_leads_nowhere(tmp_path: Path) -> None:
    (tmp_path / "precious").write_text("precious")
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "writer.lock").symlink_to(tmp_path / "precious")
    lock = WriterLock(str(tmp_path / "run"))
    assert lock.other is None
    lock.close()
    assert (tmp_path / "precious").read_text() == "precious"
