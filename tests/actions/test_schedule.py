"""What the scheduler wakes workers for, and what it leaves alone."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

from sqlalchemy import select, text

from connectors.problems import Code, TryLater
from segsync.actions import schedule, slices, turns
from segsync.models import Run
from segsync.queue import Name
from tests.actions.pushing import again, go, start
from tests.fakes import LATER


def test_workers_that_are_behind_are_not_buried_in_wake_ups(runtime, channel, clock, sync):
    """With a long queue nobody is woken once more: after an outage the queue does not grow for hours (S15)."""
    run = start(runtime, sync)
    for number in range(turns.AHEAD):
        runtime.queue.wake_run(1_000 + number)
    schedule.tick(runtime)
    assert runtime.queue.waiting(Name.RUNS) == turns.AHEAD
    runtime.queue.client.flushall()
    schedule.tick(runtime)
    assert runtime.queue.waiting(Name.RUNS) == 1
    with runtime.sessions() as session:
        assert session.get_one(Run, run.id).woken_at == clock()


def test_looking_for_files_to_clear_up_reads_no_table_as_a_whole(session, sync):
    """The scheduler looks every second: it must not read the list of all files for that (promise 9)."""
    session.execute(text("set enable_seqscan = off"))
    query = schedule._due_collections(sync.next_run_at)
    explained = session.execute(text(f"explain {query.compile(compile_kwargs={'literal_binds': True})}")).scalars()
    assert "ix_data_file_unnamed_at" in "".join(explained)


@contextmanager
def a_year_ahead(clock) -> Iterator[None]:
    """Meanwhile the clock is wrong; afterwards it is right."""
    year = timedelta(days=365)
    clock.now += year
    yield
    clock.now -= year


def away(_batch) -> None:
    raise TryLater(Code.OUTAGE)


def newest(runtime) -> Run:
    with runtime.sessions() as session:
        return session.scalars(select(Run).order_by(Run.id.desc())).first()


def test_a_sync_whose_next_run_was_set_by_a_clock_that_was_ahead_runs(runtime, channel, clock, sync):
    """A clock was a year ahead when the last run began: once it is right, the next run does not wait for a year (B1, S15)."""
    with a_year_ahead(clock):
        go(runtime, sync)
    schedule.tick(runtime)
    assert newest(runtime).state == "queued"
    assert again(runtime, sync).next_run_at < clock() + timedelta(days=1)


def test_a_run_that_was_put_off_by_a_clock_that_was_ahead_goes_on(runtime, channel, clock, sync):
    """The channel was away while a clock was a year ahead: once it is right, the run goes on at its next turn (B1, S15)."""
    channel.before_push = away
    with a_year_ahead(clock):
        assert go(runtime, sync).state == "waiting"
        turns.wake(runtime)
    channel.before_push = lambda _batch: None
    runtime.queue.client.flushall()
    schedule.tick(runtime)
    assert runtime.queue.waiting(Name.RUNS) == 1
    slices.work_slice(runtime, newest(runtime).id)
    assert newest(runtime).state == "done"


def test_what_a_channel_is_asked_later_does_not_wait_for_a_year(runtime, channel, clock, sync):
    """When to ask about receipts and audiences was set by a clock that was ahead: it is asked once that is right (B9)."""
    channel.capabilities = LATER
    with a_year_ahead(clock):
        go(runtime, sync)
    with runtime.sessions() as session:
        due = schedule._due_chores(session, clock())
    assert {("settle", sync.id), ("state", sync.id)} <= set(due)


def test_a_channel_that_asks_for_a_year_is_asked_again_within_days(runtime, channel, clock, sync):
    """Whatever a channel says of how long to wait: the run looks again within days, and not at once either (B1)."""
    channel.before_push = in_a_year
    run = go(runtime, sync)
    assert (run.state, clock() < run.not_before <= clock() + timedelta(days=2)) == ("waiting", True)


def in_a_year(_batch) -> None:
    raise TryLater(Code.OUTAGE, retry_after=timedelta(days=365))
