"""Documents: the JSON in a run's summaries, and what every one of them carries: version, place, checksum."""

import json
import re
from typing import Any

import google_crc32c

from tb_attnviz.events.order import Order
from tb_attnviz.events.shapes import MisfitError, Shape, both, items, nullable, record, whole

VERSION = 2
READ = (1, 2)

_NUMBER = whole(0, 2**62)
_HEAD = record(
    {"start": _NUMBER, "count": _NUMBER, "step": whole(-(2**63), 2**63 - 1)},
    {"previous": nullable(items(whole(-(2**63), 2**63 - 1), 2, least=2))},
)
_SEAL = re.compile(r',"crc32c":"([0-9a-f]{8})"\}')
_SEAL_LENGTH = len(',"crc32c":"00000000"}')


class FormatError(ValueError):
    """What a run holds is not what this version of tb-attnviz can read; the message says what, and where."""


class VersionError(FormatError):
    """A document of another version."""


def dump(kind: str, content: dict[str, Any], *, order: Order, step: int) -> str:
    """The document of this `kind`, in ASCII: whatever a token holds, JSON can say it.

    Its last field is the CRC32C of all before it: no program between the file and us has to check anything.
    """
    head = {"version": VERSION, "document": kind, "start": order.start, "count": order.count, "step": step}
    text = json.dumps({**head, **content}, separators=(",", ":"))[:-1]
    return f'{text},"crc32c":"{google_crc32c.value(text.encode()):08x}"}}'


def load(text: str, kind: str, shape: Shape) -> dict[str, Any]:
    """The document `text`, which is a `kind` of this `shape`; fields that are not in that are let through.

    Raises VersionError, naming both versions, for a document of another one, FormatError for one that is damaged.
    """
    try:
        document = json.loads(text)
    except (ValueError, RecursionError) as error:
        reason = "it is nested too deeply" if isinstance(error, RecursionError) else str(error)
        raise FormatError(f"the {kind} document is damaged: it is no JSON ({reason})") from None
    if not isinstance(document, dict):
        raise FormatError(f"the {kind} document is damaged: it is no JSON object")
    version = document.get("version")
    seal = _SEAL.fullmatch(text[-_SEAL_LENGTH:])
    if seal and f"{google_crc32c.value(text[:-_SEAL_LENGTH].encode()):08x}" != seal[1]:
        raise FormatError(f"the {kind} document is damaged: its checksum does not match")
    if type(version) is not int or version not in READ:
        found = version if type(version) is int else "of no number"
        raise VersionError(
            f"the {kind} was recorded in format version {str(found)[:20]}; this tb-attnviz reads versions "
            f"{' and '.join(map(str, READ))}: install the version of tb-attnviz that recorded the run, or a newer one"
        )
    if version >= 2 and not seal:
        raise FormatError(f"the {kind} document is damaged: its checksum is not there")
    if version >= 2 and document.get("document") != kind:
        raise FormatError(f"another document stands where the {kind} should: its name is damaged")
    try:
        (shape if version < 2 else both(_HEAD, shape))(document)
    except MisfitError as error:
        raise FormatError(f"the {kind} document is damaged: {error}") from None
    return document
