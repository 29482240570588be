"""The body of a POST, as far as it comes, as fast as it should, and no more of it than is allowed."""

from werkzeug import Request
from werkzeug.exceptions import HTTPException

from tb_attnviz.plugin import reading
from tb_attnviz.plugin.responses import BadRequestError


def body(request: Request, most: int) -> bytes:
    """Raises BadRequestError for one of more than `most` bytes, and for one that breaks off or does not come."""
    request.max_content_length = most  # of a body that does not say its length
    end = reading.end_after_a_while(request)
    if (request.content_length or 0) > most:
        raise BadRequestError(f"the body must not be larger than {most:,} bytes")
    try:
        data = request.get_data(cache=False)
    except (HTTPException, OSError, ValueError):
        raise BadRequestError(
            f"the body broke off, did not come within {reading.PATIENCE_SECONDS:g} s, or is larger than {most:,} bytes"
        ) from None
    end.cancel()
    reading.end_at_once(request)
    return data
