"""Static lists: putting members on and taking them off, by id for imports and by hand for people. Callers commit."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Select, delete, func, literal, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from segsync.actions.actor import Actor, Refused
from segsync.actions.audit import record
from segsync.actions.segment_counts import refresh_soon
from segsync.actions.segments import living, subject
from segsync.models import Company, Contact, Segment, SegmentMember, Workspace
from segsync.rules.cleaning import COMPANY, CONTACT, Door, clean
from segsync.rules.cleaning_text import tidy
from segsync.rules.rights import Right
from segsync.rules.terms import SegmentKind

MOST_BY_HAND: Final = 1_000
_KEYS: Final = {"people": ("external_id", "email", "phone"), "companies": ("external_id", "company_domain")}


@dataclass(frozen=True)
class Added:
    """What became of lines that somebody typed."""

    added: int
    already: int
    unknown: tuple[str, ...]
    """Lines that fit nobody of this workspace."""


def add_members(session: Session, segment_id: int, ids: Iterable[int]) -> int:
    """Puts contacts, or companies, of the list's own workspace on it. Returns how many were not on it before."""
    segment = session.get_one(Segment, segment_id)
    table = _table(segment)
    there = select(literal(segment.id), table.id).where(
        table.workspace_id == segment.workspace_id, table.id.in_(list(ids))
    )
    added = session.scalars(
        insert(SegmentMember)
        .from_select(["segment_id", "member_id"], there)
        .on_conflict_do_nothing()
        .returning(SegmentMember.member_id)
    ).all()
    if added:
        _touch(segment)
    return len(added)


def add_by_hand(
    session: Session, actor: Actor, workspace: Workspace, segment_id: int, typed: str, *, now: datetime
) -> Added:
    """Puts whoever these lines name on a list: an external id, e-mail or phone each; for companies their domain. Raises Refused."""
    actor.need(Right.EDIT_DATA)
    segment = _list(session, workspace, segment_id)
    lines = list(dict.fromkeys(line for line in map(tidy, typed.splitlines()) if line))
    if not lines:
        raise Refused("Type somebody to add, one on each line.", field="lines")
    if len(lines) > MOST_BY_HAND:
        raise Refused(f"Up to {MOST_BY_HAND:,} lines can be typed. Import a file instead.", field="lines")
    found = {line: _find(session, workspace, segment, line) for line in lines}
    ids = {member for members in found.values() for member in members}
    added = add_members(session, segment.id, ids)
    if added:
        record(session, actor, "segment.change", subject(segment), change=({}, {"added_to_list": added}))
        refresh_soon(session, segment, now)
    return Added(added, len(ids) - added, tuple(line for line, members in found.items() if not members))


def remove(
    session: Session, actor: Actor, workspace: Workspace, segment_id: int, member_id: int, *, now: datetime
) -> bool:
    """Takes somebody off a list. Raises Refused."""
    actor.need(Right.EDIT_DATA)
    segment = _list(session, workspace, segment_id)
    gone = session.scalar(
        delete(SegmentMember)
        .where(SegmentMember.segment_id == segment.id, SegmentMember.member_id == member_id)
        .returning(SegmentMember.member_id)
    )
    if gone is None:
        return False
    _touch(segment)
    record(session, actor, "segment.change", subject(segment), change=({}, {"taken_off_list": 1}))
    refresh_soon(session, segment, now)
    return True


def members(segment: Segment) -> Select[Any]:
    """The contacts, or companies, on a list, the newest first."""
    table = _table(segment)
    on_it = SegmentMember.member_id == table.id
    return (
        select(table)
        .join(SegmentMember, on_it)
        .where(SegmentMember.segment_id == segment.id, table.workspace_id == segment.workspace_id)
        .order_by(SegmentMember.added_at.desc(), table.id.desc())
    )


def _list(session: Session, workspace: Workspace, segment_id: int) -> Segment:
    segment = living(session, workspace, segment_id)
    if segment.kind != SegmentKind.LIST:
        raise Refused("This segment has rules: whom they mean is in it. Only a static list is filled by hand.")
    return segment


def _find(session: Session, workspace: Workspace, segment: Segment, line: str) -> Sequence[int]:
    """Everybody whom a line names: two contacts may share an e-mail."""
    table = _table(segment)
    cleaners = COMPANY if segment.members == "companies" else CONTACT
    for key in _KEYS[segment.members]:
        value = clean(cleaners[key], line, Door(workspace.country)).value
        if value is not None:
            column = getattr(table, key)
            found = session.scalars(select(table.id).where(table.workspace_id == workspace.id, column == value)).all()
            if found:
                return list(found)
    return []


def _table(segment: Segment) -> type[Any]:
    return Company if segment.members == "companies" else Contact


def _touch(segment: Segment) -> None:
    """The list has other members now, which whoever works with it must notice."""
    segment.version += 1
    segment.updated_at = func.now()
