"""A slice: a worker holds a run for some ten seconds, and puts it back. Here every problem of a run ends in a visible state."""

from __future__ import annotations

import errno
from collections.abc import Mapping
from contextlib import nullcontext
from datetime import datetime, timedelta

import structlog
from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from connectors.problems import Code, ConnectorProblem, ReconnectNeeded, TryLater
from segsync.actions import claims, runs, sync_rebuild, turns
from segsync.actions.claims import Claim, ClaimLost
from segsync.actions.moments import later
from segsync.actions.outcomes import Done, InOtherHands, Outcome, Progress, WaitUntil
from segsync.actions.push import taking
from segsync.actions.push.carrier import Push
from segsync.actions.push.tools import Tools, tools_of
from segsync.actions.trouble import Trouble, TroubleFound
from segsync.audience.files import FileUnreadable
from segsync.limiter import NotCounted, ScopeClosed
from segsync.models import Run, RunBatch
from segsync.rules import causes
from segsync.rules.terms import Phase, RunState
from segsync.runtime import Runtime

log = structlog.get_logger(__name__)

TRIES = 5
FIRST_PAUSE = timedelta(seconds=30)
LONGEST_PAUSE = timedelta(minutes=15)
LONGEST_SLOWED = timedelta(hours=24)
NOT_WRITABLE = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS, errno.EACCES, errno.EPERM})
"""What the system says of a folder that takes nothing more: full, over a quota, a file as large as it may be, read-only, not ours."""
UNTOLD: Mapping[str, timedelta] = {Code.RATE_LIMIT: timedelta(minutes=1), Code.DAILY_LIMIT: timedelta(hours=1)}
"""How long to wait where the channel does not say."""
REFUSED_SINCE = "refused_since"


def work_slice(runtime: Runtime, run_id: int, tools: Tools | None = None) -> None:
    """Works on a run until the slice's time is used up, it must wait, or it ends. Does nothing where it cannot be claimed.

    With the tools of a worker that works on several, else with its own.
    """
    lease = timedelta(seconds=runtime.settings.lease_seconds)
    claim = claims.take(runtime.sessions, run_id, lease=lease, now=runtime.clock())
    if claim is None:
        return
    try:
        with tools_of(runtime) if tools is None else nullcontext(tools) as at_hand:
            _work(runtime, claim, at_hand, runtime.stopwatch() + runtime.settings.slice_seconds)
    except ClaimLost:
        log.info("claim lost", run=run_id)
    finally:
        claim.release()


def help_slice(runtime: Runtime, run_id: int) -> None:
    """Sends batches of a run that another worker holds, until the slice's time is used up or nothing is left to help with.

    What goes wrong here is left to whoever holds the run: the batch is given back, and sent by them.
    """
    helping = claims.help_with(runtime.sessions, run_id, lease=timedelta(seconds=runtime.settings.lease_seconds))
    if helping is None:
        return
    again = False
    try:
        with tools_of(runtime) as tools:
            again = Push(runtime, helping, tools, runtime.stopwatch() + runtime.settings.slice_seconds).help()
    except ClaimLost:
        log.info("help not needed any more", run=run_id)
    except (ConnectorProblem, TroubleFound, FileUnreadable, OSError) as problem:
        log.info("help met a problem", run=run_id, problem=type(problem).__name__)
    finally:
        _helped(runtime, run_id)
    if again:
        runtime.queue.wake_help(run_id)


def _helped(runtime: Runtime, run_id: int) -> None:
    """A run that waited for its helpers goes on."""
    now = runtime.clock()
    waited = update(Run).where(
        Run.id == run_id,
        Run.finished_at.is_(None),
        Run.state == RunState.QUEUED,
        Run.phase.in_([Phase.REMOVING, Phase.ADDING]),
        Run.not_before > now,
    )
    with runtime.sessions.begin() as session:
        session.execute(waited.values(not_before=now, woken_at=None))
    turns.wake(runtime)


def _work(runtime: Runtime, claim: Claim, tools: Tools, deadline: float) -> None:
    """Until the deadline, or until the run waits or is over. Raises ClaimLost."""
    carrier = Push(runtime, claim, tools, deadline)
    began = runtime.clock()
    try:
        while runtime.stopwatch() < deadline:
            outcome = _step(carrier)
            if not isinstance(outcome, Progress):
                _settle(runtime, claim, outcome)
                return
    except ScopeClosed as closed:
        _stand_in_line(runtime, claim, closed, began)
    except ConnectorProblem as problem:
        _problem(runtime, claim, problem)
    except FileUnreadable as damage:
        _end(runtime, claim, sync_rebuild.damaged(runtime, claim.run_id, str(damage)))
    except (TroubleFound, OSError) as error:
        _end(runtime, claim, _trouble_of(error))
    else:
        _put_back(runtime, claim)


def _trouble_of(error: TroubleFound | OSError) -> Trouble:
    if isinstance(error, TroubleFound):
        return error.trouble
    if error.errno in NOT_WRITABLE:
        return Trouble("disk.full")
    raise error


def _step(carrier: Push) -> Outcome:
    """One step; a sign-in that the channel calls expired is renewed once."""
    try:
        return carrier.step()
    except ReconnectNeeded as problem:
        if problem.code is not Code.SIGNIN_EXPIRED or carrier.renewed:
            raise
        carrier.renew()
        return carrier.step()


def _settle(runtime: Runtime, claim: Claim, outcome: Done | WaitUntil | InOtherHands) -> None:
    now = runtime.clock()
    with runtime.sessions.begin() as session:
        run = claim.load(session)
        if isinstance(outcome, WaitUntil):
            _park(run, outcome, now)
            return
        if isinstance(outcome, InOtherHands):
            _leave_to_others(session, run, now)
            return
        run.scope = None
        others = runs.succeed(session, run, now=now)
    with runtime.sessions.begin() as session:
        runs.signin_works(session, claim.run_id)
    for sync_id in others:
        _start_other(runtime, sync_id)


def _leave_to_others(session: Session, run: Run, now: datetime) -> None:
    """Until the last of them is through, or the first of them must be dead; at once where all of them were through meanwhile."""
    left = taking.helped_for(session, run.id)
    run.state = RunState.QUEUED.value
    run.not_before, run.turn_at = now + (left or timedelta()), now
    run.woken_at, run.scope = None, None
    run.lease_until = None  # in the same transaction: whoever ends a moment later can wake it


def _start_other(runtime: Runtime, sync_id: int) -> None:
    """A sync that waited for the same cause, in a transaction of its own: two that end at once would wait for each other."""
    with runtime.sessions.begin() as session:
        run_id = runs.start_again(session, sync_id, now=runtime.clock())
    if run_id is not None:
        runtime.queue.wake_run(run_id)


def _park(run: Run, wait: WaitUntil, now: object, *, scope: str | None = None) -> None:
    run.state = RunState.WAITING.value
    run.cursor = {**run.cursor, "waits_for": wait.why, "waits_since": str(now)}
    run.not_before, run.woken_at, run.scope = wait.time, None, scope


def _put_back(runtime: Runtime, claim: Claim) -> None:
    """The slice is over, and the run waits for its next turn: it goes on at once where nobody waits longer."""
    now = runtime.clock()
    with runtime.sessions.begin() as session:
        run = claim.load(session)
        run.state = RunState.QUEUED.value
        run.not_before, run.turn_at = now, now
        run.woken_at, run.scope = None, None


def _stand_in_line(runtime: Runtime, claim: Claim, closed: ScopeClosed, began: datetime) -> None:
    """A limit lets nothing through: no failure, however long it lasts, unless the channel itself refuses this run for a day."""
    now = runtime.clock()
    with runtime.sessions.begin() as session:
        run = claim.load(session)
        got_through = _got_through(session, run)
        if not closed.shut:
            run.cursor = {**run.cursor, REFUSED_SINCE: None}
        if not (closed.by_channel and _refused_for(run, got_through, now) > LONGEST_SLOWED):
            pause = closed.retry_after or UNTOLD[Code.RATE_LIMIT]
            _park(run, WaitUntil(later(now, pause), closed.code.value), now, scope=closed.scope.name)
            if run.batches_done and got_through >= began:
                run.turn_at = now
            turns.close(session, closed, now)
            return
    _problem(runtime, claim, closed)


def _problem(runtime: Runtime, claim: Claim, problem: ConnectorProblem) -> None:
    """What the system can wait for is waited for; everything else ends the run."""
    trouble = Trouble(problem.code.value, problem.facts, problem.raw, problem.reference)
    log.info("run met a problem", run=claim.run_id, code=trouble.code, raw=problem.raw, reference=problem.reference)
    if not isinstance(problem, TryLater):
        _end(runtime, claim, trouble)
        return
    now = runtime.clock()
    with runtime.sessions.begin() as session:
        run = claim.load(session)
        counted = trouble.code not in causes.NOT_COUNTED
        run.tries += counted
        asked = not isinstance(problem, NotCounted)
        too_long = asked and _refused_for(run, _got_through(session, run), now) > LONGEST_SLOWED
        if run.tries < TRIES and not too_long:
            pause = UNTOLD.get(problem.code, min(FIRST_PAUSE * 2 ** max(run.tries - 1, 0), LONGEST_PAUSE))
            _park(run, WaitUntil(later(now, problem.retry_after or pause), trouble.code), now)
            return
    _end(runtime, claim, trouble)


def _got_through(session: Session, run: Run) -> datetime:
    """When the channel last took something of this run: a first upload may take days, as long as it goes on."""
    last = session.scalar(select(func.max(RunBatch.acked_at)).where(RunBatch.run_id == run.id))
    return max(filter(None, [last, run.started_at]), default=run.created_at)


def _refused_for(run: Run, got_through: datetime, now: datetime) -> timedelta:
    """How long the channel has been refusing, since it first did or last took something: a wait in our own lines is none of it."""
    noted = run.cursor.get(REFUSED_SINCE)
    since = datetime.fromisoformat(noted) if noted else now
    since = since if since >= got_through else now
    run.cursor = {**run.cursor, REFUSED_SINCE: since.isoformat()}
    return now - since


def _end(runtime: Runtime, claim: Claim, trouble: Trouble) -> None:
    with runtime.sessions.begin() as session:
        runs.fail(session, claim.load(session), trouble, now=runtime.clock())
    with runtime.sessions.begin() as session:
        runs.signin_failed(session, claim.run_id, trouble.code)


def gave_up(runtime: Runtime, run_id: int, problem: str) -> None:
    """A slice died of something unknown: counted on the run, which is tried again and fails visibly in the end."""
    now = runtime.clock()
    with runtime.sessions.begin() as session:
        run = claims.lock(session, run_id)
        if run.finished_at is not None:
            return
        run.tries += 1
        if run.tries < TRIES:
            run.state = RunState.WAITING.value
            run.not_before = now + FIRST_PAUSE * 2 ** (run.tries - 1)
            return
        runs.fail(session, run, Trouble("bug.broken", raw=problem), now=now)
