"""Members at the simulated Graph API: batches checked as the real one checks them, sessions, replacements, erasure."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import flask

from connectors.meta.simulator_audiences import (
    FLAGGED,
    REPLACE_FAILED,
    REPLACING,
    audience_of,
    is_flagged,
    touch,
    writable_account,
)
from connectors.meta.simulator_calls import CHANNEL, Call, answer
from connectors.meta.simulator_errors import GraphError
from connectors.simulation import Document, World

MOST_ROWS = 10_000
SAMPLES = 100
WINDOW = timedelta(minutes=90)
HASHED = frozenset({"EMAIL", "PHONE", "GEN", "DOBY", "DOBM", "DOBD", "LN", "FN", "FI", "CT", "ST", "ZIP", "COUNTRY"})
# What can find a person alone, and the name under which the world knows it.
MATCHING = {"EMAIL": "email", "PHONE": "phone", "MADID": "madid", "EXTERN_ID": "extern"}
SINGLE = {"EMAIL_SHA256": "EMAIL", "PHONE_SHA256": "PHONE", "MOBILE_ADVERTISER_ID": "MADID"}
DIGEST = re.compile(r"[0-9a-f]{64}")
DEVICE = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}|[0-9a-f]{64}")


@dataclass
class Upload:
    """A batch: the match keys of each good row, and what was wrong with others."""

    schema: list[str]
    received: int
    rows: list[list[str]]
    invalid: int
    samples: list[str]


def users(call: Call, number: str) -> flask.Response:
    """Adds or removes members."""
    removing = call.method == "DELETE"
    audience = audience_of(call, number)
    call.strike("users_remove" if removing else "users_add", audience["account"])
    writable_account(call, audience["account"])
    _refuse_busy(audience)
    upload = _upload(call)
    world = call.world
    with world.transaction():
        session, open_ = _session(call, audience, upload, "remove" if removing else "add")
        if open_:
            _apply(world, audience, upload, removing=removing)
    return _received(call, audience, upload, session)


def _apply(world: World, audience: Document, upload: Upload, *, removing: bool) -> None:
    if removing:
        world.remove_members(CHANNEL, audience["key"], upload.rows)
    else:
        world.add_members(CHANNEL, audience["key"], upload.rows)
    touch(world, audience, told=int(upload.invalid > upload.received // 10))


def _refuse_busy(audience: Document) -> None:
    if is_flagged(audience) or audience.get("forced") == FLAGGED:
        raise GraphError(100, 1713230)
    if audience["operation"] == REPLACING:
        raise GraphError(2650, 1870145)


def replace(call: Call, number: str) -> flask.Response:
    """Puts others in the place of everybody, over one or more batches of one session."""
    audience = audience_of(call, number)
    call.strike("replace", audience["account"])
    writable_account(call, audience["account"])
    given = call.value("session")
    first = isinstance(given, dict) and given.get("batch_seq") == 1
    if first:
        _refuse_busy(audience)
    elif audience["operation"] != REPLACING:
        raise GraphError(2650, 1870147)
    upload = _upload(call)
    world = call.world
    with world.transaction():
        session, _ = _session(call, audience, upload, "replace")
        if first:
            world.empty(CHANNEL, number)
        world.add_members(CHANNEL, number, upload.rows)
        done = {} if session["closed"] else {"operation": REPLACING}
        touch(world, audience, **done)
    return _received(call, audience, upload, session)


def erase(call: Call, number: str) -> flask.Response:
    """Takes people out of every customer file audience of the account."""
    call.strike("erase", number)
    writable_account(call, number)
    if call.method != "DELETE":
        raise GraphError(100)
    upload = _upload(call)
    for audience in call.world.all(CHANNEL, "audiences"):
        if audience["account"] == number:
            call.world.remove_members(CHANNEL, audience["key"], upload.rows)
    return answer({"num_received": upload.received, "num_invalid_entries": upload.invalid})


# -- what is in a batch --------------------------------------------------------------------------------------------


def _upload(call: Call) -> Upload:
    payload = call.value("payload")
    if not isinstance(payload, dict):
        raise GraphError(100, blame="payload")
    schema, data = payload.get("schema"), payload.get("data")
    if isinstance(schema, str):
        schema, data = [SINGLE.get(schema, schema)], [[cell] for cell in data or ()]
    if not isinstance(schema, list) or not set(schema) <= HASHED | set(MATCHING):
        raise GraphError(100, blame="payload/schema")
    if not isinstance(data, list) or not data or len(data) > MOST_ROWS:
        raise GraphError(100, blame="payload/data")
    if any(not isinstance(row, list) or len(row) != len(schema) for row in data):
        raise GraphError(100, blame="payload/data")
    return _looked_through(call, schema, data)


def _looked_through(call: Call, schema: list[str], data: list[list[Any]]) -> Upload:
    upload = Upload(schema, len(data), [], 0, [])
    bad = call.fault.facts if call.fault and call.fault.kind == "reject_rows" else {}
    for number, row in enumerate(data):
        keys = [] if number < int(bad.get("count", 1 if bad else 0)) else _keys(schema, row)
        if keys:
            upload.rows.append(keys)
        else:
            upload.invalid += 1
            if len(upload.samples) < SAMPLES:
                upload.samples.append(str(number))
    return upload


def _keys(schema: Sequence[str], row: Sequence[Any]) -> list[str]:
    """The row's match keys; none when a cell is not what its column asks for, or nothing in it can find anybody."""
    keys = []
    for column, cell in zip(schema, row, strict=True):
        if cell is None or cell == "":
            continue
        form = DIGEST if column in HASHED else DEVICE if column == "MADID" else None
        if not isinstance(cell, str) or (form and not form.fullmatch(cell)):
            return []
        if column in MATCHING:
            keys.append(f"{MATCHING[column]}:{cell}")
    return keys


# -- sessions ------------------------------------------------------------------------------------------------------


def _session(call: Call, audience: Document, upload: Upload, action: str) -> tuple[Document, bool]:
    """The session after this batch, and whether the batch counts: one that comes too late is thrown away without a word."""
    given = call.value("session")
    if given is None and action != "replace":
        return {"received": upload.received, "closed": True, "key": "0"}, True
    number, batch = _numbers(given)
    world, key = call.world, f"{audience['account']}:{number}"
    session = world.get(CHANNEL, "sessions", key) or _new(world, audience, upload, action)
    if (session["audience"], session["action"]) != (audience["key"], action) or session["schema"] != upload.schema:
        raise GraphError(100, blame="session")
    late = datetime.fromisoformat(session["started"]) + WINDOW < world.now()
    repeated = batch in session["batches"]
    open_ = repeated or not (late or session["closed"])
    if open_ and not repeated:
        session["batches"].append(batch)
        session["received"] += upload.received
        session["invalid"] += upload.invalid
        session["closed"] = bool(given.get("last_batch_flag"))
    world.put(CHANNEL, "sessions", key, session)
    return session | {"key": key}, open_


def _numbers(given: Any) -> tuple[int, int]:
    number, batch = (given.get("session_id"), given.get("batch_seq")) if isinstance(given, dict) else (None, None)
    if not isinstance(number, int) or not 0 < number < 2**63 or not isinstance(batch, int) or batch < 1:
        raise GraphError(100, blame="session")
    return number, batch


def _new(world: World, audience: Document, upload: Upload, action: str) -> Document:
    return {
        "audience": audience["key"], "action": action, "schema": upload.schema, "started": world.now().isoformat(),
        "batches": [], "received": 0, "invalid": 0, "closed": False,
    }  # fmt: skip


def _received(call: Call, audience: Document, upload: Upload, session: Document) -> flask.Response:
    if call.fault and call.fault.kind == "no_count":
        return answer({"audience_id": audience["key"]})
    return answer(
        {
            "audience_id": audience["key"],
            "session_id": session["key"].rpartition(":")[2],
            "num_received": session["received"],
            "num_invalid_entries": upload.invalid,
            "invalid_entry_samples": upload.samples,
        }
    )


def sessions(call: Call, number: str) -> flask.Response:
    """Upload sessions of an audience."""
    audience = audience_of(call, number)
    call.strike("sessions", audience["account"])
    asked = str(call.params.get("session_id") or "")
    rows = [
        {
            "session_id": row["key"].rpartition(":")[2],
            "stage": "completed" if row["closed"] else "uploading",
            "num_received": row["received"],
            "num_invalid_entries": row["invalid"],
            "start_time": row["started"],
        }
        for row in call.world.all(CHANNEL, "sessions")
        if row["audience"] == number
    ]
    return answer({"data": [row for row in rows if asked in {"", row["session_id"]}]})


def close_late(world: World) -> None:
    """Closes sessions after their 90 minutes; a replacement left open has failed."""
    with world.lock:
        for row in world.all(CHANNEL, "sessions"):
            if row["closed"] or datetime.fromisoformat(row["started"]) + WINDOW >= world.now():
                continue
            world.put(CHANNEL, "sessions", row["key"], row | {"closed": True})
            audience = world.get(CHANNEL, "audiences", row["audience"])
            if row["action"] == "replace" and audience:
                world.put(
                    CHANNEL, "audiences", audience["key"], audience | {"operation": REPLACE_FAILED, "busy_until": ""}
                )
