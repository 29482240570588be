"""The health routes: what is asked for and no more, exact rows, extremes of steps, against the numbers written."""

import io
import itertools
import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tb_attnviz.entries import spans
from tb_attnviz.events import Alert, AlertedHead, AlertRecord, RunWriter
from tb_attnviz.plugin import figures, health_series
from tb_attnviz.plugin.plugin import AttnVizPlugin
from tb_attnviz.run import open_run
from tests.conftest import LAYERS, PROBE, write_checkpoint
from tests.plugin.conftest import Ask, asking, load

HEADS = sum(layer.heads for layer in LAYERS)
NAMES = ["entropy", "max_logit"]
ROWS = 50


def written(step: int) -> dict[str, Any]:
    """The figures of a step: some NaN, some infinite, and a head that never has any."""
    rng = np.random.default_rng(step)
    found = {name: rng.random(HEADS, np.float32) for name in NAMES}
    found["entropy"][step % HEADS] = np.nan
    found["entropy"][3] = np.nan
    found["max_logit"][(step // 7) % HEADS] = np.inf if step % 2 else -np.inf
    return found


VALUES = np.stack([[written(step)[name] for name in NAMES] for step in range(ROWS)])  # [rows, figures, heads]


@pytest.fixture(scope="module")
def logs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of 50 steps, each a step apart, written by two starts."""
    logs = tmp_path_factory.mktemp("health")
    for steps in (range(30), range(30, ROWS)):
        writer = RunWriter(str(logs / "run"))
        writer.begin(steps[0], PROBE, LAYERS)
        for step in steps:
            writer.write_health(step, written(step))
        writer.close()
    return logs


@pytest.fixture(scope="module")
def ask(logs: Path) -> Iterator[Ask]:
    plugin: AttnVizPlugin = load(logs)
    yield asking(plugin)
    plugin._jobs.close()


@pytest.fixture(scope="module")
def index(ask: Ask) -> dict[str, Any]:
    answer: dict[str, Any] = ask("health_steps", run="run").json
    return answer


def array(ask: Ask, route: str, index: dict[str, Any], **query: Any) -> Any:
    answer = ask(route, **{"run": "run", "rows": index["rows"], "known": index["digest"], **query})
    assert answer.status_code == 200, answer.text
    return np.load(io.BytesIO(answer.data))


def test_steps_are_few_numbers_and_a_poll_has_what_is_new(ask: Ask, index: dict[str, Any]) -> None:
    assert index["steps"] == [[0, 1, ROWS]]
    assert (index["from"], index["rows"], index["heads"], index["figures"]) == (0, ROWS, [4, 6], NAMES)
    later = ask("health_steps", run="run", **{"from": ROWS, "known": index["digest"]}).json
    assert (later["from"], later["steps"], later["digest"]) == (ROWS, [], index["digest"])
    again = ask("health_steps", run="run", **{"from": ROWS, "known": "what a restart has written over"}).json
    assert again == index


def test_steps_as_spans() -> None:
    for steps in ([], [7], [0, 10, 20, 30], [0, 1, 5, 6, 7, 100], [0, 1, 2, 4, 8, 16]):
        found = spans(steps)
        assert [first + i * distance for first, distance, count in found for i in range(count)] == steps
    assert spans(range(0, 100_000, 10)) == [[0, 10, 10_000]]


def test_rows_are_what_was_recorded(ask: Ask, index: dict[str, Any]) -> None:
    np.testing.assert_array_equal(array(ask, "health_rows", index, **{"from": 0, "to": ROWS}), VALUES)
    np.testing.assert_array_equal(array(ask, "health_rows", index, **{"from": 28, "to": 33}), VALUES[28:33])
    np.testing.assert_array_equal(
        array(ask, "health_figure", index, **{"from": 0, "to": ROWS, "figure": "max_logit"})[0], VALUES[:, 1]
    )


@pytest.mark.filterwarnings("ignore:All-NaN")
@pytest.mark.parametrize(("first", "every"), [(0, 8), (16, 8), (48, 8), (0, 64), (5, 3)])
def test_extremes_of_steps_are_exact_and_say_where_they_are(logs: Path, first: int, every: int) -> None:
    rows = open_run(logs / "run").figure_rows.between(first, ROWS)
    for number, name in enumerate(NAMES):
        low, high, low_row, high_row = health_series.extremes_of_steps(rows, name, first, every, {})
        bounds = [0, *(row - first for row in range(first + 1, ROWS) if row % every == 0), ROWS - first]
        for bucket, (begin, end) in enumerate(itertools.pairwise(bounds)):
            of = VALUES[first + begin : first + end, number]
            np.testing.assert_array_equal(low[bucket], np.nanmin(of, axis=0))
            np.testing.assert_array_equal(high[bucket], np.nanmax(of, axis=0))
            for head in np.flatnonzero(~np.isnan(low[bucket])):
                assert VALUES[int(low_row[bucket, head]), number, head] == low[bucket, head]
                assert VALUES[int(high_row[bucket, head]), number, head] == high[bucket, head]
                assert first + begin <= low_row[bucket, head] < first + end
        assert len(low) == len(bounds) - 1


@pytest.mark.filterwarnings("ignore:All-NaN")
def test_the_range_of_a_head_and_of_all(ask: Ask, index: dict[str, Any]) -> None:
    of_head = array(ask, "health_range", index, **{"from": 0, "to": ROWS, "every": 16, "head": 5})
    of_all = array(ask, "health_range", index, **{"from": 0, "to": ROWS, "every": 16})
    assert of_head.shape == of_all.shape == (2, 2, 4)
    finite = np.where(np.isfinite(VALUES), VALUES, np.nan)
    for bucket in range(4):
        rows = slice(16 * bucket, 16 * bucket + 16)
        np.testing.assert_array_equal(of_head[:, 0, bucket], np.nanmin(VALUES[rows, :, 5], axis=0))
        np.testing.assert_array_equal(of_head[:, 1, bucket], np.nanmax(VALUES[rows, :, 5], axis=0))
        np.testing.assert_array_equal(of_all[:, 0, bucket], np.nanmin(finite[rows], axis=(0, 2)))
        np.testing.assert_array_equal(of_all[:, 1, bucket], np.nanmax(finite[rows], axis=(0, 2)))


def test_what_was_written_anew_is_not_taken_for_what_was_there(ask: Ask, index: dict[str, Any]) -> None:
    query = {"run": "run", "from": 0, "to": 1, "rows": ROWS}
    assert ask("health_rows", known="other", **query).status_code == 404
    assert "no rows 0 to 99" in ask("health_rows", known=index["digest"], **{**query, "to": 99}).json["error"]
    assert ask("health_range", known=index["digest"], head=10, **query).status_code == 404
    assert ask("health_figure", known=index["digest"], figure="sink", **query).status_code == 400
    assert ask("health_figure", known=index["digest"], figure="entropy", every=0, **query).status_code == 400


def test_no_answer_is_larger_than_a_screen_needs(
    ask: Ask, index: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(figures, "_MOST_NUMBERS", 100)
    query = {"run": "run", "from": 0, "to": ROWS, "rows": ROWS, "known": index["digest"]}
    assert "ask for fewer rows" in ask("health_rows", **query).json["error"]
    assert "ask for larger buckets" in ask("health_figure", figure="entropy", every=2, **query).json["error"]
    assert "ask for those after a step" in ask("health", run="run").json["error"]
    assert ask("health", run="run", since=ROWS - 6).status_code == 200


def test_what_is_damaged_while_it_is_served_costs_its_step_alone_and_is_named(tmp_path: Path, cache: Path) -> None:
    writer = RunWriter(str(tmp_path / "logs" / "run"))
    writer.begin(0, PROBE, LAYERS)
    for step in range(5):
        writer.write_health(step, written(step))
    plugin = load(tmp_path / "logs")
    ask = asking(plugin)
    index = ask("health_steps", run="run").json
    [path] = (tmp_path / "logs" / "run" / "plugins" / "attnviz-figures").glob("figures-*")
    places = open_run(tmp_path / "logs" / "run").figure_rows.places
    data = bytearray(path.read_bytes())
    data[places[2, 1] + places[2, 2] // 2] ^= 1
    path.write_bytes(data)
    found = array(ask, "health_rows", index, **{"from": 0, "to": 5})
    document = ask("health", run="run").json
    plugin._jobs.close()
    np.testing.assert_array_equal(found[[0, 1, 3, 4]], VALUES[[0, 1, 3, 4]])
    assert np.isnan(found[2]).all()
    [(step, why)] = document["lost"]
    assert (step, document["figures"]["entropy"][2]) == (2, ["NaN"] * HEADS)
    assert "the figures of step 2 in figures-" in why
    [entry] = ask("runs").json["runs"]
    assert [sentence for sentence in entry["damaged"] if "the figures of step 2 in figures-" in sentence]


def test_the_whole_document_has_every_number_in_its_fewest_digits(ask: Ask) -> None:
    answer = ask("health", run="run")
    rows = answer.json["figures"]
    found = np.array([[np.array(rows[name][step], np.float32) for name in NAMES] for step in range(ROWS)])
    np.testing.assert_array_equal(found, VALUES)
    assert len(answer.data) < 11.5 * VALUES.size
    assert len(answer.data) < 0.6 * len(json.dumps(np.random.default_rng(0).random((100, HEADS)).tolist()))


def test_a_run_whose_figures_are_lost_has_none(tmp_path: Path, cache: Path) -> None:
    writer = RunWriter(str(tmp_path / "logs" / "run"))
    writer.begin(0, PROBE, LAYERS)
    write_checkpoint(writer, 0)
    writer.close()
    shutil.rmtree(tmp_path / "logs" / "run" / "plugins" / "attnviz-figures")
    plugin = load(tmp_path / "logs")
    ask = asking(plugin)
    answer, index = ask("health", run="run"), ask("health_steps", run="run").json
    rows = array(ask, "health_rows", index, **{"from": 0, "to": 0})
    ranges = array(ask, "health_range", index, **{"from": 0, "to": 0, "every": 2})
    plugin._jobs.close()
    assert (answer.status_code, answer.json["steps"], answer.json["figures"]) == (200, [], {})
    assert (rows.shape, ranges.shape) == ((0, 0, HEADS), (0, 2, 0))


def test_runs_tell_of_figures_and_alerts_that_came_without_samples(tmp_path: Path) -> None:
    writer = RunWriter(str(tmp_path / "run"))
    writer.begin(0, PROBE, LAYERS)
    write_checkpoint(writer, 0)

    def told() -> tuple[object, str]:
        [entry] = asking(load(tmp_path))("runs").json["runs"]
        return (entry["steps"], entry["order"]), entry["health"]

    checkpoints, found = told()
    alert = Alert(10, "max_logit", "max_logit", True, 100, "over 100", (AlertedHead(0, 1, 140),), "above")
    known = [found]
    for write in (
        lambda: writer.write_health(10, written(10)),
        lambda: writer.write_alerts(AlertRecord(10, (alert,), active=1)),
        lambda: writer.write_health(10, written(11)),
    ):
        write()
        steps, health = told()
        assert steps == checkpoints
        known.append(health)
    assert len(set(known)) == len(known)
    writer.close()
