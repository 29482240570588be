"""A run's event files: live, torn, restarted, from another version; never the samples in TensorBoard's memory."""

import json
import os
import warnings
from pathlib import Path

import numpy as np
import pytest
from tensorboard.backend.event_processing import event_accumulator
from tensorboard.compat.proto.event_pb2 import Event, SessionLog

import tb_attnviz
from tb_attnviz.events import (
    Alert,
    AlertedHead,
    AlertRecord,
    DamagedFileWarning,
    EventLog,
    Order,
    ProbeRecord,
    RunWriter,
    Sequence,
    VersionError,
    summaries,
)
from tb_attnviz.events.documents import dump
from tb_attnviz.events.records import frame, read_records
from tb_attnviz.events.said import read_document
from tb_attnviz.events.schema import Checkpoint
from tests.conftest import LAYERS, PROBE, write_checkpoint


def event_file(directory: Path) -> Path:
    [path] = directory.glob("*tfevents*")
    return path


def test_everything_comes_back(run_directory: Path) -> None:
    records = EventLog(str(run_directory)).load()
    assert records.probe == PROBE
    assert records.steps == [0, 100, 200, 300]
    assert records.checkpoints[200].layers == LAYERS
    np.testing.assert_allclose(records.health["entropy"][100], np.linspace(1, 0.1, 10) - 0.1, rtol=1e-6)
    assert np.isinf(records.health["max_logit"][0]).all()


def test_a_live_run_grows(writer: RunWriter, tmp_path: Path) -> None:
    log = EventLog(str(tmp_path / "run"))
    assert log.load().steps == []
    write_checkpoint(writer, 0)
    assert log.load().steps == [0]
    write_checkpoint(writer, 100)
    assert log.load().steps == [0, 100]


def test_a_torn_tail_costs_the_last_record_only(run_directory: Path) -> None:
    for path in (event_file(run_directory), run_directory / "plugins" / "attnviz-figures" / "figures-000001.events"):
        path.write_bytes(path.read_bytes()[:-10])
    records = EventLog(str(run_directory)).load()
    assert records.steps == [0, 100, 200, 300]
    assert sorted(records.health["entropy"]) == [0, 100, 200]
    assert not records.damaged


@pytest.mark.parametrize("junk", [bytes(4096), bytes(12), b"\xff" * 100, b"x" * 13])
def test_what_precedes_zeros_or_junk_is_read_and_so_is_the_next_file(run_directory: Path, junk: bytes) -> None:
    with event_file(run_directory).open("ab") as file:
        file.write(junk)
    later = RunWriter(str(run_directory))
    later.begin(400, PROBE, LAYERS)
    write_checkpoint(later, 400)
    later.close()
    log = EventLog(str(run_directory))
    with pytest.warns(DamagedFileWarning, match=r"events\.out\.tfevents.* is damaged at its end"):
        assert log.load().steps == [0, 100, 200, 300, 400]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        log.load()  # it is warned of once


def test_a_damaged_record_costs_itself_alone(run_directory: Path) -> None:
    path = event_file(run_directory)
    data = path.read_bytes()
    path.write_bytes(data.replace(b'"step":100,', b'"step":900,'))
    with pytest.warns(DamagedFileWarning, match="what was recorded there is left out"):
        records = EventLog(str(run_directory)).load()
    assert records.steps == [0, 200, 300]
    assert records.damaged_checkpoints == {100: "the checkpoint document of step 100 is damaged or missing"}


@pytest.mark.parametrize("bad", [b"\xff", bytes(300)], ids=["a length", "zeros over two records"])
def test_a_record_whose_length_is_damaged_costs_no_later_one(run_directory: Path, bad: bytes) -> None:
    path = event_file(run_directory)
    data = path.read_bytes()
    at = next(end for end, record in read_records(str(path)) if b'"step":0,' in record and b"checkpoint" in record)
    path.write_bytes(data[:at] + bad + data[at + len(bad) :])
    with pytest.warns(DamagedFileWarning, match="what was recorded there is left out"):
        assert EventLog(str(run_directory)).load().steps[-2:] == [200, 300]


def test_what_is_no_file_is_left_out(run_directory: Path) -> None:
    os.mkfifo(run_directory / "events.out.tfevents.0.fifo")  # to open it would wait for a writer
    (run_directory / "events.out.tfevents.1.directory").mkdir()
    (run_directory / "events.out.tfevents.2.device").symlink_to("/dev/zero")
    with pytest.warns(DamagedFileWarning) as caught:
        assert EventLog(str(run_directory)).load().steps == [0, 100, 200, 300]
    kinds = ("a fifo", "a directory", "a device")
    assert all(f"is {kind}: it is not read" in str(one.message) for kind, one in zip(kinds, caught, strict=True))


def test_an_event_file_that_was_copied_beside_itself_is_no_damage(run_directory: Path) -> None:
    path = event_file(run_directory)
    path.with_name(f"{path.name}.copy").write_bytes(path.read_bytes())
    records = EventLog(str(run_directory)).load()
    assert records.steps == [0, 100, 200, 300]
    assert records.damaged == {}


def test_a_step_written_twice_counts_as_its_latest(writer: RunWriter, tmp_path: Path) -> None:
    write_checkpoint(writer, 100)
    first = EventLog(str(tmp_path / "run")).load().checkpoints[100].file
    write_checkpoint(writer, 100)
    second = EventLog(str(tmp_path / "run")).load().checkpoints[100].file
    assert first != second
    assert (tmp_path / "run" / "plugins" / "attnviz" / second).exists()


def test_a_restart_with_purge_step_forgets_what_came_after(run_directory: Path) -> None:
    restart = Event(step=150, wall_time=1, session_log=SessionLog(status=SessionLog.START))
    with event_file(run_directory).open("ab") as file:
        file.write(frame(restart.SerializeToString()))
    records = EventLog(str(run_directory)).load()
    assert records.steps == [0, 100]
    assert sorted(records.health["entropy"]) == [0, 100]


def test_alerts_come_back_in_order_and_go_with_a_restart(run_directory: Path, writer: RunWriter) -> None:
    first, second = (
        Alert(step, "max_logit", "max_logit", raised, 100, "…", (AlertedHead(0, 3, 132.0),))
        for step, raised in ((100, True), (200, False))
    )
    writer.write_alerts(AlertRecord(200, (second,), active=0))
    writer.write_alerts(AlertRecord(100, (first,), active=1))
    assert tb_attnviz.open_run(run_directory).alerts == [first, second]
    writer.write_health(200, {"entropy": np.ones(10, np.float32)})  # recorded again: it counts as its latest
    writer.write_alerts(AlertRecord(200, (), active=1))
    records = EventLog(str(run_directory)).load()
    assert tb_attnviz.open_run(run_directory).alerts == [first]
    restart = Event(step=100, wall_time=1, session_log=SessionLog(status=SessionLog.START))
    with event_file(run_directory).open("ab") as file:
        file.write(frame(restart.SerializeToString()))
    assert 100 in records.alerts
    assert not EventLog(str(run_directory)).load().alerts


def test_the_time_series_tab_has_the_number_of_alerts(run_directory: Path, writer: RunWriter) -> None:
    for step, active in ((0, 0), (100, 4)):
        writer.write_alerts(AlertRecord(step, (), active=active))
    accumulator = event_accumulator.EventAccumulator(str(run_directory)).Reload()
    assert [scalar.value for scalar in accumulator.Scalars("attnviz/alerts")] == [0, 4]


@pytest.mark.parametrize("kind", ["probe", "checkpoint", "alert", "layers", "kept"])
def test_an_unknown_version_names_both(kind: str) -> None:
    with pytest.raises(VersionError, match=r"version 99; this tb-attnviz reads versions 1 and 2"):
        read_document(kind, json.dumps({"version": 99}), 0, 0)


def test_documents_survive_any_token() -> None:
    probe = ProbeRecord((Sequence(("␠", "\n", '"', "\ud7ff", "\ud800", "\ufffe", "😀", "")),))
    text = dump("probe", probe.to_content(), order=Order(1, 2), step=3)
    assert read_document("probe", text, 0, 3).content == probe


def test_tensorboard_holds_the_small_things_and_not_the_samples(run_directory: Path) -> None:
    accumulator = event_accumulator.EventAccumulator(str(run_directory)).Reload()
    tensors = set(accumulator.Tags()["tensors"])
    assert tensors == {"attnviz/probe", "attnviz/checkpoint"}
    assert "attnviz/entropy/mean" in accumulator.Tags()["scalars"]
    size = sum(len(tensor.tensor_proto.SerializeToString()) for tag in tensors for tensor in accumulator.Tensors(tag))
    samples = sum(path.stat().st_size for path in (run_directory / "plugins" / "attnviz").iterdir())
    assert size < 4_000 < samples


def test_health_scalars_pass_over_heads_without_the_figure() -> None:
    figures = {"induction": np.array([0.2, np.nan, 0.6], np.float32), "absent": np.full(2, np.nan, np.float32)}
    assert summaries.aggregates(figures) == pytest.approx(
        {"attnviz/induction/mean": 0.4, "attnviz/induction/min": 0.2, "attnviz/induction/max": 0.6}
    )


def test_the_time_series_tab_has_means_and_the_worst_of_what_tells_trouble() -> None:
    figures = {name: np.array([1, 3], np.float32) for name in ("induction", "entropy", "max_logit")}
    event = summaries.aggregates_event(figures, step=1, wall_time=0)
    assert {value.tag: value.simple_value for value in event.summary.value} == {
        "attnviz/induction/mean": 2,
        "attnviz/entropy/mean": 2,
        "attnviz/entropy/min": 1,
        "attnviz/max_logit/mean": 2,
        "attnviz/max_logit/max": 3,
    }


def test_layers_recorded_before_there_were_soft_caps_have_none() -> None:
    layer = {"name": "a", "heads": 4, "kv_heads": 4, "head_dim": 8, "scale": 0.5, "causal": True}
    entry = {**layer, "offset": 0, "length": 1}
    capped = {**entry, "softcap": 50.0}
    text = json.dumps({"version": 1, "step": 0, "file": "samples-0-0.events", "layers": [entry, capped]})
    document = read_document("checkpoint", text, 0, 0).content
    assert [found.softcap for found in Checkpoint.from_document(document).layers] == [None, 50.0]
