"""Lists of alerts: those that wait for somebody, all that are open, those of a sync; each with the syncs it concerns."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from functools import cache
from typing import Any, Final

from sqlalchemy import BigInteger, ColumnElement, Select, and_, bindparam, case, exists, false, func, or_, select, true
from sqlalchemy.dialects.postgresql import ARRAY
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
_ORDER: Final = (LOUDNESS, Alert.code, Alert.seen_at.desc(), Alert.id)


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


_FIRST: Final = (
    select(AlertSync.sync_id).where(AlertSync.alert_id == Alert.id).order_by(AlertSync.sync_id).limit(NAMED).lateral()
)
_COUNT: Final = (
    select(func.count().label("number")).select_from(AlertSync).where(AlertSync.alert_id == Alert.id).lateral()
)
_CONCERNED: Final = (
    *(Person.name, _COUNT.c.number),
    *(Sync.public_id, Segment.name, Sync.channel, Sync.account_name, Sync.account_id),
)
_TOLD: Final[Select[*tuple[Any, ...]]] = (
    select(Alert.id, *_CONCERNED)
    .select_from(Alert)
    .outerjoin(Person, Person.id == Alert.person_id)
    .outerjoin(_COUNT, true())
    .outerjoin(_FIRST, true())
    .outerjoin(Sync, Sync.id == _FIRST.c.sync_id)
    .outerjoin(Segment, Segment.id == Sync.segment_id)
)
"""Who has to act, how many syncs it concerns, and the first of them: a row for each of these."""


@dataclass(frozen=True)
class Incident:
    """An alert with what a page says of it. `syncs` are the first few of `sync_count`; `person` is who has to act."""

    alert: Alert
    person: str
    mine: bool
    syncs: Sequence[Concerned]
    sync_count: int


_PERSON: Final = bindparam("person", type_=BigInteger)
_OURS: Final = Alert.organization_id == bindparam("organization", type_=BigInteger)
_OPEN: Final = and_(_OURS, Alert.closed_at.is_(None))


def _asks(person: Person) -> dict[str, int]:
    """Who looks. Every page asks for alerts: its statements are put together once for each role, and leave this open."""
    return {"person": person.id, "organization": person.organization_id}


@cache
def _waits_for(role: Role) -> ColumnElement[bool]:
    """Whether an open alert waits for a person of this role: named as the one to act, or as one of the administrators."""
    if role is Role.VIEW_ONLY:
        return false()
    named = and_(Alert.person_id == _PERSON, Alert.acts != Acts.NOBODY)
    # an ad account's admin is no person of ours: whoever owns a sync there has to reach them
    own = select(AlertSync.sync_id).join(Sync, Sync.id == AlertSync.sync_id).where(Sync.owner_id == _PERSON)
    theirs = and_(Alert.acts == Acts.ACCOUNT_ADMIN, own.where(AlertSync.alert_id == Alert.id).correlate(Alert).exists())
    # nor is the operator: administrators do
    ours = Alert.acts.in_([Acts.ADMIN, Acts.OPERATOR]) if role.administers else false()
    return and_(_OPEN, or_(named, theirs, ours))


@cache
def _counting(role: Role) -> Select[int, int]:
    return select(func.count().filter(_waits_for(role)), func.count()).select_from(Alert).where(_OPEN)


def count_open(session: Session, person: Person) -> tuple[int, int]:
    """How many open alerts wait for this person, and how many the organization has. One query."""
    mine, everybodys = session.execute(_counting(Role(person.role)), _asks(person)).one()
    return mine, everybodys


def count_waiting(session: Session, person: Person) -> int:
    """How many open alerts wait for this person."""
    return count_open(session, person)[0]


def count_closed(session: Session, person: Person, now: datetime) -> int:
    """How many alerts of the organization were closed lately."""
    closed = select(func.count()).select_from(Alert).where(_listed(Role(person.role), Which.CLOSED, now))
    return session.scalar(closed, _asks(person)) or 0


def wanted(person: Person, which: Which, now: datetime) -> Select[Alert]:
    """The alerts of a list: those that wait for this person first, then what stops syncs, by cause, the newest first."""
    role = Role(person.role)
    return _in_order(role, _listed(role, which, now)).params(_asks(person))


@dataclass(frozen=True)
class Attention:
    """The first open alerts of an organization; how many wait for one person, and how many there are."""

    first: Sequence[Incident]
    waiting: int
    total: int


def attention(session: Session, person: Person, most: int) -> Attention:
    """What is open, those that wait for this person first, then what stops syncs, by cause, the newest first. One query."""
    found: dict[Alert, list[Any]] = {}
    waiting = total = 0
    for alert, waiting, total, *row in session.execute(_attention(Role(person.role)), _asks(person) | {"most": most}):  # noqa: B007 - the same in each row
        found.setdefault(alert, []).append(row)
    return Attention([_incident(alert, rows) for alert, rows in found.items()], waiting, total)


@cache
def _attention(role: Role) -> Select[*tuple[Any, ...]]:
    standing = select(Alert.id, _waits_for(role).label("mine")).where(_OPEN).cte()
    place = func.row_number().over(order_by=(case((standing.c.mine, 0), else_=1), *_ORDER)).label("place")
    waiting = func.count().filter(standing.c.mine).over().label("waiting")
    first = (
        select(standing, waiting, func.count().over().label("total"), place)
        .join(Alert, Alert.id == standing.c.id)
        .order_by(place)
        .limit(bindparam("most", type_=BigInteger))
        .subquery()
    )
    return (
        _TOLD.with_only_columns(Alert, first.c.waiting, first.c.total, *_CONCERNED, first.c.mine)
        .join(first, first.c.id == Alert.id)
        .order_by(first.c.place, Sync.id)
    )


def _in_order(role: Role, *conditions: ColumnElement[bool]) -> Select[Alert]:
    return select(Alert).where(*conditions).order_by(case((_waits_for(role), 0), else_=1), *_ORDER)


def of_sync(session: Session, person: Person, sync_id: int) -> list[Incident]:
    """The open alerts of one sync, those that wait for this person first."""
    here = exists().where(AlertSync.alert_id == Alert.id, AlertSync.sync_id == sync_id)
    found = session.scalars(_in_order(Role(person.role), _OPEN, here), _asks(person))
    return incidents(session, person, found.all())


def incidents(session: Session, person: Person, alerts: Sequence[Alert]) -> list[Incident]:
    """Alerts with what a page says of them, in the same order; one query, however many there are."""
    asked = _asks(person) | {"alerts": [alert.id for alert in alerts]}
    found: dict[int, list[Any]] = {}
    for row in session.execute(_telling(Role(person.role)), asked):
        found.setdefault(row[0], []).append(row[1:])
    return [_incident(alert, found[alert.id]) for alert in alerts]


@cache
def _telling(role: Role) -> Select[*tuple[Any, ...]]:
    these = Alert.id == func.any(bindparam("alerts", type_=ARRAY(BigInteger)))
    return _TOLD.add_columns(_waits_for(role)).where(these).order_by(Alert.id, Sync.id)


def _incident(alert: Alert, rows: Sequence[Any]) -> Incident:
    name, count, *_, mine = rows[0]
    return Incident(
        alert=alert,
        person=name or "",
        mine=bool(mine),
        syncs=[Concerned(*row[2:-1]) for row in rows if count],
        sync_count=count,
    )


def _listed(role: Role, which: Which, now: datetime) -> ColumnElement[bool]:
    if which is Which.MINE:
        return _waits_for(role)
    return _OPEN if which is Which.OPEN else and_(_OURS, Alert.closed_at > now - REMEMBERED)
