"""Answers: JSON, arrays and errors, with ETags, in TensorBoard's own manner."""

import functools
import hashlib
import json
import logging
from collections.abc import Callable, Hashable
from concurrent.futures import BrokenExecutor
from typing import Any

from tensorboard.backend import http_util, json_util
from werkzeug import Request, Response
from werkzeug.datastructures import Headers

from tb_attnviz import __version__
from tb_attnviz.comparable import NotComparableError
from tb_attnviz.events import FormatError
from tb_attnviz.events.files import UnreachableError
from tb_attnviz.events.order import step_and_order
from tb_attnviz.events.records import CorruptRecordError, TornRecordError
from tb_attnviz.extras import MissingExtraError
from tb_attnviz.plugin import reading
from tb_attnviz.plugin.origin import ForeignRequestError, check_origin
from tb_attnviz.projection.pictures import Picture
from tb_attnviz.projection.projection import ProjectionError
from tb_attnviz.projection.source import UnreadableStepError
from tb_attnviz.recompute import TooLargeError
from tb_attnviz.run import NotRecordedError
from tb_attnviz.terminal import plain, plain_traceback
from tb_attnviz.turns import taking_turns


class BadRequestError(ValueError):
    """A parameter is missing or malformed; the message says which, and what it may be."""


JSON = "application/json"
NPY = "application/octet-stream"
PNG = "image/png"

Application = Callable[..., Any]  # WSGI
View = Callable[[Any, Request], Response]

_LONGEST_SENTENCE = 2000

logger = logging.getLogger(__name__)


def route(view: View) -> Callable[..., Application]:
    """Makes a WSGI application of a method that answers a GET; its errors become one sentence with a status."""
    return _application(view, ("GET", "HEAD"))


def route_of_get_and_post(view: View) -> Callable[..., Application]:
    """The same of a method that answers a POST too."""
    return _application(view, ("GET", "HEAD", "POST"))


def _application(view: View, methods: tuple[str, ...]) -> Callable[..., Application]:
    @functools.wraps(view)
    def application(plugin: Any, environ: Any, start_response: Any) -> Any:
        request = Request(environ)
        try:
            if request.method not in methods:
                understood = " or ".join(method for method in methods if method != "HEAD")
                raise BadRequestError(f"{request.method} is not understood here: use {understood}")
            if request.method == "POST":
                check_origin(request)
            with taking_turns():
                response = view(plugin, request)
        except ForeignRequestError as error:
            response = _error(request, 403, str(error))
        except (BadRequestError, MissingExtraError, NotComparableError, ProjectionError, TooLargeError) as error:
            response = _error(request, 400, str(error))
        except (NotRecordedError, FormatError, UnreadableStepError) as error:
            response = _error(request, 404, str(error))
        except UnreachableError as error:
            response = _error(request, 503, f"the store of this run does not answer ({error}): ask again")
        except (CorruptRecordError, TornRecordError) as error:
            response = _error(request, 404, f"the samples of this step are damaged: {error}")
        except BrokenExecutor:
            response = _error(
                request, 503, "the worker process ended twice before its time (out of memory?): ask again"
            )
        except Exception as error:
            response = _unexpected(request, error)
        reading.end_with_the_answer(request)
        return response(environ, start_response)

    return application


def _unexpected(request: Request, error: Exception) -> Response:
    """Of a task. What it says is for those who read the log, unless the samples that it needed are gone."""
    if isinstance(error, FileNotFoundError) and step_and_order(str(error.filename)):
        return _error(request, 404, "the samples of this step are gone from the log directory")
    logger.error("tb-attnviz could not answer %s\n%s", plain(request.path[:200]), plain_traceback(error))
    sentence = f"this could not be computed ({type(error).__name__}): TensorBoard's log says more"
    return _error(request, 503, sentence)


def json_text(document: dict[str, Any]) -> str:
    """`document` as JSON, non-finite numbers as strings."""
    try:
        return json.dumps(document, allow_nan=False, separators=(",", ":"))
    except ValueError:  # some are not: looking at each number takes ten times as long
        return json.dumps(json_util.Cleanse(document), separators=(",", ":"))


def json_response(request: Request, document: dict[str, Any] | str, *, code: int = 200) -> Response:
    """`document`, or the JSON that it is; the ETag of a 200 follows its content."""
    text = document if isinstance(document, str) else json_text(document)
    if code != 200:
        return _respond(request, text, JSON, code)
    return unchanged(request, text, JSON) or _tagged(_respond(request, text, JSON), text)


def array_response(request: Request, npy: bytes, key: Hashable) -> Response:
    """An `.npy` file, whose ETag follows `key`: what the array was made from."""
    return _tagged(_respond(request, npy, NPY), key)


def png_response(request: Request, png: bytes, key: Hashable) -> Response:
    """A picture, whose ETag follows `key`."""
    return _tagged(_respond(request, png, PNG), key)


def file_response(request: Request, content: bytes, content_type: str) -> Response:
    """A file as it is, whose ETag follows its content."""
    key = hashlib.sha256(content).hexdigest()
    return unchanged(request, key, content_type) or _tagged(_respond(request, content, content_type), key)


def points_response(request: Request, picture: bytes, key: Hashable) -> Response:
    """The `.npy` file of a picture, its notes in the header `Attnviz-Notes` if it has any."""
    notes, npy = Picture.split(picture)
    response = array_response(request, npy, key)
    if notes:
        response.headers["Attnviz-Notes"] = json.dumps(notes)  # ASCII
    return response


def made_json_response(request: Request, document: bytes, key: Hashable) -> Response:
    """A JSON document that a task made, whose ETag follows `key`."""
    return _tagged(_respond(request, document, JSON), key)


def unchanged(request: Request, key: Hashable, content_type: str = NPY) -> Response | None:
    """304 if the client already has what would be made from `key`: nothing needs to be computed."""
    if not request.if_none_match.contains_weak(_digest(key)):  # what a proxy that compresses makes of it, too
        return None
    return _tagged(_NotModified(status=304, content_type=content_type), key)


class _NotModified(Response):
    """A 304 that keeps its Content-Type: werkzeug strips it, and TensorBoard warns of every answer without one."""

    def get_wsgi_headers(self, environ: Any) -> Headers:
        headers = super().get_wsgi_headers(environ)
        headers["Content-Type"] = self.content_type or NPY
        headers["X-Content-Type-Options"] = "nosniff"
        return headers


def _respond(request: Request, content: Any, content_type: str, code: int = 200) -> Response:
    response: Response = http_util.Respond(request, content, content_type, code=code)
    return response


def _tagged(response: Response, key: Hashable) -> Response:
    response.set_etag(_digest(key))
    return response


def _error(request: Request, code: int, sentence: str) -> Response:
    return _respond(request, {"error": sentence[:_LONGEST_SENTENCE]}, JSON, code)


def _digest(key: Hashable) -> str:
    """Another one after each release, whose figures and words may be others."""
    text = f"{__version__} {key if isinstance(key, str) else repr(key)}"
    return hashlib.sha256(text.encode()).hexdigest()[:32]
