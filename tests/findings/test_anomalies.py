"""Anomalies: what is planted in one head is found at its step; what all heads do, or one always does, is none."""

from pathlib import Path

import numpy as np
import pytest

from tb_attnviz.events import RunWriter
from tb_attnviz.findings.anomalies import WATCHED, anomalies
from tb_attnviz.run import open_run
from tests.conftest import LAYERS, PROBE, write_checkpoint

HEADS = sum(layer.heads for layer in LAYERS)
STEPS, AT, HEAD = 40, 25, 7


@pytest.fixture
def norms() -> np.ndarray:
    """[steps, heads]: they grow, each at its own pace, with noise of 5 %."""
    rng = np.random.default_rng(0)
    growth = 1 + np.outer(np.arange(STEPS), rng.uniform(0.02, 0.1, HEADS))
    return (growth * np.exp(rng.normal(0, 0.05, (STEPS, HEADS)))).astype(np.float32)


def found(values: np.ndarray, figure: str = "query_norm") -> list[tuple[int, int]]:
    return [(one.row, one.head) for one in anomalies(values, WATCHED[figure])]


def test_a_sound_course_has_none(norms: np.ndarray) -> None:
    assert found(norms) == []
    assert found(1 / norms, "entropy") == []


@pytest.mark.parametrize("factor", [4, 0.2])
def test_a_planted_one_is_found_at_its_step_and_told_once(norms: np.ndarray, factor: float) -> None:
    norms[AT:, HEAD] *= factor
    (one,) = anomalies(norms, WATCHED["query_norm"])
    assert (one.row, one.until, one.head) == (AT, AT + 10, HEAD)  # from then on, all before it is as it is
    assert one.value == norms[AT, HEAD]
    assert one.before == pytest.approx(np.median(norms[AT - 10 : AT, HEAD]), rel=1e-5)


def test_the_score_is_the_robust_z_by_hand() -> None:
    values = np.full((11, 5), 0.5, np.float32)
    values[:10, 0] = [0.45, 0.55] * 5  # median 0.5, MAD 0.05
    values[10] = [1.5, 0.5, 0.52, 0.48, 0.5]  # moved by 1.0; the others by 0, 0.02, -0.02, 0
    (one,) = anomalies(values, WATCHED["entropy"])
    # Of its own: 1 / (1.4826 · 0.05 + 0.02). Of the heads: median 0, deviations 1, 0, 0.02, 0.02, 0: MAD 0.02.
    assert one.score == pytest.approx(min(1 / (1.4826 * 0.05 + 0.02), 1 / (1.4826 * 0.02 + 0.02)), rel=1e-4)


def test_what_all_heads_do_or_one_does_again_and_again_is_none(norms: np.ndarray) -> None:
    together = norms.copy()
    together[AT:] *= 4
    assert found(together) == []
    restless = norms.copy()
    restless[::2, HEAD] *= 4
    assert found(restless) == []


def test_one_that_goes_and_comes_again_is_told_twice(norms: np.ndarray) -> None:
    norms[15, HEAD], norms[30, HEAD] = 50 * norms[15, HEAD], 50 * norms[30, HEAD]
    assert found(norms) == [(15, HEAD), (30, HEAD)]
    assert [one.until for one in anomalies(norms, WATCHED["query_norm"])] == [16, 31]


def test_steps_and_heads_of_which_nothing_is_known_do_not_count(norms: np.ndarray) -> None:
    norms[AT:, HEAD] *= 4
    norms[20:23] = np.nan
    norms[:, 1] = np.nan
    norms[AT + 2, 3] = np.inf  # has an alert of its own
    assert found(norms) == [(AT, HEAD)]
    assert found(norms[:, HEAD - 2 : HEAD + 1]) == []  # three heads do not tell what is usual


def test_an_anomaly_is_an_event_of_the_run_at_its_step(tmp_path: Path, norms: np.ndarray) -> None:
    writer = RunWriter(str(tmp_path))
    writer.begin(0, PROBE, LAYERS)
    write_checkpoint(writer, 0)
    norms[AT, HEAD] *= 10
    for row in range(STEPS):
        writer.write_health(100 * (row + 1), {"key_norm": norms[row]})
    writer.close()
    (event,) = open_run(tmp_path).events()
    assert (event.step, event.what, event.layer, event.head) == (100 * (AT + 1), "alert", 1, HEAD - LAYERS[0].heads)
    assert event.trouble
    assert event.sentence.startswith(f"L1 H{HEAD - LAYERS[0].heads}: key norm {norms[AT, HEAD]:.3g}, about ")
