"""Fairness: whose turn it is, on a clock that the test moves, with slices that take a known time."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import pytest
import rq
from rq.job import Job
from rq.serializers import JSONSerializer
from sqlalchemy import update

from connectors.google import limits as google
from connectors.limits import Call, with_options
from segsync.actions import claims, runs, slices, turns
from segsync.actions.outcomes import WaitUntil
from segsync.limiter import Limiter, Request, ScopeClosed
from segsync.models import LimitScope, Run, RunBatch, Sync
from segsync.queue import Name
from segsync.rules.pace import Caller, urgency
from segsync.rules.terms import Why
from tests.builders import (
    NOW,
    make_integration,
    make_organization,
    make_person,
    make_segment,
    make_sync,
    make_workspace,
)
from tests.passing import pass_time

HUGE, SMALL = timedelta(seconds=10), timedelta(seconds=5)
"""How long a slice takes: a huge run uses all of it, a small one is over sooner."""
LIMITS = with_options(google.LIMITS, {"limit_ingest_writes_a_minute": "30"})
STEP = 5
"""Nothing happens between two of these."""


@dataclass
class Workers:
    """Two workers and the scheduler, a step at a time. Runs of `huge` are never over; all others are after one slice."""

    runtime: Any
    clock: Any
    huge: set[int] = field(default_factory=set)
    first: dict[int, datetime] = field(default_factory=dict)
    slices: list[int] = field(default_factory=list)
    busy: list[tuple[datetime, Callable[[], None]]] = field(default_factory=list)

    def go_on(self, **lasting: float) -> None:
        end = self.clock() + timedelta(**lasting)
        while self.clock() < end:
            turns.wake(self.runtime)
            self._end_slices()
            while len(self.busy) < 2 and self._begin():
                pass
            self._let_pass(STEP)

    def _let_pass(self, seconds: float) -> None:
        self.clock.forward(seconds=seconds)

    def _end_slices(self) -> None:
        over = [finish for at, finish in self.busy if at <= self.clock()]
        self.busy = [one for one in self.busy if one[0] > self.clock()]
        for finish in over:
            finish()
            turns.wake(self.runtime)

    def _begin(self) -> bool:
        """A worker takes the next wake-up. False where there is none."""
        client = self.runtime.queue.client
        queue = rq.Queue(Name.RUNS, connection=client, serializer=JSONSerializer)
        if not queue.count:
            return False
        job_id = queue.pop_job_id()
        run_id = int(Job.fetch(job_id, connection=client, serializer=JSONSerializer).args[0])
        self.runtime.queue.begun(Name.RUNS, run_id)
        claim = claims.take(self.runtime.sessions, run_id, lease=timedelta(minutes=10), now=self.clock())
        if claim is not None:
            self.first.setdefault(run_id, self.clock())
            self.slices.append(run_id)
            lasts, finish = self._slice(claim)
            self.busy.append((self.clock() + lasts, finish))
        return True

    def _slice(self, claim: claims.Claim) -> tuple[timedelta, Callable[[], None]]:
        """How long it takes, and how it ends."""
        return HUGE if claim.run_id in self.huge else SMALL, lambda: self._finish(claim)

    def _finish(self, claim: claims.Claim) -> None:
        if claim.run_id in self.huge:
            slices._put_back(self.runtime, claim)
        else:
            over = update(Run).where(Run.id == claim.run_id).values(state="done", finished_at=self.clock(), scope=None)
            with self.runtime.sessions.begin() as session:
                session.execute(over)
        claim.release()


@dataclass
class Sending(Workers):
    """Each slice is calls to Google, a fifth of a second each, that the limiter counts before: a huge run only adds."""

    calls: dict[int, list[Call]] = field(default_factory=dict)
    added: dict[int, datetime] = field(default_factory=dict)
    waited: set[int] = field(default_factory=set)

    def _let_pass(self, seconds: float) -> None:
        self.clock.forward(seconds=seconds)
        pass_time(self.runtime.queue.client, seconds)

    def _slice(self, claim: claims.Claim) -> tuple[timedelta, Callable[[], None]]:
        small = [Call.CHECK, Call.FIND, Call.CREATE, Call.ADD]
        left = [Call.ADD] * 50 if claim.run_id in self.huge else self.calls.setdefault(claim.run_id, small)
        limiter, number, began = Limiter(self.runtime.queue.client), len(left), self.clock()
        try:
            while left:
                caller = Caller("google", "app", "ada", "act-1")
                limiter.take(LIMITS, Request(left[0], caller, urgency(left[0], asked=False)))
                if left.pop(0) is Call.ADD:
                    self.added[claim.run_id] = began
        except ScopeClosed as closed:
            self.waited.add(claim.run_id)
            return self._lasted(number - len(left)), lambda told=closed: self._wait(claim, told, began)
        return self._lasted(number), lambda: self._finish(claim)

    def _lasted(self, calls: int) -> timedelta:
        return max(timedelta(seconds=STEP), calls * timedelta(seconds=0.2))

    def _wait(self, claim: claims.Claim, closed: ScopeClosed, began: datetime) -> None:
        with self.runtime.sessions.begin() as session:
            if self.added.get(claim.run_id) == began:  # a batch was acknowledged in this slice
                batch = {"action": "add", "rows": 1, "accepted": 1, "acked_at": began}
                session.merge(RunBatch(run_id=claim.run_id, number=1, **batch))
                claim.load(session).batches_done += 1
        slices._stand_in_line(self.runtime, claim, closed, began)
        claim.release()


@pytest.fixture
def workers(runtime, clock) -> Workers:
    return Workers(runtime, clock)


@pytest.fixture
def make(runtime, session):
    """Makes due runs of an ad account: so many, of syncs that have been in step until six hours ago."""
    organization = make_organization(session)
    workspace = make_workspace(session, organization)
    ada = make_person(session, organization, "Ada", workspaces=(workspace,))
    signin = make_integration(session, ada, access_sealed=runtime.vault.seal("token"))

    def made(account: str, number: int) -> list[Run]:
        syncs = []
        for _ in range(number):
            segment = make_segment(session, workspace, f"{account} {len(session.identity_map)}", ada)
            six_hours_ago = NOW - timedelta(hours=6)
            syncs.append(make_sync(session, segment, signin, account_id=account, in_step_since=six_hours_ago))
        session.commit()
        with runtime.sessions.begin() as starting:
            found = [starting.get_one(Sync, sync.id) for sync in syncs]
            return [runs.start(starting, sync, Why.NOW, by=None, now=runtime.clock()) for sync in found]

    return made


def accounts_of(runtime, run_ids: list[int]) -> list[str]:
    with runtime.sessions() as session:
        return [session.get_one(Sync, session.get_one(Run, one).sync_id).account_id for one in run_ids]


@pytest.mark.parametrize(
    ("huge", "small"),
    [
        ([("act-1", 20)], [("act-1", 50)]),
        ([(f"huge-{number}", 1) for number in range(20)], [("act-1", 25), ("act-2", 25)]),
    ],
    ids=["many huge runs", "few ad accounts for all small ones"],
)
def test_fifty_small_syncs_start_within_five_minutes_beside_huge_runs(workers, clock, make, huge, small):
    """During a run of 5,000,000 members, 50 small syncs due on the same channel all start within 5 minutes (fairness)."""
    workers.huge = {run.id for account, number in huge for run in make(account, number)}
    workers.go_on(minutes=2)
    due = clock()
    runs = [run.id for account, number in small for run in make(account, number)]
    workers.go_on(minutes=5)
    assert {run_id for run_id in runs if run_id not in workers.first} == set()
    assert max(workers.first[run_id] for run_id in runs) - due < timedelta(minutes=5)
    before = len(workers.slices)
    workers.go_on(seconds=30)
    assert set(workers.slices[before:]) <= workers.huge
    assert len(workers.slices) > before


def test_fifty_small_syncs_start_within_five_minutes_although_huge_runs_use_up_the_limit(runtime, clock, make):
    """Runs of 5,000,000 members take all that Google gives, be it little; 50 small syncs due there have sent within 5 minutes (fairness)."""
    workers = Sending(runtime, clock)
    workers.huge = {run.id for run in make("act-1", 8)}
    workers.go_on(minutes=2)
    (scope,) = runtime.queue.client.keys("segsync:rate:google:ingest_writes_a_minute:*")
    used = sum(float(number) for number in runtime.queue.client.hget(scope, "used").split()[2::3])
    small = {run.id for run in make("act-1", 50)}
    workers.go_on(minutes=5)
    assert used >= 24
    assert small & workers.waited
    assert small - set(workers.added) == set()


def test_a_closed_limit_holds_up_nobody_else(workers, runtime, clock, make):
    """Twenty syncs that wait for a limit take no worker's time from those that need not wait (fairness)."""
    waiting = [run.id for run in make("act-closed", 20)]
    with runtime.sessions.begin() as session:
        name = "meta:score:account:act-closed"
        opens = clock() + timedelta(hours=1)
        session.add(LimitScope(name=name, channel="meta", per="account", code="wait.rate_limit", opens_at=opens))
        for run_id in waiting:
            session.get_one(Run, run_id).scope = name
    workers.huge = {run.id for run in make("act-1", 1)}
    small = [run.id for run in make("act-2", 50)]
    workers.go_on(minutes=5)
    assert set(small) <= set(workers.first)
    assert not set(waiting) & set(workers.first)


def test_ad_accounts_take_turns(workers, runtime, make):
    """An ad account with forty syncs gets as many slices as one with three, while both have some waiting (fairness)."""
    make("act-many", 40)
    workers.go_on(seconds=60)
    make("act-few", 3)
    done = len(workers.slices)
    workers.go_on(seconds=60)
    next_ones = accounts_of(runtime, workers.slices[done:])
    assert [account for account in next_ones if account == "act-few"] == ["act-few"] * 3
    assert "act-many" in next_ones[:4]


def in_the_line(runtime, clock, runs: list[Run]) -> None:
    """They wait for a limit of the whole application, which is open again."""
    name = "meta:calls:application:app"
    with runtime.sessions.begin() as session:
        session.add(LimitScope(name=name, channel="meta", per="application", code="wait.rate_limit", opens_at=clock()))
        for run in runs:
            session.get_one(Run, run.id).scope = name


def test_in_the_line_of_an_application_ad_accounts_take_turns_too(runtime, clock, make):
    """A customer with very many syncs does not hold up all others before a limit that they share (fairness)."""
    many, few = make("act-many", 6), make("act-few", 1)
    in_the_line(runtime, clock, many + few)
    with runtime.sessions.begin() as session:
        order = list(turns.pick(session, clock(), at_most=20))
    assert (few[0].id in order, len(order)) == (True, turns.FROM_A_LINE)


def test_those_who_try_count_in_their_line(runtime, clock, make):
    """While some of a line find out whether it lets through, no more are sent after them (fairness)."""
    in_the_line(runtime, clock, make("act-1", 6))
    with runtime.sessions.begin() as session:
        picks = [len(turns.pick(session, clock(), at_most=20)) for _ in range(2)]
        clock.forward(seconds=16)
        picks.append(len(turns.pick(session, clock(), at_most=20)))
    assert picks == [turns.FROM_A_LINE, 0, turns.FROM_A_LINE]


def test_inside_an_ad_account_whoever_waits_longest_is_next(runtime, clock, make):
    """A run that has just had a slice stands behind all that had none since (fairness)."""
    first, second, third = make("act-1", 3)
    with runtime.sessions.begin() as session:
        session.get_one(Run, first.id).turn_at = clock()
        session.get_one(Sync, third.sync_id).in_step_since = NOW - timedelta(days=9)
        session.flush()
        order = list(turns.pick(session, clock(), at_most=10))
    assert order == [third.id, second.id, first.id]


def test_a_run_that_was_woken_is_not_woken_every_second(runtime, clock, make):
    """Only a wake-up that got lost is sent again, after some seconds (S15)."""
    (run,) = make("act-1", 1)
    with runtime.sessions.begin() as session:
        picks = []
        for _ in range(3):
            picks.append(list(turns.pick(session, clock(), at_most=10)))
            clock.forward(seconds=10)
    assert picks == [[run.id], [], [run.id]]


def test_a_run_that_waits_a_second_is_woken_after_that_second(runtime, clock, make):
    """A short wait before a limit is no wait of fifteen seconds: the wake-up that it had was not lost (S12)."""
    (run,) = make("act-1", 1)
    turns.wake(runtime)
    claim = claims.take(runtime.sessions, run.id, lease=timedelta(minutes=1), now=clock())
    slices._settle(runtime, claim, WaitUntil(clock() + timedelta(seconds=1), "wait.rate_limit"))
    claim.release()
    clock.forward(seconds=1)
    with runtime.sessions.begin() as session:
        assert list(turns.pick(session, clock(), at_most=10)) == [run.id]


def test_with_nobody_else_waiting_a_run_goes_on_at_once(runtime, clock, make):
    """A slice that is over is followed by the next without waiting for the scheduler (speed)."""
    (run,) = make("act-1", 1)
    turns.wake(runtime)
    runtime.queue.begun(Name.RUNS, run.id)
    claim = claims.take(runtime.sessions, run.id, lease=timedelta(minutes=1), now=clock())
    slices._put_back(runtime, claim)
    claim.release()
    turns.wake(runtime)
    assert runtime.queue.waiting(Name.RUNS) == 2


def test_long_runs_go_on_although_short_ones_keep_coming(workers, make):
    """Whoever had no slice for five minutes is served like those that had none: a huge run is never starved (fairness)."""
    workers.huge = {run.id for run in make("act-1", 1)}
    workers.go_on(seconds=20)
    make("act-2", 160)
    done = len(workers.slices)
    workers.go_on(minutes=6)
    assert workers.huge & set(workers.slices[done + 20 :])
