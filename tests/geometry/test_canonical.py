"""Canonical coordinates: what attention computes, and nothing of how the model wrote it down."""

import numpy as np
import numpy.typing as npt
import pytest
import torch
from scipy.linalg import orthogonal_procrustes

from tb_attnviz.geometry import canonical_axes, procrustes

Float64 = npt.NDArray[np.float64]
RNG = np.random.default_rng(0)
QUERIES, KEYS = RNG.normal(size=(3, 50, 8)) + 0.5, RNG.normal(size=(3, 40, 8)) + 2.0


def centred_logits(queries: Float64, keys: Float64, scale: float) -> Float64:
    return scale * queries @ (keys - keys.mean(axis=-2, keepdims=True)).swapaxes(-1, -2)


def test_dot_products_are_the_centred_logits() -> None:
    a, b = canonical_axes(QUERIES, KEYS, scale=0.3).coordinates(QUERIES, KEYS)
    np.testing.assert_allclose(a @ b.swapaxes(-1, -2), centred_logits(QUERIES, KEYS, 0.3), atol=1e-12)


def test_both_clouds_have_the_singular_values_of_the_logits_as_second_moment() -> None:
    axes = canonical_axes(QUERIES, KEYS, scale=0.3)
    expected = np.linalg.svd(centred_logits(QUERIES, KEYS, 0.3), compute_uv=False)[:, :8]
    np.testing.assert_allclose(axes.singular_values, expected, rtol=1e-9)
    for cloud in axes.coordinates(QUERIES, KEYS):
        moments = cloud.swapaxes(-1, -2) @ cloud
        np.testing.assert_allclose(moments, np.stack([np.diag(values) for values in expected]), atol=1e-9)


def test_two_axes_are_the_best_rank_two_picture_of_the_logits() -> None:
    a, b = canonical_axes(QUERIES, KEYS, scale=1.0).coordinates(QUERIES, KEYS)
    u, s, vh = np.linalg.svd(centred_logits(QUERIES, KEYS, 1.0), full_matrices=False)
    best = (u[..., :2] * s[:, None, :2]) @ vh[:, :2]  # Eckart and Young
    np.testing.assert_allclose(a[..., :2] @ b[..., :2].swapaxes(-1, -2), best, atol=1e-9)


def test_a_change_of_basis_moves_nothing() -> None:
    change = RNG.normal(size=(8, 8))
    a, b = canonical_axes(QUERIES, KEYS, scale=1.0).coordinates(QUERIES, KEYS)
    moved_queries, moved_keys = QUERIES @ change, KEYS @ np.linalg.inv(change).T
    moved = canonical_axes(moved_queries, moved_keys, scale=1.0).coordinates(moved_queries, moved_keys)
    rotation = procrustes(moved[0].swapaxes(-1, -2) @ a)
    np.testing.assert_allclose(moved[0] @ rotation, a, atol=1e-9)
    np.testing.assert_allclose(moved[1] @ rotation, b, atol=1e-9)


def test_a_constant_added_to_every_key_moves_nothing() -> None:
    axes, moved = canonical_axes(QUERIES, KEYS, scale=1.0), canonical_axes(QUERIES, KEYS + 7.0, scale=1.0)
    for shifted, cloud in zip(moved.coordinates(QUERIES, KEYS + 7.0), axes.coordinates(QUERIES, KEYS), strict=True):
        np.testing.assert_allclose(np.abs(shifted), np.abs(cloud), atol=1e-9)  # the sign of a singular vector is free


@pytest.mark.parametrize("tokens", [1, 2, 5])
def test_fewer_tokens_than_dimensions(tokens: int) -> None:
    queries, keys = QUERIES[:, :tokens], KEYS[:, :tokens]
    a, b = canonical_axes(queries, keys, scale=1.0).coordinates(queries, keys)
    np.testing.assert_allclose(a @ b.swapaxes(-1, -2), centred_logits(queries, keys, 1.0), atol=1e-9)


def test_constant_keys_have_no_logits_to_show() -> None:
    a, b = canonical_axes(QUERIES, np.ones_like(KEYS), scale=1.0).coordinates(QUERIES, np.ones_like(KEYS))
    assert not a.any()
    assert not b.any()


def test_procrustes_is_scipys() -> None:
    x, y = RNG.normal(size=(2, 30, 6))
    np.testing.assert_allclose(procrustes(x.T @ y), orthogonal_procrustes(x, y)[0], atol=1e-12)


def test_torch_gives_the_same_coordinates() -> None:
    a, _ = canonical_axes(QUERIES, KEYS, scale=1.0).coordinates(QUERIES, KEYS)
    queries, keys = torch.from_numpy(QUERIES), torch.from_numpy(KEYS)
    b, _ = canonical_axes(queries, keys, scale=1.0).coordinates(queries, keys)
    np.testing.assert_allclose(b.abs().numpy(), np.abs(a), atol=1e-9)  # the sign of a singular vector is free
