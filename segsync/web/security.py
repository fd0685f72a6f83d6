"""What a browser may do with our pages, how large a request may be, and forms that only we can send."""

from __future__ import annotations

from typing import Final
from urllib.parse import urlsplit

from flask import Flask, Response, current_app, request
from flask_wtf.csrf import CSRFProtect

from connectors.registry import CHANNELS
from segsync.runtime import Runtime

SMALL_BODY: Final = 2 * 1024 * 1024
LARGE_BODIES: Final = frozenset({"imports.new", "imports.upload"})
"""Endpoints that take files; the setting SEGSYNC_IMPORT_MAX_MB is their limit."""
MEGABYTE: Final = 1024 * 1024


def set_up(app: Flask) -> None:
    """Limits and headers for every request."""
    runtime: Runtime = app.extensions["segsync.runtime"]
    app.config["LARGE_BODY"] = runtime.settings.import_max_mb * MEGABYTE
    app.config["CONTENT_POLICY"] = content_policy(consent_pages(runtime))
    if runtime.settings.public_url:
        host = urlsplit(runtime.settings.public_url).hostname or ""
        app.config["TRUSTED_HOSTS"] = [host, "127.0.0.1", "localhost", "[::1]"]
    app.before_request(_limit_body)  # before the check of forms, which reads the body
    CSRFProtect(app)
    app.after_request(_headers)


def content_policy(form_targets: list[str]) -> str:
    """The Content-Security-Policy: everything from here, nothing inline."""
    # browsers also hold redirects after a form against form-action: the way to a channel's consent page is one
    return "; ".join(
        (
            "default-src 'self'",
            "img-src 'self' data:",
            "script-src 'self'",
            "style-src 'self'",
            "object-src 'none'",
            "base-uri 'none'",
            "frame-ancestors 'none'",
            " ".join(["form-action 'self'", *form_targets]),
        )
    )


def consent_pages(runtime: Runtime) -> list[str]:
    """The origins of the channels' consent pages."""
    addresses = (
        channel.oauth.authorize_url(runtime.application(name), runtime.settings.address, "state", "verifier")
        for name, channel in CHANNELS.items()
    )
    return sorted({"{0.scheme}://{0.netloc}".format(urlsplit(address)) for address in addresses})


def _limit_body() -> None:
    if request.endpoint in LARGE_BODIES:
        request.max_content_length = current_app.config["LARGE_BODY"]


def _headers(response: Response) -> Response:
    headers = response.headers
    headers.setdefault("Content-Security-Policy", current_app.config["CONTENT_POLICY"])
    headers.setdefault("X-Content-Type-Options", "nosniff")
    headers.setdefault("X-Frame-Options", "DENY")
    headers.setdefault("Referrer-Policy", "same-origin")
    headers.setdefault("Cross-Origin-Opener-Policy", "same-origin")
    headers.setdefault("Permissions-Policy", "camera=(), microphone=(), geolocation=(), payment=()")
    if current_app.config["SESSION_COOKIE_SECURE"]:
        headers.setdefault("Strict-Transport-Security", "max-age=31536000")
    if not response.cache_control.max_age:
        headers.setdefault("Cache-Control", "private, no-cache")
    return response
