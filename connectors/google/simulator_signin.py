"""The simulated Google's sign-in: consent page, tokens, revocation, and who a token belongs to.

Follows https://developers.google.com/identity/protocols/oauth2/web-server
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import flask

from connectors.google.simulator_world import (
    CHANNEL,
    EMAIL_SCOPE,
    LONG_SCOPES,
    PROFILE_SCOPE,
    access,
    access_of,
    end_grant,
    grant,
    known_application,
    refresh_of,
    setting,
)
from connectors.simulation import GENERIC, ConsentPage, Document, GrantRefused, World, misbehave

# What a fault makes these addresses answer; others mean nothing here. `code` names the answer itself.
TOKEN_FAULTS = {"token_revoked": "invalid_grant", "app_not_approved": "invalid_client"}
PERSON_FAULTS = {"token_revoked": "invalid_token", "token_expired": "invalid_token"}


class SignIn:
    """The endpoints. Codes are redeemed once; a sign-in ends when either of its tokens is revoked."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._consent = ConsentPage(world, CHANNEL, "Google")

    def mount(self, blueprint: flask.Blueprint) -> None:
        """Adds the addresses to a blueprint."""
        blueprint.add_url_rule("/o/oauth2/v2/auth", "consent", self._asked, methods=["GET", "POST"])
        blueprint.add_url_rule("/token", "token", self._token, methods=["POST"])
        blueprint.add_url_rule("/revoke", "revoke", self._revoke, methods=["POST"])
        blueprint.add_url_rule("/tokeninfo", "tokeninfo", self._tokeninfo, methods=["POST"])
        blueprint.add_url_rule("/v1/userinfo", "userinfo", self._userinfo, methods=["GET"])

    def _asked(self) -> flask.Response:
        asked = flask.request.args
        if asked.get("response_type") != "code":
            return flask.Response("Error 400: invalid_request", status=400, mimetype="text/plain")
        return self._consent.view()

    def _token(self) -> flask.Response:
        form = flask.request.form
        if not known_application(self._world, form.get("client_id", ""), form.get("client_secret", "")):
            return _error("invalid_client", "The OAuth client was not found.", 401)
        kinds: dict[str, Callable[[], flask.Response]] = {
            "authorization_code": self._redeem,
            "refresh_token": self._renew,
        }
        serve = kinds.get(form.get("grant_type", ""))
        return serve() if serve else _error("unsupported_grant_type", "Invalid grant_type")

    def _redeem(self) -> flask.Response:
        struck = self._struck("signin.token", TOKEN_FAULTS)
        if struck:
            return struck
        form = flask.request.form
        try:
            given = self._consent.redeem(
                form.get("code", ""),
                client_id=form["client_id"],
                redirect_uri=form.get("redirect_uri", ""),
                verifier=form.get("code_verifier", ""),
            )
        except GrantRefused as refused:
            if refused.reason == "redirect_uri":
                return _error("redirect_uri_mismatch", "Bad Request")
            return _error("invalid_grant", "Malformed auth code.")
        scopes = [LONG_SCOPES.get(scope, scope) for scope in given.scopes]
        token, refresh = grant(self._world, given.signin, scopes, form["client_id"])
        return self._tokens(token, scopes, refresh_token=refresh)

    def _renew(self) -> flask.Response:
        form = flask.request.form
        doc = refresh_of(self._world, form.get("refresh_token", ""))
        struck = self._struck("signin.refresh", TOKEN_FAULTS, doc)
        if struck:
            return struck
        if doc is None or doc["client"] != form["client_id"]:
            return _error("invalid_grant", "Token has been expired or revoked.")
        return self._tokens(access(self._world, doc), doc["scopes"])

    def _tokens(self, token: str, scopes: list[str], **more: str) -> flask.Response:
        seconds = int(setting(self._world, "token_seconds"))
        told = {"access_token": token, "expires_in": seconds, "scope": " ".join(scopes), "token_type": "Bearer"}
        return flask.jsonify(told | more)

    def _revoke(self) -> flask.Response:
        struck = self._struck("signin.revoke", {})
        if struck:
            return struck
        token = flask.request.form.get("token", "")
        return flask.jsonify() if end_grant(self._world, token) else _error("invalid_token", "Token expired or revoked")

    def _tokeninfo(self) -> flask.Response:
        doc = access_of(self._world, flask.request.headers.get("Authorization", ""))
        if doc is None:
            return _error("invalid_token", "Invalid Value")
        return flask.jsonify(azp=doc["client"], aud=doc["client"], sub=doc["person"], scope=" ".join(doc["scopes"]))

    def _userinfo(self) -> flask.Response:
        doc = access_of(self._world, flask.request.headers.get("Authorization", ""))
        struck = self._struck("signin.userinfo", PERSON_FAULTS, doc)
        if struck:
            return struck
        if doc is None:
            return _error("invalid_request", "Invalid Credentials", 401)
        if "openid" not in doc["scopes"]:
            return _error("insufficient_scope", "Request had insufficient authentication scopes.", 403)
        person = self._world.get(CHANNEL, "signins", doc["person"]) or {}
        told = {"sub": doc["person"]}
        told |= {"name": person.get("name", "")} if PROFILE_SCOPE in doc["scopes"] else {}
        told |= {"email": person.get("email", "")} if EMAIL_SCOPE in doc["scopes"] else {}
        return flask.jsonify(told)

    def _struck(self, operation: str, kinds: Mapping[str, str], doc: Document | None = None) -> flask.Response | None:
        """The answer of a fault, if one strikes here. A `code` has to name the operation: other servers have their own."""
        person = doc["person"] if doc else ""
        named = any(order["operation"] == operation for order in self._world.faults(CHANNEL))
        understood = {*kinds, *GENERIC, *({"code", "rate_limit"} if named else ())}
        fault = self._world.fault(CHANNEL, operation, person=person, kinds=understood)
        reply = misbehave(fault)
        if reply is not None or fault is None or fault.kind in GENERIC:
            return reply
        if fault.kind == "rate_limit":
            return _error("rate_limit_exceeded", "Rate Limit Exceeded", 429)
        name = str(fault.facts.get("code", "invalid_grant")) if fault.kind == "code" else kinds[fault.kind]
        status = 401 if name in {"invalid_client", "invalid_token"} else 400
        return _error(name, str(fault.facts.get("description", "Bad Request")), status)


def _error(name: str, description: str, status: int = 400) -> flask.Response:
    reply = flask.jsonify(error=name, error_description=description)
    reply.status_code = status
    return reply
