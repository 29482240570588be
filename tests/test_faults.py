"""docs/faults.md names tests that there are."""

import re
from pathlib import Path

PAGE = Path(__file__).parents[1] / "docs" / "faults.md"


def test_every_fault_names_a_test_that_exists() -> None:
    rows = [line for line in PAGE.read_text().splitlines() if line.startswith("| ") and not line.startswith("| fault")]
    assert rows
    for row in rows:
        named = re.findall(r"`([\w/]+\.py)`", row.rsplit(" | ", 1)[-1])
        assert named, row
        assert all(Path(__file__).parent.joinpath(name).is_file() for name in named), row
