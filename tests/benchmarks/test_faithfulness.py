"""The benchmark of faithfulness in a tiny size."""

from pathlib import Path

from benchmarks.faithfulness import report
from benchmarks.recordings import record_minilm


def test_the_biplot_is_the_most_faithful_linear_projection(tmp_path: Path) -> None:
    run = record_minilm(tmp_path, tokens=100, layers=1, heads=3)
    lines = report(run, 1, ("biplot", "pca")).splitlines()
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[2:]]
    assert [row[:2] for row in rows] == [
        ["biplot (by dot product)", "canonical"],
        ["biplot (by dot product)", "paper"],
        ["PCA", "canonical"],
        ["PCA", "paper"],
    ]
    assert float(rows[0][2]) > 0.5
    assert float(rows[0][2]) > float(rows[2][2])
