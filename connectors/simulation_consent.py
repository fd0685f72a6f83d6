"""The simulated channels' consent page: choose who signs in, tick off permissions, or refuse.

Works without JavaScript. A test consents by posting to the same address: `signin`, `scope` (repeated), `decision=allow|refuse`.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from urllib.parse import urlencode

import flask

from connectors.simulation_store import Document, Store

LIFETIME = timedelta(minutes=10)

PAGE = """<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>Simulator: sign in to {{ label }}</title>
<style>
body{font-family:system-ui,sans-serif;margin:0;color:#1c1c1c;background:#f3f3f0}
header{background:#7a2e00;color:#fff;padding:.6rem 1rem;font-weight:600}
main{max-width:32rem;margin:1.5rem auto;padding:1rem 1.5rem;background:#fff;border:1px solid #ccc}
fieldset{border:0;padding:0;margin:0 0 1rem}legend{font-weight:600;margin-bottom:.3rem}label{display:block;padding:.2rem 0}
button{font:inherit;padding:.5rem 1rem;margin-right:.5rem}
</style></head><body>
<header role="banner">Simulator: this is not {{ label }}. Nothing leaves this machine.</header>
<main><h1>Sign in to {{ label }}</h1>
<p>An application (<code>{{ client }}</code>) asks for access.</p>
<form method="post">
<fieldset><legend>Who signs in?</legend>
{% for s in signins %}<label><input type="radio" name="signin" value="{{ s.key }}"{% if loop.first %} checked{% endif %}> \
{{ s.name }}</label>
{% endfor %}</fieldset>
<fieldset><legend>What is allowed?</legend>
{% for s in scopes %}<label><input type="checkbox" name="scope" value="{{ s }}" checked> {{ s }}</label>
{% endfor %}</fieldset>
<button name="decision" value="allow">Allow</button><button name="decision" value="refuse">Refuse</button>
</form></main></body></html>"""


class GrantRefused(Exception):  # noqa: N818 - an answer to the application, not a failure of ours
    """A code that cannot be redeemed. `reason`: unknown (also used before), expired, client, redirect_uri or verifier."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True)
class Grant:
    """What a redeemed code stands for: whose sign-in, and what was allowed."""

    signin: str
    scopes: tuple[str, ...]


@dataclass(frozen=True)
class ConsentPage:
    """The consent page of one channel. Mount `view` for GET and POST at the channel's own path."""

    world: Store
    channel: str
    label: str

    def view(self) -> flask.Response:
        """Shows the page, or carries out the person's decision."""
        asked = flask.request.args
        if not asked.get("client_id") or not asked.get("redirect_uri"):
            return flask.Response("client_id and redirect_uri are required", status=400, mimetype="text/plain")
        if flask.request.method == "GET":
            return self._page(asked)
        if flask.request.form.get("decision") != "allow":
            refusal = {"error": "access_denied", "error_description": "The person refused."}
            return _back(asked, refusal)
        if self.world.get(self.channel, "signins", flask.request.form.get("signin", "")) is None:
            return flask.Response("No such sign-in", status=400, mimetype="text/plain")
        return _back(asked, {"code": self._code(asked)})

    def _page(self, asked: Mapping[str, str]) -> flask.Response:
        signins = self.world.all(self.channel, "signins")
        scopes = _scopes(asked)
        html = flask.render_template_string(
            PAGE, label=self.label, client=asked["client_id"], signins=signins, scopes=scopes
        )
        return flask.Response(html, mimetype="text/html")

    def _code(self, asked: Mapping[str, str]) -> str:
        code = secrets.token_urlsafe(24)
        form = flask.request.form
        doc: Document = {name: asked.get(name, "") for name in ("client_id", "redirect_uri", "code_challenge")}
        doc["method"] = asked.get("code_challenge_method", "plain")
        doc["signin"] = form["signin"]
        doc["scopes"] = [scope for scope in _scopes(asked) if scope in form.getlist("scope")]
        doc["until"] = (self.world.now() + LIFETIME).isoformat()
        self.world.put(self.channel, "codes", code, doc)
        return code

    def redeem(self, code: str, *, client_id: str, redirect_uri: str, verifier: str = "") -> Grant:
        """Turns a code into what was granted, once. Raises GrantRefused."""
        with self.world.lock:
            doc = self.world.get(self.channel, "codes", code)
            self.world.drop(self.channel, "codes", code)
        if doc is None:
            raise GrantRefused("unknown")
        if datetime.fromisoformat(doc["until"]) < self.world.now():
            raise GrantRefused("expired")
        for name, given in (("client", client_id), ("redirect_uri", redirect_uri)):
            if doc["client_id" if name == "client" else name] != given:
                raise GrantRefused(name)
        if doc["code_challenge"] and not _proves(doc, verifier):
            raise GrantRefused("verifier")
        return Grant(doc["signin"], tuple(doc["scopes"]))


def _scopes(asked: Mapping[str, str]) -> list[str]:
    return [scope for scope in re.split(r"[ ,]+", asked.get("scope", "")) if scope]


def _proves(doc: Document, verifier: str) -> bool:
    if doc["method"] == "S256":
        digest = hashlib.sha256(verifier.encode()).digest()
        verifier = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
    return hmac.compare_digest(doc["code_challenge"], verifier)


def _back(asked: Mapping[str, str], answer: Mapping[str, str]) -> flask.Response:
    state = {"state": asked["state"]} if "state" in asked else {}
    joint = "&" if "?" in asked["redirect_uri"] else "?"
    return flask.Response(
        status=302, headers={"Location": asked["redirect_uri"] + joint + urlencode({**answer, **state})}
    )
