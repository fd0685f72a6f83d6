"""The run frame: opening, stopping and finishing runs, whatever their destination. What is due or claimed stands in `run`."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import ScalarSelect, select, update
from sqlalchemy.orm import Session

from connectors.problems import Code
from segsync.actions import alerts, audit, books, claims, statuses, sync_alerts, timing
from segsync.actions.actor import Actor
from segsync.actions.audit import Subject
from segsync.actions.sync_alerts import cause_of
from segsync.actions.trouble import Trouble
from segsync.models import Integration, Run, Segment, Sync
from segsync.rules import causes
from segsync.rules.removals import Release
from segsync.rules.terms import Detail, Purpose, RunState, SignInState, Status, Why

SEGMENT_DELETED = "segment.deleted"
PROBE_EVERY = timedelta(hours=24)
_LOCK = {"key_share": True}
"""Of a sync that a run ends: others may still name it, as alerts do."""


# -- opening and stopping --------------------------------------------------------------------------------------


def open_run(session: Session, sync_id: int, purpose: Purpose = Purpose.SEND) -> Run | None:
    """The run of this sync that is not over, or None. Of one sync only one run is open, whatever it is for."""
    return session.scalar(
        select(Run).where(Run.sync_id == sync_id, Run.finished_at.is_(None), Run.purpose == purpose.value)
    )


def start(session: Session, sync: Sync, why: Why, *, by: int | None, now: datetime) -> Run:
    """Opens a run, or hurries the one that is open, in the caller's transaction. After the commit: `queue.wake_run(run.id)`.

    The caller holds the sync's row lock where two may start at once. Raises ValueError for a sync that is off or deleted:
    from whatever door it comes, nothing runs while a sync is switched off.
    """
    if sync.status == Status.INACTIVE or sync.deleted_at is not None:
        raise ValueError("A sync that is switched off or deleted does not run.")
    run = open_run(session, sync.id)
    if run is None:
        # what is sent makes the figures of a try old
        stop(session, sync, now=now)
        run = _open(session, sync, why, by=by, now=now)
        timing.begun(sync, now)
    timing.plan(sync, now)
    sync.probe_at = None
    if not (why is Why.SCHEDULE and sync.status == Status.FAILED):
        # what failed stays failed, and is found as failed, until a run ends well
        statuses.move(session, sync, Status.SYNCING, now=now, run_id=run.id)
    return run


def try_out(session: Session, sync: Sync, *, by: int | None, now: datetime) -> Run:
    """Opens a run that sends nothing, in the caller's transaction; the one that is open, where somebody tries already.

    The status stays as it is, also of a sync that is switched off. The caller holds the sync's row, and no run is under way.
    After the commit: `queue.wake_run(run.id)`.
    """
    tried = open_run(session, sync.id, Purpose.TRY)
    return tried or _open(session, sync, Why.NOW, by=by, now=now, purpose=Purpose.TRY)


def _open(
    session: Session, sync: Sync, why: Why, *, by: int | None, now: datetime, purpose: Purpose = Purpose.SEND
) -> Run:
    run = Run(
        organization_id=sync.organization_id,
        sync_id=sync.id,
        purpose=purpose.value,
        why=why.value,
        started_by=by,
        state=RunState.QUEUED.value,
        created_at=now,
        not_before=_after_last_writer(session, sync.id, now),
    )
    session.add(run)
    session.flush()
    return run


def _after_last_writer(session: Session, sync_id: int, now: datetime) -> datetime:
    """A stopped run's worker may still be in its last request: one writer per audience."""
    return max([now, *(lease for lease in session.scalars(claims.leases_of(sync_id)) if lease)])


def stop(session: Session, sync: Sync, *, now: datetime) -> None:
    """Ends the open run. Its worker notices before the next batch; what it already sent stays in the recorded plan."""
    for purpose in Purpose:
        run = open_run(session, sync.id, purpose)
        if run is not None:
            run.state = RunState.STOPPED.value
            run.finished_at = now
            session.flush()
            if purpose is Purpose.TRY:
                books.put_away(session, run, now=now)
            else:
                _use_release(sync, run)


def start_again(session: Session, sync_id: int, *, now: datetime) -> int | None:
    """Opens a run of a sync that waited for a cause which is gone. Returns the run's id; None where it waits for nothing."""
    sync = session.get_one(Sync, sync_id, with_for_update=True)
    waits = sync.status == Status.FAILED and sync.detail in {Detail.NEEDS_PERSON, Detail.TRYING_AGAIN}
    if not waits or sync.deleted_at is not None:
        return None
    return start(session, sync, Why.CAUSE_GONE, by=None, now=now).id


# -- ending ----------------------------------------------------------------------------------------------------


def succeed(session: Session, run: Run, *, now: datetime) -> Sequence[int]:
    """The channel has answered the last request. Returns other syncs that waited for a cause which this run proves gone."""
    sync = session.get_one(Sync, run.sync_id, with_for_update=_LOCK)
    run.state = RunState.DONE.value
    run.finished_at = now
    run.lease_until = None
    if run.purpose == Purpose.TRY:
        return []
    sync.failures = 0
    if run.rows_removed or not sync.removals_due:
        _use_up_release(sync, due=sync.removals_due)
    sync.problem_code = None
    sync.problem_facts = {}
    sync.was_synced = True
    sync.in_step_since = now
    sync.stale_since = None
    timing.ended(sync)
    statuses.move(session, sync, Status.SYNCED, now=now, run_id=run.id)
    left_to_say = sync_alerts.after_run(session, sync, run, now=now)
    return alerts.sync_is_well(session, sync, now=now, keep=left_to_say)


def fail(session: Session, run: Run, trouble: Trouble, *, now: datetime) -> None:
    """The run needs somebody, or its retries are used up: the sync fails and one alert per cause says so."""
    sync = session.get_one(Sync, run.sync_id, with_for_update=_LOCK)
    run.state = RunState.FAILED.value
    run.finished_at = now
    run.lease_until = None
    run.problem_code, run.problem_raw = trouble.code, trouble.raw
    run.problem_reference, run.problem_facts = trouble.reference, dict(trouble.facts)
    if run.purpose == Purpose.TRY:
        books.put_away(session, run, now=now)
        return
    _use_release(sync, run)
    if sync.status == Status.INACTIVE or sync.deleted_at is not None:
        return
    sync.failures += 1
    sync.problem_code, sync.problem_facts = trouble.code, dict(trouble.facts)
    detail = _detail_of(trouble.code)
    sync.probe_at = now + PROBE_EVERY if detail is Detail.NEEDS_PERSON else None
    timing.ended(sync, again_after=now if detail in {Detail.TRYING_AGAIN, Detail.HELD} else None)
    statuses.move(session, sync, Status.FAILED, now=now, detail=detail, run_id=run.id)
    cause = cause_of(sync, trouble, lasting=detail is Detail.HELD)
    alerts.open_alert(session, sync.organization_id, cause, now=now, sync_ids=[sync.id], run_id=run.id)


def _use_release(sync: Sync, run: Run) -> None:
    """A run that ended in the middle: what it did not take out any more is still released, and nobody else."""
    if run.rows_removed:
        _use_up_release(sync, due=run.rows_to_remove - run.rows_removed)


def _use_up_release(sync: Sync, *, due: int) -> None:
    """A release was for the removals of one plan, and not for the next ones."""
    release = Release.read(sync.release)
    if release is not None:
        sync.release = release.after(due)


def _detail_of(code: str) -> Detail:
    if code == sync_alerts.HELD:
        return Detail.HELD
    return Detail.NEEDS_PERSON if causes.needs_person(code) else Detail.TRYING_AGAIN


def signin_works(session: Session, run_id: int) -> None:
    """A run that ended well proves its sign-in. In a transaction of its own: sign-ins are locked before syncs elsewhere."""
    lame = Integration.state.in_([SignInState.RECONNECT.value, SignInState.PERMISSION.value])
    session.execute(
        update(Integration)
        .where(Integration.id == _integration_of(run_id), lame)
        .values(state=SignInState.CONNECTED.value, problem=None)
    )


def signin_failed(session: Session, run_id: int, code: str) -> None:
    """What a run was told about its sign-in. In a transaction of its own, as above."""
    if causes.group(code) != "signin":
        return
    state = SignInState.PERMISSION if code == Code.SCOPE_MISSING else SignInState.RECONNECT
    session.execute(
        update(Integration)
        .where(Integration.id == _integration_of(run_id), Integration.state == SignInState.CONNECTED.value)
        .values(state=state.value, problem=code)
    )


def _integration_of(run_id: int) -> ScalarSelect[int]:
    """Of a run that sends: one that tries says what it met, and changes nothing."""
    owner = select(Sync.integration_id).join(Run, Run.sync_id == Sync.id)
    return owner.where(Run.id == run_id, Run.purpose == Purpose.SEND.value).scalar_subquery()


# -- segments that go and come back ----------------------------------------------------------------------------


def segment_deleted(session: Session, segment: Segment, actor: Actor, *, now: datetime) -> None:
    """Stops the runs of a deleted segment. Members stay on the channel until somebody chooses what to do."""
    for sync in _syncs_of(session, segment):
        if sync.status == Status.INACTIVE:
            continue
        stop(session, sync, now=now)
        sync.problem_code, sync.problem_facts = SEGMENT_DELETED, {"by": actor.name}
        sync.stale_since = sync.stale_since or now
        statuses.move(session, sync, Status.FAILED, now=now, detail=Detail.SEGMENT_DELETED)
        trouble = Trouble(SEGMENT_DELETED, {"by": actor.name})
        alerts.open_alert(session, sync.organization_id, cause_of(sync, trouble), now=now, sync_ids=[sync.id])
        audit.record(session, actor, "sync.segment_deleted", Subject("sync", sync.id, segment.name, sync.public_id))


def segment_restored(session: Session, segment: Segment, actor: Actor, *, now: datetime) -> list[int]:
    """Sets the syncs of a segment that came back going again. Returns the ids of the runs to wake after the commit."""
    runs = []
    for sync in _syncs_of(session, segment):
        if sync.detail == Detail.SEGMENT_DELETED:
            sync.problem_code, sync.problem_facts = None, {}
            alerts.close_cause(session, sync.organization_id, f"sync:{sync.id}:{SEGMENT_DELETED}", now=now)
            runs.append(start(session, sync, Why.CAUSE_GONE, by=actor.person_id, now=now).id)
    return runs


def _syncs_of(session: Session, segment: Segment) -> Sequence[Sync]:
    return session.scalars(
        select(Sync).where(Sync.segment_id == segment.id, Sync.deleted_at.is_(None)).with_for_update(of=Sync)
    ).all()
