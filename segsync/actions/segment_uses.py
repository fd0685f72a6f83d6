"""Who uses a segment: its syncs, and the segments that ask for it; and the list of a workspace's segments."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import ColumnElement, Select, exists, func, select
from sqlalchemy.orm import Session, joinedload

from connectors.registry import CHANNELS
from segsync.actions.segment_vocabulary import asking
from segsync.models import Exclusion, Person, Segment, Sync, Workspace
from segsync.rules.segment_rules import segments_in
from segsync.rules.terms import Status

RESTORED_FOR: Final = timedelta(days=30)
MOST_NAMED: Final = 4
ON_A_LIST: Final = "An exclusion list leaves its members out of audiences. An administrator has to take it off the list first; then it can be deleted."


@dataclass(frozen=True)
class Uses:
    """What would notice if the segment were gone."""

    syncs: Sequence[Sync]
    segments: Sequence[Segment]
    excluded: bool = False
    """Whether an exclusion list names it."""

    def __bool__(self) -> bool:
        """Whether anything uses it."""
        return bool(self.syncs or self.segments or self.excluded)

    @property
    def going(self) -> Sequence[Sync]:
        """The syncs that would fail; those that are switched off stay so."""
        return [sync for sync in self.syncs if sync.status != Status.INACTIVE]

    @property
    def names(self) -> list[str]:
        """Each use as people know it."""
        return [f"{_label(sync)} · {sync.account_name}" for sync in self.syncs] + [each.name for each in self.segments]

    @property
    def asked(self) -> str:
        """Why it cannot be deleted; '' where it can."""
        if not self.segments:
            return ON_A_LIST if self.excluded else ""
        one = len(self.segments) == 1
        named = ", ".join(f"“{each.name}”" for each in self.segments[:MOST_NAMED])
        more = f" and {len(self.segments) - MOST_NAMED} more" if len(self.segments) > MOST_NAMED else ""
        return (
            f"{_plural(len(self.segments), 'segment')} {'asks' if one else 'ask'} for it in "
            f"{'its' if one else 'their'} rules: {named}{more}. Take it out there first; then it can be deleted."
        )

    @property
    def told(self) -> str:
        """Who uses it, as a sentence."""
        parts = [_plural(len(self.syncs), "sync"), _plural(len(self.segments), "segment")]
        named = self.names[:MOST_NAMED]
        more = len(self.names) - len(named)
        listed = ", ".join(named) + (f" and {more} more" if more else "")
        return f"{' and '.join(part for part in parts if part)} use it: {listed}."


def _label(sync: Sync) -> str:
    return CHANNELS[sync.channel].capabilities.label if sync.channel in CHANNELS else sync.channel


def _plural(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'s' if number > 1 else ''}" if number else ""


def who_uses(session: Session, segment: Segment) -> Uses:
    """The living syncs of a segment, and the living segments whose rules ask for it directly."""
    syncs = session.scalars(
        select(Sync)
        .where(Sync.segment_id == segment.id, Sync.deleted_at.is_(None))
        .order_by(Sync.channel, func.lower(Sync.account_name), Sync.id)
        .options(joinedload(Sync.creator))
    ).all()
    ids = [user for user, rules in asking(session, segment.workspace_id).items() if segment.id in segments_in(rules)]
    users = session.scalars(select(Segment).where(Segment.id.in_(ids)).order_by(func.lower(Segment.name))).all()
    on_a_list = session.scalar(select(exists().where(Exclusion.segment_id == segment.id)))
    return Uses(syncs, users, bool(on_a_list))


# -- the list --------------------------------------------------------------------------------------------------

SYNCS: Final = (
    select(func.count())
    .where(Sync.segment_id == Segment.id, Sync.deleted_at.is_(None))
    .correlate(Segment)
    .scalar_subquery()
)
_ORDERS: Final[Mapping[str, ColumnElement[Any]]] = {
    "name": func.lower(Segment.name).asc(),
    "size": Segment.size.desc().nulls_last(),
    "refreshed": Segment.refreshed_at.desc().nulls_last(),
    "syncs": SYNCS.desc(),
    "newest": Segment.created_at.desc(),
}
ORDERS: Final = {
    "name": "Name",
    "size": "Largest",
    "refreshed": "Refreshed last",
    "syncs": "Most syncs",
    "newest": "Newest",
}


@dataclass(frozen=True)
class Wanted:
    """What is shown of a workspace's segments."""

    text: str = ""
    which: str = ""
    """'people', 'companies', 'list', 'warehouse' or '' for all."""
    order: str = "name"
    deleted: bool = False


def listed(workspace: Workspace, wanted: Wanted, now: datetime) -> Select[Segment]:
    """The segments of a workspace as asked for; the deleted ones as long as they can be restored."""
    chosen = select(Segment).where(Segment.workspace_id == workspace.id)
    if wanted.deleted:
        chosen = chosen.where(Segment.deleted_at > now - RESTORED_FOR)
    else:
        chosen = chosen.where(Segment.deleted_at.is_(None))
    for word in wanted.text.split():
        chosen = chosen.where(Segment.name.icontains(word, autoescape=True))
    if wanted.which in {"list", "warehouse"}:
        chosen = chosen.where(Segment.kind == wanted.which)
    elif wanted.which:
        chosen = chosen.where(Segment.members == wanted.which)
    return chosen.order_by(_ORDERS.get(wanted.order, _ORDERS["name"]), Segment.id)


def beside(session: Session, segments: Sequence[Segment]) -> tuple[dict[int, int], dict[int, str]]:
    """What stands beside each segment of a page: how many syncs it has, by its id, and the names of people, by theirs."""
    ids = [segment.id for segment in segments]
    counted = session.execute(
        select(Sync.segment_id, func.count())
        .where(Sync.segment_id.in_(ids), Sync.deleted_at.is_(None))
        .group_by(Sync.segment_id)
    )
    people = {person for each in segments for person in (each.created_by, each.deleted_by, each.updated_by) if person}
    named = session.execute(select(Person.id, Person.name).where(Person.id.in_(people)))
    return dict(counted.all()), dict(named.all())
