"""Change points as they are served: the planted one, for shares alone, of the steps that have the figure."""

from pathlib import Path

import numpy as np
import pytest

from tb_attnviz.events import RunWriter
from tb_attnviz.plugin import change_points
from tb_attnviz.run import open_run
from tests.conftest import LAYERS, PROBE, write_checkpoint
from tests.plugin.conftest import Ask, asking, load

HEADS = sum(layer.heads for layer in LAYERS)
STEPS, FORMED, HEAD = range(0, 480, 20), 240, 7


@pytest.fixture
def logs(tmp_path: Path) -> Path:
    writer = RunWriter(str(tmp_path / "run"))
    writer.begin(0, PROBE, LAYERS)
    write_checkpoint(writer, 0)
    rng = np.random.default_rng(0)
    for step in STEPS[1:]:
        figures = rng.normal(0.1, 0.01, (2, HEADS)).astype(np.float32)
        if step >= FORMED:
            figures[:, HEAD] += 0.7
        writer.write_health(step, {"induction": figures[0], "query_norm": figures[1]})
    writer.close()
    return tmp_path


@pytest.fixture
def ask(logs: Path, cache: Path) -> Ask:
    return asking(load(logs))


def test_the_planted_change_is_told_as_the_notebook_tells_it(ask: Ask, logs: Path) -> None:
    answer = ask("change_points", run="run", figure="induction").json
    assert answer is not None
    (point,) = answer["points"]
    assert (point["head"], point["step"]) == (HEAD, FORMED)
    assert point["before"] == pytest.approx(0.1, abs=0.02)
    assert point["after"] == pytest.approx(0.8, abs=0.02)
    (known,) = open_run(logs / "run").change_points(["induction"])
    assert (known.layer, known.head, known.step) == (1, HEAD - LAYERS[0].heads, FORMED)


def test_of_a_long_run_some_steps_count(logs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(change_points, "_MOST_READ", len(open_run(logs / "run").figure_rows) * HEADS // 2)
    answer = asking(load(logs))("change_points", run="run", figure="induction").json
    assert answer is not None
    (point,) = answer["points"]
    assert point["head"] == HEAD
    assert abs(point["step"] - FORMED) <= 20


def test_steps_that_cannot_be_read_are_told_as_health_tells_them(ask: Ask, logs: Path) -> None:
    [path] = (logs / "run" / "plugins" / "attnviz-figures").glob("figures-*")
    places = open_run(logs / "run").figure_rows.places
    assert ask("runs").json["runs"][0]["damaged"] == []
    data = bytearray(path.read_bytes())
    data[places[2, 1] + places[2, 2] // 2] ^= 1
    path.write_bytes(data)
    assert len(ask("change_points", run="run", figure="induction").json["points"]) == 1
    [sentence] = ask("runs").json["runs"][0]["damaged"]
    assert f"the figures of step {STEPS[2]} in figures-" in sentence


def test_the_route_tells_none_of_what_is_no_share(ask: Ask) -> None:
    answer = ask("change_points", run="run", figure="query_norm")
    assert answer.json == {"run": "run", "figure": "query_norm", "points": []}
    assert ask("change_points", run="run", figure="nothing").status_code == 400
