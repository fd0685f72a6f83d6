"""After a run: later results of its batches, and what the channel makes of the audience."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import select, tuple_, update
from sqlalchemy.orm import Session

from connectors.contract import AccountRef, Action, AudienceRef, AudienceState, Refused, Settlement, State
from connectors.problems import Code, ConnectorProblem
from segsync.actions import alerts, books, moments, news, sync_alerts, tokens
from segsync.actions.trouble import Trouble
from segsync.limiter import NotCounted, ScopeClosed
from segsync.models import Run, RunBatch, Sync
from segsync.rules.terms import RunState, Status
from segsync.runtime import Runtime

GIVE_UP_AFTER = timedelta(hours=48)
LONGEST_PAUSE = timedelta(hours=6)
AT_A_TIME = 50
"""So many results in one chore: each may be a request."""
WORRYING = {
    State.GONE: Code.AUDIENCE_GONE,
    State.EXPIRED: Code.AUDIENCE_EXPIRED,
    State.CLOSED: Code.AUDIENCE_CLOSED,
    State.FLAGGED: Code.AUDIENCE_FLAGGED,
    State.TOO_SMALL: Code.AUDIENCE_TOO_SMALL,
}
"""States that somebody has to act on."""
SOON = {State.NOT_KNOWN, State.BUILDING, State.UPDATING}
DAY = timedelta(hours=24)


def settle(runtime: Runtime, sync_id: int) -> None:
    """Asks the channel for the results of earlier batches that are due. A problem leaves them for later."""
    with runtime.sessions() as session:
        sync = session.get_one(Sync, sync_id)
        due = _due(session, sync_id, runtime)
    if not due:
        return
    account = AccountRef(sync.account_id, sync.account_via)
    try:
        token = tokens.access(runtime, sync.integration_id)
        results = runtime.connector(sync.channel).settle(token, account, [batch.receipt for batch in due])
    except (ScopeClosed, NotCounted) as later:
        _ask_later(runtime, due, moments.later(runtime.clock(), later.retry_after or DAY))
        return
    except ConnectorProblem:
        results = [Settlement(batch.receipt, final=False) for batch in due]
    with runtime.sessions.begin() as session:
        _write_all(session, runtime, sync_id, list(zip(due, results, strict=False)))  # who got no answer stays due


def _ask_later(runtime: Runtime, due: Sequence[RunBatch], when: datetime) -> None:
    """The channel was not asked, because its limit is used up: it counts as no look."""
    asked = tuple_(RunBatch.run_id, RunBatch.number).in_([(batch.run_id, batch.number) for batch in due])
    with runtime.sessions.begin() as session:
        session.execute(update(RunBatch).where(asked, RunBatch.next_poll.is_not(None)).values(next_poll=when))


def _write_all(session: Session, runtime: Runtime, sync_id: int, told: Sequence[tuple[RunBatch, Settlement]]) -> None:
    sync = session.get_one(Sync, sync_id, with_for_update={"key_share": True})
    refused: set[int] = set()
    for asked, result in told:
        batch = session.get_one(RunBatch, (asked.run_id, asked.number), with_for_update=True)
        if batch.polls == asked.polls and _write(session, runtime, sync, batch, result):
            refused.add(batch.run_id)
    session.flush()
    _tell_refused(session, runtime, sync, refused)


def _due(session: Session, sync_id: int, runtime: Runtime) -> Sequence[RunBatch]:
    return session.scalars(
        select(RunBatch)
        .join(Run, Run.id == RunBatch.run_id)
        .where(Run.sync_id == sync_id, moments.come(RunBatch.next_poll, runtime.clock()))
        .order_by(RunBatch.run_id, RunBatch.number)
        .limit(AT_A_TIME)
    ).all()


def _write(session: Session, runtime: Runtime, sync: Sync, batch: RunBatch, result: Settlement) -> bool:
    """Writes down a later result; whether rows were refused. What is told before the plan is folded is harmless to say twice."""
    now = runtime.clock()
    batch.polls += 1
    if not result.final and now - batch.acked_at <= GIVE_UP_AFTER:
        # as long again as it has taken so far
        batch.next_poll = now + min(max(now - batch.acked_at, timedelta(seconds=1)), LONGEST_PAUSE)
        return False
    batch.final_at, batch.next_poll = now, None
    batch.match_rate = result.match_rate or batch.match_rate
    refused = result.refused if result.final else _not_known(batch)
    news = [{"code": r.code, "count": r.count, "rows": list(r.rows), "raw": r.raw, books.LATE: True} for r in refused]
    batch.refused = [*batch.refused, *news]
    if batch.action == Action.REMOVE:
        sync.removals_due += sum(reason.count for reason in refused)
    run = session.get_one(Run, batch.run_id, with_for_update=True)
    totals = dict(run.refused)
    for reason in result.refused:
        totals[reason.code] = totals.get(reason.code, 0) + reason.count
    run.refused = totals
    return bool(result.refused)


def _not_known(batch: RunBatch) -> Sequence[Refused]:
    """The channel never said what became of a batch: a removal is done again, which does no harm."""
    return [Refused(Code.TIMEOUT.value, batch.rows)] if batch.action == Action.REMOVE else []


def _tell_refused(session: Session, runtime: Runtime, sync: Sync, run_ids: set[int]) -> None:
    """A run that ended well turns into "partly refused" when the channel says so later."""
    if not run_ids or sync.deleted_at is not None or sync.status == Status.INACTIVE:
        return
    run = session.get_one(Run, max(run_ids))
    if run.state == RunState.DONE:
        sync_alerts.partly_refused(session, sync, run, now=runtime.clock())


def look(runtime: Runtime, sync_id: int) -> None:
    """Asks the channel what it makes of the audience. Kept beside our own status."""
    with runtime.sessions() as session:
        sync = session.get_one(Sync, sync_id)
    if sync.audience_id is None or sync.deleted_at is not None:
        return
    try:
        token = tokens.access(runtime, sync.integration_id)
        state = runtime.connector(sync.channel).audience_state(
            token,
            AccountRef(sync.account_id, sync.account_via),
            AudienceRef(sync.audience_id, sync.audience_name or ""),
        )
    except ConnectorProblem as problem:
        # the run meets the same problem and says so; here only the age of what we know grows
        with runtime.sessions.begin() as session:
            pause = problem.retry_after or LONGEST_PAUSE
            session.get_one(Sync, sync_id).audience_next_poll = moments.later(runtime.clock(), pause)
        return
    with runtime.sessions.begin() as session:
        store_state(session, runtime, session.get_one(Sync, sync_id, with_for_update=True), state)


def store_state(session: Session, runtime: Runtime, sync: Sync, state: AudienceState) -> None:
    """Writes down the channel's word with its age, and opens or closes the alert that goes with it."""
    now = runtime.clock()
    sync.audience_state, sync.audience_raw = state.state.value, state.raw
    sync.audience_figures = [{"label": f.label, "text": f.text, "low": f.low, "high": f.high} for f in state.figures]
    sync.audience_match_rate = state.match_rate
    sync.audience_name = state.name or sync.audience_name
    sync.audience_seen_at = now
    sync.audience_next_poll = now + _pause(runtime, sync, state.state)
    if _says_something(sync, state.state):
        news.heard(sync, state.state, now=now)
    told = worry_of(state) if _says_something(sync, state.state) else None
    for code in {*WORRYING.values(), Code.AUDIENCE_FAILED}:
        cause = sync_alerts.cause_of(sync, Trouble(code.value, raw=state.raw), lasting=True)
        if code == told:
            alerts.open_alert(session, sync.organization_id, cause, now=now, sync_ids=[sync.id])
        elif sync.problem_code != code.value:
            alerts.close_cause(session, sync.organization_id, cause.key, now=now)


def worry_of(state: AudienceState) -> str | None:
    """What somebody has to act on: the channel's own reason where it gives one, else what the state stands for."""
    if state.state not in WORRYING:
        return None
    return state.reason.code if state.reason else WORRYING[state.state].value


def _says_something(sync: Sync, state: State) -> bool:
    """That an audience is too small says something once it was filled, and has an alert of its own where nobody is in it."""
    return sync.status != Status.INACTIVE and (state is not State.TOO_SMALL or sync.members_held > 0)


def _pause(runtime: Runtime, sync: Sync, state: State) -> timedelta:
    seconds = runtime.application(sync.channel).options.get("poll_seconds")
    if seconds:
        return timedelta(seconds=float(seconds) * (2 if state in SOON else 30))
    return timedelta(hours=1) if state in SOON else DAY
