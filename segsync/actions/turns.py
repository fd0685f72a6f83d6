"""Whose turn it is: ad accounts take turns, and inside one whoever waits longest; and the lines before limits that are closed.

Only a few wake-ups are ever ahead in the queue, so that who comes next is decided late, here, from the database.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import func, select, text, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from connectors.limits import Per
from segsync.actions.moments import FARTHEST, later
from segsync.limiter import ScopeClosed
from segsync.models import AccountTurn, LimitScope, Person, Run, Sync
from segsync.queue import Name
from segsync.rules.terms import RunState
from segsync.runtime import Runtime

AHEAD: Final = 8
"""So many wake-ups of runs wait in the queue at most; twice as many as there are workers, where that is more."""
WAKE_AGAIN: Final = timedelta(seconds=15)
PATIENCE: Final = timedelta(minutes=5)
"""A run that had a slice so lately stands behind all that had none: many short runs start before long ones go on."""
FROM_A_LINE: Final = 4
"""So many of those who wait for one limit try at a time: where it lets nothing through, the others need not find out one by one."""
SHOWN: Final = 5
"""So many lines are told on the overview."""
_PLAIN: Final = {"synchronize_session": False}
_LOCK: Final = 5_374_201
"""One picks at a time: a number for PostgreSQL's advisory lock."""

# Served: had a slice lately. Whoever waits longest: since that slice, and before the first of a run since the sync was in step.
# Of a line: those lately woken and those at work count, and ad accounts take turns in it too.
_NEXT: Final = text("""
    with trying as (
        select scope, count(*) as number
        from run
        where finished_at is null and scope is not null
          and (woken_at >= :woken_before or lease_until >= clock_timestamp())
        group by scope
    ), due as (
        select run.id, run.scope, sync.channel, sync.account_id, coalesce(run.turn_at, sync.in_step_since) as since,
               coalesce(run.turn_at > :lately, false) as served
        from run
        join sync on sync.id = run.sync_id
        left join limit_scope on limit_scope.name = run.scope
        where run.finished_at is null and (run.not_before <= :now or run.not_before > :farthest)
          and (run.lease_until is null or run.lease_until < clock_timestamp())
          and (run.woken_at is null or run.woken_at < :woken_before or run.woken_at > :farthest)
          and (limit_scope.opens_at is null or limit_scope.opens_at <= :now or limit_scope.opens_at > :farthest)
    ), numbered as (
        select due.*, row_number() over (partition by served, channel, account_id order by since nulls first, id) as place,
               row_number() over (partition by scope, channel, account_id order by since nulls first, id) as of_account
        from due
    ), placed as (
        select numbered.*, row_number() over (partition by scope order by of_account, since nulls first, id) as in_line
        from numbered
    )
    select placed.id, placed.channel, placed.account_id
    from placed left join account_turn using (channel, account_id) left join trying using (scope)
    where placed.scope is null or placed.in_line <= :from_a_line - coalesce(trying.number, 0)
    order by placed.served, placed.place, account_turn.at nulls first, placed.since nulls first, placed.id
    limit :at_most
""")


def wake(runtime: Runtime) -> None:
    """Wakes workers for the runs whose turn it is, as many as the queue has room for."""
    room = max(AHEAD, 2 * runtime.settings.workers) - runtime.queue.waiting(Name.RUNS)
    if room <= 0:
        return
    with runtime.sessions.begin() as session:
        picked = pick(session, runtime.clock(), at_most=room)
    for run_id in picked:
        runtime.queue.wake_run(run_id)


def pick(session: Session, now: datetime, *, at_most: int) -> Sequence[int]:
    """Runs that are due and free, or whose worker died, in their order; marked as woken, so that they are not woken every second."""
    session.execute(select(func.pg_advisory_xact_lock(_LOCK)))
    limits = {
        "now": now,
        "farthest": now + FARTHEST,
        "lately": now - PATIENCE,
        "woken_before": now - WAKE_AGAIN,
        "from_a_line": FROM_A_LINE,
        "at_most": at_most,
    }
    rows = session.execute(_NEXT, limits).all()
    # one that somebody holds just now is looked at again in a second: waiting for it could be waiting in a circle
    held = select(Run.id).where(Run.id.in_([row.id for row in rows])).with_for_update(skip_locked=True)
    free = set(session.scalars(held)) if rows else set()
    rows = [row for row in rows if row.id in free]
    if rows:
        session.execute(update(Run).where(Run.id.in_(free)).values(woken_at=now), execution_options=_PLAIN)
        _note_turns(session, {(row.channel, row.account_id) for row in rows}, now)
    return [row.id for row in rows]


def _note_turns(session: Session, accounts: set[tuple[str, str]], now: datetime) -> None:
    turn = insert(AccountTurn).values([{"channel": c, "account_id": a, "at": now} for c, a in accounts])
    session.execute(turn.on_conflict_do_update(index_elements=["channel", "account_id"], set_={"at": turn.excluded.at}))


def close(session: Session, closed: ScopeClosed, now: datetime) -> None:
    """Writes down until when the channel lets nothing through: nobody in the line is woken before.

    A wait by our own count is the run's own: what is less urgent must not hold back removals in the same line.
    """
    scope = closed.scope
    shut_for = closed.retry_after if closed.shut else None
    row = insert(LimitScope).values(
        name=scope.name,
        channel=scope.channel,
        per=scope.limit.per.value,
        code=closed.code.value,
        opens_at=later(now, shut_for or timedelta(0)),
    )
    latest = func.greatest(LimitScope.opens_at, row.excluded.opens_at)
    changed = {"opens_at": latest, "code": row.excluded.code}
    session.execute(row.on_conflict_do_update(index_elements=["name"], set_=changed))


# -- for pages -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Line:
    """Syncs of an organization that wait for the same limit of a channel."""

    scope: str
    channel: str
    per: Per
    code: str
    opens_at: datetime
    waiting: int
    account_name: str
    owner_name: str


def lines(session: Session, organization_id: int, *, scope: str = "") -> Sequence[Line]:
    """The limits that syncs of an organization wait for, the longest lines first; or one of them. One query."""
    query = (
        select(
            LimitScope.name,
            LimitScope.channel,
            LimitScope.per,
            LimitScope.code,
            func.greatest(LimitScope.opens_at, func.min(Run.not_before)),
            func.count(Run.id),
            func.min(Sync.account_name),
            func.min(Person.name),
        )
        .join(Run, Run.scope == LimitScope.name)
        .join(Sync, Sync.id == Run.sync_id)
        .join(Person, Person.id == Sync.owner_id)
        .where(Run.organization_id == organization_id, Run.finished_at.is_(None))
        .where(Run.state == RunState.WAITING.value)
        .group_by(LimitScope.name)
        .order_by(func.count(Run.id).desc(), LimitScope.name)
        .limit(SHOWN)
    )
    found = session.execute(query.where(LimitScope.name == scope) if scope else query)
    return [Line(r[0], r[1], Per(r[2]), r[3], r[4], r[5], r[6], r[7]) for r in found]
