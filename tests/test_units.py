"""Figures in words: each in one unit."""

import math
import re
from pathlib import Path

import pytest

from tb_attnviz.events import SHARES
from tb_attnviz.units import limit_told, told


@pytest.mark.parametrize(
    ("figure", "value", "says"),
    [
        ("max_logit", 6662.4, "6,662"),
        ("max_logit", 132.0, "132"),
        ("max_logit", 12.34, "12.3"),
        ("max_logit", 1.234, "1.23"),
        ("query_norm", 0.0456, "0.046"),
        ("query_norm", 0.0006, "0.0006"),
        ("query_norm", 2e-5, "2.0e-5"),
        ("max_logit", 1234567, "1.2e6"),
        ("non_finite", 0, "0"),
        ("max_logit", math.inf, "infinite"),
        ("entropy", 1, "100 %"),
        ("entropy", 1 - 1e-7, "100 %"),
        ("entropy", 0.996, ">99 %"),
        ("entropy", 0.444, "44 %"),
        ("previous", 0.0956, "9.6 %"),
        ("induction", -0.044, "−4.4 %"),
        ("entropy", 0.0006, "0.1 %"),
        ("entropy", -1e-6, "0 %"),
        ("entropy", 0, "0 %"),
        ("follows/parent", 0.81, "81 %"),
    ],
)
def test_figures_are_written_as_in_the_tab(figure: str, value: float, says: str) -> None:
    assert told(figure, value) == says


def test_the_tab_has_the_same_figures_in_percent() -> None:
    told = (Path(__file__).parents[1] / "frontend" / "src" / "health" / "figures.ts").read_text()
    assert set(re.findall(r"^  (\w+): \{[^}]*?share: true", told, re.MULTILINE)) == set(SHARES)


def test_a_limit_has_the_unit_of_its_figure() -> None:
    assert [limit_told("max_logit", 100), limit_told("entropy", 0.05)] == ["100", "5 %"]
