"""Pages read without the project's own reader."""

import base64
import gzip
import json
import struct
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

Float64 = npt.NDArray[np.float64]


class PageReader(HTMLParser):
    """The scripts of a page: those with an id by that, and the program."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.scripts: dict[str, str] = {}
        self.program = ""
        self.links: list[str] = []
        self._name: str | None = None
        self.feed(path.read_text("utf-8"))

    @property
    def index(self) -> dict[str, Any]:
        document: dict[str, Any] = json.loads(self.scripts["page"])
        return document

    def piece(self, name: str) -> bytes:
        return gzip.decompress(base64.b64decode(self.scripts[name]))

    def document(self, name: str) -> Any:
        return json.loads(self.piece(name))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        self.links += [value for name, value in attrs if name in ("src", "href") and value]
        if tag == "script":
            self._name = (given.get("id") or "program").removeprefix("attnviz-")

    def handle_endtag(self, tag: str) -> None:
        self._name = None

    def handle_data(self, data: str) -> None:
        if self._name == "program":
            self.program += data
        elif self._name is not None:
            self.scripts[self._name] = self.scripts.get(self._name, "") + data


def unpacked_points(data: bytes) -> tuple[dict[str, Any], Float64]:
    header, numbers = _split(data)
    whole = np.frombuffer(numbers, "<i2").astype(float)
    return header, np.where(whole == -32768, np.nan, whole * header["scale"] / 32767)


def unpacked_weights(data: bytes) -> tuple[dict[str, Any], Float64]:
    header, numbers = _split(data)
    whole = np.frombuffer(numbers, "<u2").astype(float)
    return header, np.where(whole == 65535, np.nan, whole / 65534)


def unpacked_figures(data: bytes) -> tuple[dict[str, Any], Float64]:
    header, numbers = _split(data)
    return header, np.frombuffer(numbers, "<f2").astype(float) * header["scale"]


def _split(data: bytes) -> tuple[dict[str, Any], bytes]:
    (length,) = struct.unpack_from("<I", data)
    return json.loads(data[4 : 4 + length]), data[4 + length :]
