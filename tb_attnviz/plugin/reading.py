"""How long TensorBoard's server goes on reading a request.

Once there is an answer it reads what is left, until the client hangs up, and a thread waits with it.
"""

import contextlib
import socket
import threading

from werkzeug import Request

PATIENCE_SECONDS = 10.0  # for a whole body
_TIMER = "attnviz.end_of_reading"


def end_after_a_while(request: Request) -> threading.Timer:
    """Read what comes soon, and no more; cancel the timer where nothing has to be waited for."""
    timer: threading.Timer | None = request.environ.get(_TIMER)
    if timer is None:
        timer = request.environ[_TIMER] = threading.Timer(PATIENCE_SECONDS, end_at_once, [request])
        timer.daemon = True
        if "werkzeug.socket" in request.environ:
            timer.start()
    return timer


def end_at_once(request: Request) -> None:
    """Read nothing that has not come."""
    connection: socket.socket | None = request.environ.get("werkzeug.socket")
    if connection is not None:
        with contextlib.suppress(OSError):  # it is closed by now
            connection.shutdown(socket.SHUT_RD)


def end_with_the_answer(request: Request) -> None:
    """Of a body that nobody has read what comes soon is read, or its client would miss the answer; else nothing is."""
    if request.content_length or "HTTP_TRANSFER_ENCODING" in request.environ:
        end_after_a_while(request)
    else:
        end_at_once(request)
