"""Runs as tests drive them: started, worked on slice by slice, and looked at."""

from __future__ import annotations

import pytest
from sqlalchemy import delete, select

from segsync.actions import runs, slices
from segsync.actions.decided_by import decided_by
from segsync.actions.push import follow
from segsync.models import Alert, Contact, Run, SegmentMember, Sync
from segsync.rules.removals import RELEASED_FOR, Release
from segsync.rules.terms import Why
from tests.builders import make_contact
from tests.fakes import FakeChannel, Killed


def put(session, sync: Sync, **fields) -> Contact:
    """Adds a member."""
    contact = make_contact(session, sync.workspace, **fields)
    session.add(SegmentMember(segment_id=sync.segment_id, member_id=contact.id))
    session.commit()
    return contact


def start(runtime, sync: Sync) -> Run:
    with runtime.sessions.begin() as session:
        return runs.start(session, session.get_one(Sync, sync.id), Why.NOW, by=None, now=runtime.clock())


def work(runtime, run: Run, slices_at_most: int = 30) -> Run:
    """Slices until the run is over or waits."""
    for _ in range(slices_at_most):
        slices.work_slice(runtime, run.id)
        with runtime.sessions() as session:
            now = session.get_one(Run, run.id)
        if now.finished_at or now.state == "waiting":
            return now
    return now


def die(runtime, channel: FakeChannel, sync: Sync, *, when: str) -> Run:
    """A worker that ends at its first batch: `before_push` or `after_push`. The run is left as it is then."""

    def killed(_batch) -> None:
        raise Killed

    run = start(runtime, sync)
    setattr(channel, when, killed)
    with pytest.raises(Killed):
        slices.work_slice(runtime, run.id)
    setattr(channel, when, lambda _batch: None)
    return run


def go(runtime, sync: Sync) -> Run:
    return work(runtime, start(runtime, sync))


def again(runtime, sync: Sync) -> Sync:
    with runtime.sessions() as session:
        return session.get_one(Sync, sync.id)


def keys(channel: FakeChannel) -> set[str]:
    return {value for held in channel.audiences.values() for _, value in held.keys}


def open_alerts(runtime) -> list[Alert]:
    with runtime.sessions() as session:
        return list(session.scalars(select(Alert).where(Alert.closed_at.is_(None))))


def told(runtime) -> list[tuple[str, str]]:
    """The open alerts: what, and who acts."""
    return sorted((alert.code, alert.acts) for alert in open_alerts(runtime))


def settle(runtime, sync: Sync) -> None:
    """Asks for later results."""
    follow.settle(runtime, sync.id)


def leave(session, sync: Sync, *contacts: Contact) -> None:
    """Takes members out of the segment; everybody where nobody is named."""
    gone = delete(SegmentMember).where(SegmentMember.segment_id == sync.segment_id)
    if contacts:
        gone = gone.where(SegmentMember.member_id.in_([contact.id for contact in contacts]))
    session.execute(gone)
    session.commit()


def let_go(runtime, sync_id: int, removals: int = 1_000_000) -> None:
    """An administrator's word beforehand: whatever the next good run takes out is meant, be it everybody."""
    with runtime.sessions.begin() as session:
        sync = session.get_one(Sync, sync_id)
        word = Release(removals, True, runtime.clock() + RELEASED_FOR, decided_by=decided_by(session, sync))
        sync.release = word.stored()


def join(session, sync: Sync, *contacts: Contact) -> None:
    """Takes contacts into the segment."""
    session.add_all([SegmentMember(segment_id=sync.segment_id, member_id=contact.id) for contact in contacts])
    session.commit()


def members(session, sync: Sync) -> list[Contact]:
    """The members, oldest first."""
    listed = select(SegmentMember.member_id).where(SegmentMember.segment_id == sync.segment_id)
    return list(session.scalars(select(Contact).where(Contact.id.in_(listed)).order_by(Contact.id)))
