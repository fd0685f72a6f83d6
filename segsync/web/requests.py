"""One id for each request: on its log lines, in its answer, on its error page and in the audit trail."""

from __future__ import annotations

import secrets
import time

import structlog
from flask import Flask, Response, g, request

log = structlog.get_logger("segsync.web")

QUIET = frozenset({"static", "bootstrap.static"})


def set_up(app: Flask) -> None:
    """Numbers requests and writes a line for each."""
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
