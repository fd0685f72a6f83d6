"""Signing in at the simulated LinkedIn: consent, tokens of 60 and 365 days, introspection, and who it is."""

from __future__ import annotations

import secrets
from datetime import datetime, timedelta
from typing import Any

import flask

from connectors.linkedin.simulator_wire import (
    CHANNEL,
    Refusal,
    answer,
    count_day,
    denied,
    settings,
    struck,
    suffers,
    token_state,
)
from connectors.simulation import ConsentPage, Document, Fault, GrantRefused, World, misbehave

ACCESS_LIFE = timedelta(days=60)
REFRESH_LIFE = timedelta(days=365)


class OAuthRefusal(Exception):  # noqa: N818 - an answer, not a failure
    """An error of the token endpoint."""

    def __init__(self, error: str, description: str, status: int = 400) -> None:
        super().__init__(description)
        self.body = {"error": error, "error_description": description}
        self.status = status


def mount(blueprint: flask.Blueprint, world: World) -> None:
    """Adds the addresses of sign-in."""
    consent = ConsentPage(world, CHANNEL, "LinkedIn")
    blueprint.add_url_rule("/oauth/v2/authorization", "consent", consent.view, methods=["GET", "POST"])
    blueprint.add_url_rule("/oauth/v2/accessToken", "token", lambda: _form(world, "token", _token), methods=["POST"])
    blueprint.add_url_rule(
        "/oauth/v2/introspectToken", "introspect", lambda: _form(world, "introspect", _introspect), methods=["POST"]
    )
    blueprint.add_url_rule("/oauth/v2/revoke", "revoke", lambda: _form(world, "revoke", _revoke), methods=["POST"])
    blueprint.add_url_rule("/v2/userinfo", "userinfo", lambda: _userinfo(world))


def _form(world: World, operation: str, work: Any) -> flask.Response:
    """A form post of an application: its secret first, then what was ordered to go wrong, then the work."""
    try:
        fault = struck(world, operation)
        generic = misbehave(fault)
        if generic is not None:
            return generic
        _check_client(world, fault)
        return answer(work(world))
    except OAuthRefusal as refusal:
        return answer(refusal.body, refusal.status)
    except Refusal as refusal:
        return answer(refusal.body, refusal.status)


def _check_client(world: World, fault: Fault | None) -> None:
    """The first secret ever told for an application is its secret; a person may set another at the control page."""
    client, secret = flask.request.form.get("client_id", ""), flask.request.form.get("client_secret", "")
    with world.lock:
        known = world.get(CHANNEL, "applications", client)
        if known is None and client and secret:
            known = {"secret": secret}
            world.put(CHANNEL, "applications", client, known)
    if known is None or known["secret"] != secret or (fault is not None and fault.kind == "invalid_client"):
        raise OAuthRefusal("invalid_client", "Client authentication failed", 401)


def _token(world: World) -> Document:
    grant = flask.request.form.get("grant_type")
    if grant == "authorization_code":
        return _redeem(world)
    if grant == "refresh_token":
        return _refresh(world)
    raise OAuthRefusal("unsupported_grant_type", "grant_type is missing or unknown")


def _redeem(world: World) -> Document:
    form = flask.request.form
    page = ConsentPage(world, CHANNEL, "LinkedIn")
    try:
        given = page.redeem(
            form.get("code", ""), client_id=form["client_id"], redirect_uri=form.get("redirect_uri", "")
        )
    except GrantRefused as refusal:
        if refusal.reason == "redirect_uri":
            raise OAuthRefusal("invalid_redirect_uri", "The redirect_uri does not match the registered value") from None
        raise OAuthRefusal("invalid_request", "The authorization code is unknown, used or expired") from None
    _end_others(world, given.signin, form["client_id"], sorted(given.scopes))
    until = world.now() + REFRESH_LIFE if settings(world)["refresh_tokens"] else None
    return _issue(world, given.signin, sorted(given.scopes), until)


def _end_others(world: World, signin: str, client: str, scopes: list[str]) -> None:
    """Another list of permissions ends the tokens that the person gave this application before."""
    for doc in world.all(CHANNEL, "tokens"):
        if doc["signin"] == signin and doc["client"] == client and doc["scopes"] != scopes:
            world.put(CHANNEL, "tokens", doc["key"], doc | {"revoked": True})


def _refresh(world: World) -> Document:
    value = flask.request.form.get("refresh_token", "")
    doc = world.get(CHANNEL, "tokens", value)
    if doc is None or doc["sort"] != "refresh" or doc["client"] != flask.request.form["client_id"]:
        raise OAuthRefusal("invalid_grant", "The provided refresh token is invalid")
    # As long as an expired sign-in is ordered, renewing it does not help.
    state = "expired" if suffers(world, "token_expired", person=doc["signin"]) else token_state(world, doc)
    if state != "active":
        raise OAuthRefusal("invalid_grant", f"The provided authorization grant or refresh token is {state}")
    return _issue(world, doc["signin"], doc["scopes"], datetime.fromisoformat(doc["until"]), value)


def _issue(world: World, signin: str, scopes: list[str], refresh_until: datetime | None, refresh: str = "") -> Document:
    """Refreshing does not make the refresh token live longer, and no access token outlives it."""
    now = world.now()
    until = min(filter(None, (now + ACCESS_LIFE, refresh_until)))
    client = flask.request.form["client_id"]
    base: Document = {"signin": signin, "client": client, "scopes": scopes, "created": now.isoformat()}
    access = "AQ" + secrets.token_urlsafe(240)
    world.put(CHANNEL, "tokens", access, base | {"sort": "access", "until": until.isoformat()})
    told: Document = {
        "access_token": access,
        "expires_in": int((until - now).total_seconds()),
        "scope": ",".join(scopes),
        "token_type": "Bearer",
    }
    if refresh_until is None:
        return told
    if not refresh:
        refresh = "AR" + secrets.token_urlsafe(240)
        world.put(CHANNEL, "tokens", refresh, base | {"sort": "refresh", "until": refresh_until.isoformat()})
    left = int((refresh_until - now).total_seconds())
    return told | {"refresh_token": refresh, "refresh_token_expires_in": left}


def _introspect(world: World) -> Document:
    doc = world.get(CHANNEL, "tokens", flask.request.form.get("token", ""))
    if doc is None:
        return {"active": False}
    state = token_state(world, doc)
    created = int(datetime.fromisoformat(doc["created"]).timestamp())
    return {
        "active": state == "active",
        "status": state,
        "client_id": doc["client"],
        "scope": ",".join(doc["scopes"]),
        "created_at": created,
        "authorized_at": created,
        "expires_at": int(datetime.fromisoformat(doc["until"]).timestamp()),
        "auth_type": "3L",
    }


def _revoke(world: World) -> Document:
    """Ends a token; one that is not known is no error."""
    doc = world.get(CHANNEL, "tokens", flask.request.form.get("token", ""))
    if doc is not None:
        world.put(CHANNEL, "tokens", doc["key"], doc | {"revoked": True})
    return {}


def _userinfo(world: World) -> flask.Response:
    value = flask.request.headers.get("Authorization", "").removeprefix("Bearer ")
    doc = world.get(CHANNEL, "tokens", value)
    try:
        generic = misbehave(struck(world, "userinfo", person=doc["signin"] if doc else ""))
        return generic if generic is not None else answer(_person(world, doc))
    except Refusal as refusal:
        return answer(refusal.body, refusal.status)


def _person(world: World, token: Document | None) -> Document:
    if token is None or token_state(world, token) != "active":
        raise Refusal(401, "INVALID_ACCESS_TOKEN", "Invalid access token")
    if "profile" not in token["scopes"]:
        raise denied()
    count_day(world, token)
    person = world.get(CHANNEL, "signins", token["signin"]) or {}
    return {"sub": token["signin"], "name": person.get("name", "")}
