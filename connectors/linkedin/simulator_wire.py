"""What every call to the simulated LinkedIn has in common: headers, tokens, roles, faults, and the form of its errors."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import unquote

import flask

from connectors.simulation import GENERIC, Document, Fault, World, misbehave

CHANNEL = "linkedin"
# What a World's document ("settings", "main") of this channel may change.
SETTINGS: Document = {
    "delay_seconds": 3,  # until an audience has digested a change
    "not_found_seconds": 2,  # for how long a new audience cannot be found by its id
    "smallest": 300,
    "segment_limit": 1000,
    "refresh_tokens": True,  # LinkedIn gives them to approved applications only
    "users_per_minute": 600,
    "companies_per_minute": 300,
    "person_per_day": 0,  # what LinkedIn counts in a day it does not publish; 0 counts nothing
    "application_per_day": 0,
    "ended_versions": ["202508", "202509", "202510", "202511"],
    "first_version": "202601",
    "source_platforms": [],  # names that LinkedIn has given out; empty: any
}
# These show in everything that is told about the account or person, for as long as they stand.
STANDING = frozenset({"permission_lost", "view_only", "account_closed", "token_revoked", "too_small", "gone"})
# status, code, message of what can be ordered to go wrong
REFUSALS: Mapping[str, tuple[int, str, str]] = {
    "rate_limit": (429, "", "Resource level throttle limit for calls to this resource is reached."),
    "daily_limit": (429, "", "Resource level throttle MEMBER DAY limit for calls to this resource is reached."),
    "application_limit": (
        429,
        "",
        "Resource level throttle APPLICATION DAY limit for calls to this resource is reached.",
    ),
    "segment_limit": (429, "SEGMENT_LIMIT_EXCEEDED", "The account has too many segments."),
    "token_expired": (401, "EXPIRED_ACCESS_TOKEN", "The token used in the request has expired"),
    "token_revoked": (401, "REVOKED_ACCESS_TOKEN", "The token used in the request has been revoked by the user"),
    "app_not_approved": (403, "ACCESS_DENIED", "Not enough permissions to access: POST /dmpSegments"),
    "version_dead": (426, "NONEXISTENT_VERSION", "Version Header is Deprecated"),
    "conflict": (409, "ENTITY_WITH_SAME_KEY_ALREADY_EXISTS", "Conflict: the entity is being changed"),
    "locked": (423, "", "The resource is locked"),
    "in_use": (400, "BAD_REQUEST", "The segment is used by a predictive audience"),
    "audience_too_small": (400, "AUDIENCE_SIZE_TOO_SMALL", "The audience is too small"),
    "expired_segment": (400, "FIELD_VALUE_NOT_ALLOWED_FOR_SEGMENT_STATUS", "Not allowed for the status of the segment"),
    "name_invalid": (400, "INVALID_VALUE", "The name is too long or invalid"),
    "bad_request": (400, "BAD_REQUEST", "Syntax exception in the request"),
}
SEGMENTS = frozenset(
    {"segments.find", "segments.create", "segments.read", "segments.update", "segments.delete", "members"}
)
ACCOUNTS = frozenset({"adAccounts", "adAccount", "adAccountUsers", "adCampaigns"})
# The operations for which a fault means something; all of the API where a kind is not named here.
MEANT_FOR: Mapping[str, frozenset[str]] = {
    "app_not_approved": SEGMENTS,
    "segment_limit": frozenset({"segments.create"}),
    "conflict": frozenset({"segments.create", "segments.update", "members"}),
    "name_invalid": frozenset({"segments.create", "segments.update"}),
    "locked": SEGMENTS,
    "in_use": frozenset({"segments.delete"}),
    "audience_too_small": frozenset({"members"}),
    "expired_segment": frozenset({"members"}),
    "bad_request": SEGMENTS,
    "reject_rows": frozenset({"members"}),
    "all_or_nothing": frozenset({"members"}),
    "token_expired": SEGMENTS | ACCOUNTS | {"userinfo"},
    "invalid_client": frozenset({"token", "introspect", "revoke"}),
}
# The service codes that LinkedIn sends with some of them; nobody documents them.
SERVICE_CODES = {"EXPIRED_ACCESS_TOKEN": 65602, "REVOKED_ACCESS_TOKEN": 65601, "INVALID_ACCESS_TOKEN": 65600}


class Refusal(Exception):  # noqa: N818 - an answer, not a failure
    """An answer that is not a success."""

    def __init__(self, status: int, code: str, message: str, service_code: int = 0) -> None:
        super().__init__(message)
        self.status = status
        self.body: Document = {"status": status, "message": message}
        number = service_code or SERVICE_CODES.get(code, 0)
        self.body |= {"code": code} if code else {}
        self.body |= {"serviceErrorCode": number} if number else {}


@dataclass(frozen=True)
class Call:
    """An authorised call. `hit` is the fault that strikes it, where the call itself has to see to it."""

    world: World
    signin: str
    scopes: frozenset[str]
    query: Mapping[str, str]
    hit: Fault | None


def settings(world: World) -> Document:
    """The settings in force."""
    return SETTINGS | (world.get(CHANNEL, "settings", "main") or {})


def refuse(kind: str) -> Refusal:
    """One of the refusals by name."""
    return Refusal(*REFUSALS[kind])


def answer(body: Any = None, status: int = 200, headers: Mapping[str, str] | None = None) -> flask.Response:
    """An answer with LinkedIn's call id."""
    text = "" if body is None else json.dumps(body)
    reply = flask.Response(text, status=status, mimetype="application/json")
    reply.headers["x-li-uuid"] = uuid.uuid4().hex
    reply.headers["x-li-fabric"] = "simulator"
    reply.headers.update(headers or {})
    return reply


def struck(world: World, operation: str, account: str = "", person: str = "") -> Fault | None:
    """Looks for a fault and carries it out, unless it is one that the call itself has to see to. Raises Refusal."""
    kinds = {kind for kind in (*REFUSALS, *MEANT_FOR) if operation in MEANT_FOR.get(kind, SEGMENTS | ACCOUNTS)}
    fault = world.fault(CHANNEL, operation, account=account, person=person, kinds=kinds | GENERIC | {"code"})
    if fault is None:
        return None
    facts = fault.facts
    if fault.kind == "code":
        raise Refusal(
            int(facts.get("status", 400)),
            str(facts.get("code", "")),
            str(facts.get("message", "")),
            int(facts.get("serviceErrorCode", 0)),
        )
    if fault.kind in REFUSALS:
        raise refuse(fault.kind)
    return fault


def suffers(world: World, kind: str, account: str = "", person: str = "") -> bool:
    """Whether a standing fault of this kind is on the account and person: it shows in everything told about them."""
    return any(
        fault["kind"] == kind and fault["account"] in {"", account} and fault["person"] in {"", person}
        for fault in world.faults(CHANNEL)
    )


def role_of(world: World, person: str, account: str) -> str:
    """The person's role in an ad account now, '' where there is none."""
    if suffers(world, "permission_lost", account, person):
        return ""
    doc = world.get(CHANNEL, "accounts", account) or {}
    role = str(doc.get("roles", {}).get(person, ""))
    return "VIEWER" if role and suffers(world, "view_only", account, person) else role


def endpoint(
    world: World, operation: str, work: Callable[[Call, Mapping[str, str]], flask.Response], scope: str
) -> Any:
    """A Flask view around `work`: checks what LinkedIn checks first, then lets it answer."""

    def view(**parts: str) -> flask.Response:
        try:
            call = _authorised(world, operation, scope, parts)
            generic = misbehave(call.hit)
            return generic if generic is not None else work(call, parts)
        except Refusal as refusal:
            return answer(refusal.body, refusal.status)

    view.__name__ = operation.replace(".", "_")
    return view


def _authorised(world: World, operation: str, scope: str, parts: Mapping[str, str]) -> Call:
    _check_headers(settings(world))
    query = restli_query(flask.request.query_string.decode())
    token = _token(world)
    account = _account(world, query, parts)
    hit = struck(world, operation, account, token["signin"])
    if scope not in token["scopes"]:
        raise denied()
    count_day(world, token)
    return Call(world, token["signin"], frozenset(token["scopes"]), query, hit)


def count_day(world: World, token: Document) -> None:
    """So many calls a day, until midnight UTC. LinkedIn tells neither what is left nor when to come back. Raises Refusal."""
    rules = settings(world)
    for name, who, kind in (
        ("person_per_day", token["signin"], "daily_limit"),
        ("application_per_day", "all", "application_limit"),
    ):
        if world.use(CHANNEL, f"{name}/{who}", most=rules[name], seconds=86_400).over:
            raise refuse(kind)


def _account(world: World, query: Mapping[str, str], parts: Mapping[str, str]) -> str:
    """The ad account that a call is about, so that faults can be ordered for one account."""
    if "segment" in parts:
        return str((world.get(CHANNEL, "audiences", parts["segment"]) or {}).get("account", ""))
    named = parts.get("account") or query.get("account") or _posted_account()
    return named.rpartition(":")[2]


def _posted_account() -> str:
    body = flask.request.get_json(silent=True)
    return str(body.get("account", "")) if isinstance(body, dict) else ""


def _check_headers(rules: Document) -> None:
    version = flask.request.headers.get("LinkedIn-Version", "")
    if not version:
        raise Refusal(400, "VERSION_MISSING", "A version must be present. Add the LinkedIn-Version header.")
    if not (version.isdigit() and version >= rules["first_version"]) or version in rules["ended_versions"]:
        raise Refusal(426, "NONEXISTENT_VERSION", f"Requested version {version} is not active")
    if flask.request.headers.get("X-Restli-Protocol-Version") != "2.0.0":
        raise Refusal(400, "BAD_REQUEST", "X-RestLi-Protocol-Version 2.0.0 is required")
    if flask.request.method == "POST" and flask.request.content_length is None:
        raise Refusal(411, "", "Length Required")
    if flask.request.method == "POST" and not flask.request.is_json:
        raise Refusal(400, "BAD_REQUEST", "Content-Type has to be application/json")


def _token(world: World) -> Document:
    """The access token of the call. Raises Refusal when it is unknown, over or taken back."""
    scheme, _, value = flask.request.headers.get("Authorization", "").partition(" ")
    doc = world.get(CHANNEL, "tokens", value) if scheme == "Bearer" and value else None
    if doc is None or doc["sort"] != "access":
        raise Refusal(401, "INVALID_ACCESS_TOKEN", "Invalid access token")
    state = token_state(world, doc)
    if state != "active":
        raise refuse(f"token_{state}")
    return doc


def denied() -> Refusal:
    """LinkedIn's 403, which does not tell what is missing."""
    method, path = flask.request.method, flask.request.path.rpartition("/rest")[2]
    return Refusal(403, "ACCESS_DENIED", f"Not enough permissions to access: {method} {path}")


def token_state(world: World, doc: Document) -> str:
    """active, expired or revoked."""
    if doc.get("revoked") or suffers(world, "token_revoked", person=doc["signin"]):
        return "revoked"
    return "expired" if datetime.fromisoformat(doc["until"]) <= world.now() else "active"


def restli_query(raw: str) -> dict[str, str]:
    """The parts of a query string, decoded. Rest.li's own signs have to be literal and the colons of URNs escaped."""
    parts = {}
    for part in filter(None, raw.split("&")):
        name, _, value = part.partition("=")
        if "urn:" in value or "List%28" in value or value.startswith("%28"):
            raise Refusal(400, "ILLEGAL_ARGUMENT", f"Invalid query parameter: {name}")
        parts[name] = unquote(value)
    return parts


def page(elements: list[Document], query: Mapping[str, str]) -> Document:
    """A page counted by `start` and `count`."""
    start, count = int(query.get("start", 0)), min(int(query.get("count", 10)), 1000)
    paging = {"start": start, "count": count, "total": len(elements), "links": []}
    return {"paging": paging, "elements": elements[start : start + count]}


def chained_page(elements: list[Document], query: Mapping[str, str]) -> Document:
    """A page named by a token. The token is opaque to callers."""
    start, size = int(query.get("pageToken") or 0), int(query.get("pageSize", 100))
    more = start + size < len(elements)
    metadata = {"nextPageToken": str(start + size)} if more else {}
    return {"elements": elements[start : start + size], "metadata": metadata}
