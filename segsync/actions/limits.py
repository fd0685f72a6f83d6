"""The contracted limit in the database: counted, taken under a lock, and explained. The number itself is the operator's."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, func, select
from sqlalchemy.orm import Session, joinedload

from segsync.actions import alerts
from segsync.actions.actor import Refused
from segsync.actions.alerts import Cause
from segsync.models import Organization, Person, Sync, Workspace
from segsync.rules.causes import who_acts
from segsync.rules.limit import Use, refusal
from segsync.rules.terms import Status

INCIDENT = "limit"
WHO_USES_THEM = ("See who uses them", "/syncs/limit")


def holds_a_place() -> ColumnElement[bool]:
    """Which syncs count: every distinct combination that is not inactive or deleted, failed ones too."""
    return and_(Sync.deleted_at.is_(None), Sync.status != Status.INACTIVE.value)


def use(session: Session, organization_id: int) -> Use:
    """How much of the limit is used, as one looks at it."""
    return Use(_count(session, organization_id), session.get_one(Organization, organization_id).contracted_limit)


def take(session: Session, organization_id: int) -> Use:
    """Takes one place in the caller's transaction and answers the use with it. Raises Refused where none is free.

    The organization's row stays locked until the caller commits: whoever takes one meanwhile waits, and then counts with this
    one. Rows that only refer to the organization can be written all the same, or two deeds would wait for each other in a circle.
    """
    contracted = hold(session, organization_id)
    now = Use(_count(session, organization_id), contracted)
    if now.full:
        raise Refused(refusal(now), link=WHO_USES_THEM)
    return now.plus()


def hold(session: Session, organization_id: int) -> int:
    """Locks the limit until the caller commits, and answers what is contracted. Before any sync's row, as `take` does."""
    return session.execute(
        select(Organization.contracted_limit).where(Organization.id == organization_id).with_for_update(key_share=True)
    ).scalar_one()


def tell(session: Session, organization_id: int, *, now: datetime) -> None:
    """Opens, changes or closes the alert about the limit, after places were taken or freed. The caller holds the limit."""
    session.flush()
    told = use(session, organization_id)
    if not told.contracted or not told.near:
        alerts.close_cause(session, organization_id, INCIDENT, now=now)
        return
    code = "limit.reached" if told.full else "limit.near"
    facts = {"used": f"{told.used:,}", "contracted": f"{told.contracted:,}", "left": f"{told.left:,}"}
    cause = Cause(INCIDENT, code, who_acts(code), facts=facts, lasting=True)
    alerts.open_alert(session, organization_id, cause, now=now)


@dataclass(frozen=True)
class Share:
    """How many places one person, channel or workspace holds, and how many of those syncs are failed."""

    name: str
    key: str
    places: int
    failed: int


@dataclass(frozen=True)
class Explained:
    """Who uses the contracted syncs, for what, and what would free a place first."""

    use: Use
    people: Sequence[Share]
    channels: Sequence[Share]
    workspaces: Sequence[Share]
    candidates: Sequence[Sync]


def explain(session: Session, organization_id: int) -> Explained:
    """The use of the limit, told apart. The same few queries whatever the number of syncs."""
    return Explained(
        use=use(session, organization_id),
        people=_shares(session, organization_id, _BY_PERSON),
        channels=_shares(session, organization_id, _BY_CHANNEL),
        workspaces=_shares(session, organization_id, _BY_WORKSPACE),
        candidates=would_free(session, organization_id),
    )


def would_free(session: Session, organization_id: int, most: int = 5) -> Sequence[Sync]:
    """Syncs that hold a place without being of use: failed ones, longest not in step first."""
    wanted = (
        select(Sync)
        .where(Sync.organization_id == organization_id, holds_a_place(), Sync.status == Status.FAILED.value)
        .order_by(Sync.in_step_since.asc().nulls_first(), Sync.id)
        .options(joinedload(Sync.segment), joinedload(Sync.creator))
        .limit(most)
    )
    return session.scalars(wanted).all()


def _count(session: Session, organization_id: int) -> int:
    counted = select(func.count()).select_from(Sync).where(Sync.organization_id == organization_id, holds_a_place())
    return session.execute(counted).scalar_one()


_FAILED = func.count().filter(Sync.status == Status.FAILED.value)
_BY_PERSON = select(Person.name, Person.id, func.count(), _FAILED).join(Sync, Sync.creator_id == Person.id)
_BY_WORKSPACE = select(Workspace.name, Workspace.id, func.count(), _FAILED).join(
    Sync, Sync.workspace_id == Workspace.id
)
_BY_CHANNEL = select(Sync.channel, Sync.channel, func.count(), _FAILED)


def _shares(session: Session, organization_id: int, statement: Select[*tuple[Any, ...]]) -> list[Share]:
    counted = (
        statement.where(Sync.organization_id == organization_id, holds_a_place())
        .group_by(*statement.selected_columns[:2])
        .order_by(func.count().desc(), statement.selected_columns[0])
    )
    return [Share(str(name), str(key), places, failed) for name, key, places, failed in session.execute(counted)]
