"""Notes on heads, saved as a file from the tab: they come along in a page."""

import json
from pathlib import Path
from typing import Any

from tb_attnviz.export.document import ExportError

_FORMAT, _VERSION = "tb-attnviz notes", 1
_MOST_BYTES = 10_000_000
_FIELDS = ("layer", "head", "star", "name", "text")


def read_notes(path: Path) -> dict[str, Any]:
    """What the tab reads again, of the file at `path`. Raises ExportError for one that holds no notes."""
    try:
        if path.stat().st_size > _MOST_BYTES:
            raise ExportError(f"{str(path)!r} is too large for notes: save them from the tab")
        said = json.loads(path.read_text("utf-8"))
    except OSError as error:
        raise ExportError(f"{str(path)!r} cannot be read: {error.strerror}") from error
    except ValueError:
        said = None
    if not isinstance(said, dict) or said.get("format") != _FORMAT or not isinstance(said.get("heads"), list):
        raise ExportError(f"{str(path)!r} holds no notes on heads: save them from the tab")
    if said.get("version") != _VERSION:
        raise ExportError(f"{str(path)!r} has notes of version {said.get('version')!r}: {_VERSION} is read here")
    heads = [{name: one[name] for name in _FIELDS if name in one} for one in said["heads"] if isinstance(one, dict)]
    return {"format": _FORMAT, "version": _VERSION, "run": str(said.get("run", "")), "heads": heads}
