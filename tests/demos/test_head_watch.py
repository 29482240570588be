"""Heads that form are named once, with the step at which they did."""

from pathlib import Path

import numpy as np
import pytest

from demo.head_watch import HeadWatch
from tb_attnviz.events import Layer, RunWriter, Samples

LAYERS = [Layer("a", 2, 2, 4, 0.5, causal=True), Layer("b", 3, 3, 4, 0.5, causal=True)]


def write(writer: RunWriter, step: int, induction: list[float]) -> None:
    writer.write_health(step, {"induction": np.array(induction, np.float32)})
    samples = [Samples(*[np.zeros((layer.heads, 5, 4), np.float32)] * 2) for layer in LAYERS]
    writer.write_checkpoint(step, zip(LAYERS, samples, strict=True))


def test_heads_that_form(tmp_path: Path) -> None:
    writer, watch = RunWriter(str(tmp_path)), HeadWatch(tmp_path, figure="induction", threshold=0.4)
    assert watch.formed() == []
    assert watch.strongest() == 0
    write(writer, 10, [0.1, 0.2, 0.0, np.nan, 0.3])
    assert watch.formed() == []
    assert watch.strongest() == pytest.approx(0.3)
    write(writer, 20, [0.1, 0.5, 0.0, 0.0, 0.3])
    write(writer, 30, [0.1, 0.6, 0.0, 0.0, 0.75])
    assert watch.formed() == [(0, 1, 20, 0.5), (1, 2, 30, 0.75)]
    write(writer, 40, [0.1, 0.9, 0.0, 0.0, 0.9])
    assert watch.formed() == []
