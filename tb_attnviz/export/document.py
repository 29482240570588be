"""Document: the page as a file: the front end, and the pieces of data that it unpacks as they are looked at."""

import contextlib
import html
import json
import os
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from tb_attnviz.export.packing import piece

_BUNDLE = Path(__file__).parent.parent / "static" / "index.js"
_HEAD = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<meta name="generator" content="tb-attnviz">
<link rel="icon" href="data:,">
<title>{title}</title>
</head>
<body>
<noscript>This page draws its pictures by itself, with JavaScript, which is switched off here.</noscript>
"""
_TAIL = "</body>\n</html>\n"


class ExportError(Exception):
    """The page cannot be written; the message says why, and what to do."""


def bundle() -> str:
    """The front end, fit to stand in a page. Raises ExportError if it was not built."""
    try:
        code = _BUNDLE.read_text("utf-8")
    except FileNotFoundError:
        raise ExportError(
            f"the front end is missing ({str(_BUNDLE)!r}): install the package, or build it with "
            "`npm ci && npm run build` in frontend/"
        ) from None
    # A page ends a script at these letters wherever they stand; in strings, which they stand in, \x3c is the same.
    return code.replace("</script", r"\x3c/script").replace("<!--", r"\x3c!--")


class Page:
    """A page being written; at its end it takes the place of `path`, and where something went wrong nothing is left.

    Raises ExportError where it cannot be written, and from `add` when it grows past `most_bytes`.
    """

    def __init__(self, path: Path, title: str, index: dict[str, Any], *, most_bytes: int) -> None:
        self._path = path = Path(os.path.realpath(path))  # what a link leads to is replaced, and not the link
        self._unfinished = path.with_name(f".{path.name}.{os.getpid()}.part")
        self._most_bytes = most_bytes
        self._program = bundle()
        if path.is_dir():
            raise ExportError(f"{str(path)!r} is a directory: name a file, such as {str(path / 'page.html')!r}")
        if path.exists() and not path.is_file():
            raise ExportError(f"{str(path)!r} is no file, and a page cannot take its place: name another one")
        with self._writing():
            self._file = open(self._unfinished, "wb")  # noqa: SIM115  # it stays open between the pieces
        self.size = 0
        self._write(_HEAD.format(title=html.escape(title)))
        self._write(f'<script type="application/json" id="attnviz-page">{_in_script(index)}</script>\n')

    def add(self, name: str, data: bytes) -> None:
        """A piece of data, to be found by its name."""
        self._write(f'<script type="text/plain" id="attnviz-{html.escape(name)}">')
        self._write(piece(data))
        self._write("</script>\n")
        if self.size > self._most_bytes:
            raise ExportError(f"the page has grown past --max-bytes {self._most_bytes:,}: choose less, or allow more")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if kind is None:
                self._write('<script type="module">\n')
                self._write(self._program)
                self._write(f"</script>\n{_TAIL}")
                with self._writing():
                    self._file.close()
                    os.replace(self._unfinished, self._path)
        finally:
            with contextlib.suppress(OSError):
                self._file.close()
            with contextlib.suppress(OSError):  # it is not there if all went well
                self._unfinished.unlink()

    @contextlib.contextmanager
    def _writing(self) -> Iterator[None]:
        """What the system refuses, as an ExportError."""
        try:
            yield
        except OSError as error:
            raise ExportError(f"{str(self._path)!r} cannot be written: {error.strerror}") from error

    def _write(self, part: str | bytes) -> None:
        data = part.encode(errors="replace") if isinstance(part, str) else part  # a name need not be text
        with self._writing():
            self._file.write(data)
        self.size += len(data)


def _in_script(document: dict[str, Any]) -> str:
    """JSON without a letter that could end the script."""
    return json.dumps(document).replace("<", r"\u003c")
