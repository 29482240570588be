"""Connections: how much the heads of a run contribute to each other, as the figures of a step hold them."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from tb_attnviz.events.documents import FormatError

Array = npt.NDArray[Any]
Float32 = npt.NDArray[np.float32]

_LARGEST, _UNKNOWN = 32767, -32768


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


def read_connections(arrays: Mapping[str, Array], name: str, *, heads: int) -> Float32 | None:
    """float32 [heads_from, heads_to] of one way; None where it was not recorded. Raises FormatError."""
    codes, scale = arrays.get(f"connections/{name}"), arrays.get(f"connections/{name}_scale")
    if codes is None or scale is None:
        return None
    shapes, types = (codes.shape, scale.shape), (codes.dtype, scale.dtype)
    if shapes != ((heads, heads), (heads,)) or types != (np.dtype(np.int16), np.dtype(np.float32)):
        raise FormatError(f"connections/{name} is no int16 [{heads}, {heads}] with a scale for each column")
    return np.where(codes == _UNKNOWN, np.float32(np.nan), codes * scale).astype(np.float32)
