"""Order is told by the run's own counter: no clock, no host, no loader changes it."""

import shutil
import time
from pathlib import Path

import pytest
from tensorboard.compat.proto.event_pb2 import Event, SessionLog

from tb_attnviz.events import EventLog, Order, ProbeRecord, RunWriter, Sequence
from tb_attnviz.events.order import samples_name, step_and_order
from tb_attnviz.events.records import frame, read_records
from tests.conftest import LAYERS, PROBE, make_samples, write_checkpoint
from tests.plugin.conftest import asking
from tests.plugin.conftest import load as load_plugin

OTHER_PROBE = ProbeRecord((*PROBE.sequences[:2], Sequence(("one", "two", "four"))))  # as many tokens


def start(directory: Path, step: int, probe: ProbeRecord = PROBE) -> RunWriter:
    writer = RunWriter(str(directory))
    writer.begin(step, probe, LAYERS)
    return writer


def test_names_tell_step_and_order() -> None:
    assert step_and_order(samples_name(-3, Order(2, 31), "0123abcd")) == (-3, Order(2, 31))
    assert step_and_order("samples-000000100-18ecc93c2873770a.events") == (100, Order(0, 0x18ECC93C2873770A))
    assert step_and_order("image-0123456789abcdef.png") is None


def test_a_clock_that_is_set_back_changes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    now = time.time()
    monkeypatch.setattr(time, "time", lambda: now + 3600)
    writer = start(tmp_path / "run", 0)
    write_checkpoint(writer, 0)
    monkeypatch.setattr(time, "time", lambda: now)
    write_checkpoint(writer, 100)
    monkeypatch.setattr(time, "time", lambda: now - 3600)
    again = start(tmp_path / "run", 100)  # on another host, whose clock is behind
    write_checkpoint(again, 100)
    write_checkpoint(again, 200)
    newest = EventLog(str(tmp_path / "run")).load()
    assert newest.steps == [0, 100, 200]
    assert newest.checkpoints[100].order > newest.checkpoints[0].order
    assert newest.checkpoints[100].order.start == 2
    [entry] = asking(load_plugin(tmp_path))("runs").json["runs"]
    assert (entry["steps"], len(entry["segments"])) == ([0, 100, 200], 1)


def test_two_starts_within_a_second_keep_their_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(time, "time", lambda: 1_800_000_000.0)
    for probe in (PROBE, OTHER_PROBE, PROBE, OTHER_PROBE):
        write_checkpoint(start(tmp_path / "run", 0, probe), 0)
    entry, *parts = asking(load_plugin(tmp_path))("runs").json["runs"]
    assert EventLog(str(tmp_path / "run")).load().probe == OTHER_PROBE
    assert (entry["probe"], len(entry["segments"])) == (OTHER_PROBE.fingerprint, 4)
    assert [part["probe"] for part in parts] == [PROBE.fingerprint, OTHER_PROBE.fingerprint, PROBE.fingerprint]


def test_a_clock_that_stands_still_costs_no_event_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(time, "time_ns", lambda: 1_800_000_000_000_000_000)
    for step in (0, 100, 200):
        writer = start(tmp_path, step)
        write_checkpoint(writer, step)
        writer.close()
    records = EventLog(str(tmp_path)).load()
    assert (records.steps, records.damaged) == ([0, 100, 200], {})


def test_a_summary_writers_purge_is_of_its_start_whatever_its_file_is_called(tmp_path: Path) -> None:
    """As where the clock was set back, or of the tenth and the ninth file of a process within a second."""
    first = start(tmp_path, 0)
    for step in (0, 100, 200):
        write_checkpoint(first, step)
    first.close()
    [path] = tmp_path.glob("*tfevents*")
    path.rename(tmp_path / "z.tfevents")
    second = start(tmp_path, 100)
    write_checkpoint(second, 100)
    second.close()
    [path] = tmp_path.glob("events*tfevents*")
    session = Event(step=100, wall_time=1, session_log=SessionLog(status=SessionLog.START))
    version, *events = [data for _, data in read_records(str(path))]
    path.write_bytes(b"".join(map(frame, (version, session.SerializeToString(), *events))))
    assert EventLog(str(tmp_path)).load().steps == [0, 100]


def test_samples_never_get_the_tokens_of_another_probe(tmp_path: Path) -> None:
    first, second = start(tmp_path / "run", 0), start(tmp_path / "run", 0, OTHER_PROBE)
    for step in range(4):
        write_checkpoint((first, second)[step % 2], step)
    records = EventLog(str(tmp_path / "run")).load()
    assert [(segment.probe, segment.steps) for segment in records.segments] == [(PROBE, [0, 2]), (OTHER_PROBE, [1, 3])]


def test_a_probe_that_is_lost_costs_its_checkpoints_and_no_others(tmp_path: Path) -> None:
    write_checkpoint(start(tmp_path, 0), 0)
    write_checkpoint(start(tmp_path, 100, OTHER_PROBE), 100)
    [path] = [path for path in tmp_path.glob("*tfevents*") if b'"four"' in path.read_bytes()]
    events = [Event.FromString(data) for _, data in read_records(str(path))]
    path.write_bytes(b"".join(frame(e.SerializeToString()) for e in events if b'"four"' not in e.SerializeToString()))
    old, new = EventLog(str(tmp_path)).load().segments
    assert (old.probe, old.steps, new.probe, new.steps) == (PROBE, [0], None, [100])


def test_a_run_goes_on_with_the_counter_wherever_it_was_copied_to(tmp_path: Path) -> None:
    write_checkpoint(start(tmp_path / "here", 0), 0)
    shutil.copytree(tmp_path / "here", tmp_path / "there")
    write_checkpoint(start(tmp_path / "there", 100), 100)
    records = EventLog(str(tmp_path / "there")).load()
    assert [checkpoint.order.start for checkpoint in records.checkpoints.values()] == [1, 2]
    assert sorted(records.starts) == [1, 2]


def test_equal_samples_have_equal_digests(tmp_path: Path) -> None:
    digests = []
    for seed in (0, 0, 1):
        writer = start(tmp_path, 5)
        checkpoint = writer.write_checkpoint(5, [(layer, make_samples(layer, seed=seed)) for layer in LAYERS])
        digests.append(checkpoint.digest)
        assert EventLog(str(tmp_path)).load().checkpoints[5].digest == checkpoint.digest
    assert digests[0] == digests[1] != digests[2]
