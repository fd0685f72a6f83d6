"""Signing in at Google. Plain HTTP through requests-oauthlib; safe to import in a web process.

Addresses by name in `Application.bases`: `accounts` (the consent page), `token` (tokens, revocation, what a token allows)
and `userinfo` (who it belongs to).
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import requests
from oauthlib.oauth2 import OAuth2Error, WebApplicationClient
from requests_oauthlib import OAuth2Session

from connectors.contract import Application, Identity, Tokens
from connectors.deadline import DeadlineSession
from connectors.google.replies import OAUTH, STATUS, problem
from connectors.problems import Code, ConnectorProblem, ReconnectNeeded, TryLater

# https://developers.google.com/identity/protocols/oauth2/web-server
BASES = {
    "accounts": "https://accounts.google.com",
    "token": "https://oauth2.googleapis.com",
    "userinfo": "https://openidconnect.googleapis.com",
}
ADS = "https://www.googleapis.com/auth/adwords"
DATA_MANAGER = "https://www.googleapis.com/auth/datamanager"
# Google answers these short names with long ones.
SHORT = {f"https://www.googleapis.com/auth/userinfo.{name}": name for name in ("email", "profile")}

SECONDS = 30.0
EARLY = timedelta(minutes=5)

# At DEBUG these two write tokens and codes.
logging.getLogger("requests_oauthlib").setLevel(logging.INFO)
logging.getLogger("oauthlib").setLevel(logging.INFO)


class _Session(OAuth2Session, DeadlineSession):
    """requests-oauthlib with a limit on the whole call, and a way to a stand-in that speaks plain HTTP.

    oauthlib refuses http:// and its only switch counts for the whole process. So it is shown https:// here, and the
    scheme that the operator configured is put back when the request leaves.
    """

    plain = False

    def send(self, request: requests.PreparedRequest, **kwargs: Any) -> requests.Response:
        """As for every session."""
        if self.plain and request.url:
            request.url = _plain(request.url)
        return super().send(request, **kwargs)


class GoogleOAuth:
    """Google's sign-in."""

    scopes = (ADS, DATA_MANAGER, "openid", "email", "profile")
    needed: Mapping[str, str] = {
        ADS: "see your Google Ads accounts and the campaigns that use an audience",
        DATA_MANAGER: "create audiences and keep their members up to date",
    }
    pkce = True

    def authorize_url(self, app: Application, redirect_uri: str, state: str, verifier: str) -> str:
        """The address of Google's consent page. `prompt=consent` makes Google give a refresh token each time."""
        base = _base(app, "accounts")
        session = _session(app, base, redirect_uri, scope=list(self.scopes))
        challenge = WebApplicationClient(app.client_id).create_code_challenge(verifier, "S256")
        address, _ = session.authorization_url(
            _secure(base) + "/o/oauth2/v2/auth",
            state,
            access_type="offline",
            prompt="consent",
            include_granted_scopes="true",
            code_challenge=challenge,
            code_challenge_method="S256",
        )
        return _plain(address) if session.plain else address

    def exchange_code(self, app: Application, redirect_uri: str, code: str, verifier: str) -> Tokens:
        """Turns the code of the return into tokens. Raises ReconnectNeeded, SetupNeeded, TryLater."""
        base = _base(app, "token")
        session = _session(app, base, redirect_uri)
        return _tokens(
            _ask(
                session.fetch_token,
                _secure(base) + "/token",
                code=code,
                code_verifier=verifier,
                client_secret=app.client_secret,
                include_client_id=True,
            )
        )

    def refresh(self, app: Application, tokens: Tokens) -> Tokens:
        """A new access token; Google keeps the refresh token. Raises ReconnectNeeded when there is none or it is refused."""
        if not tokens.refresh_token:
            raise ReconnectNeeded(Code.SIGNIN_EXPIRED)
        base = _base(app, "token")
        reply = _ask(
            _session(app, base).refresh_token,
            _secure(base) + "/token",
            refresh_token=tokens.refresh_token,
            client_id=app.client_id,
            client_secret=app.client_secret,
        )
        return _tokens(reply, before=tokens)

    def revoke(self, app: Application, tokens: Tokens) -> None:
        """Ends the sign-in: revoking either token ends both. One that is dead already is no error."""
        form = {"token": tokens.refresh_token or tokens.access_token}
        reply = _plain_call(app, "POST", _base(app, "token") + "/revoke", data=form)
        if reply.status_code not in {200, 400}:
            raise _refusal(reply)

    def whoami(self, app: Application, access_token: str) -> Identity:
        """Who this token belongs to and which permissions it has. Raises ReconnectNeeded when it is dead."""
        person = self.person(app, access_token)
        token = _read(_plain_call(app, "POST", _base(app, "token") + "/tokeninfo", headers=_bearer(access_token)))
        return Identity(
            remote_id=str(person["sub"]),
            name=str(person.get("name") or person.get("email") or person["sub"]),
            scopes=_granted(token.get("scope", "")),
        )

    def person(self, app: Application, access_token: str) -> Mapping[str, Any]:
        """Google's own words about who signed in: `sub` is the id, `email` and `name` are told if allowed."""
        return _read(_plain_call(app, "GET", _base(app, "userinfo") + "/v1/userinfo", headers=_bearer(access_token)))

    def refresh_at(self, tokens: Tokens) -> datetime | None:
        """A few minutes before the access token ends; None without a refresh token."""
        if tokens.expires_at is None or not tokens.refresh_token:
            return None
        return tokens.expires_at - EARLY

    def must_act_by(self, tokens: Tokens) -> datetime | None:
        """None as a rule. Google sets a day only for access granted for a time, and while an application is in testing."""
        return tokens.refresh_expires_at


def _bearer(access_token: str) -> dict[str, str]:
    """The token goes in a header, never in an address: addresses are logged along the way."""
    return {"Authorization": f"Bearer {access_token}"}


def _base(app: Application, name: str) -> str:
    return app.bases.get(name, BASES[name]).rstrip("/")


def _secure(address: str) -> str:
    return "https://" + address.removeprefix("http://") if address.startswith("http://") else address


def _plain(address: str) -> str:
    return "http://" + address.removeprefix("https://")


def _session(app: Application, base: str, redirect_uri: str = "", scope: list[str] | None = None) -> _Session:
    session = _Session(
        app.client_id, redirect_uri=redirect_uri or None, scope=scope, total=min(SECONDS, app.request_seconds)
    )
    session.around = app.around
    session.plain = base.startswith("http://")
    for kind in ("access_token_response", "refresh_token_response"):
        session.register_compliance_hook(kind, _stop_at_failure)
    return session


def _stop_at_failure(reply: requests.Response) -> requests.Response:
    """A proxy's page or an overload is no answer about the sign-in, and oauthlib would take it for one."""
    if reply.status_code >= 500 or reply.status_code == 429 or "json" not in reply.headers.get("Content-Type", ""):  # noqa: PLR2004
        raise _refusal(reply)
    return reply


def _ask(call: Any, address: str, **parts: Any) -> dict[str, Any]:
    try:
        return dict(call(address, **parts))
    except OAuth2Error as error:
        name = _subtype(error) or str(error.error)
        raise problem(OAUTH.get(name), raw=name) from None
    except requests.Timeout:
        raise TryLater(Code.TIMEOUT) from None
    except requests.RequestException:
        raise TryLater(Code.OUTAGE) from None


def _subtype(error: OAuth2Error) -> str:
    """Google adds why a grant is invalid where an organisation's own rules ended it."""
    return "invalid_rapt" if "invalid_rapt" in (error.description or "") else ""


def _plain_call(app: Application, method: str, address: str, **parts: Any) -> requests.Response:
    try:
        with DeadlineSession(min(SECONDS, app.request_seconds), app.around) as session:
            return session.request(method, address, **parts)
    except requests.Timeout:
        raise TryLater(Code.TIMEOUT) from None
    except requests.RequestException:
        raise TryLater(Code.OUTAGE) from None


def _read(reply: requests.Response) -> dict[str, Any]:
    if reply.status_code != 200 or "json" not in reply.headers.get("Content-Type", ""):  # noqa: PLR2004
        raise _refusal(reply)
    return dict(reply.json())


def _refusal(reply: requests.Response) -> ConnectorProblem:
    status = reply.status_code
    if status == 429:  # noqa: PLR2004 - HTTP: too many requests
        return TryLater(Code.RATE_LIMIT, raw=str(status))
    if status in {400, 401}:
        return problem(STATUS["UNAUTHENTICATED"], raw=str(status))
    if status == 403:  # noqa: PLR2004 - HTTP: forbidden; the token lacks `openid email`
        return ReconnectNeeded(Code.SCOPE_MISSING, raw=str(status))
    return TryLater(Code.OUTAGE, raw=str(status))


def _tokens(reply: Mapping[str, Any], before: Tokens | None = None) -> Tokens:
    now = datetime.now(UTC)
    scopes = _granted(reply.get("scope", ""))
    return Tokens(
        access_token=str(reply["access_token"]),
        expires_at=_after(now, reply.get("expires_in")),
        refresh_token=reply.get("refresh_token") or (before.refresh_token if before else None),
        refresh_expires_at=_after(now, reply.get("refresh_token_expires_in"))
        or (before.refresh_expires_at if before else None),
        scopes=scopes or (before.scopes if before else frozenset()),
    )


def _after(now: datetime, seconds: Any) -> datetime | None:
    return None if seconds is None else now + timedelta(seconds=int(seconds))


def _granted(scope: str | list[str]) -> frozenset[str]:
    words = scope.split() if isinstance(scope, str) else scope
    return frozenset(SHORT.get(word, word) for word in words)
