"""The benchmark of projections in a tiny size."""

from pathlib import Path

import numpy as np
import pytest

from benchmarks import projections
from benchmarks.projections import QUICK, growth, opened, tsne
from benchmarks.recordings import record_minilm
from tb_attnviz.projection.projection import Method
from tb_attnviz.run import Run, open_run


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    return record_minilm(tmp_path_factory.mktemp("run"), tokens=50, layers=7, heads=2, steps=3)


def test_layers_beyond_the_sixth_are_the_first_again_and_the_last_step_is_the_models_own(
    run: Run, tmp_path: Path
) -> None:
    assert [layer.heads for layer in run.layers] == [2] * 7
    assert run.probe.tokens == 50
    np.testing.assert_array_equal(run.samples(2, 6).keys, run.samples(2, 0).keys)
    alone = record_minilm(tmp_path, tokens=50, layers=1, heads=2)
    np.testing.assert_array_equal(run.samples(2, 0).queries, alone.samples(0, 0).queries)
    distance = [np.abs(run.samples(step, 0).queries - alone.samples(0, 0).queries).mean() for step in (0, 1, 2)]
    assert distance[0] > distance[1] > distance[2] == 0


@pytest.mark.full
def test_what_is_waited_for_in_the_tab(run: Run) -> None:
    lines = opened(run, QUICK).splitlines()
    assert len(lines) == 6
    assert all(0 < float(line.split("|")[2].split()[0]) < 60 for line in lines[2:])


@pytest.mark.full
def test_t_sne_against_a_loop_of_scikit_learns(run: Run) -> None:
    text = tsne(run, QUICK)
    ours, theirs = ([cell.strip() for cell in line.strip("|").split("|")] for line in text.splitlines()[2:4])
    assert ours[0] == "`tb-attnviz project`"
    assert "1 heads timed" in theirs[0]
    assert all(float(row[2]) > 0.7 for row in (ours, theirs))
    assert "for each further one" in text


def test_growth(monkeypatch: pytest.MonkeyPatch) -> None:
    measured: list[tuple[str, int, int, int]] = []

    def quickly(directory: Path, method: Method) -> tuple[float, float]:
        run = open_run(directory)
        measured.append((method, run.probe.tokens, run.layers[0].heads, len(run.steps)))
        return 1.5, 20.0

    monkeypatch.setattr(projections, "_measured", quickly)
    table, plot = growth(QUICK)
    assert len(table.splitlines()) == 2 + len(measured)
    assert {("biplot", 60, 2, 1), ("biplot", 120, 2, 3), ("tsne", 120, 1, 3), ("umap", 60, 1, 1)} <= set(measured)
    assert plot.startswith("<svg")
    assert plot.count("<polyline") == 3
