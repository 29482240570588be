"""Parameters of a request, each parsed or refused with a sentence that names it."""

from collections.abc import Sequence
from typing import Literal

from werkzeug import Request

from tb_attnviz.events import Side
from tb_attnviz.events.shapes import shown
from tb_attnviz.plugin.responses import BadRequestError
from tb_attnviz.recompute import Part, Weight


def text(request: Request, name: str) -> str:
    value = optional_text(request, name)
    if value is None:
        raise BadRequestError(f"the parameter {name!r} is missing")
    return value


def optional_text(request: Request, name: str) -> str | None:
    given = request.args  # `get` of it raises and catches an HTTPException where there is none, which takes long
    return given[name] if name in given else None  # noqa: SIM401


def integer(request: Request, name: str, *, default: int | None = None) -> int:
    value = optional_integer(request, name)
    if value is not None:
        return value
    return int(text(request, name)) if default is None else default


def optional_integer(request: Request, name: str) -> int | None:
    value = optional_text(request, name)
    try:
        return None if value is None else _whole(value)
    except ValueError:
        raise BadRequestError(f"the parameter {name!r} must be a whole number, not {shown(value)}") from None


def optional_number(request: Request, name: str) -> float | None:
    value = optional_text(request, name)
    try:
        return None if value is None else float(value)
    except ValueError:
        raise BadRequestError(f"the parameter {name!r} must be a number, not {shown(value)}") from None


def choice(request: Request, name: str, choices: Sequence[str], *, default: str | None = None) -> str:
    value = optional_text(request, name)
    if value is None:
        value = text(request, name) if default is None else default
    if value not in choices:
        raise BadRequestError(f"the parameter {name!r} must be one of {', '.join(choices)}, not {shown(value)}")
    return value


def priority(request: Request) -> int:
    """How soon the answer is wanted: 0 it is looked at, 1 the rest of the matrix, 2 not yet."""
    return int(choice(request, "priority", ("0", "1", "2"), default="0"))


def weight(request: Request) -> Weight | None:
    """What attention is weighted by: nothing, or the norms of the values."""
    return "values" if choice(request, "weight", ("none", "values"), default="none") == "values" else None


def part(request: Request) -> Part:
    """What of an attention is wanted: one query's row, one key's column, or all."""
    found = Part(optional_integer(request, "query"), optional_integer(request, "key"))
    if found.query is not None and found.key is not None:
        raise BadRequestError("the parameters 'query' and 'key' exclude each other: ask for a row or for a column")
    return found


def side(request: Request) -> Side:
    """Of which tokens of a sequence: its own, or those of its other side."""
    return "key_tokens" if choice(request, "side", ("tokens", "key_tokens"), default="tokens") != "tokens" else "tokens"


def sequence(request: Request, name: str) -> int | Literal["mean"]:
    value = text(request, name)
    if value == "mean":
        return "mean"
    try:
        return _whole(value)
    except ValueError:
        raise BadRequestError(f"the parameter {name!r} must be a whole number or 'mean', not {shown(value)}") from None


def _whole(text: str) -> int:
    """Raises ValueError for what is no number that a step, or a place, could be."""
    value = int(text)
    if abs(value) >= 2**63:
        raise ValueError
    return value
