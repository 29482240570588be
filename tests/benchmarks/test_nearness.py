"""Figures of nearness, against SciPy, and the benchmark in a tiny size."""

from pathlib import Path

import numpy as np
import pytest
from scipy.stats import spearmanr

from benchmarks.nearness import PICTURES, in_row, report
from benchmarks.recordings import record_minilm


def test_in_row_is_scipys_spearman_over_what_a_query_sees() -> None:
    rng = np.random.default_rng(0)
    closeness, logits = rng.normal(size=(2, 6, 9)).round(1)
    visible = np.tri(6, 9, 3, dtype=bool)
    expected = [spearmanr(*(values[row][visible[row]] for values in (closeness, logits))).statistic for row in range(6)]
    np.testing.assert_allclose(in_row(closeness, logits, visible), expected)


@pytest.mark.full
def test_two_tables(tmp_path: Path) -> None:
    run = record_minilm(tmp_path, tokens=60, layers=1, heads=1)
    chosen = {title: PICTURES[title] for title in ("PCA", "**attention**")}
    pictures, dial = report(run, [(0, 0)], chosen, [0.0]).split("\n\n")
    top_key = [float(line.split("|")[2]) for line in pictures.splitlines()[2:]]
    assert 0 <= top_key[0] < top_key[1] <= 1
    assert dial.splitlines()[2].startswith("| `attention=0` |")
