"""Where the samples of the layers of a checkpoint lie."""

import dataclasses
import struct
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, overload

_PLACE = struct.Struct("<qq4s?")  # offset, length, checksum, whether there is one


@dataclasses.dataclass(frozen=True, slots=True)
class SamplesLocation:
    """Where the samples of one layer lie: a record of `length` bytes at `offset` of the checkpoint's file.

    `checksum`: the four bytes that it must end with, in hexadecimal; None in version 1.
    """

    offset: int
    length: int
    checksum: str | None = None


@dataclasses.dataclass(frozen=True, slots=True, repr=False)
class Locations(Sequence[SamplesLocation]):
    """Those of the layers of one checkpoint, in few bytes: a server holds them of all checkpoints of all runs."""

    _packed: bytes

    @classmethod
    def of(cls, locations: Iterable[SamplesLocation]) -> "Locations":
        return cls(b"".join(map(_pack, locations)))

    def __len__(self) -> int:
        return len(self._packed) // _PLACE.size

    @overload
    def __getitem__(self, index: int) -> SamplesLocation: ...
    @overload
    def __getitem__(self, index: slice) -> "Locations": ...
    def __getitem__(self, index: Any) -> Any:
        if isinstance(index, slice):
            return Locations.of(list(self)[index])
        place = range(len(self))[index]
        return _unpacked(*_PLACE.unpack_from(self._packed, place * _PLACE.size))

    def __iter__(self) -> Iterator[SamplesLocation]:
        return (_unpacked(*place) for place in _PLACE.iter_unpack(self._packed))

    def __repr__(self) -> str:
        return f"Locations.of({list(self)})"


def _pack(location: SamplesLocation) -> bytes:
    known = location.checksum is not None
    return _PLACE.pack(location.offset, location.length, bytes.fromhex(location.checksum or "00000000"), known)


def _unpacked(offset: int, length: int, checksum: bytes, known: bool) -> SamplesLocation:
    return SamplesLocation(offset, length, checksum.hex() if known else None)
