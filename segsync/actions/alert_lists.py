"""Lists of alerts: those that wait for somebody, all that are open, those of a sync; each with the syncs it concerns."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Final

from sqlalchemy import ColumnElement, Select, and_, case, exists, false, func, or_, select
from sqlalchemy.orm import Session

from segsync.models import Alert, AlertSync, Person, Segment, Sync
from segsync.rules.catalogue import WARNINGS
from segsync.rules.terms import Acts, Role

NAMED: Final = 5
"""How many of an alert's syncs are named."""
REMEMBERED: Final = timedelta(days=30)
"""How long a closed alert is listed."""
LOUDNESS: Final = case((Alert.acts == Acts.NOBODY, 2), (Alert.code.in_(sorted(WARNINGS)), 1), else_=0)
"""What stops a sync comes before what warns, and that before what goes on by itself."""


class Which(StrEnum):
    """Which alerts are listed."""

    MINE = "mine"
    OPEN = "open"
    CLOSED = "closed"


@dataclass(frozen=True)
class Concerned:
    """A sync that an alert concerns, as a list names it."""

    public_id: str
    segment: str
    channel: str
    account: str
    account_id: str


@dataclass(frozen=True)
class Incident:
    """An alert with what a page says of it. `syncs` are the first few of `sync_count`; `person` is who has to act."""

    alert: Alert
    person: str
    mine: bool
    syncs: Sequence[Concerned]
    sync_count: int


def waits_for(person: Person) -> ColumnElement[bool]:
    """Whether an open alert waits for this person: named as the one to act, or as one of the administrators."""
    role = Role(person.role)
    if role is Role.VIEW_ONLY:
        return false()
    named = and_(Alert.person_id == person.id, Alert.acts != Acts.NOBODY)
    # an ad account's admin is no person of ours: whoever owns a sync there has to reach them
    theirs = and_(
        Alert.acts == Acts.ACCOUNT_ADMIN,
        exists().where(AlertSync.alert_id == Alert.id, Sync.id == AlertSync.sync_id, Sync.owner_id == person.id),
    )
    # nor is the operator: administrators do
    ours = Alert.acts.in_([Acts.ADMIN, Acts.OPERATOR]) if role.administers else false()
    return and_(Alert.organization_id == person.organization_id, Alert.closed_at.is_(None), or_(named, theirs, ours))


def count_waiting(session: Session, person: Person) -> int:
    """How many open alerts wait for this person."""
    return _count(session, waits_for(person))


def counts(session: Session, person: Person, now: datetime) -> dict[Which, int]:
    """How many alerts each list holds."""
    return {which: _count(session, _listed(person, which, now)) for which in Which}


def wanted(person: Person, which: Which, now: datetime) -> Select[Alert]:
    """The alerts of a list: those that wait for this person first, then what stops syncs, by cause, the newest first."""
    return _in_order(person, _listed(person, which, now))


def _in_order(person: Person, *conditions: ColumnElement[bool]) -> Select[Alert]:
    return (
        select(Alert)
        .where(*conditions)
        .order_by(case((waits_for(person), 0), else_=1), LOUDNESS, Alert.code, Alert.seen_at.desc(), Alert.id)
    )


def of_sync(session: Session, person: Person, sync_id: int) -> list[Incident]:
    """The open alerts of one sync, those that wait for this person first."""
    here = exists().where(AlertSync.alert_id == Alert.id, AlertSync.sync_id == sync_id)
    ours = and_(Alert.organization_id == person.organization_id, Alert.closed_at.is_(None))
    return incidents(session, person, session.scalars(_in_order(person, ours, here)).all())


def incidents(session: Session, person: Person, alerts: Sequence[Alert]) -> list[Incident]:
    """Alerts with what a page says of them, in the same order; three queries, however many there are."""
    ids = [alert.id for alert in alerts]
    mine = set(session.scalars(select(Alert.id).where(Alert.id.in_(ids), waits_for(person))))
    people = {alert.person_id for alert in alerts} - {None}
    named = session.execute(select(Person.id, Person.name).where(Person.id.in_(people)))
    names = {row.id: row.name for row in named}
    concerned = _concerned(session, ids)
    return [
        Incident(
            alert=alert,
            person=names.get(alert.person_id or 0, ""),
            mine=alert.id in mine,
            syncs=[named for _, named in concerned.get(alert.id, [])],
            sync_count=next((count for count, _ in concerned.get(alert.id, [])), 0),
        )
        for alert in alerts
    ]


def _listed(person: Person, which: Which, now: datetime) -> ColumnElement[bool]:
    ours = Alert.organization_id == person.organization_id
    if which is Which.MINE:
        return waits_for(person)
    if which is Which.OPEN:
        return and_(ours, Alert.closed_at.is_(None))
    return and_(ours, Alert.closed_at > now - REMEMBERED)


def _concerned(session: Session, ids: Sequence[int]) -> dict[int, list[tuple[int, Concerned]]]:
    place = func.row_number().over(partition_by=AlertSync.alert_id, order_by=AlertSync.sync_id)
    count = func.count().over(partition_by=AlertSync.alert_id)
    ranked = (
        select(AlertSync.alert_id, AlertSync.sync_id, place.label("place"), count.label("count"))
        .where(AlertSync.alert_id.in_(ids))
        .subquery()
    )
    found: dict[int, list[tuple[int, Concerned]]] = {}
    rows: Sequence[Any] = session.execute(
        select(ranked.c.alert_id, ranked.c.count, Sync, Segment.name)
        .join(Sync, Sync.id == ranked.c.sync_id)
        .join(Segment, Segment.id == Sync.segment_id)
        .where(ranked.c.place <= NAMED)
        .order_by(ranked.c.alert_id, ranked.c.place)
    ).all()
    for alert_id, total, sync, segment in rows:
        named = Concerned(sync.public_id, segment, sync.channel, sync.account_name, sync.account_id)
        found.setdefault(alert_id, []).append((total, named))
    return found


def _count(session: Session, condition: ColumnElement[bool]) -> int:
    return session.scalar(select(func.count()).select_from(Alert).where(condition)) or 0
