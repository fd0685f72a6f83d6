"""The web application: a factory that puts the frame, its guards and all pages together. Nothing happens at import."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

from flask import Flask
from flask_bootstrap import Bootstrap5
from werkzeug.middleware.proxy_fix import ProxyFix

from segsync.actions.browser_sessions import IDLE_FOR
from segsync.runtime import Runtime
from segsync.web import BLUEPRINTS, assets, errors, frame, guard, navigation, requests, security, watching, words

TEMPLATES: Final = Path(__file__).resolve().parent.parent / "templates"


class Pages(Flask):
    """Flask, but what fails is logged by us alone: its own line would hold the address, and with it secrets."""

    def log_exception(self, *_args: Any) -> None:
        """Says nothing; `errors` does."""


def create_app(runtime: Runtime) -> Flask:
    """The pages over an opened runtime."""
    app = Pages("segsync", template_folder=str(TEMPLATES), static_folder="static")
    app.config.from_mapping(_configuration(runtime))
    app.extensions["segsync.runtime"] = runtime
    app.jinja_env.trim_blocks = app.jinja_env.lstrip_blocks = True
    Bootstrap5(app)
    # in the order in which they look at a request
    for part in (requests, security, guard, frame, watching, assets, words, navigation, errors):
        part.set_up(app)
    for blueprint in BLUEPRINTS:
        app.register_blueprint(blueprint)
    if proxies := runtime.settings.proxies:
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=proxies, x_proto=proxies)  # type: ignore[method-assign]
    return app


def _configuration(runtime: Runtime) -> dict[str, object]:
    secure = runtime.settings.address.startswith("https://")
    return {
        "SECRET_KEY": runtime.session_secret,
        "SESSION_COOKIE_NAME": "__Host-segsync" if secure else "segsync",
        "SESSION_COOKIE_HTTPONLY": True,
        # not Strict: the way back from a channel's consent page comes from outside
        "SESSION_COOKIE_SAMESITE": "Lax",
        "SESSION_COOKIE_SECURE": secure,
        "PERMANENT_SESSION_LIFETIME": IDLE_FOR,
        "BOOTSTRAP_SERVE_LOCAL": True,
        "MAX_CONTENT_LENGTH": security.SMALL_BODY,
        "SEND_FILE_MAX_AGE_DEFAULT": assets.KEPT_FOR,
        "WTF_CSRF_TIME_LIMIT": None,
    }
