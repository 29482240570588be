"""The biplot of one step by itself, against the singular value decomposition of its logits."""

import numpy as np
import numpy.typing as npt
import pytest

from tb_attnviz.projection.alone import biplot_alone
from tb_attnviz.projection.eigenvectors import leading_eigenvectors
from tb_attnviz.projection.frame import RANK, Axes
from tb_attnviz.projection.leading_axes import LeadingAxes
from tb_attnviz.projection.source import Vectors

SCALE = 0.125


def made_up(heads: int, n: int, d: int, *, seed: int = 0, rank: int | None = None) -> Vectors:
    """Queries and keys of directions whose sizes fall off, mixed, away from the origin."""
    rng = np.random.default_rng(seed)
    sizes = np.arange(1, d + 1) ** -0.7 * (np.arange(d) < (rank or d))
    made = [
        rng.standard_normal((heads, n, d)) * sizes @ rng.standard_normal((heads, d, d))
        + rng.standard_normal((heads, 1, d))
        for _ in range(2)
    ]
    return Vectors(made[0].astype(np.float32), made[1].astype(np.float32), np.ones(heads, np.bool_))


def by_svd(of: Vectors, head: int) -> npt.NDArray[np.float64]:
    """[n_query + n_key, 3] from the whole matrix of centred logits: U √S and V √S."""
    queries, keys = of.queries[head].astype(np.float64), of.keys[head].astype(np.float64)
    u, values, vh = np.linalg.svd(SCALE * queries @ (keys - keys.mean(axis=0)).T)
    root = np.sqrt(values[:3])
    return np.concatenate([u[:, :3] * root, vh[:3].T * root])


@pytest.mark.parametrize(("n", "d"), [(60, 4), (80, 64), (150, 128), (20, 64)])
@pytest.mark.parametrize("dims", [2, 3])
def test_it_is_the_best_low_rank_picture_of_the_logits(n: int, d: int, dims: int) -> None:
    of = made_up(3, n, d)
    found = biplot_alone(of, SCALE, dims)
    for head, points in enumerate(found):
        right = by_svd(of, head)[:, :dims]
        right *= np.where((right**3).sum(axis=0) < 0, -1, 1)  # each direction leans to its positive side
        reach = np.sort(np.abs(right).max(axis=1))
        bulk = reach[int(np.ceil(0.96 * len(reach) - 1e-9)) - 1]
        extent = reach[-1] if reach[-1] <= 1.1 * bulk else max(bulk, reach[-1] / 100)
        np.testing.assert_allclose(points, right / extent, atol=1e-4)


@pytest.mark.parametrize("far", [0, 10, 1000])
@pytest.mark.parametrize(("n", "d"), [(60, 4), (80, 64), (400, 128)])
def test_singular_values_are_those_of_the_logits_also_where_queries_or_keys_lie_far_from_the_origin(
    n: int, d: int, far: float
) -> None:
    of = made_up(3, n, d, seed=2)
    off = far * np.random.default_rng(5).standard_normal((2, 3, 1, d)).astype(np.float32)
    of = Vectors(of.queries + off[0], of.keys + off[1], of.finite)
    axes = LeadingAxes.of(of, SCALE, 3, checked=True)
    for head in range(3):
        queries, keys = of.queries[head].astype(np.float64), of.keys[head].astype(np.float64)
        right = np.linalg.svd(SCALE * queries @ (keys - keys.mean(axis=0)).T, compute_uv=False)[:3]
        shown = queries @ axes.to_queries[head], (keys - axes.mean[head]) @ axes.to_keys[head]
        np.testing.assert_allclose([(side**2).sum(axis=0) for side in shown], [right] * 2, rtol=8e-5)


@pytest.mark.parametrize("size", [1e-30, 1e-20, 1e20, 1e30])
@pytest.mark.parametrize(("count", "checked"), [(3, True), (RANK, False)])
def test_heads_whose_squares_overflow_single_precision_have_their_singular_values(
    size: float, count: int, checked: bool
) -> None:
    rng = np.random.default_rng(7)
    wide = rng.standard_normal((2, 3, 90, 64)) * np.arange(1, 65) ** -0.7
    wide[0, :2] *= size  # the third head is like any other
    wide[1, :2] /= size
    queries, keys = wide.astype(np.float32)
    axes = LeadingAxes.of(Vectors(queries, keys, np.ones(3, np.bool_)), SCALE, count, checked=checked)
    for head in range(3):
        logits = SCALE * queries[head].astype(np.float64) @ (keys[head] - wide[1, head].mean(axis=0)).T
        right = np.linalg.svd(logits, compute_uv=False)
        np.testing.assert_allclose(axes.values[head, :3], right[:3], rtol=1e-4)


def test_keys_that_heads_share_are_taken_apart_once() -> None:
    of = made_up(6, 50, 32)
    keys = of.keys[::3].repeat(3, axis=0)
    once = biplot_alone(Vectors(of.queries, keys, of.finite, shared=3), SCALE, 2)
    np.testing.assert_allclose(once, biplot_alone(Vectors(of.queries, keys, of.finite), SCALE, 2), atol=1e-5)


def test_heads_that_have_few_directions_or_none_are_0_in_the_others() -> None:
    one = made_up(2, 40, 64, rank=1)
    found = biplot_alone(Vectors(one.queries - one.queries.mean(axis=1, keepdims=True), one.keys, one.finite), SCALE, 3)
    assert np.abs(found[..., 0]).max() > 0.5
    assert np.abs(found[..., 1:]).max() < 1e-2
    still = Vectors(one.queries, np.ones_like(one.keys), one.finite)
    assert not biplot_alone(still, SCALE, 2).any()
    lost = Vectors(one.queries * 0, one.keys * 0, np.array([True, False]))
    shown = biplot_alone(lost, SCALE, 2)
    assert not shown[0].any()
    assert np.isnan(shown[1]).all()


def test_directions_that_are_hard_to_tell_apart_are_found_by_all_eigenvectors() -> None:
    rng = np.random.default_rng(3)
    turn = np.linalg.qr(rng.standard_normal((2, 40, 40)))[0]
    values = np.linspace(1, 0.999, 40)
    values, found = leading_eigenvectors(turn * values @ turn.swapaxes(1, 2)), turn
    np.testing.assert_allclose(
        np.abs(values[1].swapaxes(1, 2) @ found[..., :3]), np.eye(3)[None].repeat(2, 0), atol=1e-8
    )


@pytest.mark.parametrize("decay", [0, 0.3, 1.5])
def test_a_frame_of_larger_heads_follows_the_best_picture_of_their_logits_in_32_dimensions(decay: float) -> None:
    """Flat spectra, where no direction stands out, and steep ones; against the singular value decomposition."""
    n, d = 150, 128
    rng = np.random.default_rng(4)
    sizes = np.arange(1, d + 1.0) ** -decay
    made = [(rng.standard_normal((2, n, d)) * sizes @ rng.standard_normal((2, d, d))) for _ in range(2)]
    of = Vectors(made[0].astype(np.float32), made[1].astype(np.float32), np.ones(2, np.bool_))
    axes = LeadingAxes.of(of, SCALE, RANK, checked=False)
    for head in range(2):
        queries, keys = of.queries[head].astype(np.float64), of.keys[head].astype(np.float64)
        logits = SCALE * queries @ (keys - keys.mean(axis=0)).T
        a, b = queries @ axes.to_queries[head], (keys - axes.mean[head]) @ axes.to_keys[head]
        least = np.sqrt((np.linalg.svd(logits, compute_uv=False)[RANK:] ** 2).sum())
        assert np.linalg.norm(logits - a @ b.T) <= 1.02 * least + 1e-5 * np.linalg.norm(logits)
        np.testing.assert_allclose(a.T @ a, b.T @ b, atol=1e-4 * np.linalg.norm(logits))  # both are equally large


def test_it_is_the_same_picture_whatever_the_basis() -> None:
    of = made_up(2, 150, 128)
    rng = np.random.default_rng(6)
    change = np.linalg.qr(rng.standard_normal((2, 128, 128)))[0] * rng.uniform(0.7, 1.4, size=(2, 1, 128))
    back = np.linalg.inv(change).swapaxes(1, 2)
    other = Vectors((of.queries @ change).astype(np.float32), (of.keys @ back).astype(np.float32), of.finite)
    here, there = (Axes.leading(one, SCALE).coordinates(one) for one in (of, other))
    cross = here.swapaxes(1, 2).astype(np.float64) @ there
    u, _, vh = np.linalg.svd(cross)
    assert np.abs(here @ (u @ vh) - there).max() <= 1e-3 * np.abs(here).max()
