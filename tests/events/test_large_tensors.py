"""Tensors read where they lie in an event: the same that protobuf reads, and no event where it is none."""

import numpy as np
import pytest
from google.protobuf.message import DecodeError
from tensorboard.compat.proto.event_pb2 import Event

from tb_attnviz.events.large_tensors import tensors_of
from tb_attnviz.events.records import CorruptRecordError

Found = list[tuple[str, int, list[int], bytes]]


def made() -> Event:
    event = Event(step=-3, wall_time=1.5)
    event.summary.value.add(tag="scalar", simple_value=2.0)
    for tag, shape in (("queries", (3, -1)), ("Größe", ()), ("", (2**40, 0))):
        value = event.summary.value.add(tag=tag)
        value.metadata.display_name = "a layer"
        value.tensor.dtype = 5
        value.tensor.tensor_content = tag.encode() * 100
        for size in shape:
            value.tensor.tensor_shape.dim.add(size=size)
    return event


def by_protobuf(data: bytes) -> Found:
    return [
        (
            value.tag,
            value.tensor.dtype,
            [dim.size for dim in value.tensor.tensor_shape.dim],
            value.tensor.tensor_content,
        )
        for value in Event.FromString(data).summary.value
    ]


def ours(data: bytes) -> Found:
    return [(one.tag, one.dtype, one.shape, bytes(one.content)) for one in tensors_of(data)]


def test_they_are_those_that_protobuf_reads() -> None:
    data = made().SerializeToString()
    assert ours(data) == by_protobuf(data)
    assert ours(data + data) == by_protobuf(data + data), "a message that is there twice goes on"
    assert ours(b"") == []


def test_what_is_no_event_is_refused_and_the_rest_read_alike() -> None:
    """Bytes changed and cut off at random: never another exception, and never other tensors."""
    data, rng = made().SerializeToString(), np.random.default_rng(0)
    refused = 0
    for _ in range(2000):
        changed = bytearray(data[: rng.integers(1, len(data) + 1)])
        changed[rng.integers(len(changed))] = rng.integers(256)
        try:
            found = ours(bytes(changed))
        except CorruptRecordError:
            refused += 1
            continue
        try:
            expected = by_protobuf(bytes(changed))
        except DecodeError:
            continue  # text elsewhere that is not UTF-8, or a field number that cannot be: nothing that we look at
        assert found == expected
    assert refused > 100


def test_a_number_that_never_ends_is_none() -> None:
    with pytest.raises(CorruptRecordError):
        list(tensors_of(b"\xff" * 20))
