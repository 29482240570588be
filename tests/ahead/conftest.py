"""A cache of its own for every test, never the user's."""

from pathlib import Path

import numpy as np
import pytest

from tb_attnviz.events import Layer, ProbeRecord, RunWriter, Samples, Sequence
from tb_attnviz.projection.store import DIRECTORY_VARIABLE, DiskStore


@pytest.fixture(autouse=True)
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> DiskStore:
    """What the command and TensorBoard both use by default."""
    monkeypatch.setenv(DIRECTORY_VARIABLE, str(tmp_path / "cache"))
    return DiskStore()


@pytest.fixture
def embedded_run(tmp_path: Path) -> Path:
    """A run of 2 heads and 20 steps with 160 points a head: enough for t-SNE, and for more steps than a frame has."""
    layer = Layer("attention", 2, 2, 8, 8**-0.5, causal=False)
    start, end = (
        np.random.default_rng(0).normal(size=(2, 2, 2, 80, 8)).astype(np.float32)
    )  # (queries and keys, head, n, d)
    writer = RunWriter(str(tmp_path / "embedded"))
    writer.write_probe(ProbeRecord(4 * (Sequence(tuple("abcdefghijklmnopqrst")),)), step=0)
    for step in range(20):
        queries, keys = start + (end - start) * np.float32(step / 40)
        writer.write_checkpoint(step, [(layer, Samples(queries, keys))])
    writer.close()
    return tmp_path / "embedded"
