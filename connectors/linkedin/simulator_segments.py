"""DMP segments of the simulated LinkedIn: made once per marker, read, renamed, deleted, and filled element by element."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import flask

from connectors.linkedin.simulator_elements import complaint, keys_of, split
from connectors.linkedin.simulator_life import changed, told
from connectors.linkedin.simulator_wire import (
    CHANNEL,
    Call,
    Refusal,
    answer,
    denied,
    endpoint,
    page,
    refuse,
    role_of,
    settings,
    suffers,
)
from connectors.simulation import Document, World

SCOPE = "rw_dmp_segments"
MOST_ELEMENTS = 5_000
TYPES = {"users": "USER", "companies": "COMPANY"}
REQUIRED = ("name", "account", "type", "sourcePlatform", "destinations")
FIELDS = {*REQUIRED, "sourceSegmentId", "accessPolicy", "description"}


def mount(blueprint: flask.Blueprint, world: World) -> None:
    """Adds the addresses of segments."""
    for method, path, operation, work in (
        ("GET", "/rest/dmpSegments", "segments.find", _find),
        ("POST", "/rest/dmpSegments", "segments.create", _create),
        ("GET", "/rest/dmpSegments/<segment>", "segments.read", _read),
        ("POST", "/rest/dmpSegments/<segment>", "segments.update", _update),
        ("DELETE", "/rest/dmpSegments/<segment>", "segments.delete", _delete),
        ("POST", "/rest/dmpSegments/<segment>/<any(users, companies):sort>", "members", _members),
    ):
        view = endpoint(world, operation, work, SCOPE)
        blueprint.add_url_rule(path, operation.replace(".", "_"), view, methods=[method])


def _may_write(call: Call, account: str) -> None:
    """Everything about segments needs a role above VIEWER in an account that is open."""
    doc = call.world.get(CHANNEL, "accounts", account) or {}
    closed = doc.get("status", "ACTIVE") != "ACTIVE" or suffers(call.world, "account_closed", account)
    if closed or role_of(call.world, call.signin, account) in {"", "VIEWER"}:
        raise denied()


def _find(call: Call, _: Mapping[str, str]) -> flask.Response:
    if call.query.get("q") != "account" or "account" not in call.query:
        raise Refusal(400, "BAD_REQUEST", "Unknown finder")
    account = call.query["account"].rpartition(":")[2]
    _may_write(call, account)
    filters = {"marker": call.query.get("sourceSegmentId"), "platform": call.query.get("sourcePlatform")}
    found = [
        told(call.world, doc)
        for doc in call.world.all(CHANNEL, "audiences")
        if doc["account"] == account
        and not suffers(call.world, "gone", account)
        and all(value in {None, doc[name]} for name, value in filters.items())
    ]
    return answer(page(found, call.query))


def _create(call: Call, _: Mapping[str, str]) -> flask.Response:
    body = _body()
    account = str(body.get("account", "")).rpartition(":")[2]
    _check_new(call, body, account)
    with call.world.transaction():
        mine = [doc for doc in call.world.all(CHANNEL, "audiences") if doc["account"] == account]
        marker, platform = body.get("sourceSegmentId", ""), body["sourcePlatform"]
        if marker and any((doc["marker"], doc["platform"]) == (marker, platform) for doc in mine):
            raise refuse("conflict")
        if len(mine) >= settings(call.world)["segment_limit"]:
            raise refuse("segment_limit")
        number = str(call.world.next_number(CHANNEL, "audiences", 70_001))
        call.world.put(CHANNEL, "audiences", number, _new(call, body, account))
    return answer(status=201, headers={"x-restli-id": number})


def _check_new(call: Call, body: Document, account: str) -> None:
    missing = [name for name in REQUIRED if not body.get(name)]
    if missing or set(body) - FIELDS:
        raise Refusal(400, "BAD_REQUEST", f"Missing or unknown field: {(missing or sorted(set(body) - FIELDS))[0]}")
    _may_write(call, account)
    names = settings(call.world)["source_platforms"]
    if names and body["sourcePlatform"] not in names:
        raise Refusal(400, "FIELD_INVALID", "sourcePlatform is not one of the registered values")
    if body["type"] not in TYPES.values() or body["destinations"] != [{"destination": "LINKEDIN"}]:
        raise Refusal(400, "FIELD_INVALID", "type or destinations are invalid")
    if body.get("accessPolicy", "PRIVATE") != "PRIVATE":
        raise Refusal(400, "FIELD_INVALID", "accessPolicy is invalid")


def _new(call: Call, body: Document, account: str) -> Document:
    now = call.world.now().isoformat()
    return {
        "name": body["name"],
        "description": body.get("description", ""),
        "account": account,
        "type": body["type"],
        "platform": body["sourcePlatform"],
        "marker": body.get("sourceSegmentId", ""),
        "ad_segment": call.world.next_number(CHANNEL, "adSegments", 900_001),
        "created": now,
        "changed": now,
        "status": "BUILDING",
        "size": 0,
        "days": {},
    }


def _segment(call: Call, parts: Mapping[str, str]) -> Document:
    """The segment of the address. A new one is not found for a while, as at LinkedIn."""
    doc = call.world.get(CHANNEL, "audiences", parts["segment"])
    if doc is not None and not suffers(call.world, "gone", doc["account"]):
        _may_write(call, doc["account"])
        age = call.world.now() - datetime.fromisoformat(doc["created"])
        if age >= timedelta(seconds=settings(call.world)["not_found_seconds"]):
            return doc
    raise Refusal(404, "NOT_FOUND", f"Could not find DMP segment with ID {parts['segment']}")


def _read(call: Call, parts: Mapping[str, str]) -> flask.Response:
    return answer(told(call.world, _segment(call, parts)))


def _update(call: Call, parts: Mapping[str, str]) -> flask.Response:
    _needs_method("PARTIAL_UPDATE")
    changes = _body().get("patch", {}).get("$set")
    if not isinstance(changes, dict) or not changes or set(changes) - {"name", "description", "status"}:
        raise Refusal(400, "BAD_REQUEST", "patch.$set is missing or names an unknown field")
    with call.world.transaction():
        call.world.put(CHANNEL, "audiences", parts["segment"], _segment(call, parts) | changes)
    return answer(status=204)


def _delete(call: Call, parts: Mapping[str, str]) -> flask.Response:
    doc = _segment(call, parts)
    with call.world.transaction():
        call.world.drop(CHANNEL, "audiences", doc["key"])
        call.world.empty(CHANNEL, doc["key"])
    return answer(status=204)


def _members(call: Call, parts: Mapping[str, str]) -> flask.Response:
    doc = _segment(call, parts)
    companies = parts["sort"] == "companies"
    _needs_method("BATCH_CREATE")
    _throttle(call, parts["sort"])
    if doc["type"] != TYPES[parts["sort"]]:
        raise Refusal(400, "BAD_REQUEST", f"A {doc['type']} segment does not take {parts['sort']}")
    if doc["status"] in {"EXPIRED", "FAILED", "ERROR"}:
        raise refuse("expired_segment")
    elements = _body().get("elements")
    if not isinstance(elements, list) or len(elements) > MOST_ELEMENTS:
        raise Refusal(400, "BAD_REQUEST", f"elements has to be a list of at most {MOST_ELEMENTS}")
    complaints = [complaint(element, companies) for element in elements]
    _order_complaints(call, elements, complaints, companies)
    taken = [element for element, wrong in zip(elements, complaints, strict=True) if not wrong]
    with call.world.transaction():
        _apply(call.world, doc["key"], taken, companies)
    return answer({"elements": [_verdict(wrong) for wrong in complaints]})


def _order_complaints(call: Call, elements: Sequence[Any], complaints: list[str], companies: bool) -> None:
    """Faults ordered for rows: `reject_rows` (facts: rows, keys or count, and a message), `all_or_nothing`."""
    if call.hit is None:
        return
    if call.hit.kind == "reject_rows":
        for position in _ordered(call.hit.facts, elements, complaints, companies):
            complaints[position] = complaints[position] or str(call.hit.facts.get("message", "Invalid element"))
    elif call.hit.kind == "all_or_nothing" and any(complaints):
        raise Refusal(400, "BAD_REQUEST", "The batch has an invalid element")


def _ordered(
    facts: Mapping[str, Any], elements: Sequence[Any], complaints: Sequence[str], companies: bool
) -> Iterable[int]:
    """The positions that a `reject_rows` is about: named, known by a key, so many from the first, or all."""
    if "rows" in facts:
        return [position for position in facts["rows"] if position < len(elements)]
    if "keys" in facts:
        wanted = set(facts["keys"])
        good = [position for position, wrong in enumerate(complaints) if not wrong]
        return [position for position in good if wanted & set(keys_of(elements[position], companies))]
    return range(min(int(facts.get("count", len(elements))), len(elements)))


def _apply(world: World, segment: str, taken: Sequence[Mapping[str, Any]], companies: bool) -> None:
    added, removed = split(taken, companies)
    world.remove_members(CHANNEL, segment, removed)
    world.add_members(CHANNEL, segment, added)
    people = world.persons_of(CHANNEL, [key for row in added for key in row])
    matched = min(sum(not person.startswith("unknown:") for person in people), len(added))
    # Read again: another batch may have been applied since the segment was looked at.
    doc = world.get(CHANNEL, "audiences", segment)
    if doc is not None:
        world.put(CHANNEL, "audiences", segment, changed(doc, world.now(), len(added), matched))


def _verdict(wrong: str) -> Document:
    return {"status": 400, "error": {"status": 400, "message": wrong}} if wrong else {"status": 201}


def _throttle(call: Call, sort: str) -> None:
    """So many requests a minute for each member. LinkedIn tells neither what is left nor when to come back."""
    most = settings(call.world)[f"{sort}_per_minute"]
    if call.world.use(CHANNEL, f"{call.signin}/{sort}", most=most, seconds=60).over:
        raise refuse("rate_limit")


def _needs_method(name: str) -> None:
    if flask.request.headers.get("X-RestLi-Method", "").upper() != name:
        raise Refusal(400, "BAD_REQUEST", f"X-RestLi-Method {name} is required")


def _body() -> Document:
    body = flask.request.get_json(silent=True)
    if not isinstance(body, dict):
        raise Refusal(400, "BAD_REQUEST", "The body has to be a JSON object")
    return body
