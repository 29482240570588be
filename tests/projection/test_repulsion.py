"""The repulsion of a picture, against the sum over all pairs."""

import numpy as np
import pytest

from tb_attnviz.projection.repulsion import Repulsion


@pytest.mark.parametrize(("dims", "span", "tolerance"), [(2, 1, 0.05), (2, 10, 0.02), (2, 60, 0.12), (3, 20, 0.2)])
def test_it_is_the_sum_over_all_pairs(dims: int, span: float, tolerance: float) -> None:
    points = np.random.default_rng(0).uniform(0, span, size=(1200, dims))
    apart = points[:, None] - points[None]  # (n, n, dims)
    kernel = 1 / (1 + (apart**2).sum(axis=-1))
    force = (kernel[..., None] ** 2 * apart).sum(axis=1)
    found, total = Repulsion()(points)
    assert total == pytest.approx(kernel.sum() - len(points), rel=0.02)
    assert np.linalg.norm(found - force) <= tolerance * np.linalg.norm(force)


def test_few_points_are_exact() -> None:
    points = np.random.default_rng(0).uniform(0, 3, size=(50, 3)).astype(np.float32)
    apart = points[:, None] - points[None]  # (n, n, dims)
    kernel = 1 / (1 + (apart**2).sum(axis=-1))
    found, total = Repulsion()(points)
    assert total == pytest.approx(kernel.sum() - len(points), rel=1e-5)
    np.testing.assert_allclose(found, (kernel[..., None] ** 2 * apart).sum(axis=1), atol=1e-5)


def test_the_kept_kernel_changes_nothing() -> None:
    rng = np.random.default_rng(0)
    kept = Repulsion()
    for span in (5, 50, 5):
        points = rng.uniform(0, span, size=(1100, 2))
        np.testing.assert_array_equal(kept(points)[0], Repulsion()(points)[0])
