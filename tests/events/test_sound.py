"""Samples whole by their checksum that hold what samples cannot be: refused before anything grows from them."""

import resource
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from tensorboard.compat.proto.event_pb2 import Event
from tensorboard.compat.proto.types_pb2 import DT_FLOAT, DT_INT16, DT_INT32

from tb_attnviz.events import Layer, Lengths, Samples, SamplesLocation, read_samples
from tb_attnviz.events.records import CorruptRecordError, frame
from tb_attnviz.recompute import TooLargeError, mean_attention, point_figures, sequence_attention

LAYER = Layer("layer", 4, 2, 3, 1.0, causal=False)
LENGTHS = Lengths((2, 3), (2, 3))
NAME = "samples-0-00.events"
KINDS = {"i2": DT_INT16, "i4": DT_INT32, "f4": DT_FLOAT}
SOUND: dict[str, npt.NDArray[Any]] = {
    "queries": np.ones((4, 5, 3), "<i2"),
    "queries_scale": np.ones((4, 5), "<f4"),
    "keys": np.ones((2, 5, 3), "<i2"),
    "keys_scale": np.ones((2, 5), "<f4"),
}


def read(directory: Path, arrays: dict[str, npt.NDArray[Any]], *, twice: str | None = None, **changed: Any) -> Samples:
    """What is read of these arrays; `changed`: shapes that are not theirs."""
    event = Event()
    for tag in [*arrays, *([twice] if twice else [])]:
        value = event.summary.value.add(tag=tag)
        value.tensor.dtype = KINDS[arrays[tag].dtype.str[1:]]
        value.tensor.tensor_content = arrays[tag].tobytes()
        for size in changed.get(tag, arrays[tag].shape):
            value.tensor.tensor_shape.dim.add(size=size)
    folder = directory / "plugins" / "attnviz"
    folder.mkdir(parents=True, exist_ok=True)
    record = frame(event.SerializeToString())
    (folder / NAME).write_bytes(record)
    return read_samples(str(directory), NAME, SamplesLocation(0, len(record)), LAYER, LENGTHS)


def test_sound_samples_are_read(tmp_path: Path) -> None:
    assert read(tmp_path, SOUND).keys.shape == (2, 5, 3)
    later = {**SOUND, "of a later version": np.ones(3, "<f4")}
    assert read(tmp_path, later).keys.shape == (2, 5, 3)


CHANGES: list[tuple[str, npt.NDArray[Any]]] = [
    ("queries", np.ones((4, 5), "<i2")),
    ("queries", np.ones((4, 5, 3), "<f4")),
    ("queries", np.ones((4, 0, 3), "<i2")),
    ("queries", np.ones((4, 5, 2), "<i2")),
    ("queries", np.ones((8, 5, 3), "<i2")),
    ("queries_scale", np.ones((1, 1), "<f4")),
    ("queries_scale", np.ones((4, 1), "<f4")),
    ("keys", np.ones((3, 5, 3), "<i2")),
    ("keys", np.ones((1, 5, 3), "<i2")),
    ("keys_scale", np.ones((2, 50), "<f4")),
    ("bias", np.ones((1, 1, 2, 2), "<f4")),
    ("bias", np.ones((7, 1, 3, 3), "<f4")),
    ("bias", np.ones((1, 3, 3, 3), "<f4")),
    ("bias", np.ones((9,), "<f4")),
    ("sinks", np.ones((3,), "<f4")),
    ("windows", np.array([[0, 1], [2, -1]], "<i4")),
    ("windows", np.array([[0, 2]], "<i4")),  # the first sequence has two tokens
    ("windows", np.ones((2, 1), "<f4")),
    ("value_norms", np.ones((3, 5), "<f4")),
    ("value_norms", np.ones((4, 1), "<f4")),
]


@pytest.mark.parametrize(("name", "array"), CHANGES)
def test_arrays_that_do_not_fit_are_refused(tmp_path: Path, name: str, array: npt.NDArray[Any]) -> None:
    with pytest.raises(CorruptRecordError):
        read(tmp_path, {**SOUND, name: array})


@pytest.mark.parametrize("shape", [(10**6, 10**6), (4, 6), (-4, -5), (2**62, 0), (4, 5, 1), ()])
def test_a_shape_that_the_bytes_cannot_bear_is_refused(tmp_path: Path, shape: tuple[int, ...]) -> None:
    with pytest.raises(CorruptRecordError, match="queries_scale"):
        read(tmp_path, SOUND, queries_scale=shape)


@pytest.mark.parametrize("name", SOUND)
def test_an_array_that_is_missing_or_there_twice_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(CorruptRecordError, match=f"its {name} are missing"):
        read(tmp_path, {tag: array for tag, array in SOUND.items() if tag != name})
    with pytest.raises(CorruptRecordError, match="twice"):
        read(tmp_path, SOUND, twice=name)


def test_a_record_that_is_no_event_is_refused(tmp_path: Path) -> None:
    read(tmp_path, SOUND)
    record = frame(b"\xff" * 100)
    (tmp_path / "plugins" / "attnviz" / NAME).write_bytes(record)
    with pytest.raises(CorruptRecordError, match="it is no event"):
        read_samples(str(tmp_path), NAME, SamplesLocation(0, len(record)))


def test_few_bytes_do_not_become_much_memory(tmp_path: Path) -> None:
    """Each claim is borne by the others: 40,000 heads that share the keys of 40,000 tokens."""
    many = 40_000
    arrays = {
        "queries": np.ones((many, 1, 1), "<i2"),
        "queries_scale": np.ones((many, 1), "<f4"),
        "keys": np.ones((1, many, 1), "<i2"),
        "keys_scale": np.ones((1, many), "<f4"),
    }
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(CorruptRecordError, match="40,000 heads would take 6 GB"):
        read(tmp_path, arrays)
    samples = Samples(np.ones((1, many, 1), np.float32), np.ones((1, many, 1), np.float32))
    layer, lengths = Layer("layer", 1, 1, 1, 1.0, causal=False), Lengths((many,), (many,))
    with pytest.raises(TooLargeError, match="1,600,000,000 attention weights would take 6 GB: ask for one query"):
        sequence_attention(samples, layer, lengths, 0, 0)
    with pytest.raises(TooLargeError):
        mean_attention(samples, layer, lengths, 0)
    wide = Layer("layer", 2, 2, 1, 1.0, causal=False)
    with pytest.raises(TooLargeError, match="shorter sequences"):
        point_figures(samples, wide, lengths, "entropy")
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 100_000  # kB
