"""The frame: pictures keep still unless the head changes, in 2-D and 3-D, for every projection."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from sklearn.decomposition import PCA

import tb_attnviz
from tb_attnviz.events import Layer, RunWriter, Samples
from tb_attnviz.projection import PROJECTIONS, Frame, fit_frame
from tb_attnviz.projection.basis import BULK, Basis, Extent
from tb_attnviz.projection.frame import FITTED_STEPS
from tests.conftest import PROBE

Float32 = npt.NDArray[np.float32]
Heads = tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]  # queries, keys [heads, n, d]

HEADS, D, SCALE = 3, 6, 0.4
LAYER = Layer("attention", HEADS, HEADS, D, SCALE, causal=False)
RNG = np.random.default_rng(1)
START: Heads = tuple(RNG.normal(size=(2, HEADS, PROBE.tokens, D)))
END: Heads = tuple(RNG.normal(size=(2, HEADS, PROBE.tokens, D)))


def halfway(share: float) -> Heads:
    return START[0] * (1 - share) + END[0] * share, START[1] * (1 - share) + END[1] * share


def rotation(rng: np.random.Generator) -> npt.NDArray[np.float64]:
    """A well-conditioned change of basis: the rounding of the samples is not magnified."""
    return np.linalg.qr(rng.normal(size=(D, D)))[0] * rng.uniform(0.7, 1.4, size=D)


@pytest.fixture
def record(writer: RunWriter, tmp_path: Path) -> Callable[[int, Heads], tb_attnviz.Run]:
    """Records a checkpoint and gives the run, opened anew."""

    def record(step: int, heads: Heads) -> tb_attnviz.Run:
        queries, keys = (array.astype(np.float32) for array in heads)
        writer.write_checkpoint(step, [(LAYER, Samples(queries, keys))])
        return tb_attnviz.open_run(tmp_path / "run")

    return record


Record = Callable[[int, Heads], tb_attnviz.Run]


def pictures(run: tb_attnviz.Run, frame: Frame, projection: str, dims: int) -> Float32:
    """[steps, heads, n_query + n_key, dims]"""
    return np.stack([frame.points(run.layer_samples(0), step, projection, dims) for step in run.steps])


@pytest.mark.parametrize("projection", PROJECTIONS)
@pytest.mark.parametrize("dims", [2, 3])
def test_a_change_of_basis_moves_nothing(record: Record, projection: str, dims: int) -> None:
    rng = np.random.default_rng(2)
    run = record(0, START)
    for step in range(1, 5):
        change = rotation(rng)
        run = record(step, (START[0] @ change, START[1] @ np.linalg.inv(change).T))
    shown = pictures(run, run.frame(0), projection, dims)
    assert np.abs(shown - shown[0]).max() <= 1e-3


def test_motion_is_the_heads_motion(record: Record) -> None:
    """Only head 1 changes: the others keep still, in spite of a new basis at every step."""
    rng = np.random.default_rng(3)
    for step in range(5):
        change = rotation(rng)
        queries, keys = START[0].copy(), START[1].copy()
        queries[1], keys[1] = (array[1] for array in halfway(step / 4))
        run = record(step, (queries @ change, keys @ np.linalg.inv(change).T))
    shown = pictures(run, run.frame(0), "biplot", 2)
    motion = np.abs(np.diff(shown, axis=0)).max(axis=(0, 2, 3))  # (heads,)
    assert motion[0] <= 1e-3
    assert motion[2] <= 1e-3
    assert motion[1] > 0.05


@pytest.mark.parametrize("projection", PROJECTIONS)
def test_a_live_step_joins_without_moving_the_others(record: Record, projection: str) -> None:
    for step in range(4):
        run = record(step, halfway(step / 10))
    frame = run.frame(0)
    before = pictures(run, frame, projection, 2)
    run = record(4, halfway(0.4))
    after = pictures(run, frame, projection, 2)
    np.testing.assert_array_equal(after[:4], before)
    # and it joins as a neighbour: no farther from step 3 than a step of this drift is
    steps = np.abs(np.diff(after, axis=0)).max(axis=(1, 2, 3))
    assert steps[3] < 2 * steps[:3].max()


def test_the_bulk_of_fitted_steps_fills_the_square_and_the_biplot_keeps_its_origin(record: Record) -> None:
    for step in range(4):
        run = record(step, halfway(step / 3))
    shown = pictures(run, run.frame(0), "biplot", 2)
    inside = (np.abs(shown).max(axis=3) <= 1 + 1e-6).mean(axis=2)  # (steps, heads)
    assert inside.min() >= BULK
    assert inside.min(axis=0).max() < 1, "the farthest points of the widest step lie outside"
    # the keys are centred: their mean is at the origin, at every step
    np.testing.assert_allclose(shown[:, :, PROBE.tokens :].mean(axis=2), 0, atol=1e-6)


@pytest.mark.parametrize(("far", "extent"), [(1.05, 105), (9, 100), (1000, 1000)])
def test_far_points_do_not_squeeze_the_others_and_keep_their_places(far: float, extent: float) -> None:
    """96 points in a row at 5, 6, … 100, and four `far` times as far: the frame ends at 100, unless these are near.

    Nothing is magnified by more than 100: rounding would fill the cell.
    """
    row = np.concatenate([np.arange(5, 101), 100 * far * np.array([1, -1, 1, -1])]).astype(np.float32)
    measured = Extent(Basis(np.eye(3)[None], np.zeros((1, 3)), np.ones((1, 3))))
    measured.add((row[:, None] * [0.5, 1, 0.1])[None].astype(np.float32))  # the second axis reaches farther
    measured.add(np.zeros((1, 100, 3), np.float32))  # a step where the head does nothing
    basis = measured.measured()
    np.testing.assert_allclose(basis.extent[0], [extent / 2, extent, extent])
    shown = basis.project((row[:, None] * np.eye(3)[1])[None].astype(np.float32), 2)[0, :, 1]
    np.testing.assert_allclose(shown, row / basis.extent[0, 1], rtol=1e-6)


def test_of_few_points_none_is_far() -> None:
    row = np.array([1.0] * 23 + [7.0], np.float32)
    measured = Extent(Basis(np.eye(3)[None], np.zeros((1, 3)), np.ones((1, 3))))
    measured.add((row[:, None] * [1, 0, 0])[None].astype(np.float32))
    np.testing.assert_allclose(measured.measured().extent, 7)


def test_one_step_of_the_biplot_is_the_best_rank_two_picture(record: Record) -> None:
    run = record(0, START)
    shown = run.frame(0).points(run.layer_samples(0), 0, "biplot", 2)
    queries, keys = shown[:, : PROBE.tokens], shown[:, PROBE.tokens :]
    centred = START[1] - START[1].mean(axis=1, keepdims=True)
    u, s, vh = np.linalg.svd(SCALE * START[0] @ centred.swapaxes(1, 2), full_matrices=False)
    best = (u[..., :2] * s[:, None, :2]) @ vh[:, :2]
    products = queries @ keys.swapaxes(1, 2)
    for head in range(HEADS):  # up to the frame's scale
        assert np.corrcoef(products[head].ravel(), best[head].ravel())[0, 1] > 1 - 1e-5


def test_pca_of_one_step_is_scikit_learns(record: Record) -> None:
    run = record(0, START)
    shown = run.frame(0).points(run.layer_samples(0), 0, "pca", 3)
    axes = run.frame(0).axes[0]
    coordinates = axes.coordinates(run.layer_samples(0).whole(0))
    for head in range(HEADS):
        expected = PCA(3).fit_transform(coordinates[head])
        ratio = np.abs(expected).max() / np.abs(shown[head]).max()
        np.testing.assert_allclose(np.abs(shown[head]) * ratio, np.abs(expected), atol=1e-4)


def test_a_long_run_is_fitted_at_steps_spread_over_it(record: Record) -> None:
    for step in range(40):
        run = record(step, halfway(step / 80))
    frame = run.frame(0)
    assert len(frame.steps) == FITTED_STEPS
    assert (frame.steps[0], frame.steps[-1]) == (0, 39)
    shown = pictures(run, frame, "biplot", 2)
    jumps = np.abs(np.diff(shown, axis=0)).max(axis=(1, 2, 3))
    assert jumps.max() < 0.1  # unfitted steps lie between their neighbours


def test_a_head_that_is_not_finite_has_no_points_and_harms_no_other(record: Record) -> None:
    for step in range(3):
        run = record(step, halfway(step / 10))
    expected = pictures(run, run.frame(0), "biplot", 2)
    broken = (halfway(0.1)[0].copy(), halfway(0.1)[1])
    broken[0][1, 4, 2] = np.nan
    run = record(1, broken)
    shown = pictures(run, run.frame(0), "biplot", 2)
    assert np.isnan(shown[1, 1]).all()
    assert np.isfinite(np.delete(shown, 1, axis=1)).all()
    np.testing.assert_allclose(shown[[0, 2]], expected[[0, 2]], atol=0.2)


def test_a_run_that_is_never_finite_still_answers(record: Record) -> None:
    run = record(0, (START[0] * np.nan, START[1]))
    shown = run.frame(0).points(run.layer_samples(0), 0, "biplot", 2)
    assert np.isnan(shown).all()


def test_constant_keys_lie_at_the_origin(record: Record) -> None:
    run = record(0, (START[0], np.ones_like(START[1])))
    np.testing.assert_array_equal(run.project("biplot", 0, 0), 0)


def test_fitting_reports_its_progress(record: Record) -> None:
    for step in range(3):
        run = record(step, halfway(step / 3))
    reports: list[tuple[int, int]] = []
    fit_frame(run.layer_samples(0), run.steps, on_progress=lambda done, total: reports.append((done, total)))
    assert reports == [(done, 6) for done in range(1, 7)]
