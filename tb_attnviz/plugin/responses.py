"""Answers: JSON, arrays and errors, with ETags, in TensorBoard's own manner."""

import functools
import hashlib
import json
from collections.abc import Callable, Hashable
from concurrent.futures import BrokenExecutor
from typing import Any

from tensorboard.backend import http_util
from werkzeug import Request, Response

from tb_attnviz.events import FormatError
from tb_attnviz.events.records import CorruptRecordError, TornRecordError
from tb_attnviz.run import NotRecordedError


class BadRequestError(ValueError):
    """A parameter is missing or malformed; the message says which, and what it may be."""


Application = Callable[..., Any]  # WSGI


def route(view: Callable[[Any, Request], Response]) -> Callable[..., Application]:
    """Makes a WSGI application of a method that answers a request; its errors become one sentence with a status."""

    @functools.wraps(view)
    def application(plugin: Any, environ: Any, start_response: Any) -> Any:
        request = Request(environ)
        try:
            response = _answer(view, plugin, request)
        except BadRequestError as error:
            response = _error(request, 400, str(error))
        except (NotRecordedError, FormatError) as error:
            response = _error(request, 404, str(error))
        except FileNotFoundError:
            response = _error(request, 404, "the samples of this step are gone from the log directory")
        except (CorruptRecordError, TornRecordError):
            response = _error(request, 404, "the samples of this step are damaged: their checksum does not match")
        except BrokenExecutor:
            response = _error(request, 503, "the worker process ended before its time (out of memory?): ask again")
        return response(environ, start_response)

    return application


def _answer(view: Callable[[Any, Request], Response], plugin: Any, request: Request) -> Response:
    if request.method not in ("GET", "HEAD"):
        raise BadRequestError(f"{request.method} is not understood here: use GET")
    return view(plugin, request)


def json_response(request: Request, document: dict[str, Any], *, code: int = 200) -> Response:
    """`document` as JSON, non-finite numbers as strings; its ETag follows its content."""
    response: Response = http_util.Respond(request, document, "application/json", code=code)
    if code == 200:
        response.set_etag(_digest(json.dumps(document, sort_keys=True)))
        response.make_conditional(request)
    return response


def array_response(request: Request, npy: bytes, key: Hashable) -> Response:
    """An `.npy` file, whose ETag follows `key`: what the array was made from."""
    response: Response = http_util.Respond(request, npy, "application/octet-stream")
    response.set_etag(_digest(repr(key)))
    response.make_conditional(request)
    return response


def unchanged(request: Request, key: Hashable) -> Response | None:
    """304 if the client already has what would be made from `key`: nothing needs to be computed."""
    if not request.if_none_match.contains(_digest(repr(key))):
        return None
    response = Response(status=304)
    response.set_etag(_digest(repr(key)))
    return response


def _error(request: Request, code: int, sentence: str) -> Response:
    response: Response = http_util.Respond(request, {"error": sentence}, "application/json", code=code)
    return response


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:32]
