"""Where one person stands in audiences that a warehouse fills: whole books are searched by their keys, which takes a worker.

Answers hold no value of the person: states, times and names of identifiers, by the number of a sync.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from sqlalchemy.orm import Session

from connectors.contract import Kind, Shape
from connectors.registry import CHANNELS
from segsync.actions import books, removal_books, warehouse_reading
from segsync.actions.removal_books import KNOWN_BY
from segsync.actions.whereabouts import syncs_of, takes_people
from segsync.audience.conditions import Gone
from segsync.audience.files import FileUnreadable, Part
from segsync.audience.forgetting import Keys
from segsync.audience.ledger import Held
from segsync.audience.plan import ADDITIONS, REMOVALS
from segsync.audience.sources import BARRED
from segsync.models import Contact, Sync
from segsync.rules.cleaning_email import domain_of, mailbox
from segsync.rules.terms import SegmentKind
from segsync.runtime import Runtime

TOLD: Final = ("state", "reason", "first_sent", "last_sent")


@dataclass(frozen=True)
class _Files:
    """The books of one sync: its ledger, and what a plan under way would do."""

    ledger: Sequence[Part] = ()
    plan: Mapping[str, Sequence[Part]] = field(default_factory=dict)


def find(runtime: Runtime, contact_id: int) -> Mapping[str, Any]:
    """By the number of each sync: the person's rows, what the plan under way does with them, and what stands against them.

    None in place of that where the books cannot be read.
    """
    with runtime.sessions() as session:
        contact = session.get(Contact, contact_id)
        syncs = [one for one in syncs_of(session, contact) if _is_theirs(one)] if contact else []
        files = {sync.id: _files_of(session, sync) for sync in syncs}
    if contact is None:
        return {}
    keys: dict[str, Keys] = {}
    barred: dict[str, dict[str, str]] = {}
    for sync in syncs:
        if sync.channel not in keys:
            keys[sync.channel] = _keys(runtime, sync, contact)
            barred[sync.channel] = _barred(runtime, sync, contact)
    found = {
        str(sync.id): _found(runtime, sync, files[sync.id], keys[sync.channel], barred[sync.channel]) for sync in syncs
    }
    return {"places": found}


def _is_theirs(sync: Sync) -> bool:
    return sync.segment.kind == SegmentKind.WAREHOUSE and takes_people(sync)


def _files_of(session: Session, sync: Sync) -> _Files:
    left = books.unfolded_run(session, sync.id)
    sorts = (*ADDITIONS, REMOVALS) if left else ()
    plan = {sort: books.parts_of_run(session, left.id, sort) for sort in sorts if left}
    return _Files(books.ledger_parts(session, sync.ledger_id), plan)


def _shape(sync: Sync) -> Shape:
    return CHANNELS[sync.channel].capabilities.shapes[Kind.PEOPLE]


def _keys(runtime: Runtime, sync: Sync, contact: Contact) -> Keys:
    shape = _shape(sync)
    return removal_books.only(removal_books.keys_now(runtime, sync, contact, shape), shape, KNOWN_BY)


def _barred(runtime: Runtime, sync: Sync, contact: Contact) -> dict[str, str]:
    """What stands against whoever has the contact's e-mail, or their phone, by the rule that runs go by."""
    texts = {"email": [mailbox(contact.email), domain_of(contact.email)]} if contact.email else {}
    texts |= {"phone": [contact.phone]} if contact.phone else {}
    digests = {hashlib.sha256(text.encode()).hexdigest(): name for name, known in texts.items() for text in known}
    try:
        out = warehouse_reading.kept_out(runtime, sync.segment, CHANNELS[sync.channel].capabilities, of=list(digests))
    except Gone:  # the next run says so
        return {}
    whys: dict[str, int] = {}
    for one in out.to_pylist():
        name = digests[one["digest"]]
        whys[name] = min(one["why"], whys.get(name, one["why"]))
    return {name: BARRED[why] for name, why in whys.items()}


def _found(
    runtime: Runtime, sync: Sync, files: _Files, keys: Keys, barred: Mapping[str, str]
) -> Mapping[str, Any] | None:
    if not keys:
        return {"nameless": True}
    shape = _shape(sync)
    try:
        rows = removal_books.rows_shared(runtime, sync, files.ledger, (keys, TOLD), shape)
        planned = [
            sort for sort, parts in files.plan.items() if removal_books.keys_shared(runtime, sync, parts, keys, shape)
        ]
    except FileUnreadable:
        return None
    known = [row for row in rows if row["state"] != Held.SKIPPED]
    told = [{name: row[name] for name in TOLD} | {"keys": _had(shape, row, keys)} for row in known]
    plan = "" if not planned else "remove" if planned == [REMOVALS] else "add"
    return {"rows": told, "planned": plan, "barred": _why(shape, told, barred)}


def _had(shape: Shape, row: Mapping[str, Any], keys: Keys) -> list[str]:
    """The identifiers that the row and the person have in common."""
    return [
        key.name
        for key in shape.keys
        if any(all(mine[column] is not None and mine[column] == row[column] for column in key.columns) for mine in keys)
    ]


def _why(shape: Shape, rows: Sequence[Mapping[str, Any]], barred: Mapping[str, str]) -> str:
    """What stands against the person: of somebody who is in the books, by what the books know them by."""
    by = {name for key in shape.keys for row in rows if key.name in row["keys"] for name in key.made_of}
    return next((barred[name] for name in KNOWN_BY if name in barred and (not rows or name in by)), "")
