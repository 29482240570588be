"""Samples: the recorded queries and keys of one layer at one step, as one record. Their vectors are `Vectors`."""

import dataclasses
import functools
import math
from typing import Any

import numpy as np
import numpy.typing as npt
from tensorboard.compat.proto.event_pb2 import Event
from tensorboard.compat.proto.tensor_pb2 import TensorProto
from tensorboard.compat.proto.types_pb2 import DT_FLOAT, DT_INT16, DT_INT32

from tb_attnviz.array_types import Float32, Int32
from tb_attnviz.events import files, records
from tb_attnviz.events.large_tensors import Tensor, tensors_of
from tb_attnviz.events.layers import Layer, Lengths
from tb_attnviz.events.locations import SamplesLocation
from tb_attnviz.events.own_files import open_own, read_own, read_own_parts
from tb_attnviz.events.records import CorruptRecordError
from tb_attnviz.events.shapes import shown
from tb_attnviz.events.sound import DIMENSIONS, Arrays, check_arrays, check_fits
from tb_attnviz.events.vectors import Vectors

_DTYPES: dict[int, np.dtype[Any]] = {DT_INT16: np.dtype("<i2"), DT_INT32: np.dtype("<i4"), DT_FLOAT: np.dtype("<f4")}
_AS_STORED = ("bias", "sinks", "windows", "value_norms")
_MOST_DIMENSIONS = 4


@dataclasses.dataclass(frozen=True)
class Samples:
    """Queries and keys of one layer at one step, as attention uses them.

    `bias` is added to the scaled logits before softmax; -inf hides a pair; None where there is nothing to add.
    `sinks`: a logit a head that takes part in the softmax and whose share is dropped; None where there are none.
    `windows`: the tokens of a sequence in each window, for attention that stays within windows; they are the same in
    every sequence, and `bias` is then [windows or 1, heads or 1, n, n]. None: a sequence is not cut up.
    `value_norms`: the lengths of the values of the keys, ‖v‖, for as many heads as the values have; None: not recorded.
    """

    queries: Float32  # [heads, n_query, d]
    keys: Float32  # [kv_heads, n_key, d]
    bias: Float32 | None = None  # [sequences or 1, heads or 1, longest query, longest key]
    sinks: Float32 | None = None  # [heads]
    windows: Int32 | None = None  # [windows, n]
    value_norms: Float32 | None = None  # [value_heads, n_key]; value_heads divides heads

    def expanded_keys(self) -> Float32:
        """The key of every query head, [heads, n_key, d]: grouped keys repeated, in the order of the heads."""
        return self._of_each_head(self.keys)

    def expanded_value_norms(self) -> Float32 | None:
        """The same of the values' norms, [heads, n_key]."""
        return None if self.value_norms is None else self._of_each_head(self.value_norms)

    def as_read(self) -> "Samples":
        """Themselves."""
        return self

    def _of_each_head(self, array: Float32) -> Float32:
        groups = self.queries.shape[0] // array.shape[0]
        return np.repeat(array, groups, axis=0) if groups > 1 else array


@dataclasses.dataclass(frozen=True)
class StoredSamples:
    """The same with queries and keys as the disk takes them, in half of the memory."""

    queries: Vectors
    keys: Vectors
    bias: Float32 | None = None
    sinks: Float32 | None = None
    windows: Int32 | None = None
    value_norms: Float32 | None = None

    def as_read(self) -> Samples:
        """What a reader will have of them."""
        others = {name: getattr(self, name) for name in _AS_STORED}
        return Samples(self.queries.float32(), self.keys.float32(), **others)


def encode_samples(samples: Samples | StoredSamples, *, step: int, layer_name: str) -> tuple[bytes, ...]:
    """`samples` as one framed record, in parts to be written one after the other.

    It has no time in it: the same samples of the same step are the same bytes, and have the same checksum.
    """
    event = Event(step=step)
    arrays: Arrays = {}
    for name, of_side in (("queries", samples.queries), ("keys", samples.keys)):
        vectors = of_side if isinstance(of_side, Vectors) else Vectors.of(of_side)
        arrays |= {name: vectors.codes, f"{name}_scale": vectors.scale}
    if samples.bias is not None:
        arrays["bias"] = samples.bias.astype("<f4", copy=False)
    if samples.sinks is not None:
        arrays["sinks"] = samples.sinks.astype("<f4", copy=False)
    if samples.windows is not None:
        arrays["windows"] = samples.windows.astype("<i4", copy=False)
    if samples.value_norms is not None:
        arrays["value_norms"] = samples.value_norms.astype("<f4", copy=False)
    for tag, array in arrays.items():
        value = event.summary.value.add(tag=tag)
        value.metadata.display_name = layer_name
        _fill(value.tensor, array)
    return records.frame_parts(event.SerializeToString())


def read_samples(
    run_directory: str, file: str, location: SamplesLocation, layer: Layer | None = None, lengths: Lengths | None = None
) -> Samples:
    """The samples at `location` of the samples file `file` of a run.

    `layer`, `lengths`: what they must be of, where that is known: nothing can be computed from others.
    Raises FileNotFoundError if the file is gone, FormatError if it is none of the run's, records.CorruptRecordError or
    TornRecordError if it was damaged, or holds what samples cannot be.
    """
    lengths_of_parts = records.parts_of(location.length)
    header, data, footer = read_own_parts(run_directory, file, location.offset, lengths_of_parts)
    if location.checksum not in (None, footer.hex()):
        raise CorruptRecordError(f"{file} is damaged, or holds other samples than those of this checkpoint")
    records.check_parts(header, data, footer)
    arrays: Arrays = {}
    for tensor in tensors_of(data):
        if tensor.tag not in DIMENSIONS:
            continue  # a later version may have added it
        if tensor.tag in arrays:
            raise CorruptRecordError(f"it holds {shown(tensor.tag)} twice")
        arrays[tensor.tag] = _from_tensor(tensor)
    check_arrays(arrays)
    if layer is not None and lengths is not None:
        check_fits(arrays, layer, lengths)
    return Samples(
        queries=Vectors(arrays["queries"], arrays["queries_scale"]).float32(),
        keys=Vectors(arrays["keys"], arrays["keys_scale"]).float32(),
        **{name: arrays[name].copy() for name in _AS_STORED if name in arrays},  # the record itself is let go
    )


def check_room(run_directory: str, file: str, location: SamplesLocation, layer: Layer, lengths: Lengths) -> None:
    """Look, before anything is allocated for so many tokens, whether what is at `location` can hold them.

    Raises as `read_samples` does; on an object store, where that would cost a request, only by what `location` says.
    """
    length = location.length
    if not files.is_remote(run_directory):
        with open_own(run_directory, file) as opened:
            length = min(length, files.open_size(opened) - location.offset)
    numbers = layer.head_dim * (layer.heads * sum(lengths.queries) + layer.kv_heads * sum(lengths.keys))
    if numbers * np.dtype(np.int16).itemsize > length:
        raise CorruptRecordError(f"{file} has not the {numbers:,} numbers that its layer is said to have")


def samples_checksum(run_directory: str, file: str, location: SamplesLocation) -> str:
    """The checksum of the samples at `location`, as the checkpoint has it; in version 1, as it is written behind them.

    Raises FileNotFoundError if the file is gone, FormatError or TornRecordError as `read_samples` does.
    """
    return location.checksum or _written_checksum(run_directory, file, location)


@functools.lru_cache(maxsize=65536)  # a samples file is written once
def _written_checksum(run_directory: str, file: str, location: SamplesLocation) -> str:
    end = location.offset + location.length
    return read_own(run_directory, file, end - records.CHECKSUM_BYTES, records.CHECKSUM_BYTES).hex()


def _fill(tensor: TensorProto, array: npt.NDArray[Any]) -> None:
    """In place: a message that is handed to another one is copied."""
    tensor.dtype = next(code for code, dtype in _DTYPES.items() if dtype == array.dtype)
    for length in array.shape:
        tensor.tensor_shape.dim.add(size=length)
    tensor.tensor_content = array.tobytes()


def _from_tensor(tensor: Tensor) -> npt.NDArray[Any]:
    """A view of the tensor's bytes, or a copy where they lie so that numbers are slow to read.

    Raises CorruptRecordError if they are not what its shape says.
    """
    shape, size = tensor.shape, len(tensor.content)
    dtype = _DTYPES.get(tensor.dtype)
    if dtype is None:
        raise CorruptRecordError(f"its {shown(tensor.tag)} are of type {tensor.dtype}")
    if len(shape) > _MOST_DIMENSIONS or min(shape, default=0) < 0 or math.prod(shape) * dtype.itemsize != size:
        raise CorruptRecordError(f"its {shown(tensor.tag)} are {size:,} bytes, not of the shape {shape[:9]}")
    array = np.frombuffer(tensor.content, dtype).reshape(shape)
    return array if array.flags.aligned else array.copy()
