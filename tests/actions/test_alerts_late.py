"""What is late opens an alert, and closes it by itself: a turn that passed by, a run that lasts too long, members whom a channel is about to forget."""

from __future__ import annotations

from dataclasses import replace
from datetime import time, timedelta

from sqlalchemy import update

from connectors.problems import Code, ReconnectNeeded, UnexpectedReply
from segsync.actions import schedule, timing, watch
from segsync.actions.runs import open_run
from segsync.models import Alert, Sync
from segsync.queue import Queue, connect
from segsync.rules.schedule import EVERY_DAY, At, ByHand, Every
from tests.actions.pushing import again, go, open_alerts, put, start, told, work
from tests.builders import make_sync


def overdue(runtime) -> int:
    with runtime.sessions.begin() as session:
        return watch.overdue(session, runtime.clock())


def test_a_run_that_lasts_a_whole_interval_is_overdue(runtime, channel, clock, sync):
    """Whatever keeps a run, a whole interval later administrators are told, once, and the next good run ends it (S15)."""
    run = start(runtime, sync)
    clock.forward(hours=5)
    assert overdue(runtime) == 0
    clock.forward(hours=2)
    assert (overdue(runtime), overdue(runtime)) == (1, 0)
    assert told(runtime) == [("sync.overdue", "admin")]
    assert work(runtime, run).state == "done"
    assert told(runtime) == []


def test_a_run_that_nobody_started_is_overdue(runtime, session, clock, sync):
    """A sync whose turn passed by without a run is told too; one that is off or waits for somebody is not late (S15, B23)."""
    for status, detail, late in (
        ("synced", "", 1),
        ("failed", "trying again", 1),
        ("failed", "needs a person", 0),
        ("inactive", "", 0),
    ):
        session.execute(update(Alert).values(closed_at=clock.now))
        session.execute(update(Sync).values(status=status, detail=detail, overdue_at=clock.now - timedelta(hours=1)))
        session.commit()
        assert overdue(runtime) == late, status


def test_a_sync_is_overdue_by_its_own_interval(runtime, channel, clock, sync):
    """A daily sync is late a day after its turn, and an hourly one an hour after (B23)."""
    for schedule_of_it, late_after in ((At(time(7), EVERY_DAY, "Europe/London"), 24), (Every(timedelta(hours=1)), 1)):
        with runtime.sessions.begin() as fresh:
            timing.write(fresh.get_one(Sync, sync.id), schedule_of_it)
        go(runtime, sync)
        due = again(runtime, sync).next_run_at
        clock.now = due + timedelta(hours=late_after)
        assert overdue(runtime) == 0
        clock.forward(seconds=1)
        assert overdue(runtime) == 1
    go(runtime, sync)
    assert told(runtime) == []


def test_all_that_is_late_is_one_incident_that_each_leaves_by_itself(runtime, channel, session, clock, sync):
    """Workers were missing: one alert names every sync that is late, and is over with the last good run (B23)."""
    other = make_sync(session, sync.segment, sync.integration, account_id="act-2")
    session.execute(update(Sync).values(overdue_at=clock.now - timedelta(hours=1)))
    session.commit()
    assert overdue(runtime) == 2
    (alert,) = open_alerts(runtime)
    go(runtime, sync)
    assert [(one.id, one.code) for one in open_alerts(runtime)] == [(alert.id, "sync.overdue")]
    assert overdue(runtime) == 0
    go(runtime, other)
    assert told(runtime) == []


def test_what_waits_for_somebody_is_not_told_twice(runtime, channel, clock, sync):
    """A run that was late and then failed for a dead sign-in is in that alert only (B23)."""
    run = start(runtime, sync)
    clock.forward(hours=7)
    assert overdue(runtime) == 1

    def dead(_batch):
        raise ReconnectNeeded(Code.SIGNIN_REVOKED)

    channel.before_push = dead
    work(runtime, run)
    overdue(runtime)
    assert [code for code, _ in told(runtime)] == ["signin.revoked"]


def test_the_scheduler_tells_what_is_late_without_workers_and_without_redis(runtime, clock, sync):
    """All workers are dead and Redis is gone: the scheduler says all the same that a sync is late (B23)."""
    start(runtime, sync)
    clock.forward(hours=7)
    gone = replace(runtime, queue=Queue(connect("redis://127.0.0.1:1/0")))
    schedule.tick(gone)
    assert ("sync.overdue", "admin") in told(runtime)


def test_a_sync_that_only_people_start_is_never_late(runtime, channel, session, clock, sync):
    """By hand only: nothing runs by itself and nothing is late; what somebody started and failed is tried again (B23)."""
    with runtime.sessions.begin() as fresh:
        timing.write(fresh.get_one(Sync, sync.id), ByHand())
    go(runtime, sync)
    clock.forward(days=40)
    schedule.tick(runtime)
    assert (again(runtime, sync).status, again(runtime, sync).next_run_at, told(runtime)) == ("synced", None, [])

    def away(_batch):
        raise UnexpectedReply(Code.UNEXPECTED)

    channel.before_push = away
    put(session, sync, email="new@example.org")
    assert go(runtime, sync).state == "failed"
    clock.forward(hours=7)
    schedule.tick(runtime)
    with runtime.sessions() as fresh:
        assert open_run(fresh, sync.id) is not None


def test_members_that_a_channel_is_about_to_forget_are_told(runtime, session, clock, channel, sync):
    """Runs fail for so long that Google is about to let members go: the owner is told in time, once, until a run ends well (promise 7)."""
    go(runtime, sync)
    session.execute(update(Sync).values(channel="google", status="failed"))
    session.commit()
    counts = []
    for days in (400, 6, 0):
        clock.forward(days=days)
        with runtime.sessions.begin() as fresh:
            counts.append(watch.lapsing(fresh, clock.now))
    assert counts == [0, 1, 0]
    assert [(one.code, one.facts["days"]) for one in open_alerts(runtime)] == [("sync.lapsing", "134")]
    session.execute(update(Sync).values(channel="meta"))
    session.commit()
    assert (go(runtime, sync).renewed_members, told(runtime)) == (3, [])


def test_the_scheduler_starts_what_is_late_before_it_complains(runtime, session, clock, sync):
    """After a night without a scheduler everything starts, and nobody is alarmed for what starts now (S15)."""
    late = {"next_run_at": clock.now - timedelta(hours=20), "overdue_at": clock.now - timedelta(hours=14)}
    session.execute(update(Sync).values(**late))
    session.commit()
    schedule.tick(runtime)
    assert again(runtime, sync).status == "syncing"
    assert told(runtime) == []
