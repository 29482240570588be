"""What goes on as the same run, and what begins a new segment of it."""

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tb_attnviz.events import Checkpoint, EventLog, Layer, ProbeRecord, Records, RunWriter, Sequence
from tb_attnviz.events.schema import CheckpointDocument
from tests.conftest import LAYERS, PROBE, make_samples, write_checkpoint

OTHER_PROBE = ProbeRecord((*PROBE.sequences[:2], Sequence(("one", "two", "four"))))


def load(directory: Path) -> Records:
    return EventLog(str(directory)).load()


def start(directory: Path, step: int, *, probe: ProbeRecord = PROBE, layers: tuple[Layer, ...] = LAYERS) -> RunWriter:
    """A training process that begins, or begins again, at `step`."""
    writer = RunWriter(str(directory))
    writer.begin(step, probe, layers)
    return writer


def write(writer: RunWriter, step: int, layers: tuple[Layer, ...]) -> None:
    writer.write_health(step, {"entropy": np.full(sum(layer.heads for layer in layers), step, np.float32)})
    writer.write_checkpoint(step, [(layer, make_samples(layer, seed=0)) for layer in layers])


def test_a_restart_continues_the_run_and_overlapping_steps_count_as_their_latest(tmp_path: Path) -> None:
    first = start(tmp_path, 0)
    for step in (0, 100, 200):
        write_checkpoint(first, step)
    before = load(tmp_path).checkpoints
    second = start(tmp_path, 100)
    for step in (100, 300):
        write_checkpoint(second, step)
    after = load(tmp_path)
    assert len(after.segments) == 1
    assert after.steps == [0, 100, 200, 300]
    assert after.checkpoints[200] == before[200]
    assert after.checkpoints[100] != before[100]


def test_layers_are_known_before_the_first_checkpoint(tmp_path: Path) -> None:
    start(tmp_path, 0).write_health(0, {"entropy": np.zeros(10, np.float32)})
    records = load(tmp_path)
    assert (records.steps, records.newest.layers, records.probe) == ([], LAYERS, PROBE)


GROWN = (*LAYERS, Layer("blocks.2.attention", 4, 4, 8, 0.3, causal=True))
FEWER_HEADS = (dataclasses.replace(LAYERS[0], heads=2, kv_heads=2, number=0, head_numbers=(1, 3)),)
RENAMED = (dataclasses.replace(LAYERS[0], name="encoder"), LAYERS[1])


@pytest.mark.parametrize("layers", [GROWN, FEWER_HEADS, RENAMED])
def test_other_layers_begin_a_segment(tmp_path: Path, layers: tuple[Layer, ...]) -> None:
    write(start(tmp_path, 0), 0, LAYERS)
    write(start(tmp_path, 0, layers=layers), 0, layers)
    old, new = load(tmp_path).segments
    assert (old.layers, new.layers) == (LAYERS, layers)
    assert old.probe == new.probe == PROBE
    assert (len(old.health["entropy"][0]), len(new.health["entropy"][0])) == (10, sum(x.heads for x in layers))


def test_what_training_changes_in_a_layer_is_no_new_segment(tmp_path: Path) -> None:
    write(start(tmp_path, 0), 0, LAYERS)
    warmer = tuple(dataclasses.replace(layer, scale=layer.scale * 1.1) for layer in LAYERS)
    write(start(tmp_path, 100, layers=warmer), 100, warmer)
    records = load(tmp_path)
    assert len(records.segments) == 1
    assert records.checkpoints[0].layers == LAYERS
    assert records.checkpoints[100].layers == warmer


def test_another_probe_begins_a_segment(tmp_path: Path) -> None:
    write(start(tmp_path, 0), 0, LAYERS)
    write(start(tmp_path, 50, probe=OTHER_PROBE), 100, LAYERS)
    records = load(tmp_path)
    assert [segment.probe for segment in records.segments] == [PROBE, OTHER_PROBE]
    assert [segment.steps for segment in records.segments] == [[0], [100]]
    assert (records.probe, records.steps) == (OTHER_PROBE, [100])


def test_a_start_that_recorded_nothing_leaves_no_segment(tmp_path: Path) -> None:
    start(tmp_path, 0, probe=OTHER_PROBE)
    write(start(tmp_path, 0), 0, LAYERS)
    assert [segment.probe for segment in load(tmp_path).segments] == [PROBE]


def test_a_purge_forgets_in_all_segments(tmp_path: Path) -> None:
    write(start(tmp_path, 0), 0, LAYERS)
    write(start(tmp_path, 0), 100, LAYERS)
    write(start(tmp_path, 200, probe=OTHER_PROBE), 200, LAYERS)
    writer = RunWriter(str(tmp_path), purge_step=100)
    writer.begin(100, PROBE, LAYERS)
    records = load(tmp_path)
    assert [segment.steps for segment in records.segments] == [[0]]
    assert records.probe == PROBE


def read(document: dict[str, Any]) -> Checkpoint:
    return Checkpoint.from_document(CheckpointDocument.of(document))


def test_head_numbers_survive_and_may_be_missing() -> None:
    entry = {"name": "a", "heads": 2, "kv_heads": 2, "head_dim": 8, "scale": 1.0, "causal": True}
    entry |= {"offset": 0, "length": 9}
    document = {"step": 0, "file": "f", "layers": [entry]}
    assert read(document).layers[0].head_numbers is None
    numbered = read({**document, "layers": [{**entry, "number": 7, "head_numbers": [1, 5]}]})
    assert (numbered.layers[0].number, numbered.layers[0].head_numbers) == (7, (1, 5))
    assert read({"step": 0, **numbered.to_content(())}) == numbered
