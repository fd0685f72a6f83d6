"""The life of a simulated DMP segment by the simulated clock: building, ready, updating, archived, expired."""

from __future__ import annotations

from datetime import date, datetime, timedelta

from connectors.linkedin.simulator_wire import CHANNEL, settings, suffers
from connectors.simulation import Document, World

ARCHIVED_AFTER = timedelta(days=30)
EXPIRED_AFTER = timedelta(days=90)
WEEK = timedelta(days=7)
ENDED = frozenset({"EXPIRED", "FAILED", "ERROR"})


def changed(doc: Document, now: datetime, received: int, matched: int) -> Document:
    """The segment after a batch: it has to digest it, and counts it for its week."""
    today = now.date().isoformat()
    before = doc["days"].get(today, [0, 0])
    days = doc["days"] | {today: [before[0] + received, before[1] + matched]}
    status = "UPDATING" if doc["status"] in {"READY", "UPDATING"} else "BUILDING"
    return doc | {"changed": now.isoformat(), "status": status, "days": days}


def process(world: World) -> None:
    """Carries out what is due for every segment."""
    with world.lock:
        used = _in_use(world)
        for doc in world.all(CHANNEL, "audiences"):
            after = _later(world, doc, bool(used & {doc["key"], doc["marker"]}))
            if after != doc:
                world.put(CHANNEL, "audiences", doc["key"], after)


def _later(world: World, doc: Document, used: bool) -> Document:
    if doc["status"] in ENDED:
        return doc
    idle = timedelta(0) if used else world.now() - datetime.fromisoformat(doc["changed"])
    if idle >= EXPIRED_AFTER:
        world.empty(CHANNEL, doc["key"])
        return doc | {"status": "EXPIRED", "size": 0}
    if idle >= ARCHIVED_AFTER:
        return doc | {"status": "ARCHIVED"}
    return _digested(world, doc)


def _digested(world: World, doc: Document) -> Document:
    """The segment matched anew: some time after every change, and once a day, since LinkedIn's members change too."""
    rules, now = settings(world), world.now()
    mark = f"{doc['changed']} {now.date()}"
    woken = doc["status"] == "ARCHIVED"
    if doc.get("digested") == mark and not woken:
        return doc
    if now - datetime.fromisoformat(doc["changed"]) < timedelta(seconds=rules["delay_seconds"]):
        return doc
    size = world.count(CHANNEL, doc["key"]).matched
    # What was ready once stays so when it shrinks; what never reached the smallest size goes on building.
    ready = doc["status"] in {"READY", "UPDATING"} or size >= rules["smallest"]
    return doc | {"status": "READY" if ready else "BUILDING", "size": size, "digested": mark}


def _in_use(world: World) -> frozenset[str]:
    """Ids and markers that running campaigns name."""
    running = [doc for doc in world.all(CHANNEL, "campaigns") if doc.get("status", "ACTIVE") == "ACTIVE"]
    return frozenset(str(name) for doc in running for how in ("includes", "excludes") for name in doc.get(how, ()))


def told(world: World, doc: Document) -> Document:
    """A segment as LinkedIn's answers show it."""
    since = (world.now() - WEEK).date()
    recent = [counts for day, counts in doc["days"].items() if date.fromisoformat(day) > since]
    small = suffers(world, "too_small", doc["account"])
    destination = {
        "destination": "LINKEDIN",
        "destinationSegmentId": f"urn:li:adSegment:{doc['ad_segment']}",
        "status": "READY" if small and doc["status"] not in ENDED else doc["status"],
        "audienceSize": min(doc["size"], settings(world)["smallest"] - 1) if small else doc["size"],
        "matchedCount": sum(matched for _, matched in recent),
        "inputCount": sum(received for received, _ in recent),
        "created": _milliseconds(doc["created"]),
        "lastModified": _milliseconds(doc["changed"]),
    }
    return {
        "id": int(doc["key"]),
        "name": doc["name"],
        "description": doc["description"],
        "account": f"urn:li:sponsoredAccount:{doc['account']}",
        "accessPolicy": "PRIVATE",
        "type": doc["type"],
        "sourcePlatform": doc["platform"],
        "sourceSegmentId": doc["marker"],
        "destinations": [destination],
    }


def _milliseconds(moment: str) -> int:
    return int(datetime.fromisoformat(moment).timestamp() * 1000)
