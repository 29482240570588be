"""Tensors of a run's summaries as arrays: of the two kinds that we write, and no larger than their bytes."""

import math
from typing import Any

import numpy as np
import numpy.typing as npt
from tensorboard.compat.proto.tensor_pb2 import TensorProto
from tensorboard.compat.proto.types_pb2 import DT_FLOAT, DT_STRING

from tb_attnviz.events.documents import FormatError

_MOST_DIMENSIONS = 8


def as_array(tensor: TensorProto) -> npt.NDArray[Any]:
    """The texts or the float32 of `tensor`. Raises FormatError for any other, and where its shape is not its values'.

    TensorBoard's own make_ndarray repeats a single value as often as the shape says: a few bytes could ask for any
    amount of memory.
    """
    shape = [dim.size for dim in tensor.tensor_shape.dim]
    if len(shape) > _MOST_DIMENSIONS or min(shape, default=0) < 0:
        raise FormatError("a tensor has no shape that can be")
    values: npt.NDArray[Any]
    if tensor.dtype == DT_STRING:
        values = np.array(list(tensor.string_val), dtype=object)
    elif tensor.dtype == DT_FLOAT and tensor.tensor_content:
        if len(tensor.tensor_content) % 4:
            raise FormatError("a tensor ends within a number")
        values = np.frombuffer(tensor.tensor_content, "<f4")
    elif tensor.dtype == DT_FLOAT:
        values = np.array(tensor.float_val, dtype=np.float32)
    else:
        raise FormatError(f"a tensor is of type {tensor.dtype}, neither text nor float32")
    if values.size != math.prod(shape):
        raise FormatError(f"a tensor of {math.prod(shape):,} values holds {values.size:,}")
    return values.reshape(shape)


def document_text(array: npt.NDArray[Any]) -> str:
    """The text of a tensor that is a document. Raises FormatError if it is none."""
    value = array.item() if array.size == 1 else None
    if not isinstance(value, bytes | str):
        raise FormatError("a document is no text")
    try:
        return value if isinstance(value, str) else value.decode()
    except UnicodeDecodeError:
        raise FormatError("a document is not UTF-8") from None
