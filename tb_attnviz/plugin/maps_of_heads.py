"""Small maps of all heads at one step in one array, as a client draws them: a byte a number, on one scale."""

import dataclasses
from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt

from tb_attnviz.array_types import Float32
from tb_attnviz.events import AttentionMap, FormatError, MapsLocation, read_maps
from tb_attnviz.events.shapes import shown
from tb_attnviz.recompute import TooLargeError
from tb_attnviz.run import NotRecordedError

PARTS = ("first", "pooled", "offsets", "received")
REACH = 64  # offsets of texts, each way, that are sent

_MOST_BYTES = 2**29  # of one answer

UInt8 = npt.NDArray[np.uint8]


@dataclasses.dataclass(frozen=True)
class AskedMaps:
    """One map of every head: of which step, kind of sequences, and part of `events.AttentionMap`."""

    directory: str
    location: MapsLocation
    step: int
    heads: tuple[int, ...]
    """Of each layer."""
    kind: str
    part: str


def maps_of_all_heads(asked: AskedMaps) -> UInt8:
    """`in_one_array` of what the step's file holds. Raises NotRecordedError, or events.FormatError if damaged."""
    try:
        layers = [
            read_maps(asked.directory, asked.location, layer, asked.step) for layer in range(len(asked.location.layers))
        ]
    except FileNotFoundError:
        raise NotRecordedError(f"the small maps of step {asked.step} were thinned, or are lost") from None
    return in_one_array(layers, asked.heads, asked.kind, asked.part)


def in_one_array(layers: Sequence[Mapping[str, AttentionMap]], heads: Sequence[int], kind: str, part: str) -> UInt8:
    """[heads of all layers, rows, columns] of codes: 1 + 254 √value; 0 where there is none.

    heads: of each layer. Offsets lie around the middle, offset 0: of texts [heads, 1, 2 reach + 1] with a reach
    of REACH at most, of images [heads, 2 rows - 1, 2 columns - 1]. Layers with smaller maps than others leave their
    ends empty; those without such a map are empty. Offsets between two sequences, of which there are none, are
    [heads, 1, 1] of 0. Raises NotRecordedError for any other kind or part that no layer has, FormatError for maps of
    other layers, TooLargeError where layers of different grids would leave very much empty.
    """
    if len(layers) != len(heads):
        raise FormatError(f"the small maps are of {len(layers)} layers, and the run has {len(heads)}")
    parts = [_part(maps.get(kind), part, of) for maps, of in zip(layers, heads, strict=True)]
    if all(array.size == 0 for array, _ in parts):
        if any(kind in maps for maps in layers):
            if part == "offsets":
                return np.zeros((sum(heads), 1, 1), np.uint8)  # as between two sequences
            raise NotRecordedError(f"there is no map {part!r} of sequences {shown(kind)} here: it is of images")
        known = ", ".join(dict.fromkeys(known for maps in layers for known in maps)) or "nothing"
        raise NotRecordedError(f"there is no map {part!r} of sequences {shown(kind)} here: there are maps of {known}")
    before = np.max([origin for array, origin in parts if array.size], axis=0)
    after = np.max([np.subtract(array.shape[1:], origin) for array, origin in parts if array.size], axis=0)
    if part == "offsets":
        reach = np.maximum(before, after - 1)
        before, after = reach, reach + 1
    size = sum(heads) * int(np.prod(before + after, dtype=np.float64))
    if size > _MOST_BYTES:
        raise TooLargeError(
            f"the maps of {shown(kind)} would take {size / 2**30:,.0f} GB together: look at another kind"
        )
    whole = np.zeros((sum(heads), *(before + after)), np.uint8)
    first = 0
    for array, origin in parts:
        top, left = np.subtract(before, origin) if array.size else (0, 0)
        _, rows, columns = array.shape
        whole[first : first + len(array), top : top + rows, left : left + columns] = _codes(array)
        first += len(array)
    return whole


def _part(maps: AttentionMap | None, part: str, heads: int) -> tuple[Float32, tuple[int, int]]:
    """The map [heads, rows, columns], and where its origin lies in it; empty where there is none."""
    array = None if maps is None else getattr(maps, part)
    if maps is None or array is None or array.size == 0:  # no offsets from one grid to another
        return np.zeros((heads, 0, 0), np.float32), (0, 0)
    if len(array) != heads:
        raise FormatError(f"a small map is of {len(array)} heads, and its layer has {heads}")
    if part != "offsets":
        return array, (0, 0)
    behind = [-offset for offset in maps.offsets_from]
    if len(behind) == 2:
        return array, (behind[0], behind[1])
    before = min(behind[0], REACH)
    return array[:, None, behind[0] - before : behind[0] + REACH + 1], (0, before)


def _codes(values: Float32) -> UInt8:
    known = ~np.isnan(values)
    shares = np.clip(np.where(known, values, 0), 0, 1)
    return np.where(known, 1 + np.rint(254 * np.sqrt(shares)), 0).astype(np.uint8)
