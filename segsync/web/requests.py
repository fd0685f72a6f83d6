"""One id for each request: on its log lines, in its answer, on its error page and in the audit trail; and what numbers an address takes."""

from __future__ import annotations

import secrets
import time
from typing import Any, Final

import structlog
from flask import Flask, Response, g, request
from werkzeug.routing import IntegerConverter, Map

log = structlog.get_logger("segsync.web")

QUIET = frozenset({"static", "bootstrap.static"})


LARGEST_NUMBER: Final = 2**63 - 1


class RowNumber(IntegerConverter):
    """The number of a row in an address: one that the database cannot have names nothing."""

    def __init__(self, address_map: Map, **options: Any) -> None:
        super().__init__(address_map, **{"max": LARGEST_NUMBER, **options})


def set_up(app: Flask) -> None:
    """Numbers requests and writes a line for each."""
    app.url_map.converters["int"] = RowNumber
    app.before_request(_begin)
    app.after_request(_end)


def request_id() -> str:
    """The id of the request under way."""
    return str(g.get("request_id", ""))


def _begin() -> None:
    g.request_id = f"rq-{secrets.token_hex(6)}"
    g.began = time.monotonic()
    structlog.contextvars.clear_contextvars()
    structlog.contextvars.bind_contextvars(request_id=g.request_id)


def _end(response: Response) -> Response:
    response.headers["X-Request-Id"] = request_id()
    if request.endpoint not in QUIET:
        # the rule, not the address: addresses hold what people searched for, and secrets of invitations
        rule = request.url_rule.rule if request.url_rule else "unknown"
        milliseconds = round((time.monotonic() - g.get("began", time.monotonic())) * 1000)
        log.info("request", method=request.method, page=rule, status=response.status_code, ms=milliseconds)
    return response
