"""Removals as tests drive them: carried out as often as something is due, and looked at audience by audience."""

from __future__ import annotations

from sqlalchemy import select

from segsync.actions import removal_work
from segsync.models import Integration, Removal, RemovalTask, SegmentMember, Sync
from tests.builders import make_segment, make_sync


def carry_out(runtime, removal_id: int, clock=None, times: int = 6) -> Removal:
    """Workers look as often as something is due."""
    for _ in range(times):
        removal_work.work(runtime, removal_id)
        if clock is not None:
            clock.forward(minutes=11)
    with runtime.sessions() as session:
        return session.get_one(Removal, removal_id)


def tasks(runtime, removal_id: int) -> list[RemovalTask]:
    with runtime.sessions() as session:
        return list(session.scalars(select(RemovalTask).where(RemovalTask.removal_id == removal_id)))


def one_more(session, sync, contact) -> Sync:
    """A second sync, of a segment with this contact alone."""
    segment = make_segment(session, sync.workspace, "Other")
    session.add(SegmentMember(segment_id=segment.id, member_id=contact.id))
    made = make_sync(session, segment, session.get_one(Integration, sync.integration_id), account_id="act-2")
    session.commit()
    return made
