"""Writing in the background: bounded, in order, and no error of it is lost."""

import os
import threading

import pytest
import torch

from tb_attnviz.callbacks import Probe
from tb_attnviz.callbacks.capture import Recording
from tb_attnviz.callbacks.writing import BackgroundWriter
from tb_attnviz.events import AlertRecord

RECORDING = Recording((), (), {}, {})
ALERTS = AlertRecord(0, (), 0)
PROBE = Probe(torch.zeros(1, 2, dtype=torch.long), [["a", "b"]])


class Disk:
    """Stands for a RunWriter: writes when it is let, fails at the steps it is told to."""

    def __init__(self, *, failing=(), without_figures=()):
        self.without_figures = without_figures
        self.let = threading.Semaphore(0)
        self.begun = threading.Semaphore(0)
        self.failing = failing
        self.written = []
        self.beginnings = []
        self.alerts = 0
        self.closed = False

    def begin(self, step, probe, layers, *, images):
        self.beginnings.append(step)

    def write_health(self, step, figures, *, maps, arrays):
        if step in self.without_figures:
            raise OSError(28, f"No space left on device for figures of step {step}")
        self.begun.release()
        assert self.let.acquire(timeout=60)

    def write_alerts(self, record):
        assert record is ALERTS
        self.alerts += 1

    def write_checkpoint(self, step, layers):
        if step in self.failing:
            raise OSError(28, f"No space left on device for step {step}")
        self.written.append(step)

    def close(self):
        self.closed = True


def let(disk, count):
    for _ in range(count):
        disk.let.release()


def test_writes_in_order_and_close_waits():
    disk = Disk()
    before = threading.active_count()
    writer = BackgroundWriter(disk, PROBE)
    for step in (3, 1, 2):
        writer.write(step, RECORDING, ALERTS)
    assert disk.written == [], "writing is not done on this thread"
    timer = threading.Timer(0.1, let, (disk, 3))
    timer.start()
    writer.close()
    timer.join()
    assert disk.written == [3, 1, 2]
    assert disk.closed
    assert disk.beginnings == [3], "readers are told of the probe and the layers once, where they begin"
    assert threading.active_count() == before


def test_a_disk_slower_than_training_makes_training_wait():
    disk = Disk()
    writer = BackgroundWriter(disk, PROBE)
    training = threading.Thread(target=lambda: [writer.write(step, RECORDING, ALERTS) for step in range(10)])
    training.start()
    assert disk.begun.acquire(timeout=60)  # step 0 is being written
    training.join(timeout=0.3)
    assert training.is_alive(), "ten recordings must not all wait in memory"
    let(disk, 10)
    training.join(timeout=60)
    writer.close()
    assert disk.written == list(range(10))


def test_an_error_loses_its_own_step_only_and_is_told_once():
    disk = Disk(failing={1, 2})
    let(disk, 4)
    writer = BackgroundWriter(disk, PROBE)
    for step in range(4):
        writer.write(step, RECORDING, ALERTS)
    writer.close()
    assert disk.written == [0, 3]
    error = writer.take_error()
    with pytest.raises(OSError, match="No space left on device for step 1"):
        raise error
    assert writer.take_error() is None


def test_alerts_are_written_where_figures_are_not():
    disk = Disk(without_figures={1})
    writer = BackgroundWriter(disk, PROBE)
    writer.write(1, RECORDING, ALERTS)
    writer.close()
    assert (disk.alerts, disk.written) == (1, [])
    assert "figures of step 1" in str(writer.take_error())


def test_an_error_at_exit_is_warned_of():
    """Nobody asks for it any more."""
    disk = Disk(failing={1})
    let(disk, 1)
    writer = BackgroundWriter(disk, PROBE)
    writer.write(1, RECORDING, ALERTS)
    with pytest.warns(RuntimeWarning, match="was not written: OSError: .* for step 1"):
        writer._close_at_exit()


def test_another_process_leaves_the_run_alone(monkeypatch):
    """One that was forked has neither the thread nor what it was about to write."""
    disk = Disk()
    writer = BackgroundWriter(disk, PROBE)
    with monkeypatch.context() as forked:
        forked.setattr(os, "getpid", lambda: -1)
        writer.close()
        with pytest.raises(RuntimeError, match=r"step 1 was not written: .* process"):
            writer.write(1, RECORDING, ALERTS)
        writer.flush()
    assert not disk.closed
    let(disk, 1)
    writer.write(2, RECORDING, ALERTS)
    writer.close()
    assert (disk.closed, disk.written) == (True, [2])


def test_closing_twice_is_fine():
    disk = Disk()
    writer = BackgroundWriter(disk, PROBE)
    writer.close()
    writer.close()
    assert (disk.closed, disk.written, writer.take_error()) == (True, [], None)


def test_what_comes_after_closing_is_refused_and_flush_returns():
    writer = BackgroundWriter(Disk(), PROBE)
    writer.close()
    with pytest.raises(RuntimeError, match="step 7 was not written: the run was closed"):
        writer.write(7, RECORDING, ALERTS)
    writer.flush()
