"""What TensorBoard has of a run is seen at once, whatever its clock said."""

import json
import shutil
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tensorboard import context
from tensorboard.backend.event_processing.data_provider import MultiplexerDataProvider
from tensorboard.backend.event_processing.plugin_event_multiplexer import EventMultiplexer

from tb_attnviz.events import PLUGIN_NAME, FiguresLog, RunWriter
from tb_attnviz.plugin.run_reader import RunReader
from tb_attnviz.plugin.runs import RunDirectories, Runs
from tb_attnviz.plugin.summaries import Summary, list_tags, read_summaries
from tb_attnviz.run import Run, open_run
from tests.conftest import LAYERS, PROBE, make_samples
from tests.plugin.conftest import asking, load

CONTEXT = context.RequestContext()


@pytest.fixture
def multiplexer(logdir: Path) -> EventMultiplexer:
    multiplexer = EventMultiplexer(tensor_size_guidance={"attnviz": 0})
    multiplexer.AddRunsFromDirectory(str(logdir))
    multiplexer.Reload()
    return multiplexer


def test_runs_and_tags_are_those_of_tensorboards_own_listing(multiplexer: EventMultiplexer, logdir: Path) -> None:
    provider = MultiplexerDataProvider(multiplexer, str(logdir))
    listing = provider.list_tensors(CONTEXT, experiment_id="", plugin_name=PLUGIN_NAME)
    assert {run: set(tags) for run, tags in list_tags(provider, CONTEXT, "").items()} == {
        run: set(tags) for run, tags in listing.items()
    }
    assert list_tags(provider, CONTEXT, "", "run") == list_tags(provider, CONTEXT, "")
    assert list_tags(provider, CONTEXT, "", "no such run") == {}


def test_a_step_written_again_is_seen_also_where_the_clock_was_set_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    writer = RunWriter(str(tmp_path / "run"))
    writer.begin(0, PROBE, LAYERS)

    def record(seed: int) -> None:
        writer.write_checkpoint(300, [(layer, make_samples(layer, seed=seed)) for layer in LAYERS])

    record(0)
    multiplexer = EventMultiplexer(tensor_size_guidance={"attnviz": 0}).AddRunsFromDirectory(str(tmp_path))
    multiplexer.Reload()
    provider = MultiplexerDataProvider(multiplexer, str(tmp_path))
    runs = Runs(provider, RunDirectories(str(tmp_path), ""))
    before = runs.get(CONTEXT, "", "run").attention(300, 0, 0, 0)
    [told] = json.loads(runs.document(CONTEXT, ""))["runs"]
    now = time.time()
    monkeypatch.setattr(time, "time", lambda: now - 3600)
    record(1)
    multiplexer.Reload()
    assert not np.array_equal(runs.get(CONTEXT, "", "run").attention(300, 0, 0, 0), before)
    [again] = json.loads(runs.document(CONTEXT, ""))["runs"]
    assert (again["steps"], again["order"] > told["order"]) == (told["steps"], True)
    writer.close()


def test_a_poll_where_nothing_was_recorded_tells_what_got_lost_since(logdir: Path, tmp_path: Path, cache: Path) -> None:
    shutil.copytree(logdir, tmp_path / "logs")
    ask = asking(load(tmp_path / "logs"))
    [before], [again] = (ask("runs", steps="spans").json["runs"] for _ in range(2))
    assert before == again
    assert before["missing"] == []
    next((tmp_path / "logs" / "run" / "plugins" / "attnviz").glob("samples-000000100-*")).unlink()
    assert ask("points", run="run", step=100, layer=0, projection="biplot", dims=2).status_code == 404
    [entry] = ask("runs", steps="spans").json["runs"]
    assert (entry["missing"], entry["steps"]) == ([100], [[0, 200, 2], [300, 0, 1]])


def test_figures_that_were_read_are_not_lost_with_the_reading_that_failed(
    multiplexer: EventMultiplexer, logdir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    provider = MultiplexerDataProvider(multiplexer, str(logdir))
    reader = RunReader("run", str(logdir / "run"))

    def summaries() -> Iterator[Summary]:
        return read_summaries(provider, CONTEXT, "", "run", sorted(list_tags(provider, CONTEXT, "", "run")["run"]))

    load = FiguresLog.load

    def fails_at_the_end(log: FiguresLog) -> Iterator[Any]:
        yield from load(log)
        raise TimeoutError("the store does not answer")

    with monkeypatch.context() as failing:
        failing.setattr(FiguresLog, "load", fails_at_the_end)
        with pytest.raises(TimeoutError):
            reader.read(1, summaries)
    run = reader.read(1, summaries)
    assert isinstance(run, Run)
    assert run.health_steps == open_run(logdir / "run").health_steps == [0, 100, 200, 300]


def test_nobody_waits_while_one_takes_in_what_is_new(multiplexer: EventMultiplexer, logdir: Path) -> None:
    provider = MultiplexerDataProvider(multiplexer, str(logdir))
    reader = RunReader("run", str(logdir / "run"))

    def summaries() -> Iterator[Summary]:
        return read_summaries(provider, CONTEXT, "", "run", sorted(list_tags(provider, CONTEXT, "", "run")["run"]))

    first = reader.read(1, summaries)
    begun, go_on = threading.Event(), threading.Event()

    def slow() -> Iterator[Summary]:
        begun.set()
        assert go_on.wait(30)
        return summaries()

    taking_in = threading.Thread(target=reader.read, args=(2, slow))
    taking_in.start()
    assert begun.wait(30)
    assert reader.read(2, slow) is first
    go_on.set()
    taking_in.join()
    assert reader.read(2, slow) is not first
