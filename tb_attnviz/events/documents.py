"""Documents: the JSON in a run's summaries, and the version that every one of them carries."""

import json
from typing import Any

VERSION = 1


class FormatError(ValueError):
    """A document that this version of tb-attnviz cannot read."""


def dump(document: dict[str, Any]) -> str:
    return json.dumps({"version": VERSION, **document}, ensure_ascii=False, separators=(",", ":"))


def load(text: str, name: str) -> dict[str, Any]:
    """Raises FormatError, naming both versions, for a document of another one."""
    document: dict[str, Any] = json.loads(text)
    version = document.get("version")
    if version != VERSION:
        raise FormatError(
            f"the {name} was recorded in format version {version}; this tb-attnviz reads version {VERSION}: "
            "install the version of tb-attnviz that recorded the run, or a newer one"
        )
    return document
