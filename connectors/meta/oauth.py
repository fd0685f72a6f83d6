"""Signing in at Meta: dialog, code, long-lived token, renewal while it lives, and its end.

https://developers.facebook.com/docs/facebook-login/guides/advanced/manual-flow
https://developers.facebook.com/docs/facebook-login/guides/access-tokens/get-long-lived

Bases: "dialog" (https://www.facebook.com) and "graph" (https://graph.facebook.com). No SDK: safe in a web process.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import requests
from requests_oauthlib import OAuth2Session

from connectors.contract import Application, Identity, Tokens
from connectors.http import Client
from connectors.meta import replies
from connectors.problems import Code, ReconnectNeeded, UnexpectedReply

VERSION = "v26.0"
DIALOG = "https://www.facebook.com"
GRAPH = "https://graph.facebook.com"

# A long-lived token lives 60 days. Renewed weekly, it always has more than 53 left, and at least 46 after one failure.
LIFE = timedelta(days=60)
RENEW_AFTER = timedelta(days=7)
RENEWAL_FAILS = LIFE - 2 * RENEW_AFTER


class MetaOAuth:
    """`connectors.protocols.OAuth` for Meta. There is no refresh token: a living access token is exchanged for a new one."""

    scopes: tuple[str, ...] = ("ads_management", "ads_read", "business_management")
    needed: Mapping[str, str] = {
        "ads_management": "to create audiences and keep the people in them up to date",
        "ads_read": "to show your ad accounts and the campaigns that use an audience",
    }
    pkce = False

    def authorize_url(self, app: Application, redirect_uri: str, state: str, verifier: str) -> str:  # noqa: ARG002 - no PKCE
        """The address of Meta's dialog."""
        session = OAuth2Session(app.client_id, redirect_uri=redirect_uri, scope=",".join(self.scopes))
        # oauthlib only builds https addresses; a simulator on this machine is put in afterwards.
        address, _ = session.authorization_url(f"{DIALOG}/{version(app)}/dialog/oauth", state=state)
        return app.bases.get("dialog", DIALOG) + str(address).removeprefix(DIALOG)

    def exchange_code(self, app: Application, redirect_uri: str, code: str, verifier: str) -> Tokens:  # noqa: ARG002 - no PKCE
        """The code becomes a token of some hours, and that one of 60 days."""
        short = _token(app, {"redirect_uri": redirect_uri, "code": code})
        return self._long_lived(app, short)

    def refresh(self, app: Application, tokens: Tokens) -> Tokens:
        """A new token for one that still lives; an expired one is refused and the person has to come back."""
        return self._long_lived(app, tokens.access_token)

    def _long_lived(self, app: Application, token: str) -> Tokens:
        fresh = _token(app, {"grant_type": "fb_exchange_token", "fb_exchange_token": token})
        about = _debug(app, fresh)
        if about.get("is_valid") is not True:
            raise ReconnectNeeded(Code.SIGNIN_REVOKED)
        return Tokens(
            fresh,
            expires_at=_time(about.get("expires_at")),
            data_access_expires_at=_time(about.get("data_access_expires_at")),
            scopes=frozenset(map(str, about.get("scopes") or ())),
        )

    def revoke(self, app: Application, tokens: Tokens) -> None:
        """Takes the application out of the person's account; a token already dead is no error."""
        try:
            _ask(app, "DELETE", "/me/permissions", _proof(app, tokens.access_token))
        except ReconnectNeeded:
            return

    def whoami(self, app: Application, access_token: str) -> Identity:
        """Who this token belongs to, and which permissions stand as granted now."""
        proof = _proof(app, access_token)
        person = _ask(app, "GET", "/me", proof | {"fields": "id,name"})
        rows = _ask(app, "GET", "/me/permissions", proof).get("data") or []
        granted = {str(row.get("permission")) for row in rows if row.get("status") == "granted"}
        return Identity(str(person["id"]), str(person.get("name") or ""), frozenset(granted))

    def refresh_at(self, tokens: Tokens) -> datetime | None:
        """Weekly: a week after the token was given. None for one that does not end."""
        return tokens.expires_at and tokens.expires_at - LIFE + RENEW_AFTER

    def must_act_by(self, tokens: Tokens) -> datetime | None:
        """When Meta closes the data to us; the token's own end counts too once its renewal fails."""
        ends = [end for end in (tokens.data_access_expires_at, _end_if_failing(tokens)) if end]
        return min(ends, default=None)


def _end_if_failing(tokens: Tokens) -> datetime | None:
    if tokens.expires_at is None:
        return None
    failing = tokens.expires_at - datetime.now(UTC) < RENEWAL_FAILS
    return tokens.expires_at if failing or tokens.data_access_expires_at is None else None


def version(app: Application) -> str:
    """The version of the Graph API to speak; never none."""
    return app.version or VERSION


def _token(app: Application, asked: Mapping[str, str]) -> str:
    secret = {"client_id": app.client_id, "client_secret": app.client_secret}
    answer = _ask(app, "GET", "/oauth/access_token", {**secret, **asked}, signing_in=True)
    token = answer.get("access_token")
    if not isinstance(token, str) or not token:
        raise UnexpectedReply(Code.UNEXPECTED, raw="no access_token")
    return token


def _debug(app: Application, token: str) -> dict[str, Any]:
    application = f"{app.client_id}|{app.client_secret}"
    data = _ask(app, "GET", "/debug_token", {"input_token": token, "access_token": application}).get("data")
    return data if isinstance(data, dict) else {}


def _proof(app: Application, token: str) -> dict[str, str]:
    """The token with the proof that we hold the application's secret."""
    proof = hmac.new(app.client_secret.encode(), token.encode(), hashlib.sha256).hexdigest()
    return {"access_token": token, "appsecret_proof": proof}


def _ask(
    app: Application, method: str, path: str, params: Mapping[str, str], *, signing_in: bool = False
) -> dict[str, Any]:
    client = Client(app.bases.get("graph", GRAPH), total=app.request_seconds, around=app.around)
    reply = client.call(method, f"/{version(app)}{path}", params=params)
    body = _json(reply)
    found = replies.problem(reply.status_code, body, reply.headers, signing_in=signing_in)
    if found is not None:
        raise found
    if not isinstance(body, dict):
        raise UnexpectedReply(Code.UNEXPECTED, raw="no object")
    return body


def _json(reply: requests.Response) -> Any:
    try:
        return reply.json()
    except requests.JSONDecodeError:
        return None


def _time(seconds: Any) -> datetime | None:
    """Unix seconds; Meta writes 0 for "never"."""
    return datetime.fromtimestamp(seconds, UTC) if isinstance(seconds, int) and seconds > 0 else None
