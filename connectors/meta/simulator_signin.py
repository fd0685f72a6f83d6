"""The simulated sign-in of Meta: codes and tokens exchanged, looked into, and taken back."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

import flask

from connectors.meta.simulator_calls import (
    CHANNEL,
    Call,
    answer,
    living_token,
    new_token,
    parameters,
    settings,
    strike,
)
from connectors.meta.simulator_errors import GraphError
from connectors.simulation import ConsentPage, Document, GrantRefused, World

BAD_CODE, BAD_REDIRECT = 36009, 36008


def consent(world: World) -> ConsentPage:
    """Meta's dialog."""
    return ConsentPage(world, CHANNEL, "Meta")


def access_token(world: World) -> flask.Response:
    """A code, or a living token, for a token."""
    params, _ = parameters()
    strike(world, "oauth")
    _check_application(world, params)
    longer = params.get("grant_type") == "fb_exchange_token"
    fresh = _longer(world, params) if longer else _redeemed(world, params)
    left = datetime.fromisoformat(fresh["expires_at"]) - world.now()
    return answer({"access_token": fresh["key"], "token_type": "bearer", "expires_in": int(left.total_seconds())})


def _check_application(world: World, params: Mapping[str, Any]) -> None:
    """The first secret ever told for an application is its secret; a person may set another at the control page."""
    app, secret = str(params.get("client_id") or ""), str(params.get("client_secret") or "")
    if not app:
        raise GraphError(101)
    with world.lock:
        known = world.get(CHANNEL, "applications", app)
        if known is None:
            world.put(CHANNEL, "applications", app, {"secret": secret})
        elif known["secret"] != secret:
            raise GraphError(1, facts={"message": "Error validating client secret", "transient": False})


def _redeemed(world: World, params: Mapping[str, Any]) -> Document:
    app = str(params["client_id"])
    try:
        grant = consent(world).redeem(
            str(params.get("code") or ""), client_id=app, redirect_uri=str(params.get("redirect_uri") or "")
        )
    except GrantRefused as refused:
        raise GraphError(100, BAD_REDIRECT if refused.reason == "redirect_uri" else BAD_CODE) from refused
    world.put(CHANNEL, "visits", f"{app}:{grant.signin}", {"at": world.now().isoformat()})
    return new_token(world, app, grant.signin, grant.scopes, timedelta(hours=settings(world)["access_hours"]))


def _longer(world: World, params: Mapping[str, Any]) -> Document:
    old = living_token(world, str(params.get("fb_exchange_token") or ""))
    if old["app"] != params["client_id"]:
        raise GraphError(190)
    return new_token(world, old["app"], old["person"], old["scopes"], timedelta(days=settings(world)["long_days"]))


def debug_token(world: World) -> flask.Response:
    """What a token is, told to its application."""
    params, _ = parameters()
    strike(world, "debug_token")
    app, _, secret = str(params.get("access_token") or "").partition("|")
    known = world.get(CHANNEL, "applications", app)
    if known is None or known["secret"] != secret:
        raise GraphError(190)
    token = world.get(CHANNEL, "tokens", str(params.get("input_token") or ""))
    if token is None or token["app"] != app:
        return answer({"data": {"app_id": app, "is_valid": False, "error": {"code": 190}}})
    return answer({"data": _told(world, token)})


def _told(world: World, token: Document) -> Document:
    ends = {
        name: datetime.fromisoformat(token[field])
        for name, field in (("expires_at", "expires_at"), ("data_access_expires_at", "data_access_until"))
    }
    return {
        "app_id": token["app"],
        "type": "USER",
        "application": "Simulated application",
        "user_id": token["person"],
        "is_valid": not token["dead"] and min(ends.values()) > world.now(),
        "issued_at": int(datetime.fromisoformat(token["issued_at"]).timestamp()),
        "scopes": token["scopes"],
        **{name: int(moment.timestamp()) for name, moment in ends.items()},
    }


def me(call: Call) -> flask.Response:
    """Who signed in."""
    call.strike("me")
    person = call.world.get(CHANNEL, "signins", call.person)
    if person is None:
        raise GraphError(190, 458)
    return answer({"id": call.person, "name": person["name"]})


def permissions(call: Call) -> flask.Response:
    """What the person allowed and what not; DELETE ends it all."""
    call.strike("permissions")
    if call.method == "DELETE":
        end_signin(call.world, call.token["app"], call.person, 458)
        return answer({"success": True})
    declined = {"ads_management", "ads_read", "business_management"} - set(call.token["scopes"])
    rows = [{"permission": name, "status": "granted"} for name in ["public_profile", *call.token["scopes"]]]
    rows += [{"permission": name, "status": "declined"} for name in sorted(declined)]
    return answer({"data": rows})


def end_signin(world: World, app: str, person: str, subcode: int) -> int:
    """Kills all tokens of a person (app '': at every application); returns how many."""
    killed = 0
    with world.transaction():
        for token in world.all(CHANNEL, "tokens"):
            if token["person"] == person and app in {"", token["app"]} and not token["dead"]:
                world.put(CHANNEL, "tokens", token["key"], token | {"dead": subcode})
                killed += 1
    return killed
