"""The files of the front end, by name."""

import mimetypes
from pathlib import Path

from tb_attnviz.events.shapes import shown
from tb_attnviz.run import NotRecordedError

_STATIC = Path(__file__).parent.parent / "static"


def read(name: str) -> tuple[bytes, str]:
    """Content and type of the file called `name`. Raises NotRecordedError where there is none."""
    path = _files().get(name)  # one of these, so that a name reaches nothing else
    if path is None:
        raise NotRecordedError(f"no static file {shown(name)}")
    return path.read_bytes(), mimetypes.guess_type(name)[0] or "application/octet-stream"


def _files() -> dict[str, Path]:
    return {path.name: path for path in _STATIC.iterdir() if path.is_file()} if _STATIC.is_dir() else {}
