"""Connections: how much the heads of a run contribute to each other, as the figures of a step hold them."""

import dataclasses
from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from tb_attnviz.array_types import Float32
from tb_attnviz.events.documents import FormatError

Array = npt.NDArray[Any]

_LARGEST, _UNKNOWN = 32767, -32768
_MOST_SCALE = 1e28  # with the codes of 65,536 heads a sum is finite still


def connection_arrays(by: Mapping[str, Float32]) -> dict[str, Array]:
    """The arrays that say `by`: way ("queries", "keys") → float32 [heads_from, heads_to], NaN where nothing is known.

    Two bytes a pair: a share of the largest of each column.
    """
    found: dict[str, Array] = {}
    for name, values in by.items():
        largest = np.nanmax(np.abs(values), axis=0, initial=0.0, where=np.isfinite(values)).astype(np.float32)
        scale = largest / _LARGEST
        shares = np.divide(values, scale, out=np.zeros_like(values), where=scale > 0)
        known = np.isfinite(values)
        found[f"connections/{name}"] = np.where(known, np.rint(shares), _UNKNOWN).astype(np.int16)
        found[f"connections/{name}_scale"] = scale
    return found


@dataclasses.dataclass(frozen=True)
class ConnectionCodes:
    """One way, as it is recorded: what is asked of a few heads is computed without the whole matrix in floats."""

    codes: npt.NDArray[np.int16]  # [heads_from, heads_to]: shares of the scale of each column
    scale: Float32  # [heads_to]

    @classmethod
    def read(cls, arrays: Mapping[str, Array], name: str, *, heads: int) -> "ConnectionCodes | None":
        """None where it was not recorded. Raises FormatError."""
        codes, scale = arrays.get(f"connections/{name}"), arrays.get(f"connections/{name}_scale")
        if codes is None or scale is None:
            return None
        shapes, types = (codes.shape, scale.shape), (codes.dtype, scale.dtype)
        if shapes != ((heads, heads), (heads,)) or types != (np.dtype(np.int16), np.dtype(np.float32)):
            raise FormatError(f"connections/{name} is no int16 [{heads}, {heads}] with a scale for each column")
        if not ((scale >= 0) & (scale <= _MOST_SCALE)).all():
            raise FormatError(f"a scale of connections/{name} is not from 0 to {_MOST_SCALE:g}")
        return cls(codes, scale)

    def at(self, sources: Any, targets: Any) -> Float32:
        """The contributions at these places, NaN where nothing is known."""
        codes = self.codes[sources, targets]
        return np.where(codes == _UNKNOWN, np.float32(np.nan), codes * self.scale[targets]).astype(np.float32)

    def given(self) -> Float32:
        """[heads_to]: all that is contributed to each head, without what is taken away."""
        return np.asarray(np.maximum(self.codes, 0).sum(axis=0, dtype=np.int64) * self.scale, np.float32)

    def strongest(self) -> npt.NDArray[np.intp]:
        """[heads_to]: the head that contributes most to each."""
        return np.asarray(self.codes.argmax(axis=0))
