"""What is due: picked every second, put into the queue. Everything it needs stands in the database, so two may tick at once."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta

from sqlalchemy import Select, and_, func, or_, select
from sqlalchemy.orm import Session

from segsync.actions import browser_sessions, runs, segment_counts, turns, watch
from segsync.actions.moments import come, turn_come
from segsync.actions.sync_rebuild import UNREADABLE
from segsync.models import Ask, BrowserSession, DataFile, ImportJob, Integration, Removal, Run, RunBatch, Segment, Sync
from segsync.queue import Name
from segsync.rules.terms import AskState, Detail, ImportState, SignInState, Status, Why
from segsync.runtime import Runtime

AT_A_TIME = 200
KEPT = timedelta(days=7)
ON_SCHEDULE = (Detail.TRYING_AGAIN.value, Detail.HELD.value)
"""Failures that the schedule goes on with: what is held is planned anew, and goes through where fewer leave by then."""


def tick(runtime: Runtime) -> None:
    """Starts the runs whose time has come, and wakes workers for all that is due."""
    now = runtime.clock()
    with runtime.sessions.begin() as session:
        started = start_due(session, now)
    _watch(runtime, now, behind=started == AT_A_TIME)
    turns.wake(runtime)
    with runtime.sessions.begin() as session:
        asks = session.scalars(_due_asks()).all()
        removals = session.scalars(_due_removals(now)).all()
        chores = _due_chores(session, now) if runtime.queue.waiting(Name.CHORES) < AT_A_TIME else []
    for ask_id in asks:
        runtime.queue.wake_ask(ask_id)
    for name, subject in chores:
        runtime.queue.wake_chore(name, subject)
    for removal_id in removals:
        runtime.queue.wake_removal(removal_id)


def _watch(runtime: Runtime, now: datetime, *, behind: bool) -> None:
    """Late syncs are told once all that is due was started: after a pause of the scheduler most are not late for long."""
    for part in (watch.WORKER, watch.REDIS):
        watch.part(runtime, part)
    if not behind:
        with runtime.sessions.begin() as session:
            watch.overdue(session, now)
            watch.lapsing(session, now)


def start_due(session: Session, now: datetime) -> int:
    """Opens a run for every sync that is due; a failure that needs a person is only probed. Returns how many."""
    scheduled = and_(
        turn_come(now),
        or_(Sync.status == Status.SYNCED, and_(Sync.status == Status.FAILED, Sync.detail.in_(ON_SCHEDULE))),
    )
    probed = and_(Sync.status == Status.FAILED, Sync.detail == Detail.NEEDS_PERSON, come(Sync.probe_at, now))
    due = session.scalars(
        select(Sync)
        .where(Sync.deleted_at.is_(None), or_(scheduled, probed))
        .order_by(Sync.next_run_at)
        .limit(AT_A_TIME)
        .with_for_update(of=Sync, skip_locked=True)
    ).all()
    for sync in due:
        runs.start(session, sync, Why.SCHEDULE, by=None, now=now)
    return len(due)


def _due_chores(session: Session, now: datetime) -> list[tuple[str, int]]:
    return [(name, subject) for name, query in _CHORES.items() for subject in session.scalars(query(now)).all()]


def _due_asks() -> Select[int]:
    free = or_(Ask.lease_until.is_(None), Ask.lease_until < func.clock_timestamp())
    return select(Ask.id).where(Ask.state.in_([AskState.QUEUED, AskState.WORKING]), free).limit(AT_A_TIME)


def _due_removals(now: datetime) -> Select[int]:
    """People to be taken out: whatever the state of the syncs."""
    free = or_(Removal.lease_until.is_(None), Removal.lease_until < func.clock_timestamp())
    due = select(Removal.id).where(Removal.done_at.is_(None), come(Removal.next_at, now), free)
    return due.order_by(Removal.next_at).limit(AT_A_TIME)


def _due_settlements(now: datetime) -> Select[int]:
    return (
        select(Run.sync_id)
        .join(RunBatch, RunBatch.run_id == Run.id)
        .where(come(RunBatch.next_poll, now))
        .distinct()
        .limit(AT_A_TIME)
    )


def _due_states(now: datetime) -> Select[int]:
    return select(Sync.id).where(Sync.deleted_at.is_(None), come(Sync.audience_next_poll, now)).limit(AT_A_TIME)


def _due_signins(now: datetime) -> Select[int]:
    live = Integration.state.in_([SignInState.CONNECTED, SignInState.RECONNECT, SignInState.PERMISSION])
    day_old = or_(Integration.checked_at.is_(None), Integration.checked_at < now - timedelta(hours=24))
    allowed = or_(Integration.look_after.is_(None), come(Integration.look_after, now))
    due = or_(Integration.refresh_at <= now, day_old)
    return select(Integration.id).where(live, allowed, due).limit(AT_A_TIME)


def _due_imports(_now: datetime) -> Select[int]:
    free = or_(ImportJob.lease_until.is_(None), ImportJob.lease_until < func.clock_timestamp())
    return (
        select(ImportJob.id)
        .where(ImportJob.state.in_([ImportState.QUEUED, ImportState.RUNNING]), free)
        .limit(AT_A_TIME)
    )


def _due_segments(now: datetime) -> Select[int]:
    return segment_counts.due(now).order_by(Segment.refreshed_at.nulls_first()).limit(AT_A_TIME)


def _due_retirements(now: datetime) -> Select[int]:
    asked = and_(Sync.deleted_at.is_not(None), Sync.retire_how.is_not(None), Sync.retired_at.is_(None))
    # one that waits for somebody is not woken every second, and does not stand in the way of the others
    due = or_(Sync.probe_at.is_(None), come(Sync.probe_at, now))
    return select(Sync.id).where(asked, due).order_by(Sync.probe_at.nulls_first(), Sync.id).limit(AT_A_TIME)


def _due_collections(now: datetime) -> Select[int]:
    # of a sync whose books are damaged the old ones may be all that is left
    damaged = select(Sync.id).where(Sync.problem_code == UNREADABLE)
    old = select(DataFile.sync_id).where(DataFile.unnamed_at < now - KEPT, DataFile.sync_id.not_in(damaged))
    return old.distinct().limit(AT_A_TIME)


def _due_browsers(now: datetime) -> Select[int]:
    return select(BrowserSession.person_id).where(browser_sessions.forgettable(now)).distinct().limit(AT_A_TIME)


_CHORES: Mapping[str, Callable[[datetime], Select[int]]] = {
    "settle": _due_settlements,
    "state": _due_states,
    "signin": _due_signins,
    "import": _due_imports,
    "segment": _due_segments,
    "retire": _due_retirements,
    "collect": _due_collections,
    "browsers": _due_browsers,
}
