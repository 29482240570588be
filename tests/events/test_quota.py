"""A quota on the samples: a log-spaced set of steps keeps them, the others are known to be gone."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tb_attnviz.events import EventLog, Order, RunWriter
from tb_attnviz.events.order import samples_name
from tb_attnviz.events.quota import KeptFile, Quota, thin
from tests.conftest import LAYERS, PROBE, write_checkpoint


def samples_files(steps, size=10):
    return [KeptFile(step, Order(1, count), f"samples-{step:09d}-00.events", size) for count, step in enumerate(steps)]


def steps_left(files, most):
    return [file.step for file in thin(files, most)]


def test_nothing_goes_while_there_is_room():
    assert steps_left(samples_files([0, 100, 200]), 30) == [0, 100, 200]


def test_powers_of_two_are_what_stays_of_all_steps():
    """Removing the smallest gap in log(step) first leaves gaps of alike ratio: here by hand, from 1 to 8 in 4."""
    assert steps_left(samples_files([1, 2, 3, 4, 5, 6, 7, 8]), 40)[0] == 1
    assert steps_left(samples_files([1, 2, 3, 4, 5, 6, 7, 8]), 40)[-1] == 8
    assert steps_left(samples_files([0, 100, 101, 200]), 30) == [0, 100, 200]


def test_what_is_superseded_goes_first():
    old, new = KeptFile(100, Order(1, 90), "b.events", 10), KeptFile(100, Order(2, 1), "a.events", 10)
    first, last = samples_files([0, 200])
    assert thin([new, old, first, last], 30) == [first, new, last]


def test_a_quota_for_one_keeps_the_newest():
    assert steps_left(samples_files([0, 100, 200]), 15) == [200]


def test_the_step_that_was_just_written_stays():
    """Of 102, beside 100 and 200, the neighbours lie nearest."""
    files = samples_files([0, 100, 102, 200])
    assert [file.step for file in thin(files, 30)] == [0, 100, 200]
    assert [file.step for file in thin(files, 30, newest=102)] == [0, 102, 200]
    assert [file.step for file in thin(files, 10, newest=102)] == [102]
    assert [file.step for file in thin(files, 10, newest=0)] == [0]


def test_what_a_start_has_purged_goes_first(tmp_path: Path, one: int) -> None:
    """Training goes on from 500 another way; what lay behind it no reader shows."""
    writer = RunWriter(str(tmp_path), max_bytes=12 * one)
    writer.begin(0, PROBE, LAYERS)
    for step in range(0, 1100, 100):
        write_checkpoint(writer, step)
    writer.close()
    writer = RunWriter(str(tmp_path), max_bytes=12 * one, purge_step=500)
    writer.begin(500, PROBE, LAYERS)
    for step in (500, 510, 520, 530):
        write_checkpoint(writer, step)
    assert EventLog(str(tmp_path)).load().steps == [0, 100, 200, 300, 400, 500, 510, 520, 530]
    assert len([*(tmp_path / "plugins" / "attnviz").iterdir()]) == 9


def test_a_file_that_another_start_is_writing_has_no_size_yet(tmp_path: Path) -> None:
    theirs, own = (tmp_path / samples_name(step, Order(start, 1), "ab") for step, start in ((100, 1), (200, 2)))
    theirs.write_bytes(b"0" * 5)
    own.write_bytes(b"0" * 10)
    quota = Quota(40, str(tmp_path), str(tmp_path / "maps"))
    (tmp_path / "maps").mkdir()
    assert quota.thin(Order(2, 1)) is None
    theirs.write_bytes(b"0" * 35)
    thinned = quota.thin(Order(2, 1))
    assert thinned is not None
    assert thinned.paths == [str(theirs)]


@given(st.lists(st.integers(0, 10**7), min_size=1, max_size=60, unique=True), st.integers(2, 20))
def test_it_fits_and_keeps_the_first_and_the_newest(steps, count):
    left = steps_left(samples_files(steps), 10 * count)
    assert len(left) == min(count, len(steps))
    assert left == sorted(left)
    assert {min(steps), max(steps)} <= set(left)


def test_a_long_run_stays_log_spaced_while_it_grows():
    """Gaps in log(step) are within a factor of what an even spacing would have, whenever one looks."""
    left: list[KeptFile] = []
    for step in range(1, 3001):
        left.append(*samples_files([step]))
        if len(left) == 24:
            left = thin(left, 18 * 10)
        if step > 200:
            gaps = np.diff(np.log1p([file.step for file in left]))
            assert gaps.max() < 2.5 * np.log(step) / 18


def bytes_of_samples(directory: Path) -> int:
    return sum(path.stat().st_size for path in (directory / "plugins" / "attnviz").iterdir())


@pytest.fixture
def one(tmp_path: Path) -> int:
    """Bytes of one checkpoint."""
    writer = RunWriter(str(tmp_path / "measured"))
    write_checkpoint(writer, 100)
    return bytes_of_samples(tmp_path / "measured")


def test_samples_never_take_more_and_health_is_kept(tmp_path: Path, one: int) -> None:
    writer = RunWriter(str(tmp_path), max_bytes=8 * one + 100)
    writer.begin(0, PROBE, LAYERS)
    for step in range(0, 4000, 100):
        write_checkpoint(writer, step)
        assert bytes_of_samples(tmp_path) <= 8 * one + 100
    records = EventLog(str(tmp_path)).load()
    assert 5 <= len(records.steps) <= 8
    assert {0, 3900} <= set(records.steps)
    assert records.newest.health_steps == list(range(0, 4000, 100))
    on_disk = {path.name for path in (tmp_path / "plugins" / "attnviz").iterdir()}
    assert {checkpoint.file for checkpoint in records.checkpoints.values()} == on_disk


def test_a_restart_counts_what_lies_there(tmp_path: Path, one: int) -> None:
    for start in (0, 1000):
        writer = RunWriter(str(tmp_path), max_bytes=8 * one + 100)
        writer.begin(start, PROBE, LAYERS)
        for step in range(start, start + 1500, 100):
            write_checkpoint(writer, step)
            assert bytes_of_samples(tmp_path) <= 8 * one + 100
        writer.close()
    records = EventLog(str(tmp_path)).load()
    on_disk = {path.name for path in (tmp_path / "plugins" / "attnviz").iterdir()}
    assert {checkpoint.file for checkpoint in records.checkpoints.values()} == on_disk
    assert {0, 2400} <= set(records.steps)
