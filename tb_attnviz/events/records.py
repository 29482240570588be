"""TFRecord frames: length, masked CRC32C of the length, data, masked CRC32C of the data.

TensorBoard's own record writer computes the CRC in Python (8.7 MB/s); google-crc32c uses the processor's instruction.
Format: https://www.tensorflow.org/tutorials/load_data/tfrecord#tfrecords_format_details
"""

import struct
from collections.abc import Callable, Iterator
from typing import IO

import google_crc32c
import numpy as np

from tb_attnviz.events import files

_HEADER = struct.Struct("<QI")
_FOOTER = struct.Struct("<I")
_OVERHEAD = _HEADER.size + _FOOTER.size
_WINDOW = 2**20  # bytes
_MOST_JUNK = 2**26  # bytes in which the next record is looked for
_MOST_DATA = 2**31  # bytes of a record: no event is that large
CHECKSUM_BYTES = _FOOTER.size


class CorruptRecordError(ValueError):
    """A record's checksum does not match: the file was damaged."""


class TornRecordError(ValueError):
    """A record ends before its announced length: the file is still being written, or its writer died."""


def frame(data: bytes) -> bytes:
    """`data` as one TFRecord."""
    return b"".join(frame_parts(data))


def frame_parts(data: bytes) -> tuple[bytes, bytes, bytes]:
    """What to write one after the other for one TFRecord: `frame` without a copy of the data."""
    length = struct.pack("<Q", len(data))
    return length + _masked_crc(length), data, _masked_crc(data)


def unframe(record: bytes) -> bytes:
    """The data of the one TFRecord that `record` begins with.

    Raises TornRecordError if it is cut short, CorruptRecordError if a checksum does not match.
    """
    if len(record) < _OVERHEAD:
        raise TornRecordError("record is cut short")
    end = _HEADER.size + _length(record)
    if len(record) < end + _FOOTER.size:
        raise TornRecordError("record is cut short")
    data = record[_HEADER.size : end]
    _check(data, record[end : end + _FOOTER.size])
    return data


def parts_of(length: int) -> tuple[int, int, int]:
    """How long header, data and footer of a record of `length` bytes are. Raises TornRecordError for none."""
    if length < _OVERHEAD:
        raise TornRecordError("record is cut short")
    return _HEADER.size, length - _OVERHEAD, _FOOTER.size


def check_parts(header: bytes, data: bytes, footer: bytes) -> None:
    """Raises as `unframe` does where these are no record."""
    if len(data) < _length(header):
        raise TornRecordError("record is cut short")
    if len(data) > _length(header):
        raise CorruptRecordError("length of a record is not that of its place")
    _check(data, footer)


def _length(header: bytes) -> int:
    if header[8:12] != _masked_crc(header[:8]):
        raise CorruptRecordError("checksum of a record's length does not match")
    length, _ = _HEADER.unpack_from(header)
    return int(length)


def _check(data: bytes, footer: bytes) -> None:
    if footer != _masked_crc(data):
        raise CorruptRecordError("checksum of a record does not match")


def read_records(
    path: str, offset: int = 0, *, on_damage: Callable[[int], None] | None = None
) -> Iterator[tuple[int, bytes]]:
    """The whole records of `path` from `offset` on, each with the offset behind it.

    Stops quietly before a torn tail, so that a later call from the last offset goes on when the writer has.
    Raises CorruptRecordError for a damaged record in between, files.NotRegularError for what is no file. With
    `on_damage` a damaged record that has others behind it is passed over: it is told where that began.
    """
    with files.open_regular(path, ahead=_WINDOW) as file:
        size = files.open_size(file)
        file.seek(offset)
        while True:
            header = file.read(_HEADER.size)
            if len(header) < _HEADER.size:
                return
            length = _HEADER.unpack(header)[0]
            if header[8:12] != _masked_crc(header[:8]):
                found = None if on_damage is None else _next_header(file, offset + 1, size)
                if on_damage is None or found is None:
                    raise CorruptRecordError(f"checksum of a record's length does not match at byte {offset}")
                on_damage(offset)
                file.seek(found)
                offset = found
                continue
            end = offset + length + _OVERHEAD
            if end > size:  # nothing is allocated for what is not there
                return
            try:
                if length >= _MOST_DATA:  # nor for what nobody has written
                    raise CorruptRecordError(f"a record of {length:,} bytes is none")
                data = unframe(header + file.read(length + _FOOTER.size))
            except TornRecordError:
                return
            except CorruptRecordError:
                if on_damage is None or end == size:  # the last one may not be whole yet
                    raise
                on_damage(offset)
                file.seek(end)
            else:
                yield end, data
            offset = end


def scan(path: str, offset: int, most: int) -> Iterator[tuple[int, int, bytes | None]]:
    """The records of `path` from `offset` on: where each begins and ends, and its data, None where it is damaged.

    Behind damage it goes on with the next bytes that are a record, so that a bad byte costs one record wherever it is.
    `most`: bytes that a record may have. Stops before a torn tail. Raises files.NotRegularError, OSError.
    """
    with files.open_regular(path, ahead=_WINDOW) as file:
        end = files.open_size(file)
        while offset + _OVERHEAD <= end:
            file.seek(offset)
            header = file.read(_HEADER.size)
            length = _HEADER.unpack(header)[0]
            if header[8:12] != _masked_crc(header[:8]) or length > most:
                found = _next_header(file, offset + 1, end)
                if found is None:
                    return  # zeros, or junk: a later record may still come behind it
                yield offset, found, None
                offset = found
                continue
            behind = offset + length + _OVERHEAD
            if behind > end:
                return
            try:
                data = unframe(header + file.read(length + _FOOTER.size))
            except CorruptRecordError:
                yield offset, behind, None
            else:
                yield offset, behind, data
            offset = behind


def _next_header(file: IO[bytes], offset: int, end: int) -> int | None:
    """Where the first header after damage begins; None if there is none near. One byte after the other is tried."""
    end = min(end, offset + _MOST_JUNK)
    while offset + _HEADER.size <= end:
        file.seek(offset)
        window = file.read(_WINDOW)
        for place in _may_be_headers(window):
            header = window[place : place + _HEADER.size]
            if header[8:] == _masked_crc(header[:8]):
                return offset + place
        offset += max(len(window) - _HEADER.size + 1, 1)
    return None


def _may_be_headers(window: bytes) -> list[int]:
    """Where lengths below 2⁴⁰ stand, each with anything but zeros behind it: of a file of zeros nowhere."""
    data = np.frombuffer(window, np.uint8)
    count = len(data) - _HEADER.size + 1
    if count <= 0:
        return []
    high, checksum = (
        np.logical_or.reduce([data[at : at + count] != 0 for at in range(*places)]) for places in ((5, 8), (8, 12))
    )
    found: list[int] = np.flatnonzero(~high & checksum).tolist()
    return found


def checksum(data: bytes) -> bytes:
    """The four bytes behind the data of a record."""
    return _masked_crc(data)


def _masked_crc(data: bytes) -> bytes:
    crc = google_crc32c.value(data)
    return _FOOTER.pack(((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF)
