"""What the simulated Google does by its own clock: members become members, and old ones leave."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta

from connectors.google.simulator_members import error_counts
from connectors.google.simulator_wire import rate_range
from connectors.google.simulator_world import CHANNEL
from connectors.simulation import Document, World

# Looking for members whose time is over costs a little in each list, so not at every call.
EXPIRY_EVERY = timedelta(hours=1)


def process(world: World) -> None:
    """Carries out every request that is due, in the order of arrival, and lets members go whose time is over."""
    with world.lock:
        now = world.now()
        for waiting in sorted(world.all(CHANNEL, "pending"), key=lambda doc: doc["key"]):
            request = world.get(CHANNEL, "requests", waiting["request"])
            if request and datetime.fromisoformat(request["due"]) <= now:
                world.drop(CHANNEL, "pending", waiting["key"])
                world.put(CHANNEL, "requests", waiting["request"], request | _done(world, request, waiting))
        _expire(world, now)


def _done(world: World, request: Document, waiting: Document) -> Document:
    rows = [row for index, row in enumerate(waiting["rows"]) if str(index) not in waiting["errors"]]
    at = datetime.fromisoformat(request["at"])
    for number in request["places"]:
        place = world.get(CHANNEL, "audiences", number)
        if place is None:
            continue
        if request["action"] == "add" and place["membership_status"] == "OPEN":
            world.add_members(CHANNEL, number, rows, at)
            world.put(CHANNEL, "audiences", number, place | {"first_members": place["first_members"] or request["due"]})
        elif request["action"] == "remove":
            world.remove_members(CHANNEL, number, rows)
        elif request["action"] == "empty":
            until = waiting["until"]
            world.empty(CHANNEL, number, datetime.fromisoformat(until) if until else None)
    return _outcome(waiting["errors"], len(waiting["rows"])) | _matched(world, request, rows)


def _outcome(errors: Mapping[str, str], records: int) -> Document:
    if not errors:
        return {"status": "SUCCESS"}
    status = "FAILED" if len(errors) == records else "PARTIAL_SUCCESS"
    return {"status": status, "errors": error_counts(errors)}


def _matched(world: World, request: Document, rows: list[list[str]]) -> Document:
    if request["action"] != "add":
        return {}
    persons = world.persons_of(CHANNEL, [key for row in rows for key in row])
    known = sum(not person.startswith("unknown:") for person in persons)
    return {"match": rate_range(known, max(len(rows), known))}


def _expire(world: World, now: datetime) -> None:
    last = world.get(CHANNEL, "clock", "expiry")
    if last and now - datetime.fromisoformat(last["at"]) < EXPIRY_EVERY:
        return
    world.put(CHANNEL, "clock", "expiry", {"at": now.isoformat()})
    for doc in world.all(CHANNEL, "audiences"):
        world.empty(CHANNEL, doc["key"], now - timedelta(seconds=doc["membership_duration"]))
