"""Pages for what went wrong: in the same frame and tone, with the request's id."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import structlog
from flask import Flask, Response, current_app, make_response, render_template, request
from flask_wtf.csrf import CSRFError
from werkzeug.exceptions import HTTPException, InternalServerError, SecurityError

from segsync.actions.actor import NotAllowed, NotThere, Refused
from segsync.processes import places
from segsync.web.frame import db
from segsync.web.requests import request_id
from segsync.web.security import LARGE_BODIES, MEGABYTE

log = structlog.get_logger("segsync.web")


@dataclass(frozen=True)
class Trouble:
    """What an error page says."""

    title: str
    text: str


TROUBLES: Final = {
    400: Trouble("This request cannot be understood", "Go back, reload the page and try again."),
    401: Trouble("You are signed out", "Sign in again; what you were doing is still there."),
    403: Trouble(
        "You cannot open this", "Your role does not include this page. An administrator can change your role."
    ),
    404: Trouble(
        "There is nothing here",
        "The address is wrong, what was here is gone, or it is in a workspace that is not yours.",
    ),
    405: Trouble("This does not work from here", "Go back to the page before and use the button there."),
    413: Trouble("This is too large", "What you sent is larger than this page takes. Nothing was kept of it."),
    422: Trouble("This cannot be done", "Look at what is wrong, mend it and send it again."),
    429: Trouble("Too many tries", "Wait a little and try again."),
    500: Trouble(
        "Something went wrong on our side",
        "Nothing was changed. Try again; if it happens again, give your administrator the request id below.",
    ),
    503: Trouble("Not available just now", "A part of the product is being restarted. Try again in a minute."),
}
FORM_TOO_OLD: Final = Trouble(
    "This form is too old", "You signed in or out since it was opened. Go back, reload the page and send it again."
)


def file_too_large(limit: int) -> Trouble:
    """What a person reads whose file is above the limit of this installation, in bytes."""
    return Trouble(
        "This file is too large",
        f"Files may have up to {limit // MEGABYTE:,} MB here. Nothing was kept of it. Cut it into several files, each with the "
        "line that names the columns, or ask whoever runs this installation to raise SEGSYNC_IMPORT_MAX_MB.",
    )


def set_up(app: Flask) -> None:
    """All errors end here."""
    app.register_error_handler(CSRFError, _forged)
    app.register_error_handler(NotAllowed, _not_allowed)
    app.register_error_handler(NotThere, _not_there)
    app.register_error_handler(Refused, _refused)
    app.register_error_handler(HTTPException, _http)
    app.register_error_handler(InternalServerError, _ours)


def trouble_page(code: int, trouble: Trouble, link: tuple[str, str] | None = None) -> Response:
    """An error page; a live part gets only the sentence."""
    # without a host that we know there are no addresses, and so no page
    lost = isinstance(request.routing_exception, SecurityError)
    if lost or request.headers.get("X-Requested-With") == "segsync":
        response = make_response(trouble.text)
        response.mimetype = "text/plain"
    else:
        response = make_response(
            render_template("errors/trouble.html", code=code, trouble=trouble, link=link, request_id=request_id())
        )
    response.status_code = code
    return response


def _forged(_error: CSRFError) -> Response:
    return trouble_page(400, FORM_TOO_OLD)


def _not_allowed(error: NotAllowed) -> Response:
    db().rollback()
    return trouble_page(403, Trouble(TROUBLES[403].title, error.message), error.link)


def _not_there(error: NotThere) -> Response:
    db().rollback()
    return trouble_page(404, Trouble(TROUBLES[404].title, error.message), error.link)


def _refused(error: Refused) -> Response:
    db().rollback()
    return trouble_page(422, Trouble(TROUBLES[422].title, error.message), error.link)


def _http(error: HTTPException) -> Response:
    code = error.code or 500
    if error.response is not None or 300 <= code < 400:  # noqa: PLR2004 - a redirect is no trouble
        return make_response(error.get_response())
    trouble = TROUBLES.get(code, Trouble(error.name, TROUBLES[400].text))
    if code == 413 and request.endpoint in LARGE_BODIES:  # noqa: PLR2004
        trouble = file_too_large(current_app.config["LARGE_BODY"])
    response = trouble_page(code, trouble)
    if code == 429 and (wait := getattr(error, "retry_after", None)):  # noqa: PLR2004
        response.headers["Retry-After"] = str(wait)
    return response


def _ours(error: InternalServerError) -> Response:
    cause = error.original_exception
    # not its message: what a database says about a row names people
    log.error("page failed", problem=type(cause).__name__, places=places(cause) if cause else [])
    db().rollback()
    return trouble_page(500, TROUBLES[500])
