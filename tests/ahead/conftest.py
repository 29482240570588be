"""A cache of its own for every test, never the user's."""

from pathlib import Path

import pytest

from tb_attnviz.projection.store import DIRECTORY_VARIABLE, DiskStore


@pytest.fixture(autouse=True)
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> DiskStore:
    """What the command and TensorBoard both use by default."""
    monkeypatch.setenv(DIRECTORY_VARIABLE, str(tmp_path / "cache"))
    return DiskStore()
