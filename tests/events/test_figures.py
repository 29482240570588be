"""Figures in files of their own: read on from where one stopped, a bad byte costs a step, TensorBoard holds none."""

import os
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tensorboard.backend.event_processing import event_accumulator

import tb_attnviz
from tb_attnviz.events import EventLog, FiguresLog, FormatError, Records, RunWriter, read_figures, records
from tb_attnviz.run import NotRecordedError
from tests.conftest import LAYERS, PROBE, wait_until, write_checkpoint


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """Three steps, whose values are the step."""
    writer = RunWriter(str(tmp_path))
    writer.begin(0, PROBE, LAYERS)
    for step in (0, 10, 20):
        writer.write_health(step, {"entropy": np.full(10, step, np.float32), "sink": np.full(10, -step, np.float32)})
    writer.close()
    return tmp_path


def figures_file(run: Path, start: int = 1) -> Path:
    return run / "plugins" / "attnviz-figures" / f"figures-{start:06d}.events"


def test_they_come_back(run: Path) -> None:
    health = tb_attnviz.open_run(run).health()
    np.testing.assert_array_equal(health["entropy"], np.repeat([[0], [10], [20]], 10, axis=1))
    np.testing.assert_array_equal(tb_attnviz.open_run(run).health([20, 0])["sink"], np.repeat([[-20], [0]], 10, axis=1))


def test_what_is_new_is_read_and_no_more(run: Path) -> None:
    log = FiguresLog(str(run))
    assert [said.kind for said in log.load()] == ["start", "layers", "figures", "figures", "figures", "end"]
    assert list(log.load()) == []
    writer = RunWriter(str(run))
    writer.write_health(30, {"entropy": np.zeros(10, np.float32)})
    assert [(said.kind, said.step) for said in log.load()] == [("start", 30), ("figures", 30)]
    with figures_file(run, 2).open("ab") as file:
        file.write(b"\x20\0\0\0\0\0\0\0")  # the beginning of a record
    assert list(log.load()) == []


def test_each_bad_byte_costs_its_step_and_is_told(run: Path) -> None:
    path = figures_file(run)
    whole = path.read_bytes()
    offsets = {said.step: said.content for said in FiguresLog(str(run)).load() if said.kind == "figures"}
    for at in range(offsets[10].offset, offsets[10].offset + offsets[10].length):
        path.write_bytes(whole[:at] + bytes([whole[at] ^ 4]) + whole[at + 1 :])
        read = tb_attnviz.open_run(run)
        assert read.health_steps == [0, 20], at
        np.testing.assert_array_equal(read.health()["entropy"][:, 0], [0, 20])
        [sentence] = read.damaged
        assert path.name in sentence


def test_a_record_that_changes_later_is_told_as_it_is_read(run: Path) -> None:
    read = tb_attnviz.open_run(run)
    path = figures_file(run)
    path.write_bytes(path.read_bytes()[:-400] + bytes(400))
    with pytest.raises(FormatError, match=r"figures of step 20 in figures-000001.events cannot be read"):
        read.arrays(20)
    assert np.isnan(read.health()["entropy"][2]).all()
    assert any("step 20" in sentence for sentence in read.damaged)


def test_a_file_that_is_cut_off_between_two_records_is_told(run: Path) -> None:
    path = figures_file(run)
    whole, ends = path.read_bytes(), {}
    for said in FiguresLog(str(run)).load():
        if said.kind == "figures":
            ends[said.step] = said.content.offset + said.content.length
    path.write_bytes(whole[: ends[20]])
    assert tb_attnviz.open_run(run).damaged == []  # all that is shown is there
    for step in (10, 0):
        for more in (0, 5):  # and in the middle of the next one
            path.write_bytes(whole[: ends[step] + more])
            read = tb_attnviz.open_run(run)
            assert read.health_steps[-1] == step
            [sentence] = read.damaged
            assert "recorded up to step 20, but figures-000001.events ends before" in sentence
    path.write_bytes(whole[: ends[10]])
    read = tb_attnviz.open_run(run)
    path.write_bytes(whole)  # it was being copied
    read.reload()
    assert (read.health_steps, read.damaged) == ([0, 10, 20], [])


@pytest.mark.parametrize(("dropped", "told"), [([0], 0), ([10], 10), ([0, 10], 10)])
def test_records_that_are_dropped_at_their_borders_are_missed(run: Path, dropped: list[int], told: int) -> None:
    path = figures_file(run)
    whole = path.read_bytes()
    for said in reversed(list(FiguresLog(str(run)).load())):
        if said.kind == "figures" and said.step in dropped:
            whole = whole[: said.content.offset] + whole[said.content.offset + said.content.length :]
    path.write_bytes(whole)
    read = tb_attnviz.open_run(run)
    assert read.health_steps == [step for step in (0, 10, 20) if step not in dropped]
    assert read.damaged == [f"the figures of step {told} are damaged or missing in {path.name}"]


def test_a_record_whose_bytes_are_wrong_is_told_with_its_step(run: Path) -> None:
    path, places = figures_file(run), {}
    for said in FiguresLog(str(run)).load():
        if said.kind == "figures":
            places[said.step] = said.content
    whole = bytearray(path.read_bytes())
    whole[places[10].offset + 40] ^= 1
    path.write_bytes(bytes(whole))
    [sentence] = tb_attnviz.open_run(run).damaged
    assert "at or after step 10," in sentence


def test_a_share_that_is_infinite_is_none(run: Path) -> None:
    writer = RunWriter(str(run))
    for step, worst in ((30, np.inf), (40, -np.inf)):
        writer.write_health(step, {"sink": np.array([worst] * 10, np.float32), "max_logit": np.ones(10, np.float32)})
    writer.write_health(50, {"max_logit": np.full(10, np.inf, np.float32)})  # logits may be
    writer.close()
    read = tb_attnviz.open_run(run)
    assert np.isnan(read.health()["max_logit"][3:5]).all()
    assert np.isinf(read.health()["max_logit"][5]).all()
    with pytest.raises(FormatError, match=r"step 30 in figures-000002.events cannot be read: 'sink' is infinite"):
        read.arrays(30)
    assert [("step 30" in said, "step 40" in said) for said in read.damaged] == [(True, False), (False, True)]


def test_a_beginning_that_is_damaged_costs_itself(run: Path) -> None:
    path = figures_file(run)
    whole = path.read_bytes()
    start = whole.index(b'"document":"start"')
    path.write_bytes(whole[:start] + b"?" + whole[start + 1 :])
    read = tb_attnviz.open_run(run)
    assert (read.health_steps, len(read.damaged)) == ([0, 10, 20], 1)
    assert "a record of figures is damaged: its checksum does not match" in read.damaged[0]
    path.write_bytes(b"")
    read = tb_attnviz.open_run(run)
    assert (read.health_steps, read.damaged) == (
        [],
        [f"{path.name} is missing, empty or damaged: its figures are left out"],
    )


def test_a_file_that_may_be_read_again_is_read(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path, opened, known, log = figures_file(run), os.open, Records(), FiguresLog(str(run))

    def refused(name: str, *options: Any) -> int:
        if str(name) == str(path):
            raise PermissionError(13, "Permission denied", name)
        return opened(name, *options)

    with monkeypatch.context() as forbidden:
        forbidden.setattr(os, "open", refused)
        known.take(log.load())
    assert known.damaged == {("start", 1): f"{path.name} cannot be read: Permission denied"}
    before = log.state()
    wait_until(lambda: path.chmod(0o600) or log.state() != before, seconds=60)
    known.take(log.load())
    assert (("start", 1) in known.damaged, list(known.starts)) == (False, [1])


def test_gigabytes_of_zeros_are_not_read_byte_by_byte(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(records, "_MOST_JUNK", 2**22)
    os.truncate(figures_file(run), 2**36)
    assert tb_attnviz.open_run(run).health_steps == [0, 10, 20]


def test_a_file_with_a_number_that_no_start_has_gives_none_a_number(run: Path) -> None:
    figures_file(run, 999_999_999).touch()
    (run / "plugins" / "attnviz" / f"samples-000000000-{'f' * 24}.events").touch()
    writer = RunWriter(str(run))
    writer.write_health(30, {"entropy": np.zeros(10, np.float32)})
    writer.close()
    assert figures_file(run, 2).is_file()
    assert tb_attnviz.open_run(run).health_steps == [0, 10, 20, 30]


def test_a_checkpoint_tells_what_figures_were_written_before_it(tmp_path: Path) -> None:
    writer = RunWriter(str(tmp_path))  # which never ends: the training was killed
    writer.begin(0, PROBE, LAYERS)
    for step in (0, 100, 200):
        write_checkpoint(writer, step)
    first = next(said.content for said in FiguresLog(str(tmp_path)).load() if said.kind == "figures")
    with figures_file(tmp_path).open("r+b") as file:
        file.truncate(first.offset + first.length)
    [sentence] = tb_attnviz.open_run(tmp_path).damaged
    assert "recorded up to step 100, but figures-000001.events ends before" in sentence
    again = RunWriter(str(tmp_path), purge_step=50)  # from there on it is recorded once more
    again.begin(50, PROBE, LAYERS)
    write_checkpoint(again, 100)
    again.close()
    assert tb_attnviz.open_run(tmp_path).damaged == []


@pytest.mark.parametrize("step", [100, 200])
def test_the_figures_file_of_another_run_is_told_and_left_out(tmp_path: Path, step: int) -> None:
    for name in ("run", "other"):
        writer = RunWriter(str(tmp_path / name))
        writer.begin(0, PROBE, LAYERS)
        for at in range(0, step + 1, 100):
            write_checkpoint(writer, at)
        writer.close()
    shutil.copy(figures_file(tmp_path / "other"), figures_file(tmp_path / "run"))
    read = tb_attnviz.open_run(tmp_path / "run")
    assert read.damaged == ["figures-000001.events is of another run, and the figures in it are left out"]
    assert (read.steps[-1], read.health_steps) == (step, [])
    again = RunWriter(str(tmp_path / "run"))  # what is recorded after that is the run's own
    write_checkpoint(again, step + 100)
    read.reload()
    assert (read.steps[-1], read.health_steps) == (step + 100, [step + 100])


def test_arrays_of_any_name_and_shape_are_let_through(run: Path) -> None:
    writer = RunWriter(str(run))
    links = np.arange(60, dtype=np.float32).reshape(10, 6)
    pairs = np.array([[1, -2]], np.int16)
    writer.write_health(30, {"sink": np.ones(10, np.float32)}, arrays={"connections/keys": links, "pairs/any": pairs})
    read = tb_attnviz.open_run(run)
    assert read.records.newest.figures == ["entropy", "sink"]
    np.testing.assert_array_equal(read.arrays(30)["connections/keys"], links)
    np.testing.assert_array_equal(read.arrays(30)["pairs/any"], pairs)
    assert np.isnan(read.health()["entropy"][-1]).all()
    with pytest.raises(TypeError, match="give one of"):
        writer.write_health(40, {}, arrays={"words/a": np.array(["a"])})
    with pytest.raises(NotRecordedError, match="no figures at step 40"):
        read.arrays(40)


def test_tensorboard_holds_none_of_them(run: Path) -> None:
    accumulator = event_accumulator.EventAccumulator(str(run)).Reload()
    assert accumulator.Tags()["tensors"] == ["attnviz/probe", "attnviz/layers", "attnviz/end"]
    assert [scalar.value for scalar in accumulator.Scalars("attnviz/entropy/mean")] == [0, 10, 20]


def test_a_step_recorded_again_counts_as_its_latest(run: Path) -> None:
    writer = RunWriter(str(run))
    writer.write_health(10, {"entropy": np.full(10, 7, np.float32)})
    location = EventLog(str(run)).load().newest.recorded[10]
    assert not isinstance(location, dict)
    np.testing.assert_array_equal(read_figures(location)["health/entropy"], np.full(10, 7))


def test_a_start_forgets_what_it_purges(run: Path) -> None:
    writer = RunWriter(str(run), purge_step=10)
    writer.write_health(15, {"entropy": np.zeros(10, np.float32)})
    assert tb_attnviz.open_run(run).health_steps == [0, 15]
