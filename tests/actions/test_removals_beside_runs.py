"""Removals beside runs: one of them at a time writes to an audience, and no run brings back whoever was taken out."""

from __future__ import annotations

from contextlib import contextmanager
from datetime import timedelta
from random import Random
from threading import Thread

import pytest
from sqlalchemy import text

from connectors.problems import Code, TryLater
from segsync.actions import claims, removal_books, removal_work, runs, slices
from segsync.models import Run, Sync
from tests.actions.pushing import go, keys, members, settle, start, work
from tests.actions.removing import carry_out, tasks
from tests.fakes import LATER


def test_run_under_way_that_brings_them_back_is_followed_by_another_removal(
    runtime, channel, session, sync, take_out, clock
):
    """Whoever was in the plan of a run under way is taken out once more when that run is over (B5)."""
    run = start(runtime, sync)
    limited = [TryLater(Code.RATE_LIMIT, retry_after=timedelta(minutes=3))]

    def pause(_batch) -> None:
        if limited:
            raise limited.pop()

    channel.before_push = pause
    slices.work_slice(runtime, run.id)
    removal_id = take_out(members(session, sync)[0])
    assert carry_out(runtime, removal_id).done_at is None
    clock.forward(minutes=4)
    work(runtime, run)
    assert carry_out(runtime, removal_id, clock).state == "done"
    assert len(keys(channel)) == 2


@pytest.mark.parametrize(("waits", "looked_at_after"), [(5, 5), (300, 10)])
def test_removal_beside_a_run_that_waits_waits_with_it(runtime, session, sync, take_out, clock, waits, looked_at_after):
    """What must follow a run is looked at when that goes on, and every ten minutes at most, not every ten seconds (B5)."""
    go(runtime, sync)
    run = start(runtime, sync)
    with runtime.sessions.begin() as other:
        other.get_one(Run, run.id).not_before = clock() + timedelta(minutes=waits)
    removal_id = take_out(members(session, sync)[0])
    carry_out(runtime, removal_id)
    (task,) = tasks(runtime, removal_id)
    assert task.next_at == clock() + timedelta(minutes=looked_at_after)


class Backwards(Random):
    """What was asked for last is carried out first."""

    def shuffle(self, asked) -> None:
        asked.reverse()


def test_addition_that_is_carried_out_after_the_removal_is_followed_by_another(
    runtime, channel, session, sync, take_out, clock
):
    """Where a channel has not carried out a run's additions yet, one that comes after the removal brings nobody back (B5)."""
    channel.capabilities, channel.random = LATER, Backwards()
    go(runtime, sync)
    removal_id = take_out(members(session, sync)[0])
    removal_work.work(runtime, removal_id)
    clock.forward(minutes=31)
    settle(runtime, sync)
    assert carry_out(runtime, removal_id, clock, times=9).state == "done"
    assert len(keys(channel)) == 2


def test_no_run_begins_while_somebody_is_taken_out(runtime, session, sync):
    """The audience belongs to the removal alone, also where the last thing that happened to its sync was a try (B5)."""
    go(runtime, sync)
    with runtime.sessions.begin() as opened:
        tried = runs.try_out(opened, opened.get_one(Sync, sync.id), by=None, now=runtime.clock())
    work(runtime, tried)
    run, lease = start(runtime, sync), timedelta(minutes=4)
    with removal_books.hold(runtime, sync.id):
        assert claims.take(runtime.sessions, run.id, lease=lease, now=runtime.clock()) is None
    assert claims.take(runtime.sessions, run.id, lease=lease, now=runtime.clock()) is not None


def test_hold_that_ran_out_ends_nobody_elses(runtime, session, sync):
    """Taking somebody out of large books lengthens its hold; where that ran out, it stops and leaves whoever came after alone (B5)."""
    go(runtime, sync)
    ran_out = text(
        "update run set lease_until = clock_timestamp() - interval '1 s' where id = :id returning lease_until"
    )
    with removal_books.hold(runtime, sync.id) as held:
        first = held.until
        held.keep()
        assert held.until > first
        with runtime.sessions.begin() as opened:
            held.until = opened.execute(ran_out, {"id": held.run_id}).scalar_one()
        with removal_books.hold(runtime, sync.id) as later:
            with pytest.raises(removal_books.Busy):
                held.keep()
            later.keep()


def test_whoever_begins_at_the_same_moment_waits_for_the_other(runtime, session, sync):
    """A run and a removal that begin at once do not both write to the audience (B5)."""
    go(runtime, sync)
    run = start(runtime, sync)
    met: list[type[Exception]] = []

    def hold() -> None:
        try:
            with removal_books.hold(runtime, sync.id):
                pass
        except removal_books.Busy as problem:
            met.append(type(problem))

    other = Thread(target=hold)

    class Slow:
        @contextmanager
        def begin(self):
            with runtime.sessions.begin() as opened:
                yield opened
                other.start()
                other.join(timeout=0.5)

    assert claims.take(Slow(), run.id, lease=timedelta(minutes=4), now=runtime.clock()) is not None
    other.join()
    assert met == [removal_books.Busy]
