"""The Manage Syncs list: every sync of the organization, filtered, sorted, counted, in the same few queries however many there are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, cast

from sqlalchemy import ColumnElement, Select, and_, case, func, or_, select
from sqlalchemy.orm import InstrumentedAttribute, Session, aliased, contains_eager, joinedload

from segsync.actions.actor import Actor
from segsync.actions.alerts import OVERDUE
from segsync.models import Alert, AlertSync, Person, Run, Segment, Sync, Workspace
from segsync.rules import sync_ids
from segsync.rules.sync_filter import ME, SyncFilter
from segsync.rules.terms import Purpose, Role, Status

SIZE: Final = 50
Creator = aliased(Person)


def _of(column: Any) -> ColumnElement[Any]:
    return cast("ColumnElement[Any]", column)


_ATTENTION = case({Status.FAILED.value: 0, Status.SYNCING.value: 1, Status.SYNCED.value: 2}, value=Sync.status, else_=3)
_ORDERS: Mapping[str, tuple[tuple[ColumnElement[Any], bool], ...]] = {
    "attention": ((_ATTENTION, False), (_of(Sync.status_since), True)),
    "segment": ((func.lower(Segment.name), False),),
    "channel": ((_of(Sync.channel), False), (func.lower(Sync.account_name), False)),
    "status": ((_ATTENTION, False),),
    "members": ((_of(Sync.members_held), True),),
    "refreshed": ((_of(Sync.in_step_since), True),),
    "next": ((_of(Sync.next_run_at), False),),
    "creator": ((func.lower(Creator.name), False),),
    "created": ((_of(Sync.created_at), True),),
}
"""What each order goes by, and whether the largest comes first. What is not known always comes last."""


@dataclass(frozen=True)
class SyncPage:
    """One page of the list, counted from 1, with what stands beside each sync."""

    items: Sequence[Sync]
    number: int
    total: int
    runs: Mapping[int, Run]
    """The run under way, by sync."""
    alerts: Mapping[int, Alert]
    """The newest open alert, by sync."""
    counts: Mapping[str, int]
    """Syncs of each status for the same filters, and '' for all."""


def page(session: Session, actor: Actor, wanted: SyncFilter, number: int) -> SyncPage:
    """A page of the list. A number past the end gives the last page. Four queries."""
    by_status = counts(session, actor, wanted)
    total = by_status.get(wanted.status, 0)
    number = max(1, min(number, -(-total // SIZE)))
    items = _items(session, actor, wanted, number) if total else []
    ids = [sync.id for sync in items]
    return SyncPage(items, number, total, _runs(session, ids), open_alerts(session, ids), by_status)


def _items(session: Session, actor: Actor, wanted: SyncFilter, number: int) -> Sequence[Sync]:
    order = [
        (column.desc() if largest_first != wanted.backwards else column.asc()).nulls_last()
        for column, largest_first in _ORDERS[wanted.sort]
    ]
    chosen = (
        _narrowed(select(Sync), actor, wanted)
        .order_by(*order, Sync.id.desc())
        .options(contains_eager(Sync.segment), contains_eager(Sync.creator.of_type(Creator)))
        .options(joinedload(Sync.owner), joinedload(Sync.workspace))
        .limit(SIZE)
        .offset((number - 1) * SIZE)
    )
    return session.scalars(chosen).all()


def counts(session: Session, actor: Actor, wanted: SyncFilter) -> dict[str, int]:
    """Syncs of each status for the same filters, and '' for all. One query."""
    any_status = _narrowed(select(Sync.status, func.count()), actor, wanted.with_status("")).group_by(Sync.status)
    found = {status: int(number) for status, number in session.execute(any_status)}
    return found | {"": sum(found.values())}


def _narrowed(statement: Select[*tuple[Any, ...]], actor: Actor, wanted: SyncFilter) -> Select[*tuple[Any, ...]]:
    quoted = sync_ids.read(wanted.text) if wanted.text else None
    # A sync ID finds its sync even when that was deleted.
    alive: ColumnElement[bool] = Sync.deleted_at.is_(None)
    return (
        statement.join(Segment, Segment.id == Sync.segment_id)
        .join(Creator, Creator.id == Sync.creator_id)
        .where(Sync.organization_id == actor.organization_id)
        .where(or_(alive, and_(Sync.public_id == quoted, Sync.trial.is_(False))) if quoted else alive)
        .where(*_exact(actor, wanted))
        .where(*_text(wanted.text, quoted))
    )


def _exact(actor: Actor, wanted: SyncFilter) -> list[ColumnElement[bool]]:
    creator = actor.person_id if wanted.creator == ME else int(wanted.creator or 0)
    parts: list[tuple[object, InstrumentedAttribute[Any], object]] = [
        (wanted.status, Sync.status, wanted.status),
        (wanted.channel, Sync.channel, wanted.channel),
        (wanted.account, Sync.account_id, wanted.account),
        (wanted.segment, Sync.segment_id, wanted.segment),
        (wanted.creator, Sync.creator_id, creator),
        (wanted.workspace, Sync.workspace_id, wanted.workspace),
    ]
    conditions = [column == value for asked, column, value in parts if asked]
    conditions += [_has_alert()] if wanted.alert else []
    return [*conditions, _has_alert(Alert.code == OVERDUE)] if wanted.overdue else conditions


def _has_alert(*which: ColumnElement[bool]) -> ColumnElement[bool]:
    return (
        select(AlertSync.sync_id)
        .join(Alert, Alert.id == AlertSync.alert_id)
        .where(AlertSync.sync_id == Sync.id, Alert.closed_at.is_(None), *which)
        .exists()
    )


def _text(text: str, quoted: str | None) -> list[ColumnElement[bool]]:
    if quoted:
        return [Sync.public_id == quoted]
    columns = (Segment.name, Sync.account_name, Sync.account_id, Creator.name, Sync.public_id)
    return [or_(*(column.icontains(word, autoescape=True) for column in columns)) for word in text.split()]


def _runs(session: Session, ids: Sequence[int]) -> dict[int, Run]:
    sending = (Run.finished_at.is_(None), Run.purpose == Purpose.SEND.value)
    found = session.scalars(select(Run).where(Run.sync_id.in_(ids), *sending))
    return {run.sync_id: run for run in found}


def open_alerts(session: Session, ids: Sequence[int]) -> dict[int, Alert]:
    """The newest open alert of each of these syncs."""
    found = session.execute(
        select(AlertSync.sync_id, Alert)
        .join(Alert, Alert.id == AlertSync.alert_id)
        .where(AlertSync.sync_id.in_(ids), Alert.closed_at.is_(None))
        .order_by(Alert.id)
    )
    return {sync_id: alert for sync_id, alert in found}  # noqa: C416 - a row is no pair to mypy


@dataclass(frozen=True)
class Choices:
    """What the filters offer: (value, label), only what some sync has."""

    channels: Sequence[str]
    accounts: Sequence[tuple[str, str]]
    creators: Sequence[tuple[str, str]]
    workspaces: Sequence[tuple[str, str]]


def choices(session: Session, actor: Actor) -> Choices:
    """What one can filter by. Three queries."""
    here = (Sync.organization_id == actor.organization_id, Sync.deleted_at.is_(None))
    accounts = session.execute(
        select(Sync.channel, Sync.account_id, func.max(Sync.account_name))
        .where(*here)
        .group_by(Sync.channel, Sync.account_id)
    ).all()
    people = select(Person.id, Person.name).where(select(Sync.id).where(*here, Sync.creator_id == Person.id).exists())
    rooms = select(Workspace.id, Workspace.name).where(
        select(Sync.id).where(*here, Sync.workspace_id == Workspace.id).exists()
    )
    return Choices(
        channels=sorted({channel for channel, _, _ in accounts}),
        accounts=sorted(((number, name) for _, number, name in accounts), key=lambda pair: (pair[1].lower(), pair[0])),
        creators=_named(session, people.order_by(func.lower(Person.name))),
        workspaces=_named(session, rooms.order_by(func.lower(Workspace.name))),
    )


def _named(session: Session, statement: Select[int, str]) -> list[tuple[str, str]]:
    return [(str(number), name) for number, name in session.execute(statement)]


def sees_members(actor: Actor, workspace_ids: Sequence[int], sync: Sync) -> bool:
    """Whether the person sees the segment's members and rules: only in their own workspaces; names and sizes are for all."""
    administers = actor.role is not None and Role(actor.role).administers
    return administers or sync.workspace_id in workspace_ids
