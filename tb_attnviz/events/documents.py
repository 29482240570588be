"""Documents: the JSON in a run's summaries, and the version that every one of them carries."""

import json
from typing import Any

from tb_attnviz.events.shapes import MisfitError, Shape

VERSION = 1


class FormatError(ValueError):
    """What a run holds is not what this version of tb-attnviz can read; the message says what, and where."""


class VersionError(FormatError):
    """A document of another version."""


def dump(document: dict[str, Any]) -> str:
    return json.dumps({"version": VERSION, **document}, ensure_ascii=False, separators=(",", ":"))


def load(text: str, name: str, shape: Shape) -> dict[str, Any]:
    """The document `text`, which is a `name` to people and has this `shape`; fields that are not in it are let through.

    Raises VersionError, naming both versions, for a document of another one, FormatError for one that is damaged.
    """
    try:
        document = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise FormatError(f"the {name} is damaged: it is no JSON ({_reason(error)})") from None
    if not isinstance(document, dict):
        raise FormatError(f"the {name} is damaged: it is no JSON object")
    version = document.get("version")
    if type(version) is not int or version != VERSION:
        found = version if type(version) is int else "of no number"
        raise VersionError(
            f"the {name} was recorded in format version {str(found)[:20]}; this tb-attnviz reads version {VERSION}: "
            "install the version of tb-attnviz that recorded the run, or a newer one"
        )
    try:
        shape(document)
    except MisfitError as error:
        raise FormatError(f"the {name} is damaged: {error}") from None
    return document


def _reason(error: Exception) -> str:
    return "it is nested too deeply" if isinstance(error, RecursionError) else str(error)
