"""Signing in at LinkedIn: its three-legged OAuth, with and without refresh tokens.

Addresses by name: `oauth` (https://www.linkedin.com) and `api` (https://api.linkedin.com).
https://learn.microsoft.com/linkedin/shared/authentication/authorization-code-flow
https://learn.microsoft.com/linkedin/shared/authentication/programmatic-refresh-tokens
"""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any

import requests
from requests_oauthlib import OAuth2Session

from connectors.contract import Application, Identity, Tokens
from connectors.http import Client
from connectors.linkedin.replies import OK, TOKEN_ROWS, content, problem, reference
from connectors.problems import Code, ReconnectNeeded, TryLater, UnexpectedReply

# At DEBUG it writes tokens.
logging.getLogger("requests_oauthlib").setLevel(logging.WARNING)

OAUTH = "https://www.linkedin.com"
API = "https://api.linkedin.com"
AUTHORIZE = "/oauth/v2/authorization"
TOKEN = "/oauth/v2/accessToken"  # noqa: S105 - a path
INTROSPECT = "/oauth/v2/introspectToken"
REVOKE = "/oauth/v2/revoke"
USERINFO = "/v2/userinfo"
ADS_SCOPE = "r_ads"
SEGMENTS_SCOPE = "rw_dmp_segments"

# An access token lives 60 days; a week leaves room for an installation that stood still for some days.
RENEW_BEFORE = timedelta(days=7)


def oauth_base(app: Application) -> str:
    """Where sign-ins happen."""
    return app.bases.get("oauth", OAUTH).rstrip("/")


def api_base(app: Application) -> str:
    """Where everything else is."""
    return app.bases.get("api", API).rstrip("/")


class _Session(OAuth2Session):
    """requests-oauthlib's flow over our own client.

    It is told LinkedIn's own https addresses, since it refuses any other; the calls go to the address of the application,
    which may be a simulator.
    """

    def __init__(self, app: Application, **options: Any) -> None:
        super().__init__(app.client_id, **options)
        self._http = Client(oauth_base(app), total=app.request_seconds, around=app.around)
        for moment in ("access_token_response", "refresh_token_response"):
            self.register_compliance_hook(moment, _accepted)

    def request(  # type: ignore[override]
        self, method: str, url: str, data: Mapping[str, str] | None = None, **_: Any
    ) -> requests.Response:
        """Sends a form. Nothing else that the library offers is needed here."""
        return self._http.call(method, url.removeprefix(OAUTH), form=data)


def _accepted(reply: requests.Response) -> requests.Response:
    if reply.status_code not in OK:
        raise problem(reply, TOKEN_ROWS)
    if not content(reply).get("access_token"):
        raise UnexpectedReply(Code.UNEXPECTED, raw=str(reply.status_code), reference=reference(reply))
    return reply


class LinkedInOAuth:
    """The sign-in of LinkedIn. Consent is all or nothing there: a person cannot tick off single permissions."""

    scopes = ("openid", "profile", ADS_SCOPE, SEGMENTS_SCOPE)
    needed: Mapping[str, str] = {
        ADS_SCOPE: "to list your ad accounts and the campaigns that use an audience",
        SEGMENTS_SCOPE: "to create audiences in your ad accounts and keep their members in step",
    }
    pkce = False

    def authorize_url(self, app: Application, redirect_uri: str, state: str, verifier: str) -> str:
        """The address of LinkedIn's consent page. It knows no PKCE for applications on a server."""
        del verifier
        session = _Session(app, redirect_uri=redirect_uri, scope=list(self.scopes))
        address, _ = session.authorization_url(OAUTH + AUTHORIZE, state=state)
        return oauth_base(app) + str(address).removeprefix(OAUTH)

    def exchange_code(self, app: Application, redirect_uri: str, code: str, verifier: str) -> Tokens:
        """Turns the code of the return into tokens. Raises ReconnectNeeded, SetupNeeded, TryLater, UnexpectedReply."""
        del verifier
        session = _Session(app, redirect_uri=redirect_uri)
        answer = session.fetch_token(OAUTH + TOKEN, code=code, client_secret=app.client_secret, include_client_id=True)
        return _tokens(answer, None)

    def refresh(self, app: Application, tokens: Tokens) -> Tokens:
        """A new access token; the life of the refresh token is not extended by that.

        Raises ReconnectNeeded when LinkedIn refuses, or gave no refresh token (it does so only to approved applications).
        """
        if tokens.refresh_token is None:
            raise ReconnectNeeded(Code.SIGNIN_EXPIRED)
        answer = _Session(app).refresh_token(
            OAUTH + TOKEN,
            refresh_token=tokens.refresh_token,
            client_id=app.client_id,
            client_secret=app.client_secret,
        )
        return _tokens(answer, tokens)

    def revoke(self, app: Application, tokens: Tokens) -> None:
        """Asks LinkedIn to end both tokens, and takes any answer.

        LinkedIn documents no way to do so; this address is what other applications use. Forgetting the tokens has to do where
        it has no effect, and the person can take access away under "Permitted services" in the settings at LinkedIn.
        """
        for token in filter(None, (tokens.refresh_token, tokens.access_token)):
            form = {"client_id": app.client_id, "client_secret": app.client_secret, "token": token}
            with suppress(TryLater):
                Client(oauth_base(app), total=app.request_seconds, around=app.around).call("POST", REVOKE, form=form)

    def whoami(self, app: Application, access_token: str) -> Identity:
        """Who this token belongs to and what it allows. Raises ReconnectNeeded when it is dead."""
        scopes = granted(app, access_token)
        reply = Client(api_base(app), total=app.request_seconds, around=app.around).call(
            "GET", USERINFO, headers={"Authorization": f"Bearer {access_token}"}
        )
        if reply.status_code not in OK:
            raise problem(reply)
        person = content(reply)
        if not person.get("sub"):
            raise UnexpectedReply(Code.UNEXPECTED, raw=str(reply.status_code), reference=reference(reply))
        return Identity(str(person["sub"]), str(person.get("name", "")), scopes)

    def refresh_at(self, tokens: Tokens) -> datetime | None:
        """A week before the access token ends; None without a refresh token, or when renewing would not make it live longer."""
        if tokens.refresh_token is None or tokens.expires_at is None:
            return None
        if tokens.refresh_expires_at is not None and tokens.expires_at >= tokens.refresh_expires_at:
            return None
        return tokens.expires_at - RENEW_BEFORE

    def must_act_by(self, tokens: Tokens) -> datetime | None:
        """The end of the refresh token, 365 days after the consent; without one, the end of the access token."""
        return tokens.refresh_expires_at or tokens.expires_at


def granted(app: Application, access_token: str) -> frozenset[str]:
    """The permissions of a token. Raises ReconnectNeeded when it is dead."""
    form = {"client_id": app.client_id, "client_secret": app.client_secret, "token": access_token}
    reply = Client(oauth_base(app), total=app.request_seconds, around=app.around).call("POST", INTROSPECT, form=form)
    if reply.status_code not in OK:
        raise problem(reply, TOKEN_ROWS)
    told = content(reply)
    if not told.get("active"):
        revoked = told.get("status") == "revoked"
        raise ReconnectNeeded(Code.SIGNIN_REVOKED if revoked else Code.SIGNIN_EXPIRED, reference=reference(reply))
    return _scopes(told.get("scope", ""))


def _scopes(text: Any) -> frozenset[str]:
    """LinkedIn separates them by commas in some answers and by spaces in others."""
    joined = " ".join(map(str, text)) if isinstance(text, list) else str(text)
    return frozenset(filter(None, re.split(r"[,\s]+", joined)))


def _tokens(answer: Mapping[str, Any], before: Tokens | None) -> Tokens:
    now = datetime.now(UTC)
    new_refresh = answer.get("refresh_token") or (before.refresh_token if before else None)
    told = _after(now, answer.get("refresh_token_expires_in"))
    return Tokens(
        access_token=str(answer["access_token"]),
        expires_at=_after(now, answer.get("expires_in")),
        refresh_token=new_refresh,
        refresh_expires_at=told or (before.refresh_expires_at if before else None),
        scopes=_scopes(answer.get("scope", "")) or (before.scopes if before else frozenset()),
    )


def _after(now: datetime, seconds: Any) -> datetime | None:
    return now + timedelta(seconds=float(seconds)) if seconds else None
