"""Arrays as the tensors of a summary, and back; and what else a record of ours holds."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt
from tensorboard.compat.proto.event_pb2 import Event
from tensorboard.compat.proto.summary_pb2 import Summary
from tensorboard.compat.proto.tensor_pb2 import TensorProto
from tensorboard.compat.proto.types_pb2 import (
    DT_DOUBLE,
    DT_FLOAT,
    DT_INT8,
    DT_INT16,
    DT_INT32,
    DT_INT64,
    DT_STRING,
    DT_UINT8,
    DT_UINT16,
)

from tb_attnviz.events.documents import FormatError
from tb_attnviz.events.shapes import shown

Array = npt.NDArray[Any]

_DTYPES: dict[int, np.dtype[Any]] = {
    DT_UINT8: np.dtype("u1"),
    DT_INT8: np.dtype("i1"),
    DT_INT16: np.dtype("<i2"),
    DT_UINT16: np.dtype("<u2"),
    DT_INT32: np.dtype("<i4"),
    DT_INT64: np.dtype("<i8"),
    DT_FLOAT: np.dtype("<f4"),
    DT_DOUBLE: np.dtype("<f8"),
}
_CODES = {dtype: code for code, dtype in _DTYPES.items()}


def add_array(event: Event, tag: str, array: Array) -> None:
    """Adds `array` to the summary of `event`, little-endian, in place: a message handed to another one is copied.

    Raises TypeError for a type that files of ours have not.
    """
    dtype = array.dtype.newbyteorder("<")
    if dtype not in _CODES:
        raise TypeError(f"{tag} is an array of {array.dtype}: give one of {', '.join(map(str, _CODES))}")
    value = event.summary.value.add(tag=tag)
    value.tensor.dtype = _CODES[dtype]
    for length in array.shape:
        value.tensor.tensor_shape.dim.add(size=length)
    value.tensor.tensor_content = np.ascontiguousarray(array, dtype).tobytes()


def add_text(event: Event, tag: str, text: str) -> None:
    event.summary.value.add(tag=tag, tensor=TensorProto(dtype=DT_STRING, string_val=[text.encode()]))


def arrays(event: Event) -> dict[str, Array]:
    """The arrays of a record by their tags; values of other kinds, which a later version may have, are passed over."""
    return {value.tag: as_array(value) for value in event.summary.value if value.tensor.dtype in _DTYPES}


def texts(event: Event) -> Iterator[tuple[str, str]]:
    """The texts of a record, each with its tag. Raises FormatError for one that is not UTF-8."""
    for value in event.summary.value:
        if value.tensor.dtype == DT_STRING and len(value.tensor.string_val) == 1:
            try:
                yield value.tag, value.tensor.string_val[0].decode()
            except UnicodeDecodeError:
                raise FormatError(f"the text {shown(value.tag)} is not UTF-8") from None


def as_array(value: Summary.Value) -> Array:
    """Raises FormatError where the shape is not that of the bytes; nothing is allocated for it."""
    shape = [dim.size for dim in value.tensor.tensor_shape.dim]
    content: bytes = value.tensor.tensor_content
    try:
        return np.frombuffer(content, _DTYPES[value.tensor.dtype]).reshape(shape)
    except (KeyError, ValueError) as error:
        raise FormatError(f"{value.tag} is no array of shape {shape} in {len(content)} bytes ({error})") from None
