"""The tensors of a large event, read where they lie: protobuf would copy each of them twice.

Wire format: https://protobuf.dev/programming-guides/encoding/. A message that is there twice goes on, a number that is
there twice counts the last time, as for protobuf itself; fields of later versions are passed over.
"""

import dataclasses
from collections.abc import Iterator

from tb_attnviz.events.records import CorruptRecordError

_SUMMARY, _VALUE, _TAG, _TENSOR = 5, 1, 1, 8  # fields of Event, Summary and Summary.Value
_DTYPE, _SHAPE, _CONTENT, _DIM, _SIZE = 1, 2, 4, 2, 1  # of TensorProto, TensorShapeProto and its Dim
_FIXED = {1: 8, 5: 4}  # bytes of a number of this kind
_MOST_VARINT = 10  # bytes


@dataclasses.dataclass
class Tensor:
    """One value of the summary. `content` is a view of the event."""

    tag: str = ""
    dtype: int = 0
    shape: list[int] = dataclasses.field(default_factory=list)
    content: memoryview = dataclasses.field(default_factory=lambda: memoryview(b""))


def tensors_of(event: bytes) -> Iterator[Tensor]:
    """The values of the event's summary, in their order. Raises CorruptRecordError where it is no event."""
    for number, summary in _fields(memoryview(event)):
        if number == _SUMMARY:
            for place, value in _fields(_message(summary)):
                if place == _VALUE:
                    yield _tensor(_message(value))


def _tensor(value: memoryview) -> Tensor:
    found = Tensor()
    for number, field in _fields(value):
        if number == _TAG:
            try:
                found.tag = bytes(_message(field)).decode()
            except UnicodeDecodeError:
                raise CorruptRecordError("it is no event") from None
        elif number == _TENSOR:
            _fill(found, _message(field))
    return found


def _fill(found: Tensor, tensor: memoryview) -> None:
    for number, field in _fields(tensor):
        if number == _DTYPE:
            found.dtype = _number(field)
        elif number == _CONTENT:
            found.content = _message(field)
        elif number == _SHAPE:
            for place, dim in _fields(_message(field)):
                if place == _DIM:
                    sizes = [_number(size) for of_dim, size in _fields(_message(dim)) if of_dim == _SIZE]
                    found.shape.append(sizes[-1] if sizes else 0)


def _fields(message: memoryview) -> Iterator[tuple[int, int | memoryview]]:
    """The number of each field, and what it holds."""
    place = 0
    while place < len(message):
        key, place = _varint(message, place)
        kind = key & 7
        if kind == 0:
            value, place = _varint(message, place)
            yield key >> 3, value
            continue
        if kind == 2:
            length, place = _varint(message, place)
        elif kind in _FIXED:
            length = _FIXED[kind]
        else:
            raise CorruptRecordError("it is no event")
        if length > len(message) - place:
            raise CorruptRecordError("it is no event")
        yield key >> 3, message[place : place + length]
        place += length


def _varint(message: memoryview, place: int) -> tuple[int, int]:
    """The number that begins at `place`, and where it ends."""
    value = 0
    for index, byte in enumerate(message[place : place + _MOST_VARINT]):
        value |= (byte & 0x7F) << 7 * index
        if byte < 0x80:
            return value & (2**64 - 1), place + index + 1
    raise CorruptRecordError("it is no event")


def _message(field: int | memoryview) -> memoryview:
    if isinstance(field, int):
        raise CorruptRecordError("it is no event")
    return field


def _number(field: int | memoryview) -> int:
    """As int64."""
    if not isinstance(field, int):
        raise CorruptRecordError("it is no event")
    return field - 2**64 if field >= 2**63 else field
