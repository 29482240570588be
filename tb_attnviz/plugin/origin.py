"""Where a request comes from: a page of another site must not have the user's browser send us a body.

Every POST is checked. A GET is not: what another site's page asks for so is worked on as anybody's request, and the
browser does not let that page read the answer.

A browser says so by itself, in headers that a page cannot change: Sec-Fetch-Site (of https and of localhost) and Origin
(of every POST). https://fetch.spec.whatwg.org/#origin-header, https://www.w3.org/TR/fetch-metadata/
"""

from urllib.parse import urlsplit

from werkzeug import Request


class ForeignRequestError(Exception):
    """A page of another site had a browser ask; the message says so."""


def check_origin(request: Request) -> None:
    """Raises ForeignRequestError for a request that a page of another site, or of another port, has sent."""
    site, origin = request.headers.get("Sec-Fetch-Site"), request.headers.get("Origin")
    own = site in ("same-origin", "none") if site is not None else origin is None or _own(request, origin)
    if not own:
        raise ForeignRequestError(
            "a page of another site asked for this, and only TensorBoard's own may (behind a proxy: have it pass the "
            "header Host, or X-Forwarded-Host, as the browser sent it)"
        )


def _own(request: Request, origin: str) -> bool:
    """Whether `origin` is the server as the browser knows it. A page cannot set the header of a proxy by itself."""
    hosts = {request.headers.get("Host", ""), *request.headers.get("X-Forwarded-Host", "").split(",")}
    try:
        netloc = urlsplit(origin).netloc
    except ValueError:  # "http://[::1": no browser says that
        return False
    return netloc.lower() in {host.strip().lower() for host in hosts} - {""}
