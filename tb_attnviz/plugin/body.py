"""The body of a POST, as far as it comes, as fast as it should, and no more of it than is allowed."""

import contextlib
import socket
import threading

from werkzeug import Request
from werkzeug.exceptions import HTTPException

from tb_attnviz.plugin.responses import BadRequestError

PATIENCE_SECONDS = 10.0  # for all of it: a connection holds a thread of TensorBoard's


def body(request: Request, most: int) -> bytes:
    """Raises BadRequestError for one of more than `most` bytes, and for one that breaks off or does not come."""
    request.max_content_length = most  # of a body that does not say its length
    connection: socket.socket | None = request.environ.get("werkzeug.socket")
    end = threading.Timer(PATIENCE_SECONDS, _end_reading, [connection])
    end.daemon = True
    if connection is not None:
        end.start()
    if (request.content_length or 0) > most:
        raise BadRequestError(f"the body must not be larger than {most:,} bytes")
    try:
        data = request.get_data(cache=False)
    except (HTTPException, OSError, ValueError):
        raise BadRequestError(
            f"the body broke off, did not come within {PATIENCE_SECONDS:g} s, or is larger than {most:,} bytes"
        ) from None
    end.cancel()  # only now: the server reads what is left of a body that is refused
    return data


def _end_reading(connection: socket.socket) -> None:
    with contextlib.suppress(OSError):
        connection.shutdown(socket.SHUT_RD)
