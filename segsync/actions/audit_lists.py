"""The audit trail, read: filtered, by pages, and as a CSV of any length."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date, datetime, time, timedelta, tzinfo
from typing import Any, Final

import orjson
from sqlalchemy import ColumnElement, Select, func, or_, select
from sqlalchemy.orm import Session

from segsync.actions.actor import Actor
from segsync.actions.audit import Subject, record
from segsync.models import AuditEvent
from segsync.rules import events, sync_ids
from segsync.rules.csv_cells import guarded
from segsync.rules.rights import Right

COLUMNS: Final = (
    "at", "actor kind", "actor", "event", "what", "subject kind", "subject id", "subject", "sync id",
    "before", "after", "reason", "request id", "run id",
)  # fmt: skip
AT_A_TIME: Final = 2000
USED: Final = "used"
"""Stands in the trail in place of what somebody typed to find a part of it."""


@dataclass(frozen=True)
class Filters:
    """What the trail is filtered by; empty means everything. `actor` is a person's id, 'worker' or 'command line'."""

    actor: str = ""
    kind: str = ""
    event: str = ""
    text: str = ""
    sync: str = ""
    since: date | None = None
    until: date | None = None
    """The last day that is shown, whole."""


def wanted(actor: Actor, filters: Filters, zone: tzinfo) -> Select[AuditEvent]:
    """The events that fit, newest first. Days begin at midnight in `zone`. Raises NotAllowed."""
    actor.need(Right.AUDIT)
    found = select(AuditEvent).where(AuditEvent.organization_id == actor.organization_id)
    return found.where(*_said(filters), *_when(filters, zone)).order_by(AuditEvent.id.desc())


def actors(session: Session, actor: Actor) -> Sequence[tuple[str, str]]:
    """Who is in the trail: (value of the filter, name)."""
    newest = func.max(AuditEvent.id)
    rows = session.execute(
        select(AuditEvent.actor_id, AuditEvent.actor_name)
        .where(
            AuditEvent.id.in_(
                select(newest)
                .where(AuditEvent.organization_id == actor.organization_id, AuditEvent.actor_kind == "person")
                .group_by(AuditEvent.actor_id)
            )
        )
        .order_by(func.lower(AuditEvent.actor_name))
    )
    return [(str(person_id), name) for person_id, name in rows]


def record_export(session: Session, actor: Actor, filters: Filters) -> None:
    """Writes down that somebody takes the trail along, and which part of it. Raises NotAllowed."""
    actor.need(Right.AUDIT)
    record(session, actor, "audit.export", Subject("audit", None, "the audit trail"), change=({}, _kept(filters)))


def _kept(filters: Filters) -> dict[str, str]:
    """The trail cannot be changed: of what was typed freely, which may name anybody, only that it was used is kept."""
    known = {
        "actor": filters.actor.isdecimal() or filters.actor in {"worker", "command line"},
        "kind": filters.kind in events.KINDS,
        "event": filters.event in events.EVENTS,
        "sync": sync_ids.read(filters.sync) == filters.sync.upper(),
        "since": True,
        "until": True,
    }
    given = {name: value for name, value in asdict(filters).items() if value}
    return {name: str(value) if known.get(name, False) else USED for name, value in given.items()}


def export(session: Session, found: Select[AuditEvent]) -> Iterator[str]:
    """The events as lines of CSV, a few thousand in memory at a time."""
    yield _line(COLUMNS)
    # read behind the newest line so far: nothing is held open for the whole export
    last: int | None = None
    while True:
        piece = found if last is None else found.where(AuditEvent.id < last)
        rows = session.scalars(piece.limit(AT_A_TIME)).all()
        yield "".join(_line(_cells(event)) for event in rows)
        if len(rows) < AT_A_TIME:
            return
        last = rows[-1].id
        session.expunge_all()


def sentence(event: AuditEvent) -> str:
    """An event in words."""
    who = events.actor_told(event.actor_kind, event.actor_name)
    return events.told(event.event, who, event.subject_name, {**event.before, **event.after})


def _said(filters: Filters) -> Iterator[ColumnElement[bool]]:
    if filters.actor.isdecimal():
        yield AuditEvent.actor_id == int(filters.actor[:18])
    elif filters.actor:
        yield AuditEvent.actor_kind == filters.actor
    if filters.kind:
        yield AuditEvent.event.startswith(filters.kind + ".", autoescape=True)
    if filters.event:
        yield AuditEvent.event == filters.event
    if filters.text:
        yield _mentions(filters.text)
    if filters.sync:
        yield AuditEvent.sync_public_id == filters.sync.strip().upper()


def _when(filters: Filters, zone: tzinfo) -> Iterator[ColumnElement[bool]]:
    if filters.since:
        yield AuditEvent.at >= _midnight(filters.since, zone)
    if filters.until:
        yield AuditEvent.at < _midnight(filters.until + timedelta(days=1), zone)


def _mentions(text: str) -> ColumnElement[bool]:
    return or_(
        AuditEvent.subject_name.icontains(text, autoescape=True),
        AuditEvent.reason.icontains(text, autoescape=True),
        AuditEvent.actor_name.icontains(text, autoescape=True),
        AuditEvent.request_id == text.strip(),
        AuditEvent.sync_public_id == text.strip().upper(),
    )


def _midnight(day: date, zone: tzinfo) -> datetime:
    return datetime.combine(day, time.min, zone)


def _cells(event: AuditEvent) -> tuple[object, ...]:
    return (
        event.at.isoformat(timespec="milliseconds"),
        event.actor_kind,
        event.actor_name,
        event.event,
        sentence(event),
        event.subject_kind,
        event.subject_id,
        event.subject_name,
        event.sync_public_id,
        _json(event.before),
        _json(event.after),
        event.reason,
        event.request_id,
        event.run_id,
    )


def _json(values: Mapping[str, Any]) -> str:
    return orjson.dumps(values).decode() if values else ""


def _line(cells: Sequence[object]) -> str:
    text = io.StringIO()
    csv.writer(text).writerow([guarded(cell) for cell in cells])
    return text.getvalue()
