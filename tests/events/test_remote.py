"""Runs on object stores: what is recorded there is what is read, though requests fail, and nothing can be appended."""

import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tensorboard.backend.event_processing.data_provider import MultiplexerDataProvider
from tensorboard.backend.event_processing.plugin_event_multiplexer import EventMultiplexer

import tb_attnviz
from tb_attnviz.events import FiguresLog, FormatError, RunWriter, event_file, read_samples, remote
from tb_attnviz.events.figures import FiguresFile
from tb_attnviz.events.remote import UnreachableError
from tb_attnviz.plugin.runs import RunDirectories, Runs
from tests.conftest import LAYERS, PROBE, make_samples, wait_until, write_checkpoint
from tests.events.remote import FlakyFileSystem

RUN = "flaky://bucket/runs/a"
STEPS = range(0, 400, 100)


@pytest.fixture(autouse=True)
def _store(monkeypatch: pytest.MonkeyPatch) -> None:
    """An empty one, tried again without waiting; what is written is put at once, and can be listed at once."""
    for name, value in (("_PAUSE_SECONDS", 0.0), ("_LISTED_SECONDS", 0.0)):
        monkeypatch.setattr(remote, name, value)
    monkeypatch.setattr(event_file, "_LEAST_SECONDS", 0.0)
    monkeypatch.setattr(FlakyFileSystem, "store", {})
    monkeypatch.setattr(FlakyFileSystem, "pseudo_dirs", [""])
    FlakyFileSystem.asked.clear()
    remote._listed.clear()


def record(directory: str) -> None:
    writer = RunWriter(directory)
    writer.begin(0, PROBE, LAYERS)
    for step in STEPS:
        write_checkpoint(writer, step)
    writer.close()


def test_what_is_recorded_there_is_what_is_recorded_here(tmp_path: Path) -> None:
    record(str(tmp_path / "run"))
    record(RUN)
    here, there = tb_attnviz.open_run(tmp_path / "run"), tb_attnviz.open_run(RUN)
    assert there.steps == here.steps == list(STEPS)
    assert not there.damaged
    assert (there.probe, there.layers, there.health_steps) == (here.probe, here.layers, here.health_steps)
    for step in STEPS:
        for layer in range(len(LAYERS)):
            np.testing.assert_array_equal(there.samples(step, layer).queries, here.samples(step, layer).queries)
    for name, values in here.health().items():
        np.testing.assert_array_equal(there.health()[name], values)
    np.testing.assert_array_equal(there.project("biplot", 1, 2), here.project("biplot", 1, 2))


def test_a_layer_of_a_step_is_one_request() -> None:
    record(RUN)
    run = tb_attnviz.open_run(RUN)
    checkpoint = run.checkpoint(200)
    FlakyFileSystem.asked.clear()
    read_samples(RUN, checkpoint.file, checkpoint.locations[1])
    assert set(FlakyFileSystem.asked) == {"cat_file"}
    assert len(FlakyFileSystem.asked) <= 2  # one that failed, perhaps


def test_a_reader_goes_on_where_it_was_while_files_are_put_anew_and_followed_by_others(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(event_file, "_MOST_BYTES", 1000)
    writer = RunWriter(RUN)
    writer.begin(0, PROBE, LAYERS)
    write_checkpoint(writer, 0)
    run = tb_attnviz.open_run(RUN)
    for step in range(100, 2000, 100):
        write_checkpoint(writer, step)
        run.reload()
        assert run.steps == list(range(0, step + 100, 100))
        assert run.health_steps == run.steps
    names = [name.rsplit("/", 1)[-1] for name in FlakyFileSystem.store]
    assert "figures-000001-000002.events" in names
    assert sum("tfevents" in name for name in names) > 2
    assert not run.damaged
    second = RunWriter(RUN)
    second.begin(2000, PROBE, LAYERS)
    second.close()
    assert "figures-000002.events" in remote.sizes(f"{RUN}/plugins/attnviz-figures")


def test_a_file_that_is_full_while_the_store_is_not_there_grows_on(monkeypatch: pytest.MonkeyPatch) -> None:
    writer = RunWriter(RUN)
    writer.begin(0, PROBE, LAYERS)
    write_checkpoint(writer, 0)
    monkeypatch.setattr(event_file, "_MOST_BYTES", 0)  # each record goes on in the next file
    monkeypatch.setattr(FlakyFileSystem, "failing", 1)
    for step in (40, 50):
        with pytest.raises(OSError, match="ThrottledError"):
            writer.write_health(step, {"entropy": np.full(10, 0.5, np.float32)})
    monkeypatch.setattr(FlakyFileSystem, "failing", 10)
    write_checkpoint(writer, 100)
    writer.close()
    run = tb_attnviz.open_run(RUN)
    assert (run.steps, run.health_steps) == ([0, 100], [0, 40, 50, 100])
    assert not run.damaged


def test_what_comes_soon_after_a_put_is_put_before_long_though_nothing_follows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(event_file, "_LEAST_SECONDS", 0.3)
    monkeypatch.setattr(FlakyFileSystem, "failing", 10**9)
    writer = RunWriter(RUN)
    writer.begin(0, PROBE, LAYERS)
    write_checkpoint(writer, 0)
    write_checkpoint(writer, 100)
    wait_until(lambda: (run := tb_attnviz.open_run(RUN)).steps == run.health_steps == [0, 100], seconds=60)
    writer.close()


def test_a_store_that_is_not_there_for_a_while_costs_what_was_to_be_put_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    writer = RunWriter(RUN)
    writer.begin(0, PROBE, LAYERS)
    write_checkpoint(writer, 0)
    monkeypatch.setattr(FlakyFileSystem, "failing", 1)
    with pytest.raises(OSError, match="ThrottledError: please reduce your request rate"):
        writer.write_checkpoint(100, [(layer, make_samples(layer, seed=0)) for layer in LAYERS])
    monkeypatch.setattr(FlakyFileSystem, "failing", 10)
    write_checkpoint(writer, 200)
    writer.close()
    run = tb_attnviz.open_run(RUN)
    assert run.steps == [0, 200]
    assert not run.damaged


def test_what_is_gone_is_told_at_once() -> None:
    record(RUN)
    run = tb_attnviz.open_run(RUN)
    name = run.checkpoint(100).file
    remote.remove(f"{RUN}/plugins/attnviz/{name}")
    with pytest.raises(FileNotFoundError):
        run.samples(100, 0)
    assert tb_attnviz.open_run(RUN).steps == [0, 200, 300]


@pytest.fixture
def away(monkeypatch: pytest.MonkeyPatch) -> Callable[[bool], None]:
    """Whether the store answers."""
    return lambda yes: monkeypatch.setattr(FlakyFileSystem, "failing", 1 if yes else 10**9)


def test_a_store_that_does_not_answer_is_neither_gone_nor_damaged(away: Callable[[bool], None]) -> None:
    record(RUN)
    run = tb_attnviz.open_run(RUN)
    away(True)
    for ask in (
        lambda: tb_attnviz.open_run(RUN),
        lambda: run.project("pca", 0, 0),
        lambda: run.attention(100, 0, 0, 0),
        lambda: run.health(),
        lambda: run.arrays(100),
        run.reload,
    ):
        with pytest.raises(UnreachableError, match="ThrottledError: please reduce your request rate"):
            ask()
    away(False)
    assert np.isfinite(run.health()["entropy"]).all()
    assert run.project("pca", 0, 0).shape[0] == len(STEPS)
    run.reload()
    assert (run.steps, run.health_steps, run.damaged) == (list(STEPS), list(STEPS), [])


def test_a_reading_that_fails_half_way_loses_nothing(
    away: Callable[[bool], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    writer = RunWriter(RUN)
    writer.begin(0, PROBE, LAYERS)
    write_checkpoint(writer, 0)
    run = tb_attnviz.open_run(RUN)
    write_checkpoint(writer, 100)
    writer.close()

    def fails(log: FiguresLog) -> Iterator[Any]:
        raise UnreachableError("SlowDown")
        yield

    with monkeypatch.context() as failing:
        failing.setattr(FiguresLog, "load", fails)
        with pytest.raises(UnreachableError):
            run.reload()
    run.reload()
    assert run.steps == run.health_steps == [0, 100]


def test_the_tab_keeps_a_run_whose_store_does_not_answer(run_directory: Path, away: Callable[[bool], None]) -> None:
    """What TensorBoard itself has of it is in the tests' own directory."""
    away(False)
    for path in run_directory.rglob("*"):
        if path.is_file():
            remote.put(f"flaky://bucket/{path.relative_to(run_directory.parent)}", path.read_bytes())
    multiplexer = EventMultiplexer().AddRunsFromDirectory(str(run_directory.parent))
    multiplexer.Reload()
    runs = Runs(MultiplexerDataProvider(multiplexer, ""), RunDirectories("flaky://bucket", ""))
    listed = [run.entry() for run in runs.all(None, "")]
    away(True)
    assert [run.entry() for run in runs.all(None, "")] == listed
    assert listed[0]["steps"] == list(STEPS)
    [new] = Runs(MultiplexerDataProvider(multiplexer, ""), RunDirectories("flaky://bucket", "")).all(None, "")
    assert (
        new.entry()["error"]
        == "the store of this run does not answer (ThrottledError: please reduce your request rate)"
    )


def test_a_store_that_refuses_says_why(monkeypatch: pytest.MonkeyPatch) -> None:
    record(RUN)
    run = tb_attnviz.open_run(RUN)

    def refused(*_: Any, **__: Any) -> bytes:
        raise PermissionError("Access Denied")

    monkeypatch.setattr(FlakyFileSystem, "cat_file", refused)
    with pytest.raises(FormatError, match=r"samples-000000100-.*\.events cannot be read \(Access Denied\)"):
        run.samples(100, 0)
    assert np.isnan(run.health([100])["entropy"]).all()
    assert "cannot be read: Access Denied" in run.damaged[0]


def test_a_package_that_is_missing_is_named_with_the_line_to_type(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "fsspec", None)
    with pytest.raises(ModuleNotFoundError, match=r"s3://.*pip install 'tb-attnviz\[remote\]'"):
        RunWriter("s3://bucket/run")


def test_what_waits_for_one_file_is_put_where_another_one_cannot_be(monkeypatch: pytest.MonkeyPatch) -> None:
    writer = RunWriter(RUN)
    writer.begin(0, PROBE, LAYERS)
    monkeypatch.setattr(event_file, "_LEAST_SECONDS", 60.0)  # from now on all waits for close
    write_checkpoint(writer, 100)

    def fails(self: FiguresFile) -> None:
        raise OSError(28, "no room")

    monkeypatch.setattr(FiguresFile, "close", fails)
    with pytest.raises(OSError, match="no room"):
        writer.close()
    assert tb_attnviz.open_run(RUN).steps == [100]
