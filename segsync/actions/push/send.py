"""Sending: the batches of the recorded plan, removals first, each acknowledged in the database before its sender takes the next.

Whoever holds the run sends; others help. Only the holder ends the phase, waits, and meets problems in the run's name.
"""

from __future__ import annotations

import secrets
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any, cast

from sqlalchemy import BigInteger, Table, Update, bindparam, or_, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from connectors.contract import Action, Applies, Batch, PushResult
from connectors.problems import Code, SegmentRefused
from segsync.actions import books
from segsync.actions.claims import Claim, Help
from segsync.actions.outcomes import InOtherHands, Outcome, Progress, WaitUntil
from segsync.actions.push import taking
from segsync.actions.push.job import Job
from segsync.actions.push.taking import Taken
from segsync.actions.sync_alerts import PUT_OFF
from segsync.audience.plan import AFTER, AGAIN, RENEWED, BatchRef, Plan
from segsync.models import Run, RunBatch, Sync
from segsync.queue import Name
from segsync.rules.terms import Phase

PLAN_LASTS = timedelta(minutes=30)
LONGEST_WAIT = timedelta(hours=24)
"""How long anything waits for a channel to say that an earlier batch is final."""
KEPT_REFERENCES = 20
WORTH_HELP = 3
"""Batches that are left, from which on others are called: fewer are sent before they have come."""


def send(job: Job) -> Outcome:
    """Sends what is left of the plan while the slice lasts."""
    with job.runtime.sessions() as session:
        plan = books.listed_plan(session, job.run, job.folder)
    taken = None
    while taken or job.in_time():
        taken = taken or taking.take(job, plan)  # the lease that this gives must outlive the request's total deadline
        if taken.ref is None:
            return InOtherHands() if taken.left else _sent(job, plan)
        if instead := _must_wait(job, taken.ref) or _is_stale(job):
            taking.give_back(job, taken.ref)
            return instead if isinstance(instead, WaitUntil) else _fold_and_read_again(job)
        _call_for_help(job, taken)
        with taking.held(job, taken.ref):
            taken = _send_one(job, plan, taken.ref)
    return Progress()


def help_send(job: Job) -> bool:
    """The same beside whoever holds the run, as long as nobody else needs this worker. Whether more is left to help with."""
    with job.runtime.sessions() as session:
        plan = books.listed_plan(session, job.run, job.folder)
    taken = None
    while taken or job.in_time():
        if taken is None and job.runtime.queue.waiting(Name.RUNS):
            return False
        taken = taken or taking.take(job, plan, senders=job.runtime.settings.senders)
        if taken.ref is None:
            return False
        if _must_wait(job, taken.ref) or _is_stale(job):
            taking.give_back(job, taken.ref)
            return False
        _call_for_help(job, taken)
        with taking.held(job, taken.ref):
            taken = _send_one(job, plan, taken.ref)
    return True


def _call_for_help(job: Job, taken: Taken) -> None:
    """One more sender for what is left. Each that comes calls the next."""
    if taken.left - taken.senders >= WORTH_HELP and taken.senders + 1 < job.runtime.settings.senders:
        job.runtime.queue.wake_help(job.run.id)


def _sent(job: Job, plan: Plan) -> Outcome:
    """All is sent. Removals that were refused as long as the additions were not there get a plan of their own, once in a run."""
    with job.change() as (_, run):
        once_more = run.cursor.get(PUT_OFF) and plan.rows_to_add and not run.cursor.get("once_more")
        job.enter(run, Phase.RECORDING, **({"stale": True, "once_more": True} if once_more else {}))
    return Progress()


def _send_one(job: Job, plan: Plan, ref: BatchRef) -> Taken | None:
    """Sends a batch. What was taken with its acknowledgement, where there is time for more."""
    if Phase(job.run.phase) is Phase.REMOVING and ref.action is Action.ADD:
        with job.change() as (_, run):
            if run.phase == Phase.REMOVING:
                job.enter(run, Phase.ADDING)
        job.run.phase = Phase.ADDING.value
    job.check(ref.file)
    batch = _batch(job, plan, ref)
    try:
        result = job.connector.push(job.token, job.account, job.audience, batch)
    except SegmentRefused as problem:
        if problem.code is not Code.REMOVAL_TOO_SMALL or job.helps:
            raise
        _put_off(job, ref, problem)
        return None
    return acknowledge(job, ref, result, plan)


def _batch(job: Job, plan: Plan, ref: BatchRef) -> Batch:
    """The batch as the connector takes it. Every plan opens upload sessions of its own in every slice, one for each action."""
    columns = job.shape.key_columns if ref.action is Action.REMOVE else job.shape.columns
    # a session is closed by the last batch of a plan: what came after it, of a plan made anew, would be thrown away
    session = job.sessions_of_upload.setdefault(f"{ref.action.value} {plan.first}", [secrets.randbits(62) + 1, 0])
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


def acknowledge(job: Job, ref: BatchRef, result: PushResult, plan: Plan) -> Taken | None:
    """Writes down the channel's answer, and takes the next batch in the same transaction, where there is time for one.

    True whatever became of the claim meanwhile: the batch was sent. Where the database fails, it is sent again, which does no harm.
    """
    batch = {
        "run_id": job.run.id,
        "number": ref.number,
        "action": ref.action.value,
        "rows": ref.rows,
        "accepted": result.accepted,
        "refused": [{"code": r.code, "count": r.count, "rows": list(r.rows), "raw": r.raw} for r in result.refused],
        "receipt": result.receipt,
        "reference": result.reference,
        "acked_at": job.now,
        "next_poll": job.now + job.poll_after if result.receipt else None,
    }
    more = job.in_time() and not (job.helps and job.runtime.queue.waiting(Name.RUNS))
    with job.runtime.sessions.begin() as session:
        removal_refused = bool(result.refused) and ref.action is Action.REMOVE
        if removal_refused:
            sync = session.get_one(Sync, job.sync.id, with_for_update={"key_share": True})
        before = session.execute(_BEFORE, {"run_id": job.run.id}).one()
        # else somebody sent it too, and was answered first
        first = session.execute(_WRITE, batch).one_or_none() is not None
        taking.done_with(session, job.run.id, ref.number, job.claim)
        if first and removal_refused:
            sync.removals_due += sum(reason.count for reason in result.refused)
        counted = _counted(ref, result if first else None, before.refused, before.references)
        if not session.execute(_counting(job.claim), counted).scalar_one() or not more:
            return None  # whoever asks for the next meets a lost claim: what was sent is written down first
        return taking.pick(session, job, plan, senders=job.runtime.settings.senders if job.helps else None)


_RUN, _BATCH = cast("Table", Run.__table__), cast("Table", RunBatch.__table__)
_BEFORE = select(_RUN.c.refused, _RUN.c.references).where(_RUN.c.id == bindparam("run_id")).with_for_update()
_WRITE = insert(_BATCH).on_conflict_do_nothing().returning(_BATCH.c.number)
_COUNTS = ("batches_done", "rows_done", "requests", "rows_removed", "rows_added", "renewed_members")


@lru_cache(maxsize=4)
def _counting(claim: Claim | Help) -> Update:
    """The statement that counts an answer where it stands, and answers whether the run is ours. To load the run takes as long as all else.

    One for every batch: to put it together takes as long as to carry it out. And one update: a second one of a row in a transaction
    looks at, and waits for, whatever the row names.
    """
    values: dict[Any, Any] = {name: _RUN.c[name] + bindparam(f"more_{name}", type_=BigInteger) for name in _COUNTS}
    values |= {name: bindparam(f"new_{name}", type_=_RUN.c[name].type) for name in ("refused", "references")}
    changed = update(_RUN).where(_RUN.c.id == claim.run_id).values(values | {"tries": 0}).values(claim.kept)
    return changed.returning(claim.ours)


def _counted(
    ref: BatchRef, result: PushResult | None, refused: Mapping[str, int], references: Sequence[str]
) -> dict[str, Any]:
    """What an answer adds to the run; nothing where it was counted before."""
    more = dict.fromkeys(_COUNTS, 0)
    totals = Counter(refused)
    if result is not None:
        more |= {"batches_done": 1, "rows_done": ref.rows, "requests": result.requests}
        more["rows_removed" if ref.action is Action.REMOVE else "rows_added"] = result.accepted
        more["renewed_members"] = result.accepted if ref.section == RENEWED else 0
        references = [*references, *([result.reference] if result.reference else [])][-KEPT_REFERENCES:]
        for reason in result.refused:
            totals[reason.code] += reason.count
    counts = {f"more_{name}": number for name, number in more.items()}
    return counts | {"new_refused": dict(totals), "new_references": references}


def _put_off(job: Job, ref: BatchRef, problem: SegmentRefused) -> None:
    """A removal that the channel refuses stays due: its rows stay unsure, and the next run removes them first."""
    with job.change() as (session, run):
        run.cursor = {**run.cursor, PUT_OFF: [*run.cursor.get(PUT_OFF, []), ref.number]}
        run.references = [*run.references, problem.reference][-KEPT_REFERENCES:]
        taking.done_with(session, run.id, ref.number, job.claim)
        sync = session.get_one(Sync, run.sync_id)
        sync.removals_due += ref.rows


# -- waiting ---------------------------------------------------------------------------------------------------


def _is_stale(job: Job) -> bool:
    planned = datetime.fromisoformat(job.run.cursor["planned_at"])
    return job.now - planned > PLAN_LASTS


def _fold_and_read_again(job: Job) -> Outcome:
    with job.change() as (session, run):
        if taking.helped_for(session, run.id) is not None:
            return InOtherHands()  # what is under way is of this plan, and must not be carried out after the next one
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
