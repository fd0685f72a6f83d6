"""Sending: the batches of the recorded plan, removals first, each acknowledged in the database before the next."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import or_, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from connectors.contract import Action, Applies, Batch, PushResult
from connectors.problems import Code, SegmentRefused
from segsync.actions import books
from segsync.actions.outcomes import Outcome, Progress, WaitUntil
from segsync.actions.push.job import Job
from segsync.actions.sync_alerts import PUT_OFF
from segsync.audience.plan import AFTER, AGAIN, BatchRef, Plan
from segsync.models import Run, RunBatch, Sync
from segsync.rules.terms import Phase

PLAN_LASTS = timedelta(minutes=30)
LONGEST_WAIT = timedelta(hours=24)
"""How long anything waits for a channel to say that an earlier batch is final."""
KEPT_REFERENCES = 20


def send(job: Job) -> Outcome:
    """Sends what is left of the plan while the slice lasts."""
    with job.runtime.sessions() as session:
        plan = books.listed_plan(session, job.run, job.folder)
        done = books.acknowledgements(session, job.run).numbers | set(job.run.cursor.get(PUT_OFF, []))
    left = [batch for batch in plan.batches if batch.number not in done]
    while left and job.in_time():
        if (wait := _must_wait(job, left[0])) is not None:
            return wait
        if _is_stale(job):
            return _fold_and_read_again(job)
        _send_one(job, plan, left.pop(0))
    if not left:
        _sent(job, plan)
    return Progress()


def _sent(job: Job, plan: Plan) -> None:
    """All is sent. Removals that were refused as long as the additions were not there get a plan of their own, once in a run."""
    with job.change() as (_, run):
        once_more = run.cursor.get(PUT_OFF) and plan.rows_to_add and not run.cursor.get("once_more")
        job.enter(run, Phase.RECORDING, **({"stale": True, "once_more": True} if once_more else {}))


def _send_one(job: Job, plan: Plan, ref: BatchRef) -> None:
    if Phase(job.run.phase) is Phase.REMOVING and ref.action is Action.ADD:
        with job.change() as (_, run):
            job.enter(run, Phase.ADDING)
        job.run.phase = Phase.ADDING.value
    job.check(ref.file)
    batch = _batch(job, plan, ref)
    job.claim.keep()  # the lease must outlive the request's total deadline
    try:
        result = job.connector.push(job.token, job.account, job.audience, batch)
    except SegmentRefused as problem:
        if problem.code is not Code.REMOVAL_TOO_SMALL:
            raise
        _put_off(job, ref, problem)
        return
    acknowledge(job, ref, result)


def _batch(job: Job, plan: Plan, ref: BatchRef) -> Batch:
    """The batch as the connector takes it. Every slice opens upload sessions of its own, one for each action."""
    columns = job.shape.key_columns if ref.action is Action.REMOVE else job.shape.columns
    session = job.sessions_of_upload.setdefault(ref.action.value, [secrets.randbits(62) + 1, 0])
    session[1] += 1
    last = max(batch.number for batch in plan.batches if batch.action is ref.action)
    return Batch(
        action=ref.action,
        rows=ref.read(columns),
        number=session[1],
        last=ref.number == last,
        session=session[0],
        estimated_total=plan.rows_to_remove if ref.action is Action.REMOVE else plan.rows_to_add,
        kind=job.kind,
    )


def acknowledge(job: Job, ref: BatchRef, result: PushResult) -> None:
    """Writes down the channel's answer. True whatever became of the claim meanwhile: the batch was sent."""
    refused = [{"code": r.code, "count": r.count, "rows": list(r.rows), "raw": r.raw} for r in result.refused]
    with job.runtime.sessions.begin() as session:
        if refused and ref.action is Action.REMOVE:
            sync = session.get_one(Sync, job.sync.id, with_for_update={"key_share": True})
            sync.removals_due += sum(reason.count for reason in result.refused)
        run = session.get_one(Run, job.run.id, with_for_update=True)
        written = session.execute(
            insert(RunBatch)
            .values(
                run_id=job.run.id,
                number=ref.number,
                action=ref.action.value,
                rows=ref.rows,
                accepted=result.accepted,
                refused=refused,
                receipt=result.receipt,
                reference=result.reference,
                acked_at=job.now,
                next_poll=job.now + job.poll_after if result.receipt else None,
            )
            .on_conflict_do_nothing()
            .returning(RunBatch.number)
        ).one_or_none()
        if written is not None:
            _count(run, ref, result)


def _count(run: Run, ref: BatchRef, result: PushResult) -> None:
    run.tries = 0
    run.batches_done += 1
    run.rows_done += ref.rows
    run.requests += result.requests
    if ref.action is Action.REMOVE:
        run.rows_removed += result.accepted
    else:
        run.rows_added += result.accepted
    totals = dict(run.refused)
    for reason in result.refused:
        totals[reason.code] = totals.get(reason.code, 0) + reason.count
    run.refused = totals
    if result.reference:
        run.references = [*run.references, result.reference][-KEPT_REFERENCES:]


def _put_off(job: Job, ref: BatchRef, problem: SegmentRefused) -> None:
    """A removal that the channel refuses stays due: its rows stay unsure, and the next run removes them first."""
    with job.change() as (session, run):
        run.cursor = {**run.cursor, PUT_OFF: [*run.cursor.get(PUT_OFF, []), ref.number]}
        run.references = [*run.references, problem.reference][-KEPT_REFERENCES:]
        sync = session.get_one(Sync, run.sync_id)
        sync.removals_due += ref.rows


# -- waiting ---------------------------------------------------------------------------------------------------


def _is_stale(job: Job) -> bool:
    planned = datetime.fromisoformat(job.run.cursor["planned_at"])
    return job.now - planned > PLAN_LASTS


def _fold_and_read_again(job: Job) -> Outcome:
    with job.change() as (_, run):
        job.enter(run, Phase.RECORDING, stale=True)
    return Progress()


def _must_wait(job: Job, ref: BatchRef) -> WaitUntil | None:
    """Where a channel applies batches later, in an order of its own, what depends on an earlier batch waits until that is final.

    A removal waits for the additions of earlier plans. An addition waits for the removals of earlier plans, which may be of
    somebody who came back; one that repeats what a removal touches waits for those of its own plan too.
    """
    if job.capabilities.applies is Applies.AT_ONCE:
        return None
    if ref.action is Action.REMOVE:
        return _until_final(job, Action.ADD, of_earlier_plans=True)
    return _until_final(job, Action.REMOVE, of_earlier_plans=ref.section not in {AFTER, AGAIN})


def _until_final(job: Job, action: Action, *, of_earlier_plans: bool) -> WaitUntil | None:
    with job.runtime.sessions() as session:
        polls = _open_polls(session, job, action, of_earlier_plans=of_earlier_plans)
    if not polls:
        return None
    return WaitUntil(max(min(polls), job.now + timedelta(seconds=1)), "channel")


def _open_polls(session: Session, job: Job, action: Action, *, of_earlier_plans: bool) -> Sequence[datetime]:
    """When the batches are asked about next whose result is not final yet."""
    query = (
        select(RunBatch.next_poll)
        .join(Run, Run.id == RunBatch.run_id)
        .where(
            Run.sync_id == job.sync.id,
            RunBatch.action == action.value,
            RunBatch.next_poll.is_not(None),
            RunBatch.acked_at > job.now - LONGEST_WAIT,
        )
    )
    if of_earlier_plans:
        first = int(job.run.cursor["first_batch"])
        query = query.where(or_(RunBatch.run_id != job.run.id, RunBatch.number < first))
    return [poll for poll in session.scalars(query) if poll is not None]
