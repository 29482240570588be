"""What a recording leaves in memory: nothing, once it is let go."""

import gc
import weakref

import numpy as np
import pytest
import torch

from tb_attnviz.callbacks import Probe
from tb_attnviz.callbacks.capture import Recording, capture, memory
from tb_attnviz.callbacks.capture.memory import room
from tb_attnviz.callbacks.tracing.spread import side_by_side
from tb_attnviz.callbacks.writing import BackgroundWriter
from tb_attnviz.events import AlertRecord, StoredSamples, Vectors
from tb_attnviz.events.samples import encode_samples
from tests.callbacks.models import IDS, Decoder

PROBE = Probe(IDS, [[str(token) for token in row] for row in IDS.tolist()])


@pytest.mark.parametrize("batch_size", [2, 32])
def test_samples_are_freed_with_their_recording_before_any_collection(batch_size):
    gc.collect()
    gc.disable()
    try:
        recording = capture(Decoder(layers=2, heads=4), PROBE, batch_size=batch_size)
        left = [weakref.ref(x.base) for samples in recording.samples for x in (samples.queries, samples.keys)]
        assert all(isinstance(one(), torch.Tensor) for one in left)
        del recording
        assert [one() for one in left] == [None] * 4
    finally:
        gc.enable()


def test_what_was_written_is_let_go_while_the_writer_waits():
    class Disk:
        def begin(self, *args, **kwargs): ...
        def write_health(self, *args, **kwargs): ...
        def write_alerts(self, record): ...
        def write_checkpoint(self, step, layers): ...
        def close(self): ...

    writer = BackgroundWriter(Disk(), PROBE)
    recording = Recording((), (), {}, {})
    left = weakref.ref(recording)
    writer.write(0, recording, AlertRecord(0, (), 0))
    del recording
    writer.flush()
    assert left() is None
    writer.close()


@pytest.mark.parametrize("batch_size", [1, 2, 32])
def test_many_vectors_are_held_as_the_disk_takes_them(batch_size, monkeypatch):
    model = Decoder(layers=2, heads=4)
    exact = capture(model, PROBE, batch_size=batch_size)
    monkeypatch.setattr(memory, "_STORED", 0)
    held = capture(model, PROBE, batch_size=batch_size)
    assert exact.sample_bytes == held.sample_bytes
    for one, other in zip(exact.samples, held.samples, strict=True):
        assert isinstance(other, StoredSamples)
        assert encode_samples(one, step=0, layer_name="a") == encode_samples(other, step=0, layer_name="a")
    for name, figure in exact.figures.items():
        np.testing.assert_array_equal(held.figures[name], figure)


def test_parts_of_which_some_are_held_otherwise_are_one(monkeypatch):
    parts = torch.randn(3, 2, 5, 4)
    monkeypatch.setattr(memory, "_STORED", 0)
    mixed = [parts[0], memory.held(parts[1], parts), parts[2]]
    found, expected = memory.of_all_tokens(mixed), Vectors.of(torch.cat([*parts], dim=1).numpy())
    np.testing.assert_array_equal(found.codes, expected.codes)
    np.testing.assert_array_equal(found.scale, expected.scale)


@pytest.mark.parametrize("shape", [(3, 5), (4, 600_000), (2, 0, 3)])
@pytest.mark.parametrize("dtype", [torch.float32, torch.int16, torch.bfloat16])
def test_room_is_like_any_tensor_and_apart_from_all_others(shape, dtype):
    one, other = room(shape, dtype), room(shape, dtype)
    one.fill_(1)
    other.fill_(2)
    assert one.shape == shape
    assert one.dtype == dtype
    assert bool((one == 1).all())
    assert bool((other == 2).all())


@pytest.mark.parametrize(
    ("func", "shapes", "spread", "axis"),
    [
        (lambda x: torch.cat(x, 1), [(2, 3, 50), (2, 4, 50)], (2,), 1),
        (lambda x: torch.cat(x, dim=-2), [(0,), (2, 3, 50)], (2,), -2),  # an empty cache
        (lambda x: torch.cat(x, -1), [(2, 3, 50), (2, 3, 10)], (2,), -1),
        (lambda x: torch.cat(x), [(1, 50), (2, 50)], (), 0),
        (lambda x: torch.stack(x, 1), [(2, 3, 50)] * 2, (0, 2), None),
    ],
)
def test_tensors_are_put_beside_one_another_without_what_they_repeat(func, shapes, spread, axis):
    parts = []
    for number, shape in enumerate(shapes):
        own = [1 if place in spread else size for place, size in enumerate(shape)]
        parts.append((torch.arange(np.prod(own)).reshape(own) + 1000 * number).expand(shape))
    expected = func([x.clone() for x in parts])
    found = side_by_side(func, parts, expected.shape, axis)
    assert torch.equal(found, expected)
    kept = found.untyped_storage().nbytes() // found.element_size()
    assert kept == sum(x.untyped_storage().nbytes() // x.element_size() for x in parts if x.numel()) or axis == -1
