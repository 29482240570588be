"""The health route: a client that has something gets what is new, and no more is read for it; no digit is made up."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tb_attnviz.events import FiguresLocation, RunWriter, segment
from tb_attnviz.plugin.plugin import AttnVizPlugin
from tests.conftest import LAYERS, PROBE
from tests.plugin.conftest import asking, load

HEADS = sum(layer.heads for layer in LAYERS)


@pytest.fixture
def writer(tmp_path: Path) -> RunWriter:
    """A run of 50 steps, the figures of each drawn at random."""
    writer = RunWriter(str(tmp_path / "logs" / "run"))
    writer.begin(0, PROBE, LAYERS)
    for step in range(50):
        writer.write_health(step, figures(step))
    return writer


@pytest.fixture
def plugin(writer: RunWriter, tmp_path: Path, cache: Path) -> Iterator[AttnVizPlugin]:
    plugin = load(tmp_path / "logs")
    yield plugin
    plugin._jobs.close()


def figures(step: int) -> dict[str, Any]:
    rng = np.random.default_rng(step)
    return {name: rng.random(HEADS, np.float32) for name in ("entropy", "sink")}


def test_a_poll_reads_what_is_new_and_no_more(
    plugin: AttnVizPlugin, writer: RunWriter, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[int] = []

    def counting(location: FiguresLocation) -> Any:
        read.append(location.step)
        return read_figures(location)

    read_figures = segment.read_figures
    monkeypatch.setattr(segment, "read_figures", counting)
    ask = asking(plugin)
    whole = ask("health", run="run").json
    assert read == whole["steps"] == list(range(50))
    read.clear()
    writer.write_health(50, figures(50))
    more = ask("health", run="run", since=49, known=whole["digest"]).json
    assert read == more["steps"] == [50]
    np.testing.assert_array_equal(np.array(more["figures"]["sink"], np.float32), [figures(50)["sink"]])
    read.clear()
    writer.write_health(10, figures(1000))  # begun again from there: what the client has is not right any more
    assert ask("health", run="run", since=50, known=more["digest"]).json["steps"] == list(range(51))


def test_every_number_is_the_one_that_was_recorded_in_its_fewest_digits(plugin: AttnVizPlugin) -> None:
    answer = asking(plugin)("health", run="run")
    for name, rows in answer.json["figures"].items():
        np.testing.assert_array_equal(np.array(rows, np.float32), np.stack([figures(step)[name] for step in range(50)]))
    assert len(answer.data) < 11.2 * 2 * 50 * HEADS
    assert len(answer.data) < 0.6 * len(json.dumps(np.random.default_rng(0).random((100, HEADS)).tolist()))
