"""Small maps: what every head attends to on the average, by position, small enough to be kept at every step.

A map is made of all sequences of one kind (texts, texts that repeat themselves, images of one grid). A file a step,
`plugins/attnviz-figures/maps/maps-<step>-….events`, holds a record a layer; numbers are stored in 8 bits.
"""

import contextlib
import dataclasses
import os
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from google.protobuf.message import DecodeError
from tensorboard.compat.proto.event_pb2 import Event

from tb_attnviz.array_types import Float32
from tb_attnviz.events import files, records
from tb_attnviz.events.arrays import add_array, arrays
from tb_attnviz.events.documents import FormatError
from tb_attnviz.events.event_file import file_version
from tb_attnviz.events.locations import SamplesLocation
from tb_attnviz.events.own_files import read_own
from tb_attnviz.events.shapes import shown

Array = npt.NDArray[Any]

LONGEST_SIDE = 32  # of a map
_LARGEST = 255  # code
_PARTS = ("first", "pooled", "offsets")
_PARTS_OF_IMAGES = ("received",)


@dataclasses.dataclass(frozen=True)
class AttentionMap:
    """The mean attention of the heads of one layer over the sequences of one kind. All numbers lie within [0, 1].

    `lengths`: the most queries and keys that one of the sequences has.
    `first`: of the first positions, as it is; no side longer than 32.
    `pooled`: of all positions: each sequence is cut into equal parts, as many as there are rows (columns, of keys); the
        mean, over the queries of a part, of their attention on the keys of another one. A token that reaches over a
        border counts on both sides, in proportion. Rows sum to 1, less a sink's.
    `offsets`: mean attention of a query on the key that lies so far from it: entry o is of the offset
        `offsets_from` + o, key less query, over the queries that have such a key. Of patches of an image, by rows and
        columns, flattened row after row: `offsets_from` has two numbers, and so has `offsets_shape`.
    `received`: of images: mean attention on each patch, over all queries; None of texts.
    NaN: of heads that were not finite, and where no pair lies.
    """

    lengths: tuple[int, int]
    first: Float32  # [heads, at most 32 queries, at most 32 keys]
    pooled: Float32  # [heads, at most 32, at most 32]
    offsets: Float32  # [heads, offsets] or [heads, rows, columns]
    offsets_from: tuple[int, ...]
    received: Float32 | None = None  # [heads, rows, columns]


LayerMaps = Mapping[str, AttentionMap]
"""The maps of one layer: kind of sequence → map. Kinds are words of the recorder's: "text", "repeated", "14 × 14"."""


@dataclasses.dataclass(frozen=True)
class MapsLocation:
    """Where the maps of one step are: a record for each layer of the figures."""

    file: str
    layers: tuple[SamplesLocation, ...]
    kinds: tuple[str, ...]  # that any layer has

    def to_content(self) -> dict[str, Any]:
        layers = [dataclasses.asdict(layer) for layer in self.layers]
        return {"file": self.file, "kinds": list(self.kinds), "layers": layers}

    @classmethod
    def from_document(cls, document: dict[str, Any]) -> "MapsLocation":
        layers = (SamplesLocation(e["offset"], e["length"], e["checksum"]) for e in document["layers"])
        return cls(document["file"], tuple(layers), tuple(document["kinds"]))


def encode_maps(maps: LayerMaps, *, step: int) -> bytes:
    """The maps of one layer as one framed record: what they take on disk is its length.

    Raises ValueError for a map that is too large, or no array of the heads.
    """
    event = Event(step=step)
    for kind, of_kind in maps.items():
        sides = of_kind.first.shape[1:] + of_kind.pooled.shape[1:]
        if "/" in kind or max(sides) > LONGEST_SIDE:
            raise ValueError(f"the map of {kind!r} has sides of {sides}: give at most 32, and no slash in its name")
        add_array(event, f"{kind}/lengths", np.array(of_kind.lengths, np.int32))
        add_array(event, f"{kind}/offsets_from", np.array(of_kind.offsets_from, np.int32))
        for part in (*_PARTS, *_PARTS_OF_IMAGES):
            array = getattr(of_kind, part)
            if array is None:
                continue
            codes, scale = _quantise(array)
            add_array(event, f"{kind}/{part}", codes)
            add_array(event, f"{kind}/{part}_scale", scale)
    return records.frame(event.SerializeToString())


def write_maps(directory: str, name: str, layers: Sequence[LayerMaps], *, step: int) -> MapsLocation:
    """Write the maps of one step. Raises OSError."""
    encoded = [file_version(0), *(encode_maps(maps, step=step) for maps in layers)]
    path = os.path.join(directory, name)
    try:
        with files.open_file(path, "wb") as file:
            file.writelines(encoded)
    except OSError:
        with contextlib.suppress(OSError):
            files.remove(path)
        raise
    offset, locations = len(encoded[0]), []
    for record in encoded[1:]:
        locations.append(SamplesLocation(offset, len(record), record[-records.CHECKSUM_BYTES :].hex()))
        offset += len(record)
    return MapsLocation(name, tuple(locations), tuple(dict.fromkeys(kind for maps in layers for kind in maps)))


def read_maps(run_directory: str, location: MapsLocation, layer: int, step: int) -> dict[str, AttentionMap]:
    """The maps of one layer at one step. Raises FileNotFoundError if they were thinned, FormatError if damaged."""
    of_layer = location.layers[layer]
    try:
        record = read_own(run_directory, location.file, of_layer.offset, of_layer.length)
        if record[-records.CHECKSUM_BYTES :].hex() != of_layer.checksum:
            raise records.CorruptRecordError("it is not what was recorded at this step")
        found = arrays(Event.FromString(records.unframe(record)))
        return {kind: _map(found, kind) for kind in sorted({name.split("/")[0] for name in found})}
    except (FileNotFoundError, files.UnreachableError):
        raise
    except (OSError, ValueError, KeyError, DecodeError) as error:
        raise FormatError(f"the maps of step {step} in {location.file} cannot be read: {error}") from error


def _map(found: Mapping[str, Array], kind: str) -> AttentionMap:
    """Raises FormatError, or KeyError, for what cannot be one."""
    named = (*_PARTS, *(part for part in _PARTS_OF_IMAGES if f"{kind}/{part}" in found))
    codes, scales = ({part: found[f"{kind}/{part}{end}"] for part in named} for end in ("", "_scale"))
    lengths, offsets_from = found[f"{kind}/lengths"], found[f"{kind}/offsets_from"]
    if not _fit(codes, scales) or lengths.shape != (2,) or not _begins_within(offsets_from, codes["offsets"].shape[1:]):
        raise FormatError(f"the arrays of {shown(kind)} do not fit each other")
    if not all(np.isfinite(scale).all() for scale in scales.values()):
        raise FormatError(f"a scale of {shown(kind)} is not finite")
    parts = {part: _dequantise(codes[part], scales[part]) for part in named}
    queries, keys = lengths.tolist()
    return AttentionMap((queries, keys), **parts, offsets_from=tuple(offsets_from.tolist()))


def _fit(codes: Mapping[str, Array], scales: Mapping[str, Array]) -> bool:
    """Whether all are of as many heads, and each has the dimensions that it must have."""
    return all(
        array.dtype == np.uint8
        and array.ndim in ((2, 3) if part == "offsets" else (3,))
        and array.shape[:1] == scales[part].shape == codes["first"].shape[:1]
        and (part not in ("first", "pooled") or max(array.shape[1:]) <= LONGEST_SIDE)
        for part, array in codes.items()
    )


def _begins_within(offsets_from: Array, sides: tuple[int, ...]) -> bool:
    """Whether offset 0 is among the offsets; where there are none, they may begin anywhere."""
    begins = offsets_from.ravel().tolist()
    some = len(begins) == len(sides) and all(-side < begin <= 0 for begin, side in zip(begins, sides, strict=True))
    return offsets_from.ndim == 1 and (some or (0 in sides and len(begins) in (1, 2)))


def _quantise(array: Float32) -> tuple[npt.NDArray[np.uint8], Float32]:
    """Codes from 1 to 255 and the largest number of each head, [heads]; 0 is NaN.

    Codes are spaced by the square root: the largest number is off by 0.4 % at most, one of its hundredth by 4 %.
    """
    flat = array.reshape(len(array), -1)  # (heads, numbers)
    finite = np.isfinite(flat)
    scale = np.where(finite, flat, 0).max(axis=1, initial=0).astype(np.float32)  # (heads,)
    shares = np.clip(np.where(finite, flat, 0) / np.where(scale > 0, scale, 1)[:, None], 0, 1)
    codes = np.where(finite, 1 + np.rint(np.sqrt(shares) * (_LARGEST - 1)), 0).astype(np.uint8)
    return codes.reshape(array.shape), scale


def _dequantise(codes: npt.NDArray[np.uint8], scale: Float32) -> Float32:
    values = np.square((codes.astype(np.float32) - 1) / (_LARGEST - 1))
    values *= scale.reshape(-1, *(1,) * (codes.ndim - 1))
    values[codes == 0] = np.nan
    return values
