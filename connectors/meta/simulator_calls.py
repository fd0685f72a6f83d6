"""One call to the simulated Graph API: parameters, version, token, proof, faults; and answers in fields and pages."""

from __future__ import annotations

import hashlib
import hmac
import json
import secrets
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from math import ceil
from typing import Any

import flask

from connectors.meta.simulator_errors import WRITING, GraphError, kinds_at, of_fault, usage_headers
from connectors.simulation import Document, Fault, World, misbehave

CHANNEL = "meta"
READ, WRITE = 1, 3
# Marketing API: v24 ended on 2026-10-06.
LIVING = frozenset({"v25.0", "v26.0"})
DEFAULTS: Document = {
    "delay_seconds": 3, "smallest": 100, "access_hours": 2, "long_days": 60, "data_access_days": 90,
    "versions": sorted(LIVING), "most_audiences": 500, "retention_days": 0,
    "score": 0, "score_seconds": 300, "calls_an_hour": 0, "application_calls_an_hour": 0,  # 0 counts nothing
}  # fmt: skip


class Answered(Exception):  # noqa: N818 - not an error: a response decided early
    """A response to be given at once."""

    def __init__(self, response: flask.Response) -> None:
        super().__init__()
        self.response = response


@dataclass
class Call:
    """A call whose version and token were found good."""

    world: World
    params: Mapping[str, Any]
    method: str
    token: Document
    fault: Fault | None = None

    @property
    def person(self) -> str:
        """Who signed in."""
        return str(self.token["person"])

    @property
    def may_write(self) -> bool:
        """Whether the token carries the permission to manage."""
        return "ads_management" in self.token["scopes"]

    def value(self, name: str) -> Any:
        """A parameter, parsed where it came as text in a form."""
        given = self.params.get(name)
        if not isinstance(given, str):
            return given
        try:
            return json.loads(given)
        except ValueError as error:
            raise GraphError(100, blame=name) from error

    def strike(self, operation: str, account: str = "") -> None:
        """Lets an ordered fault happen here. Raises GraphError or Answered; leaves the rest in `fault`."""
        self.fault = strike(self.world, operation, account=account, person=self.person)
        if account:
            count(self.world, account, WRITE if operation in WRITING else READ)


def strike(world: World, operation: str, *, account: str = "", person: str = "") -> Fault | None:
    """Lets an ordered fault happen, and gives back one that has to be carried out by the operation itself."""
    fault = world.fault(CHANNEL, operation, account=account, person=person, kinds=kinds_at(operation))
    early = misbehave(fault)
    if early is not None:
        raise Answered(early)
    error = of_fault(fault) if fault else None
    if error is not None:
        raise error
    return fault


def count(world: World, account: str, score: int) -> None:
    """The ad account's score and the calls of the hour, where a setting orders them. Raises GraphError; good answers tell the use."""
    rules = settings(world)
    scored = world.use(CHANNEL, f"score/{account}", most=rules["score"], seconds=rules["score_seconds"], cost=score)
    if scored.over:
        raise GraphError(17, 2446079, facts={"minutes": 0, "seconds": ceil(scored.resets_in)})
    called = world.use(CHANNEL, f"calls/{account}", most=rules["calls_an_hour"], seconds=3600)
    if called.over:
        raise GraphError(80003, facts={"minutes": ceil(called.resets_in / 60)})
    flask.g.usage = (rules["score"] and scored, rules["calls_an_hour"] and called)


def count_application(world: World) -> None:
    """Every call of the application, signing in too, where a setting orders it. Raises GraphError; good answers tell the use."""
    most = settings(world)["application_calls_an_hour"]
    used = world.use(CHANNEL, "application", most=most, seconds=3600)
    if used.over:
        raise GraphError(4)
    flask.g.application = used if most else None


def ordered(world: World, kind: str, account: str) -> bool:
    """Whether a fault of this kind hangs over an ad account, for what is shown of it."""
    return any(row["kind"] == kind and row["account"] in {"", account} for row in world.all(CHANNEL, "faults"))


def settings(world: World) -> Document:
    """What a person set for this channel, else the defaults."""
    return {**DEFAULTS, **(world.get(CHANNEL, "settings", "main") or {})}


def parameters() -> tuple[dict[str, Any], str]:
    """Everything sent in query and body, and the method meant: Graph lets a POST carry another."""
    given: dict[str, Any] = dict(flask.request.args)
    if flask.request.is_json:
        body = flask.request.get_json(silent=True)
        if not isinstance(body, dict):
            raise GraphError(100, blame="body")
        given |= body
    else:
        given |= dict(flask.request.form)
    return given, str(given.pop("method", flask.request.method)).upper()


def check_version(world: World, version: str) -> None:
    """Dead versions are refused; so are those that never were."""
    if version not in settings(world)["versions"]:
        raise GraphError(2635)


def open_call(world: World, version: str) -> Call:
    """Checks version, token and proof."""
    check_version(world, version)
    params, method = parameters()
    token = living_token(world, str(params.get("access_token") or ""))
    expected = proof(world, token["app"], token["key"])
    if not hmac.compare_digest(expected, str(params.get("appsecret_proof") or "")):
        raise GraphError(104)
    return Call(world, params, method, token)


def living_token(world: World, text: str) -> Document:
    """The token's document. Raises 190 with the reason for a dead one."""
    token = world.get(CHANNEL, "tokens", text) if text else None
    if token is None:
        raise GraphError(190)
    if token.get("dead"):
        raise GraphError(190, int(token["dead"]))
    if datetime.fromisoformat(token["expires_at"]) <= world.now():
        raise GraphError(190, 463)
    if datetime.fromisoformat(token["data_access_until"]) <= world.now():
        raise GraphError(190)
    return token


def proof(world: World, app: str, token: str) -> str:
    """What a caller who holds the application's secret can compute."""
    secret = (world.get(CHANNEL, "applications", app) or {"secret": ""})["secret"]
    return hmac.new(secret.encode(), token.encode(), hashlib.sha256).hexdigest()


def new_token(world: World, app: str, person: str, scopes: Iterable[str], lives: timedelta) -> Document:
    """Makes a token. The data access clock runs from the person's last visit, not from the token."""
    seen = world.get(CHANNEL, "visits", f"{app}:{person}") or {"at": world.now().isoformat()}
    access = datetime.fromisoformat(seen["at"]) + timedelta(days=settings(world)["data_access_days"])
    key = "EAAS" + secrets.token_urlsafe(48)
    doc: Document = {
        "app": app,
        "person": person,
        "scopes": sorted(scopes),
        "issued_at": world.now().isoformat(),
        "expires_at": (world.now() + lives).isoformat(),
        "data_access_until": access.isoformat(),
        "dead": 0,
    }
    world.put(CHANNEL, "tokens", key, doc)
    return doc | {"key": key}


# -- answers -------------------------------------------------------------------------------------------------------


def answer(data: Mapping[str, Any]) -> flask.Response:
    """A good answer."""
    response = flask.jsonify(data)
    response.headers["x-fb-trace-id"] = secrets.token_urlsafe(8)
    response.headers["facebook-api-version"] = "v26.0"
    score, calls = flask.g.get("usage", (None, None))
    response.headers.update(usage_headers(score, calls, flask.g.get("application")))
    return response


def chosen(row: Mapping[str, Any], wanted: Mapping[str, Any]) -> dict[str, Any]:
    """The fields asked for, and always the id; what is empty is left out, as Graph does."""
    names = {"id": {}, **wanted}
    found: dict[str, Any] = {}
    for name, inner in names.items():
        value = row.get(name)
        if value not in (None, {}, []):
            found[name] = chosen(value, inner) if isinstance(value, dict) and inner else value
    return found


def wanted(call: Call) -> dict[str, Any]:
    """`fields=id,campaign{id,name}` as a tree."""
    text = call.params.get("fields") or ""
    tree, rest = _tree(",".join(text) if isinstance(text, list) else str(text))
    if rest:
        raise GraphError(2500)
    return tree


def _tree(text: str) -> tuple[dict[str, Any], str]:
    tree: dict[str, Any] = {}
    name = ""
    while text:
        mark, text = text[0], text[1:]
        if mark == "{":
            tree[name], text = _tree(text)
        elif mark in ",}":
            tree.setdefault(name.strip(), {})
            name = ""
            if mark == "}":
                tree.pop("", None)
                return tree, text
            continue
        else:
            name += mark
    tree.setdefault(name.strip(), {})
    tree.pop("", None)
    return tree, ""


def page(call: Call, rows: Iterable[Any], show: Callable[[Any], Mapping[str, Any]]) -> flask.Response:
    """One page of an edge: `limit`, `after`, and `next` only while more follow."""
    everything = list(rows)
    limit = max(1, int(call.params.get("limit") or 25))
    start = int(call.params.get("after") or 0)
    shown = everything[start : start + limit]
    paging: dict[str, Any] = {"cursors": {"before": str(start), "after": str(start + len(shown))}}
    if start + limit < len(everything):
        paging["next"] = "https://graph.facebook.com/never-to-be-followed"
    data: dict[str, Any] = {"data": [chosen(show(row), wanted(call)) for row in shown], "paging": paging}
    if call.params.get("summary"):
        data["summary"] = {"total_count": len(everything)}
    return answer(data)
