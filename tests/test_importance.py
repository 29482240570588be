"""How far first order can be believed is said by its agreement with what was measured, at the newest such step."""

import numpy as np
import pytest
from scipy.stats import spearmanr

from tb_attnviz.events import Layer
from tb_attnviz.importance import Importance, importance_of

LAYERS = [Layer("blocks.0", 5, 5, 4, 0.5, causal=True)]
EXACT = np.array([0.5, 0.1, 0.9, 0.3, 0.2], np.float32)
NOT_MEASURED = np.full(5, np.nan, np.float32)


def of(first_order: list[list[float]], *exact: np.ndarray) -> Importance:
    values = np.array(first_order, np.float32)
    steps = [100 * n for n in range(len(values))]
    return importance_of(steps, LAYERS, np.ones(len(values), np.float32), values, np.stack(exact))


def test_heads_in_the_same_order_are_ranked_well() -> None:
    found = of([[0, 1, 2, 3, 4], [5, 1, 9, 3, 2], [1, 1, 1, 1, 1]], NOT_MEASURED, EXACT, NOT_MEASURED)
    assert found.trust == (
        "first order ranks these heads well: at step 100 its Spearman correlation with exact importance is 1.00"
    )


def test_below_the_limit_it_is_a_first_look() -> None:
    values = [[5, 1, 9, 3, 2], [5, 4, 3, 2, 1]]
    found = of(values, EXACT, EXACT)
    correlation = spearmanr(values[1], EXACT).statistic
    assert found.agreement[1] == pytest.approx(correlation)
    assert found.trust.startswith("first order is no more than a first look: at step 100 ")
    assert f"is {correlation:.2f}, below 0.8: go by exact importance" in found.trust


def test_what_was_never_measured_is_not_known() -> None:
    assert of([[1, 2, 3, 4, 5]], NOT_MEASURED).trust.endswith("is not known: ablate_every= measures it")
