"""The benchmark of the tab in a tiny size: every frame is drawn, and what was drawn bare are the same points."""

import gzip

import pytest
from playwright.sync_api import Browser

from benchmarks.browser import BUNDLE, QUICK, report


@pytest.mark.full
def test_the_tab_in_the_browser(browser: Browser) -> None:
    text = report(browser, QUICK)
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in text.splitlines() if line.startswith("|")]
    frames = [row for row in rows if len(row) == 6][2:]
    assert [row[2] for row in frames] == ["pan", "zoom", "morph"] * 2
    # 6 heads of 200 points: sequences of the made-up run are not cut, so there are some more
    assert all(1200 <= int(row[1].split(":")[1].replace(",", "")) < 1600 for row in frames)
    assert all(float(row[5]) > 0 for row in frames)
    waited = {row[0]: row[1] for row in rows if len(row) == 2}
    assert 0 < float(waited["click on the tab to first matrix, run just opened"].split()[0]) < 60
    # 3 steps of 6 heads of 200 points in two dimensions: 29 kB, not megabytes more on a second visit
    visited, again = (
        [float(part.split()[0]) for part in waited[f"JavaScript heap, arrays of points: {what}"].split(",")]
        for what in ("3 steps visited", "visited again")
    )
    assert again[1] - visited[1] <= 2
    assert again[0] - visited[0] <= 3
    size = len(gzip.compress(BUNDLE.read_bytes())) / 1e3
    assert f"{size:.0f} kB gzipped" in text
