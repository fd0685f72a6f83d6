"""The Manage Syncs list: every sync of the organization, filtered, sorted, counted, in the same few queries however many there are."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final, NamedTuple, cast

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Select,
    Text,
    and_,
    bindparam,
    func,
    literal,
    or_,
    select,
    true,
    union_all,
)
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import InstrumentedAttribute, Session, aliased, load_only

from segsync.actions.actor import Actor
from segsync.actions.alerts import OVERDUE
from segsync.actions.sync_census import Census, Fits
from segsync.actions.sync_listed import COLUMNS, Listed
from segsync.models import Alert, AlertSync, Person, Run, Segment, Sync, Workspace
from segsync.rules import sync_ids
from segsync.rules.sync_filter import ME, SyncFilter
from segsync.rules.terms import Purpose, Role

SIZE: Final = 50
STATEMENTS: Final = 500
"""So many are kept put together: filters, words and orders combine to many more."""
_OURS: Final = bindparam("organization", type_=BigInteger)
Creator, Owner = aliased(Person), aliased(Person)


def _of(column: Any) -> ColumnElement[Any]:
    return cast("ColumnElement[Any]", column)


_ORDERS: Mapping[str, tuple[tuple[ColumnElement[Any], bool], ...]] = {
    "attention": ((_of(Sync.attention), False), (_of(Sync.status_since), True)),
    "segment": ((func.lower(Segment.name), False),),
    "channel": ((_of(Sync.channel), False), (func.lower(Sync.account_name), False)),
    "status": ((_of(Sync.attention), False),),
    "members": ((_of(Sync.members_held), True),),
    "refreshed": ((_of(Sync.in_step_since), True),),
    "next": ((_of(Sync.next_run_at), False),),
    "creator": ((func.lower(Creator.name), False),),
    "created": ((_of(Sync.created_at), True),),
}
"""What each order goes by, and whether the largest comes first. What is not known always comes last."""
_OTHER: Final = aliased(Alert)
_NEWEST_ALERT: Final = (
    select(func.max(AlertSync.alert_id))
    .join(_OTHER, _OTHER.id == AlertSync.alert_id)
    .where(AlertSync.sync_id == Sync.id, _OTHER.closed_at.is_(None))
    .correlate(Sync)
    .scalar_subquery()
)
_SHOWN: Final[Select[*tuple[Any, ...]]] = (
    select(*(getattr(Sync, name) for name in COLUMNS), Segment.name, Creator.name, Owner.name, Run, Alert)
    .join(Sync.segment)
    .join(Sync.creator.of_type(Creator))
    .join(Sync.owner.of_type(Owner))
    .outerjoin(Run, and_(Run.sync_id == Sync.id, Run.finished_at.is_(None), Run.purpose == Purpose.SEND.value))
    .outerjoin(Alert, Alert.id == _NEWEST_ALERT)
    .options(
        load_only(
            *(Run.sync_id, Run.state, Run.phase, Run.members, Run.batches, Run.batches_done, Run.rows_to_add),
            *(Run.rows_to_remove, Run.rows_done, Run.not_before, Run.cursor, Run.scope, Run.finished_at),
            raiseload=True,
        ),
        load_only(Alert.code, raiseload=True),
    )
    .where(Sync.id == func.any(bindparam("ids", type_=ARRAY(BigInteger))))
)
"""What a list shows of each sync, which has many more columns: with its run under way and its newest open alert."""


@dataclass(frozen=True)
class SyncPage:
    """One page of the list, counted from 1, with what stands beside each sync."""

    items: Sequence[Listed]
    number: int
    total: int
    runs: Mapping[int, Run]
    """The run under way, by sync."""
    alerts: Mapping[int, Alert]
    """The newest open alert, by sync."""
    counts: Mapping[str, int]
    """Syncs of each status for the same filters, and '' for all."""


def page(
    session: Session, actor: Actor, wanted: SyncFilter, number: int, *, by_status: Mapping[str, int] | None = None
) -> SyncPage:
    """A page of the list. A number past the end gives the last page. Two queries, and one more where the counts are not known."""
    by_status = counts(session, actor, wanted) if by_status is None else by_status
    total = by_status.get(wanted.status, 0)
    number = max(1, min(number, -(-total // SIZE)))
    # Only what is sorted by is read of all of them, the rest of the few that are shown.
    asks = _asks(actor, wanted) | {"before": (number - 1) * SIZE}
    ids = session.scalars(_ids(_shape(wanted), wanted.sort, backwards=wanted.backwards), asks).all() if total else []
    found = session.execute(_SHOWN, {"ids": ids}).all() if ids else []
    rows = sorted(
        ((Listed(*values), run, alert) for *values, run, alert in found), key=lambda row: ids.index(row[0].id)
    )
    return SyncPage(
        items=[sync for sync, _, _ in rows],
        number=number,
        total=total,
        runs={sync.id: run for sync, run, _ in rows if run},
        alerts={sync.id: alert for sync, _, alert in rows if alert},
        counts=by_status,
    )


@lru_cache(maxsize=STATEMENTS)
def _ids(shape: Shape, sort: str, *, backwards: bool) -> Select[int]:
    order = [
        (column.desc() if largest_first != backwards else column.asc()).nulls_last()
        for column, largest_first in _ORDERS[sort]
    ]
    # what is joined and not sorted by, the database leaves out
    ids = _narrowed(select(Sync.id), shape).outerjoin(Sync.segment).outerjoin(Sync.creator.of_type(Creator))
    return ids.order_by(*order, Sync.id.desc()).limit(SIZE).offset(bindparam("before", type_=BigInteger))


def counts(session: Session, actor: Actor, wanted: SyncFilter) -> dict[str, int]:
    """Syncs of each status for the same filters, and '' for all. One query."""
    any_status = wanted.with_status("")
    rows = session.execute(_counting(_shape(any_status)), _asks(actor, any_status))
    found = {status: int(number) for status, number in rows}
    return found | {"": sum(found.values())}


@lru_cache(maxsize=STATEMENTS)
def _counting(shape: Shape) -> Select[str, int]:
    return _narrowed(select(Sync.status, func.count()), shape).group_by(Sync.status)


def fits(actor: Actor, wanted: SyncFilter) -> Fits | None:
    """What these filters ask of a sync, whatever its status, for the census; None where they ask what its index does not have."""
    if wanted.text or wanted.segment or wanted.alert or wanted.overdue:
        return None
    any_status = wanted.with_status("")
    return Fits(and_(true(), *_exact(_shape(any_status))), _asks(actor, any_status))


class Shape(NamedTuple):
    """What filters ask, without what they ask for: statements are put together once for each."""

    asked: tuple[str, ...]
    alert: bool
    overdue: bool
    words: int
    quoted: bool
    """Whether a sync ID is looked for, instead of words."""


_ASKED: Final[Mapping[str, InstrumentedAttribute[Any]]] = {
    "status": Sync.status,
    "channel": Sync.channel,
    "account": Sync.account_id,
    "segment": Sync.segment_id,
    "creator": Sync.creator_id,
    "workspace": Sync.workspace_id,
}


def _shape(wanted: SyncFilter) -> Shape:
    quoted = bool(wanted.text and sync_ids.read(wanted.text))
    asked = tuple(name for name in _ASKED if getattr(wanted, name))
    return Shape(asked, wanted.alert, wanted.overdue, 0 if quoted else len(wanted.text.split()), quoted)


def _asks(actor: Actor, wanted: SyncFilter) -> dict[str, Any]:
    asked = {name: getattr(wanted, name) for name in _ASKED}
    creator = actor.person_id if wanted.creator == ME else int(wanted.creator or 0)
    words = {f"word_{number}": _pattern(word) for number, word in enumerate(wanted.text.split())}
    quoted = sync_ids.read(wanted.text) if wanted.text else None
    return asked | words | {"creator": creator, "quoted": quoted, "organization": actor.organization_id}


def _narrowed(statement: Select[*tuple[Any, ...]], shape: Shape) -> Select[*tuple[Any, ...]]:
    # A sync ID finds its sync even when that was deleted.
    alive: ColumnElement[bool] = Sync.deleted_at.is_(None)
    quoted = Sync.public_id == bindparam("quoted")
    return (
        statement.where(Sync.organization_id == _OURS)
        .where(or_(alive, and_(quoted, Sync.trial.is_(False))) if shape.quoted else alive)
        .where(*_exact(shape))
        .where(*([quoted] if shape.quoted else [_names(f"word_{number}") for number in range(shape.words)]))
    )


def _exact(shape: Shape) -> list[ColumnElement[bool]]:
    conditions = [_ASKED[name] == bindparam(name) for name in shape.asked]
    conditions += [_has_alert()] if shape.alert else []
    return [*conditions, _has_alert(Alert.code == OVERDUE)] if shape.overdue else conditions


def _has_alert(*which: ColumnElement[bool]) -> ColumnElement[bool]:
    return (
        select(AlertSync.sync_id)
        .join(Alert, Alert.id == AlertSync.alert_id)
        .where(AlertSync.sync_id == Sync.id, Alert.closed_at.is_(None), *which)
        .exists()
    )


def _names(word: str) -> ColumnElement[bool]:
    """Whether the sync, its ad account, its segment or its creator is called so."""
    # segments and people are gone through once, not again for each of their syncs
    segments = select(Segment.id).where(Segment.organization_id == _OURS, _has(func.lower(Segment.name), word))
    people = select(Person.id).where(Person.organization_id == _OURS, _has(func.lower(Person.name), word))
    return or_(Sync.segment_id.in_(segments), Sync.creator_id.in_(people), _has(Sync.named, word))


def _has(lowered: ColumnElement[str] | InstrumentedAttribute[str], word: str) -> ColumnElement[bool]:
    # by itself, so that the database makes the pattern once, not for each row
    return lowered.like(select(func.lower(bindparam(word, type_=Text))).scalar_subquery())


def _pattern(word: str) -> str:
    quoted = "".join(f"\\{letter}" if letter in "\\%_" else letter for letter in word)
    return f"%{quoted}%"


def open_alert(session: Session, sync_id: int) -> Alert | None:
    """The newest open alert of a sync."""
    return session.scalar(select(Alert).join(Sync, Alert.id == _NEWEST_ALERT).where(Sync.id == sync_id))


@dataclass(frozen=True)
class Choices:
    """What the filters offer: (value, label), only what some sync has."""

    channels: Sequence[str]
    accounts: Sequence[tuple[str, str]]
    creators: Sequence[tuple[str, str]]
    workspaces: Sequence[tuple[str, str]]


_HERE: Final = select(Sync.id).where(Sync.organization_id == bindparam("organization"), Sync.deleted_at.is_(None))
_CHOICES: Final = union_all(
    select(literal("creator"), Person.id, Person.name).where(_HERE.where(Sync.creator_id == Person.id).exists()),
    select(literal("workspace"), Workspace.id, Workspace.name).where(
        _HERE.where(Sync.workspace_id == Workspace.id).exists()
    ),
)


def choices(session: Session, actor: Actor, census: Census) -> Choices:
    """What one can filter by; `census` was taken with its ad accounts. One query."""
    found = session.execute(_CHOICES, {"organization": actor.organization_id}).all()
    return Choices(
        channels=sorted({channel for channel, _ in census.accounts}),
        accounts=_in_order((number, name) for (_, number), name in census.accounts.items()),
        creators=_in_order((str(number), name) for kind, number, name in found if kind == "creator"),
        workspaces=_in_order((str(number), name) for kind, number, name in found if kind == "workspace"),
    )


def _in_order(pairs: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
    return sorted(pairs, key=lambda pair: (pair[1].lower(), pair[0]))


def sees_members(actor: Actor, workspace_ids: Sequence[int], sync: Sync) -> bool:
    """Whether the person sees the segment's members and rules: only in their own workspaces; names and sizes are for all."""
    administers = actor.role is not None and Role(actor.role).administers
    return administers or sync.workspace_id in workspace_ids
