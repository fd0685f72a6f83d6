"""Batches of the recorded plan are taken before they are sent, each by one sender, by any worker on any machine.

No addition is given out before the last removal is answered. A batch whose sender died is given out again after its lease.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import Interval, bindparam, text
from sqlalchemy.orm import Session

from connectors.contract import Action
from connectors.problems import ConnectorProblem
from segsync.actions.claims import Claim, Help
from segsync.actions.push.job import Job
from segsync.actions.sync_alerts import PUT_OFF
from segsync.audience.files import FileUnreadable
from segsync.audience.plan import BatchRef, Plan

_LIVE = """
    (t.lease_until > clock_timestamp() or (t.fence = r.fence and r.lease_until > clock_timestamp()))
"""
_OPEN = text(f"""
    with r as (select * from run where id = :run_id),
    taken as (select t.number, t.sender from batch_taken t, r where t.run_id = :run_id and {_LIVE}),
    open as (
        select number from generate_series(cast(:low as bigint), cast(:high as bigint)) as numbers(number)
        where not exists (select 1 from run_batch b where b.run_id = :run_id and b.number = numbers.number)
          and number not in (select cast(jsonb_array_elements_text(cursor -> :put_off) as bigint) from r)
    )
    select count(*) as left_over, min(number) filter (where number not in (select number from taken)) as free,
           (select count(*) from taken) as senders
    from open
""")
_TAKE = text("""
    insert into batch_taken (run_id, number, sender, fence, lease_until)
    values (:run_id, :number, :sender, :fence, case when cast(:fence as bigint) is null then clock_timestamp() + :lease end)
    on conflict (run_id, number) do update
    set sender = excluded.sender, fence = excluded.fence, lease_until = excluded.lease_until
""").bindparams(bindparam("lease", type_=Interval))
_GIVE_BACK = text("""
    delete from batch_taken where run_id = :run_id and number = :number and sender = :sender
""")
_HELPED = text("""
    select min(lease_until) - clock_timestamp() from batch_taken
    where run_id = :run_id and lease_until > clock_timestamp()
""")


@dataclass(frozen=True)
class Taken:
    """What a sender found: a batch that is its own now, or none, because `left` are in other hands or because 0 are left."""

    ref: BatchRef | None
    left: int = 0
    """Batches of the same sort that are not answered yet, this one counted."""
    senders: int = 0
    """How many were sending before."""


def take(job: Job, plan: Plan, *, senders: int | None = None) -> Taken:
    """Takes the next batch. With `senders`, only while fewer than so many send. Raises ClaimLost when nothing may be sent any more."""
    with job.runtime.sessions.begin() as session:
        job.claim.hold(session)
        return pick(session, job, plan, senders=senders)


def pick(session: Session, job: Job, plan: Plan, *, senders: int | None = None) -> Taken:
    """The same in a transaction that has the run locked and the claim lengthened."""
    for action in (Action.REMOVE, Action.ADD):
        found = _next(session, job, plan.of(action))
        if found.left:
            break
    if found.ref is None or (senders is not None and found.senders >= senders):
        return Taken(None, found.left, found.senders)
    own = {"run_id": job.run.id, "number": found.ref.number, "lease": job.claim.lease}
    session.execute(_TAKE, {**own, "sender": job.claim.sender, "fence": job.claim.fence})
    return found


def _next(session: Session, job: Job, batches: Sequence[BatchRef]) -> Taken:
    if not batches:
        return Taken(None)
    span = {"run_id": job.run.id, "low": batches[0].number, "high": batches[-1].number, "put_off": PUT_OFF}
    left, free, senders = session.execute(_OPEN, span).one()
    return Taken(None if free is None else batches[free - batches[0].number], left, senders)


@contextmanager
def held(job: Job, ref: BatchRef) -> Iterator[None]:
    """Gives a batch back where a problem keeps it from being sent. A sender that dies gives nothing back."""
    try:
        yield
    except (ConnectorProblem, FileUnreadable, OSError):
        give_back(job, ref)
        raise


def give_back(job: Job, ref: BatchRef) -> None:
    """Somebody else may have it."""
    with job.runtime.sessions.begin() as session:
        done_with(session, job.run.id, ref.number, job.claim)


def done_with(session: Session, run_id: int, number: int, claim: Claim | Help) -> None:
    """It is no longer taken by this sender, in the caller's transaction."""
    session.execute(_GIVE_BACK, {"run_id": run_id, "number": number, "sender": claim.sender})


def helped_for(session: Session, run_id: int) -> timedelta | None:
    """How long the first of the helpers that send now may still take; None where nobody helps. The caller holds the run's lock."""
    left: timedelta | None = session.scalar(_HELPED, {"run_id": run_id})
    return left
