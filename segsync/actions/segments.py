"""Segments: creating, changing, duplicating, deleting and restoring them. Callers commit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from sqlalchemy import func, insert, literal, select
from sqlalchemy.orm import Session

from segsync.actions import runs
from segsync.actions.actor import Actor, NotThere, Refused
from segsync.actions.audit import Subject, record
from segsync.actions.segment_counts import refresh_soon
from segsync.actions.segment_uses import RESTORED_FOR, who_uses
from segsync.actions.segment_vocabulary import checked, vocabulary
from segsync.models import Segment, SegmentMember, WarehouseSource, Workspace
from segsync.rules.cleaning_text import tidy
from segsync.rules.rights import Right
from segsync.rules.segment_rules import Group, read, segments_in
from segsync.rules.segment_words import masked, sentence
from segsync.rules.terms import SegmentKind

LONGEST_NAME: Final = 120
_SAVING: Final = 0x5E6_3E27
"""Marks the lock under which the segments of a workspace are kept, so that two together never make a circle."""


@dataclass(frozen=True)
class Draft:
    """A segment as somebody wants it. The rules of a static list are not looked at."""

    name: str
    members: str = "people"
    kind: SegmentKind = SegmentKind.RULE
    rules: Group = field(default_factory=Group)
    version: int | None = None
    """The version of the segment that somebody looked at while they changed it."""


def find(session: Session, workspace: Workspace, segment_id: int, *, lock: bool = False) -> Segment:
    """A segment of this workspace, deleted ones too. Raises Refused."""
    segment = session.get(Segment, segment_id, with_for_update=lock or None, populate_existing=lock)
    if segment is None or segment.workspace_id != workspace.id:
        raise NotThere("There is no such segment in this workspace.")
    return segment


def create(session: Session, actor: Actor, workspace: Workspace, draft: Draft, *, now: datetime) -> Segment:
    """A new segment, counted at once where that does not take long. Raises Refused."""
    actor.need(Right.EDIT_DATA)
    _lock(session, workspace)
    if draft.members not in {"people", "companies"}:
        raise Refused("Choose people or companies.", field="members")
    name = _free_name(session, workspace, draft.name)
    segment = Segment(
        organization_id=workspace.organization_id,
        workspace_id=workspace.id,
        name=name,
        kind=draft.kind.value,
        members=draft.members,
        rules=_rules(session, workspace, draft, now),
        created_by=actor.person_id,
        updated_by=actor.person_id,
    )
    session.add(segment)
    session.flush()
    record(session, actor, "segment.create", subject(segment), change=({}, _facts(session, workspace, segment, now)))
    refresh_soon(session, segment, now)
    return segment


def change(
    session: Session, actor: Actor, workspace: Workspace, segment_id: int, draft: Draft, *, now: datetime
) -> Segment:
    """Another name, or other rules. Raises Refused, also where somebody else changed the rules since they were looked at."""
    actor.need(Right.EDIT_DATA)
    _lock(session, workspace)
    segment = living(session, workspace, segment_id)
    if draft.version not in {None, segment.version} and segment.kind == SegmentKind.RULE:
        raise Refused(
            "Somebody else changed this segment while you did. What you typed is still here: compare before you save again.",
            link=("See it as it is now", f"/w/{workspace.id}/segments/{segment.id}"),
        )
    before = _facts(session, workspace, segment, now)
    segment.name = _free_name(session, workspace, draft.name, but=segment.id)
    _change_rules(session, workspace, segment, draft.rules, now)
    after = _facts(session, workspace, segment, now)
    if before != after:
        segment.updated_by, segment.updated_at = actor.person_id, now
        record(session, actor, "segment.change", subject(segment), change=(before, after))
    return segment


def _change_rules(session: Session, workspace: Workspace, segment: Segment, wanted: Group, now: datetime) -> None:
    if segment.kind != SegmentKind.RULE or wanted == read(segment.rules):
        return
    known = vocabulary(session, workspace, segment.members, now=now, own_id=segment.id)
    rules = checked(session, workspace, wanted, known, segment.id).as_json()
    if rules != segment.rules:
        segment.rules = rules
        segment.version += 1
        refresh_soon(session, segment, now)


def duplicate(session: Session, actor: Actor, workspace: Workspace, segment_id: int, *, now: datetime) -> Segment:
    """The same once more under another name, with the same rules or the same members on its list. Raises Refused."""
    actor.need(Right.EDIT_DATA)
    _lock(session, workspace)
    original = living(session, workspace, segment_id)
    copy = Segment(
        organization_id=original.organization_id,
        workspace_id=original.workspace_id,
        name=_copy_name(session, workspace, original.name),
        kind=original.kind,
        members=original.members,
        rules=original.rules,
        created_by=actor.person_id,
        updated_by=actor.person_id,
    )
    session.add(copy)
    session.flush()
    _copy_source(session, original, copy)
    listed = select(literal(copy.id), SegmentMember.member_id).where(SegmentMember.segment_id == original.id)
    session.execute(insert(SegmentMember).from_select(["segment_id", "member_id"], listed))
    facts = _facts(session, workspace, copy, now) | {"copy_of": original.name}
    record(session, actor, "segment.create", subject(copy), change=({}, facts))
    refresh_soon(session, copy, now)
    return copy


def _copy_source(session: Session, original: Segment, copy: Segment) -> None:
    source = session.get(WarehouseSource, original.id)
    if source is not None:
        same = ("connection_id", "query", "mapping", "types", "columns", "sample_sealed", "figures", "looked_at")
        session.add(WarehouseSource(segment_id=copy.id, **{name: getattr(source, name) for name in same}))
        copy.size = original.size


def delete(
    session: Session, actor: Actor, workspace: Workspace, segment_id: int, *, confirmed: bool, now: datetime
) -> Segment:
    """Takes a segment away; it can be restored for 30 days. Its syncs fail and their members stay.

    Raises Refused while other segments ask for it, and where it has syncs until that was confirmed.
    """
    actor.need(Right.EDIT_DATA)
    _lock(session, workspace)
    segment = living(session, workspace, segment_id)
    uses = who_uses(session, segment)
    if uses.asked:
        raise Refused(uses.asked)
    if uses and not confirmed:
        raise Refused(f"{uses.told} Confirm that you want to delete it all the same.", field="confirmed")
    segment.deleted_at, segment.deleted_by = now, actor.person_id
    record(session, actor, "segment.delete", subject(segment), change=({}, {"used_by": uses.names}))
    runs.segment_deleted(session, segment, actor, now=now)
    return segment


def restore(session: Session, actor: Actor, workspace: Workspace, segment_id: int, *, now: datetime) -> list[int]:
    """Brings a deleted segment back. Returns the runs to wake after the commit. Raises Refused."""
    actor.need(Right.EDIT_DATA)
    _lock(session, workspace)
    segment = find(session, workspace, segment_id, lock=True)
    if segment.deleted_at is None:
        return []
    if segment.deleted_at < now - RESTORED_FOR:
        raise Refused("A segment can be restored for 30 days. This one was deleted longer ago.")
    _not_without_others(session, segment)
    segment.deleted_at = segment.deleted_by = None
    segment.name = _restored_name(session, workspace, segment)
    record(session, actor, "segment.restore", subject(segment))
    refresh_soon(session, segment, now)
    return runs.segment_restored(session, segment, actor, now=now)


def living(session: Session, workspace: Workspace, segment_id: int) -> Segment:
    """A segment that was not deleted, locked. Raises Refused."""
    segment = find(session, workspace, segment_id, lock=True)
    if segment.deleted_at is not None:
        raise Refused("This segment was deleted. Restore it first.")
    return segment


def subject(segment: Segment) -> Subject:
    """The segment as the audit trail names it."""
    return Subject("segment", segment.id, segment.name)


def _lock(session: Session, workspace: Workspace) -> None:
    session.execute(select(func.pg_advisory_xact_lock(_SAVING % 2**31, workspace.id % 2**31)))


def _rules(session: Session, workspace: Workspace, draft: Draft, now: datetime) -> dict[str, Any]:
    if draft.kind is not SegmentKind.RULE:
        return {}
    known = vocabulary(session, workspace, draft.members, now=now)
    return checked(session, workspace, draft.rules, known).as_json()


def _facts(session: Session, workspace: Workspace, segment: Segment, now: datetime) -> dict[str, Any]:
    facts: dict[str, Any] = {"name": segment.name, "kind": segment.kind, "members": segment.members}
    if segment.kind == SegmentKind.RULE:
        known = vocabulary(session, workspace, segment.members, now=now)
        # the trail cannot be changed, so whom rules name is not in it; the version tells changes apart all the same
        facts |= {"version": segment.version, "rules": sentence(masked(read(segment.rules)), known)}
    return facts


def _free_name(session: Session, workspace: Workspace, name: str, *, but: int = 0) -> str:
    name = tidy(name)
    if not name:
        raise Refused("Give the segment a name.", field="name")
    if len(name) > LONGEST_NAME:
        raise Refused(f"A name can have {LONGEST_NAME} characters.", field="name")
    if name.lower() in _taken(session, workspace, but=but):
        raise Refused(f"There is a segment called “{name}” already.", field="name")
    return name


def _copy_name(session: Session, workspace: Workspace, name: str) -> str:
    return _numbered(f"Copy of {name}", _taken(session, workspace))


def _restored_name(session: Session, workspace: Workspace, segment: Segment) -> str:
    """Its own, unless another segment was called so meanwhile."""
    taken = _taken(session, workspace, but=segment.id)
    return segment.name if segment.name.lower() not in taken else _numbered(f"{segment.name} (restored)", taken)


def _numbered(name: str, taken: set[str]) -> str:
    stem = name[: LONGEST_NAME - 6]
    numbered = (stem if number == 1 else f"{stem} {number}" for number in range(1, len(taken) + 2))
    return next(each for each in numbered if each.lower() not in taken)


def _not_without_others(session: Session, segment: Segment) -> None:
    """A living segment never asks for a deleted one: "not in it" would mean everybody."""
    asked = segments_in(read(segment.rules))
    gone = session.scalars(
        select(Segment).where(Segment.id.in_(asked), Segment.deleted_at.is_not(None)).order_by(Segment.id)
    ).first()
    if gone is not None:
        raise Refused(
            f"Its rules ask for “{gone.name}”, which was deleted too. Restore that one first.",
            link=(gone.name, f"/w/{gone.workspace_id}/segments/{gone.id}"),
        )


def _taken(session: Session, workspace: Workspace, *, but: int = 0) -> set[str]:
    rows: Sequence[str] = session.scalars(
        select(Segment.name).where(
            Segment.workspace_id == workspace.id, Segment.deleted_at.is_(None), Segment.id != but
        )
    ).all()
    return {name.lower() for name in rows}
