"""Images are sent only if they are PNG by their content, of the size that the run says."""

import struct
import zlib

import pytest

from tb_attnviz.events import FormatError
from tb_attnviz.events.png import checked_png, image_name
from tests.conftest import make_png, png_chunk

SIGNATURE = b"\x89PNG\r\n\x1a\n"
IEND = png_chunk(b"IEND", b"")


def header(width: int, height: int, *, depth: int = 8, colour: int = 0, interlace: int = 0) -> bytes:
    return png_chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, interlace))


def check(png: bytes, width: int = 8, height: int = 4) -> bytes:
    return checked_png(png, image_name(png), width, height)


def test_a_picture_passes_unchanged() -> None:
    _, png = make_png(8, 4)
    assert check(png) == png


ROWS = bytes(9) * 4
PIXELS = png_chunk(b"IDAT", zlib.compress(ROWS))


@pytest.mark.parametrize(
    ("png", "sentence"),
    [
        (b"", "is no PNG"),
        (b"root:x:0:0:root:/root:/bin/sh\n", "is no PNG"),
        (b"GIF89a", "is no PNG"),
        (SIGNATURE, "is no whole PNG"),
        (SIGNATURE + PIXELS + IEND, "is no whole PNG"),
        (SIGNATURE + header(8, 4) + PIXELS, "is no whole PNG"),
        (SIGNATURE + header(8, 4) + PIXELS + IEND[:-1], "is no whole PNG"),
        (SIGNATURE + header(8, 4) + PIXELS + b"\xff\xff\xff\xffIEND\0\0\0\0", "is no whole PNG"),
        (SIGNATURE + header(8, 4) + PIXELS[:-1] + b"!" + IEND, "the checksum of a part does not match"),
        (SIGNATURE + header(30_000, 30_000) + PIXELS + IEND, "has 30,000 × 30,000 pixels, not 8 × 4 as the run says"),
        (SIGNATURE + header(8, 4, interlace=1) + PIXELS + IEND, "of a kind that is not recorded"),
        (SIGNATURE + header(8, 4, depth=3) + PIXELS + IEND, "of a kind that is not recorded"),
        (SIGNATURE + header(8, 4, colour=5) + PIXELS + IEND, "of a kind that is not recorded"),
        (SIGNATURE + header(8, 4) + IEND, "does not hold the 8 × 4 pixels"),
        (SIGNATURE + header(8, 4) + png_chunk(b"IDAT", b"\xff" * 20) + IEND, "does not hold the 8 × 4 pixels"),
        (SIGNATURE + header(8, 4) + png_chunk(b"IDAT", zlib.compress(ROWS)[:-3]) + IEND, "does not hold"),
        (SIGNATURE + header(8, 4) + png_chunk(b"IDAT", zlib.compress(bytes(2**26))) + IEND, "does not hold"),
        (SIGNATURE + header(8, 4) + png_chunk(b"IDAT", zlib.compress(ROWS[:-1])) + IEND, "does not hold"),
        (b"\x89PNG\r\n\x1a\n" + bytes(2**23), "is larger than 8,388,608 bytes"),
    ],
)
def test_what_is_no_picture_of_ours_is_refused(png: bytes, sentence: str) -> None:
    with pytest.raises(FormatError, match=sentence):
        check(png)


def test_a_picture_under_the_name_of_another_is_refused() -> None:
    (name, _), (_, other) = make_png(8, 4), make_png(8, 4, shade=10)
    with pytest.raises(FormatError, match="another image"):
        checked_png(other, name, 8, 4)


def test_parts_that_show_nothing_are_not_sent_on() -> None:
    bomb = png_chunk(b"zTXt", b"note\0\0" + zlib.compress(bytes(2**26)))
    frames = png_chunk(b"acTL", struct.pack(">II", 10**6, 0))
    profile, large = (png_chunk(b"iCCP", b"name\0\0" + zlib.compress(bytes(size))) for size in (3000, 2**24))
    kept = check(SIGNATURE + header(8, 4) + bomb + frames + profile + large + PIXELS + IEND)
    assert kept == SIGNATURE + header(8, 4) + profile + PIXELS + IEND
