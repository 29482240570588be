"""Parameters of a request, each parsed or refused with a sentence that names it."""

from collections.abc import Sequence
from typing import Literal

from werkzeug import Request

from tb_attnviz.plugin.responses import BadRequestError


def text(request: Request, name: str) -> str:
    value = request.args.get(name)
    if value is None:
        raise BadRequestError(f"the parameter {name!r} is missing")
    return value


def integer(request: Request, name: str, *, default: int | None = None) -> int:
    if default is not None and name not in request.args:
        return default
    value = text(request, name)
    try:
        return int(value)
    except ValueError:
        raise BadRequestError(f"the parameter {name!r} must be a whole number, not {value!r}") from None


def choice(request: Request, name: str, choices: Sequence[str]) -> str:
    value = text(request, name)
    if value not in choices:
        raise BadRequestError(f"the parameter {name!r} must be one of {', '.join(choices)}, not {value!r}")
    return value


def sequence(request: Request, name: str) -> int | Literal["mean"]:
    value = text(request, name)
    if value == "mean":
        return "mean"
    try:
        return int(value)
    except ValueError:
        raise BadRequestError(f"the parameter {name!r} must be a whole number or 'mean', not {value!r}") from None
