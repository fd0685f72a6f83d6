"""The frame of a run: who holds it, what happens when somebody else does, and what several people do at once."""

from __future__ import annotations

import itertools
import threading
from dataclasses import replace

import pytest
from sqlalchemy import select, text

from connectors.contract import Reason
from connectors.problems import Code, TryLater
from segsync import jobs
from segsync.actions import runs, slices, turns
from segsync.models import Run, Sync
from segsync.rules.terms import Status
from tests.actions.pushing import go, open_alerts, put, start, work
from tests.builders import make_segment, make_sync


def taken_over(runtime) -> None:
    """Another worker has claimed every run meanwhile."""
    with runtime.sessions.begin() as session:
        session.execute(text("update run set fence = fence + 1, lease_until = now() + interval '1 minute'"))


def test_worker_that_lost_its_claim_leaves_the_run_alone(runtime, channel, sync):
    """A worker that was taken for dead meets a problem: the run of the one who took over is not slowed by it (promise 4)."""
    jobs.bind(runtime)
    run = start(runtime, sync)

    def lose(_batch) -> None:
        taken_over(runtime)
        raise TryLater(Code.OUTAGE)

    channel.before_push = lose
    jobs.run_slice(run.id)
    with runtime.sessions() as session:
        now = session.get_one(Run, run.id)
    assert (now.tries, now.state, now.not_before) == (0, "working", run.not_before)


def test_switching_off_while_a_batch_is_answered_waits_for_nobody(runtime, channel, sync):
    """Whoever switches off and the worker that writes down its work never block each other for good (S10)."""
    run = start(runtime, sync)
    answered, locked = threading.Event(), threading.Event()

    def pause(_batch) -> None:
        channel.after_push = lambda _batch: None
        answered.set()
        locked.wait(60)

    channel.after_push = pause
    worker = threading.Thread(target=slices.work_slice, args=(runtime, run.id))
    worker.start()
    assert answered.wait(60)
    with runtime.sessions.begin() as session:
        held = session.get_one(Sync, sync.id, with_for_update=True)
        locked.set()
        worker.join(1.5)  # the worker goes on until it needs what is held here
        runs.stop(session, held, now=runtime.clock())
        held.status = Status.INACTIVE.value
    worker.join(60)
    with runtime.sessions() as session:
        assert session.get_one(Run, run.id).state == "stopped"


def test_cause_that_is_gone_sets_the_other_syncs_going(runtime, channel, session, sync):
    """Two syncs wait for the same terms: when one is found to go again, the other starts without waiting for its own look (S15)."""
    channel.account = replace(channel.account, blocked=(Reason(Code.TERMS_NOT_ACCEPTED.value),))
    mine = session.get_one(Sync, sync.id)
    segment = make_segment(session, mine.workspace, "Others", mine.owner)
    other = make_sync(session, segment, mine.integration, account_id="act-1", was_synced=False)
    put(session, other, email="other@example.org")
    for one in (sync, other):
        go(runtime, one)
    assert [(alert.code, alert.times) for alert in open_alerts(runtime)] == [("terms.not_accepted", 2)]
    channel.account = replace(channel.account, blocked=())
    go(runtime, sync)
    with runtime.sessions() as looking:
        run = runs.open_run(looking, other.id)
    assert run is not None
    assert (run.why, work(runtime, run).state, open_alerts(runtime)) == ("cause gone", "done", [])


@pytest.fixture
def other(session, sync) -> Sync:
    """Another sync, with a member of its own."""
    mine = session.get_one(Sync, sync.id)
    segment = make_segment(session, mine.workspace, "Others", mine.owner)
    made = make_sync(session, segment, mine.integration, account_id="act-2", was_synced=False)
    put(session, made, email="other@example.org")
    return made


def worked_by_one(runtime, *syncs: Sync) -> list[str]:
    """The states that the runs of these syncs are in when the worker that was woken for the first is through."""
    jobs.bind(runtime)
    begun = [start(runtime, one).id for one in syncs]
    jobs.run_slice(begun[0])
    with runtime.sessions() as session:
        return list(session.scalars(select(Run.state).where(Run.id.in_(begun)).order_by(Run.id)))


def test_a_worker_goes_on_with_whose_turn_is_next(runtime, channel, session, sync, other):
    """Many small runs do not each wait for a process of their own: whoever is through early takes the next (S13)."""
    put(session, sync, email="one@example.org")
    assert worked_by_one(runtime, sync, other) == ["done", "done"]


def test_a_worker_that_goes_on_overtakes_nobody(runtime, channel, session, sync, other):
    """Whoever was woken first has their turn first, also where a worker goes on by itself (S13)."""
    jobs.bind(runtime)
    first = start(runtime, sync).id
    start(runtime, other)
    turns.wake(runtime)
    mine = session.get_one(Sync, sync.id)
    third = make_sync(session, mine.segment, mine.integration, account_id="act-3", was_synced=False)
    session.commit()
    start(runtime, third)
    jobs.run_slice(first)
    assert list(channel.markers) == [one.public_id for one in (sync, other, third)]


def test_a_worker_does_not_go_on_while_a_person_waits_to_be_taken_out(runtime, channel, sync, other):
    """Who is taken out of every audience does not wait until all small runs are through (B5)."""
    runtime.queue.wake_removal(1)
    assert worked_by_one(runtime, sync, other) == ["done", "queued"]


def test_a_worker_that_worked_for_long_leaves_the_next_to_others(runtime, channel, sync, other):
    """After most of a slice nobody else is begun with: a stopped worker ends soon, and other work has its turn (S13)."""
    hours = itertools.count(step=3600.0)
    assert worked_by_one(replace(runtime, stopwatch=lambda: next(hours)), sync, other) == ["queued", "queued"]


def test_what_nobody_expected_takes_no_other_run_with_it(runtime, channel, session, sync, other):
    """A process in which something unknown went wrong begins nothing more (S15)."""
    put(session, sync, email="one@example.org")

    def break_down(_batch) -> None:
        raise RuntimeError("nobody thought of that")

    channel.before_push = break_down
    assert worked_by_one(runtime, sync, other) == ["waiting", "queued"]
