"""TFRecord frames: equal to TensorBoard's own, whole records only, damage noticed."""

import os
import struct
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tensorboard.backend.event_processing.event_file_loader import RawEventFileLoader
from tensorboard.summary.writer.record_writer import RecordWriter

from tb_attnviz.events.records import CorruptRecordError, TornRecordError, frame, read_records, unframe


@given(st.binary(max_size=300))
def test_unframe_undoes_frame(data: bytes) -> None:
    assert unframe(frame(data)) == data


def test_frames_are_those_of_tensorboards_own_writer(tmp_path: Path) -> None:
    path = tmp_path / "records"
    with path.open("wb") as file:
        writer = RecordWriter(file)
        writer.write(b"first")
        writer.write(b"second" * 100)
        writer.flush()
        assert path.read_bytes() == frame(b"first") + frame(b"second" * 100)


def test_tensorboard_reads_our_records(tmp_path: Path) -> None:
    path = tmp_path / "events.out.tfevents.1"
    path.write_bytes(frame(b"one") + frame(b"two"))
    assert list(RawEventFileLoader(str(path)).Load()) == [b"one", b"two"]


@given(st.lists(st.binary(max_size=40), min_size=1, max_size=5), st.data())
def test_a_torn_tail_costs_the_last_record_only(
    tmp_path_factory: pytest.TempPathFactory, payloads: list[bytes], data: st.DataObject
) -> None:
    path = tmp_path_factory.mktemp("torn") / "records"
    whole = b"".join(frame(payload) for payload in payloads[:-1])
    last = frame(payloads[-1])
    path.write_bytes(whole + last[: data.draw(st.integers(0, len(last) - 1))])
    assert [payload for _, payload in read_records(str(path))] == payloads[:-1]


def test_reading_goes_on_where_it_stopped(tmp_path: Path) -> None:
    path = tmp_path / "records"
    path.write_bytes(frame(b"one"))
    [(offset, _)] = read_records(str(path))
    path.write_bytes(frame(b"one") + frame(b"two"))
    assert [payload for _, payload in read_records(str(path), offset)] == [b"two"]


@pytest.mark.parametrize("position", [0, 8, 12, -1])
def test_damage_is_noticed(tmp_path: Path, position: int) -> None:
    record = bytearray(frame(b"payload"))
    record[position] ^= 1
    (tmp_path / "records").write_bytes(bytes(record) + frame(b"next"))
    with pytest.raises(CorruptRecordError):
        list(read_records(str(tmp_path / "records")))
    with pytest.raises(CorruptRecordError):
        unframe(bytes(record))


def test_a_record_that_is_cut_short_says_so() -> None:
    with pytest.raises(TornRecordError):
        unframe(frame(b"payload")[:-1])


def test_a_record_that_no_event_could_fill_is_passed_over(tmp_path: Path) -> None:
    path = tmp_path / "records"
    length = struct.pack("<Q", 2**31)
    path.write_bytes(length + frame(length)[-4:])  # a header that is right, and then nothing but zeros
    os.truncate(path, 12 + 2**31 + 4)
    with path.open("ab") as file:
        file.write(frame(b"next"))
    damaged: list[int] = []
    assert [data for _, data in read_records(str(path), on_damage=damaged.append)] == [b"next"]
    assert damaged == [0]
