"""Vectors: queries or keys of a layer as they are stored, in 16 bits a component.

Integers with one float32 scale a vector: no norm overflows, a vector that diverges costs the others nothing, and a
component is off by at most 1/65532 of its vector's largest. The 11 bits of float16, which takes the same space, would
leave attention up to 1.2e-3 off (MiniLM, 84 sentences), past the 5e-4 that we hold.
"""

import dataclasses
from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

from tb_attnviz.array_types import Float32

Int16 = npt.NDArray[np.int16]

_LARGEST = 32766  # of a finite component; the codes beyond are infinity, -infinity and NaN
_INFINITY, _NAN = 32767, -32768
_AT_ONCE = 2**16  # components, which stay in the processor's cache
_SMALLEST_SCALE = np.finfo(np.float32).smallest_normal  # smaller ones are too coarse to divide by


@dataclasses.dataclass(frozen=True)
class Vectors:
    """A component is its code times the scale of its vector."""

    codes: Int16  # [heads, n, d]
    scale: Float32  # [heads, n]

    @classmethod
    def of(cls, array: Float32, codes: Int16 | None = None, scale: Float32 | None = None) -> "Vectors":
        """`array` [heads, n, d], in memory of any order; codes, scale: of these shapes, to be written over."""
        codes = np.empty(array.shape, "<i2") if codes is None else codes
        scale = np.empty(array.shape[:-1], np.float32) if scale is None else scale
        room: Float32 | None = None
        for some in _blocks(array.shape):
            room = np.empty(array[some].shape, np.float32) if room is None else room
            of_some = array[some]
            _quantise(of_some, codes[some], scale[some], room[: of_some.shape[0], : of_some.shape[1]])
        return cls(codes, scale)

    @property
    def shape(self) -> tuple[int, ...]:
        """[heads, n, d]."""
        return self.codes.shape

    @property
    def size(self) -> int:
        """How many components."""
        return self.codes.size

    def float32(self) -> Float32:
        """[heads, n, d]."""
        array = np.empty(self.codes.shape, np.float32)
        for some in _blocks(self.codes.shape):
            _dequantise(self.codes[some], self.scale[some], array[some])
        return array


def _blocks(shape: tuple[int, ...]) -> Iterator[tuple[slice, slice]]:
    """Heads and vectors that have about `_AT_ONCE` components together; the first block is the largest."""
    heads, n, d = shape
    vectors = max(1, _AT_ONCE // max(d, 1))
    together = max(1, vectors // max(n, 1))
    for first in range(0, heads, together):
        for begin in range(0, n, vectors):
            yield slice(first, first + together), slice(begin, begin + vectors)


def _quantise(vectors: Float32, codes: Int16, scale: Float32, room: Float32) -> None:
    """`vectors` [heads, n, d] into `codes` of its shape and `scale` [heads, n]; `room` is as large as `vectors`."""
    np.abs(vectors, out=room).max(axis=-1, initial=0, out=scale)
    finite = bool(np.isfinite(scale).all())
    if not finite:
        scale[:] = np.where(np.isfinite(room), room, np.float32(0)).max(axis=-1, initial=0)
    np.maximum(scale / np.float32(_LARGEST), _SMALLEST_SCALE, out=scale)
    np.rint(np.divide(vectors, scale[..., None], out=room), out=room)
    if not finite:
        np.nan_to_num(room, copy=False, nan=_NAN, posinf=_INFINITY, neginf=-_INFINITY)
    np.copyto(codes, room, casting="unsafe")


def _dequantise(codes: npt.NDArray[Any], scale: Float32, array: Float32) -> None:
    """The other way, into `array`."""
    np.copyto(array, codes)
    array *= scale[..., None]
    if codes.size and (codes.max() == _INFINITY or codes.min() <= -_INFINITY):
        array[codes == _INFINITY] = np.inf
        array[codes == -_INFINITY] = -np.inf
        array[codes == _NAN] = np.nan
