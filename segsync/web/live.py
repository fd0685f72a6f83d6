"""Live parts of pages: a fragment that says whether anything changed and whether anything is going on."""

from __future__ import annotations

from flask import make_response, request
from werkzeug.wrappers import Response


def fragment(html: str, *, busy: bool) -> Response:
    """A part of a page for the script that polls it: nothing is sent where nothing changed, and seldom where nothing happens."""
    response = make_response(html)
    response.headers["X-Live"] = "busy" if busy else "idle"
    response.headers["Cache-Control"] = "private, no-cache"
    response.add_etag()
    return response.make_conditional(request)
