"""The figures of stillness, on pictures whose answer is known, and the whole benchmark in a tiny size."""

import numpy as np
import pytest

from benchmarks.stillness import OTHERS, OURS, report, stories, trained, verdict
from tb_attnviz.projection.projection import METHODS
from tb_attnviz.run import Run


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    return trained(tmp_path_factory.mktemp("training"), training_steps=12, steps=4, tokens=40, heads=1)


@pytest.mark.full
def test_the_last_step_has_another_basis_and_the_same_attention(run: Run) -> None:
    before, after = run.steps[-2:]
    vectors = [run.samples(step, 0).queries for step in (before, after)]
    assert np.abs(vectors[1] - vectors[0]).max() > np.abs(vectors[0]).max() / 2
    np.testing.assert_allclose(run.attention(after, 0, 0, 0), run.attention(before, 0, 0, 0), atol=1e-3)


@pytest.mark.full
def test_all_dimensions_are_still_and_agree_with_themselves(run: Run) -> None:
    for story in stories(run):
        all_of_it = verdict(story, story.coordinates, "biplot")
        assert all_of_it.trustworthiness == pytest.approx(1, abs=1e-6)
        assert all_of_it.faithfulness == pytest.approx(1, abs=1e-6)
        assert all_of_it.points_agreement == pytest.approx(1, abs=1e-6)
        assert all_of_it.idle < 0.01


@pytest.mark.full
def test_noise_is_not_still(run: Run) -> None:
    (story, *_) = stories(run)
    noise = verdict(story, np.random.default_rng(0).normal(size=(5, 80, 2)), "tsne")
    assert noise.idle == pytest.approx(1, abs=0.3)
    assert abs(noise.points_agreement) < 0.3
    assert abs(noise.faithfulness) < 0.2


def test_every_projection_of_ours_is_looked_at() -> None:
    assert [*OURS] == [*METHODS]


@pytest.mark.full
def test_a_table_of_ours_and_of_others(run: Run) -> None:
    lines = report(run, 1, ("biplot",), tuple(OTHERS)[:1]).splitlines()
    assert len(lines) == 4
    title, *_, idle = (cell.strip() for cell in lines[2].strip("|").split("|"))
    assert (title, idle) == ("biplot", "0.00")
    assert "scikit-learn" in lines[3]
