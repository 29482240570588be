"""Leanings of heads that are what they are by construction."""

import numpy as np
import pytest

from demo.patch_heads import _leaning

GRID = 3
ROWS, COLUMNS = np.divmod(np.arange(GRID**2), GRID)
BRIGHT = np.linspace(0, 1, GRID**2)


def normalised(weights: np.ndarray) -> np.ndarray:
    return weights / weights.sum(axis=1, keepdims=True)


def test_a_head_that_sees_its_row_alone() -> None:
    leaning = _leaning(normalised((ROWS[:, None] == ROWS).astype(float)), BRIGHT, GRID)
    assert leaning.row == pytest.approx(1)
    assert leaning.column == 0


def test_a_head_that_sees_everything_alike_leans_nowhere() -> None:
    rng = np.random.default_rng(0)
    leaning = _leaning(normalised(1 + 1e-9 * rng.random((9, 9))), BRIGHT, GRID)
    assert leaning.row == pytest.approx(2 / 8)
    assert leaning.column == pytest.approx(2 / 8)
    assert abs(leaning.brightness) < 0.3


def test_a_head_that_looks_for_its_own_brightness() -> None:
    logits = -5 * np.abs(BRIGHT[:, None] - BRIGHT)
    row_terms = np.log(np.exp(logits).sum(axis=1, keepdims=True))
    leaning = _leaning(np.exp(logits - row_terms), BRIGHT, GRID)
    assert leaning.brightness > 0.8
