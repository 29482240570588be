"""PNG files of a probe: checked by their content before anybody is sent one.

https://www.w3.org/TR/png-3/: a signature, then chunks of length, type, data and CRC. The browser that decodes an image
needs as much memory as its header says, and as its compressed parts expand to: both are bounded here.
"""

import hashlib
import struct
import zlib

from tb_attnviz.events.documents import FormatError

MOST_BYTES = 2**23  # of a file: 1,024 × 1,024 pixels of 8 bytes do not take more

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_HEADER = struct.Struct(">IIBBBBB")  # width, height, bit depth, colour type, compression, filter, interlace
_DEPTHS = {0: (1, 2, 4, 8, 16), 2: (8, 16), 3: (1, 2, 4, 8), 4: (8, 16), 6: (8, 16)}  # of each colour type
_CHANNELS = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}
_SHOWN = frozenset({b"IHDR", b"PLTE", b"tRNS", b"cHRM", b"gAMA", b"sBIT", b"sRGB", b"bKGD", b"pHYs", b"IDAT", b"IEND"})
_MOST_PROFILE = 2**20  # bytes of a colour profile, unpacked
_PIECE = 2**16  # bytes that are unpacked at once


def checked_png(data: bytes, name: str, width: int, height: int) -> bytes:
    """`data`, the file called `name`, if it is a PNG of this size in pixels; without the chunks that show nothing.

    Raises FormatError if it is none, of another size, damaged, or expands to more than its size has pixels.
    """
    if len(data) > MOST_BYTES:
        raise FormatError(f"{name} is larger than {MOST_BYTES:,} bytes: it is no image of ours")
    if not data.startswith(_SIGNATURE):
        raise FormatError(f"{name} is no PNG")
    if name != image_name(data):
        raise FormatError(f"{name} is damaged, or another image: its content does not give this name")
    chunks = _chunks(data, name)
    if not chunks or chunks[0][0] != b"IHDR" or len(chunks[0][1]) != _HEADER.size or chunks[-1][0] != b"IEND":
        raise FormatError(f"{name} is no whole PNG")
    wide, high, depth, colour, compression, filtering, interlace = _HEADER.unpack(chunks[0][1])
    if (wide, high) != (width, height):
        raise FormatError(f"{name} has {wide:,} × {high:,} pixels, not {width:,} × {height:,} as the run says")
    if depth not in _DEPTHS.get(colour, ()) or compression or filtering or interlace:
        raise FormatError(f"{name} is a PNG of a kind that is not recorded")
    row = 1 + (width * _CHANNELS[colour] * depth + 7) // 8
    pixels = b"".join(content for kind, content, _ in chunks if kind == b"IDAT")
    if _unpacked_size(pixels, most=row * height) != row * height:
        raise FormatError(f"{name} does not hold the {width:,} × {height:,} pixels that it should")
    kept = [whole for kind, content, whole in chunks if kind in _SHOWN or (kind == b"iCCP" and _is_profile(content))]
    return b"".join([_SIGNATURE, *kept])


def image_name(png: bytes) -> str:
    """The name that its content gives an image."""
    return f"image-{hashlib.sha256(png).hexdigest()[:16]}.png"


def _chunks(data: bytes, name: str) -> list[tuple[bytes, bytes, bytes]]:
    """Type, content, and all bytes of each chunk."""
    found = []
    at = len(_SIGNATURE)
    while at < len(data):
        if at + 12 > len(data):
            raise FormatError(f"{name} is no whole PNG")
        length = int.from_bytes(data[at : at + 4], "big")
        end = at + 12 + length
        if end > len(data):
            raise FormatError(f"{name} is no whole PNG")
        if zlib.crc32(data[at + 4 : end - 4]) != int.from_bytes(data[end - 4 : end], "big"):
            raise FormatError(f"{name} is damaged: the checksum of a part does not match")
        found.append((data[at + 4 : at + 8], data[at + 8 : end - 4], data[at:end]))
        at = end
    return found


def _unpacked_size(packed: bytes, *, most: int) -> int:
    """How many bytes `packed` expands to; one more than `most` if there are more, -1 if it is damaged or cut off."""
    unpack = zlib.decompressobj()
    size, rest = 0, packed
    try:
        while not unpack.eof:
            piece = unpack.decompress(rest, _PIECE)
            size += len(piece)
            rest = unpack.unconsumed_tail
            if size > most:
                return most + 1
            if not piece and not rest:
                return -1
    except zlib.error:
        return -1
    return size


def _is_profile(content: bytes) -> bool:
    """Whether a colour profile (name, 0, method, what is packed) is no larger than a profile is."""
    name, _, packed = content.partition(b"\0")
    return 0 < len(name) < 80 and 0 < _unpacked_size(packed[1:], most=_MOST_PROFILE) <= _MOST_PROFILE
