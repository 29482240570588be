"""No flipped bit is silent, whoever reads the event file, and whether or not that one looks at its checksums."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from google.protobuf.message import DecodeError
from tensorboard.compat.proto.event_pb2 import Event

from tb_attnviz.events import Alert, AlertRecord, EventLog, FormatError, ProbeRecord, Records, RunWriter, read_samples
from tb_attnviz.events.records import CorruptRecordError, frame, read_records
from tb_attnviz.run import Run, readable
from tests.conftest import LAYERS, PROBE, write_checkpoint

NUMBER_OF_BITS = 8


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """Documents of every kind."""
    one = RunWriter(str(tmp_path / "measured"))
    size = write_checkpoint(one, 0) or sum(p.stat().st_size for p in (tmp_path / "measured/plugins/attnviz").iterdir())
    writer = RunWriter(str(tmp_path / "run"), max_bytes=4 * size)
    writer.begin(0, PROBE, LAYERS)
    for step in range(0, 600, 100):
        write_checkpoint(writer, step)
        if step == 300:
            alert = Alert(300, "max_logit", "max_logit", True, 100.0, "large logits", ())
            writer.write_alerts(AlertRecord(300, (alert,), active=1))
    writer.close()
    return tmp_path / "run"


def shown(records: Records) -> Any:
    """All that a run shows of its documents."""
    return [(s.probe, s.layers, s.checkpoints, sorted(s.recorded), s.alerts) for s in records.segments]


@pytest.mark.parametrize("stride", [pytest.param(5, marks=pytest.mark.full), 31])  # bytes: every one takes a minute
@pytest.mark.parametrize("file", ["*tfevents*", "plugins/attnviz-figures/figures-*"])
def test_no_flip_in_an_event_is_silent(run: Path, file: str, stride: int) -> None:
    """As the fast loader would hand it over, which looks at no checksum of a record: that is made to fit again."""
    [path] = run.glob(file)
    events = [data for _, data in read_records(str(path))]
    right = shown(EventLog(str(run)).load())
    silent, told = [], 0
    for number, data in enumerate(events):
        if b"crc32c" not in data:
            continue
        for at in range(number % stride, len(data), stride):
            flipped = data[:at] + bytes([data[at] ^ 1 << at % NUMBER_OF_BITS]) + data[at + 1 :]
            path.write_bytes(b"".join(frame(e) for e in (*events[:number], flipped, *events[number + 1 :])))
            try:
                records = EventLog(str(run)).load()
                readable(Run(str(run), lambda records=records: records)).probe  # noqa: B018
            except (FormatError, LookupError, DecodeError):
                told += 1  # the run is listed with the reason
                continue
            if records.damaged:
                told += 1
            elif shown(records) != right:
                silent.append((number, at))
    assert not silent
    assert told > 1000 / stride


def test_a_flip_costs_its_own_step_alone(run: Path) -> None:
    [path] = run.glob("*tfevents*")
    records = EventLog(str(run)).load()
    lost, *others = records.steps
    events = [data for _, data in read_records(str(path))]
    number = next(
        n for n, data in enumerate(events) if b'"document":"checkpoint"' in data and Event.FromString(data).step == lost
    )
    events[number] = events[number].replace(b'"offset"', b'"offsit"')
    path.write_bytes(b"".join(map(frame, events)))
    damaged = EventLog(str(run)).load()
    assert damaged.steps == others
    assert damaged.damaged_checkpoints == {
        lost: f"the checkpoint document is damaged: its checksum does not match (step {lost}, {path.name})"
    }


def test_samples_of_another_step_are_not_taken_for_these(run: Path) -> None:
    checkpoints = list(EventLog(str(run)).load().checkpoints.values())
    first, last = checkpoints[0], checkpoints[-1]
    samples = run / "plugins" / "attnviz"
    (samples / first.file).write_bytes((samples / last.file).read_bytes())
    with pytest.raises(CorruptRecordError, match="other samples than those of this checkpoint"):
        read_samples(str(run), first.file, first.locations[0])
    assert np.isfinite(read_samples(str(run), last.file, last.locations[0]).queries).all()


def test_labels_are_covered_too(tmp_path: Path) -> None:
    writer = RunWriter(str(tmp_path))
    writer.begin(0, ProbeRecord(PROBE.sequences), LAYERS)
    [path] = tmp_path.glob("*tfevents*")
    events = [data.replace(b"NOUN", b"VERB") for _, data in read_records(str(path))]
    path.write_bytes(b"".join(map(frame, events)))
    records = EventLog(str(tmp_path)).load()
    assert records.probe is None
    assert list(records.damaged) == [("probe", 0)]
