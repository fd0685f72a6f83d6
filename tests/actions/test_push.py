"""A run from its first step to its last, over a real database, against a channel kept in memory."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import delete, select

from connectors.contract import Reason
from connectors.problems import AccessDenied, Code, ReconnectNeeded, SegmentRefused, TryLater
from segsync.actions import runs, schedule, slices
from segsync.models import Contact, Segment, SegmentMember, StatusMove, Sync
from segsync.rules.terms import Status
from tests.actions.pushing import again, die, go, keys, let_go, open_alerts, put, settle, start, work
from tests.fakes import LATER


def test_first_run_fills_the_audience(runtime, channel, sync):
    """Three people are in the audience and the sync is synced, in step since now (S6, B1)."""
    run = go(runtime, sync)
    assert (run.state, run.rows_added, run.members) == ("done", 3, 3)
    assert len(keys(channel)) == 3
    after = again(runtime, sync)
    assert (after.status, after.members_held, after.in_step_since) == ("synced", 3, runtime.clock())


def test_the_channels_latest_references_are_kept(runtime, channel, session, sync):
    """The last twenty ids by which the channel's support finds a request stand with the run (S7)."""
    for number in range(41):
        put(session, sync, email=f"more{number}@example.org", phone=None)
    run = go(runtime, sync)
    assert run.batches_done == 22
    assert run.references == [f"trace-{number}" for number in range(3, 23)]


def test_second_run_sends_nothing(runtime, channel, sync):
    """When nothing changed the channel hears nothing (B1)."""
    go(runtime, sync)
    sent = len(channel.pushed)
    assert go(runtime, sync).state == "done"
    assert len(channel.pushed) == sent


def test_who_left_the_segment_leaves_the_audience(runtime, channel, session, sync):
    """Removals arrive (B1)."""
    go(runtime, sync)
    session.execute(
        delete(SegmentMember).where(SegmentMember.member_id == select(Contact.id).limit(1).scalar_subquery())
    )
    session.commit()
    run = go(runtime, sync)
    assert (run.rows_removed, run.gone_members) == (1, 1)
    assert len(keys(channel)) == 2


def test_opted_out_member_is_taken_out(runtime, channel, session, sync):
    """Somebody who is no longer subscribed is removed at the next run, and counted (S8)."""
    go(runtime, sync)
    session.scalars(select(Contact)).first().subscription = "no"
    session.commit()
    run = go(runtime, sync)
    assert run.rows_removed == 1
    assert run.skipped["not_subscribed"] == 1


def test_worker_killed_after_the_channel_applied_a_batch(runtime, channel, session, sync):
    """A worker dies in the middle; the next one finishes the job and the audience is right (B1, promise 1)."""
    run = die(runtime, channel, sync, when="after_push")
    assert work(runtime, run).state == "done"
    assert len(keys(channel)) == 3


def test_claimed_run_is_not_taken_by_a_second_worker(runtime, channel, sync):
    """One writer per audience: while a claim lasts, nobody else works on the run (promise 4)."""
    run = start(runtime, sync)
    seen: list[str] = []
    channel.before_push = lambda _batch: seen.append(slices.work_slice(runtime, run.id) or "nothing done")
    work(runtime, run)
    assert set(seen) == {"nothing done"}
    assert len(channel.pushed) == 2


def test_switching_off_stops_within_one_batch(runtime, channel, session, sync):
    """Nothing more is sent after the batch under way when a sync is switched off (S10, promise 6)."""
    run = start(runtime, sync)

    def switch_off(_batch) -> None:
        with runtime.sessions.begin() as other:
            held = other.get_one(Sync, sync.id, with_for_update=True)
            runs.stop(other, held, now=runtime.clock())
            held.status = Status.INACTIVE.value

    channel.before_push = switch_off
    stopped = work(runtime, run)
    assert (stopped.state, stopped.batches_done) == ("stopped", 1)
    assert len(channel.pushed) == 1


def test_switched_off_sync_is_refused_from_every_door(runtime, session, sync):
    """The server refuses every run while a sync is off (B12)."""
    session.get_one(Sync, sync.id).status = "inactive"
    session.commit()
    with pytest.raises(ValueError, match="switched off"):
        start(runtime, sync)


def test_after_a_stop_the_next_run_knows_what_may_be_there(runtime, channel, session, sync):
    """What was sent before a stop is not forgotten: who leaves meanwhile is removed (promise 1)."""
    test_switching_off_stops_within_one_batch(runtime, channel, session, sync)
    channel.before_push = lambda _batch: None
    session.execute(delete(SegmentMember))
    session.get_one(Sync, sync.id).status = "failed"
    session.commit()
    let_go(runtime, sync.id)
    assert go(runtime, sync).state == "done"
    assert keys(channel) == set()


def test_rate_limit_gives_the_worker_back(runtime, channel, clock, sync):
    """A run that must wait says until when, and goes on exactly where it was (S12)."""
    limited = [TryLater(Code.RATE_LIMIT, retry_after=timedelta(minutes=3))]

    def slow_down(_batch) -> None:
        if limited:
            raise limited.pop()

    channel.before_push = slow_down
    run = go(runtime, sync)
    assert (run.state, run.not_before) == ("waiting", runtime.clock() + timedelta(minutes=3))
    clock.forward(minutes=4)
    assert work(runtime, run).state == "done"
    assert len(keys(channel)) == 3


def test_plan_that_grew_old_is_made_again(runtime, channel, clock, session, sync):
    """After a long wait the run compares anew, and takes out who left meanwhile."""
    hold = [TryLater(Code.RATE_LIMIT, retry_after=timedelta(hours=2))]

    def slow_down(batch) -> None:
        if batch.number == 2 and hold:
            raise hold.pop()

    channel.before_push = slow_down
    run = go(runtime, sync)
    session.execute(delete(SegmentMember))
    session.commit()
    clock.forward(hours=3)
    let_go(runtime, sync.id)
    assert work(runtime, run).state == "done"
    assert keys(channel) == set()


def test_dead_signin_fails_with_one_alert_and_waits(runtime, channel, clock, sync):
    """A sign-in that died is not tried on schedule: the sync waits for its person, one alert says so (S13, S15)."""

    def dead(_batch) -> None:
        raise ReconnectNeeded(Code.SIGNIN_REVOKED, raw="190/460")

    channel.before_push = dead
    go(runtime, sync)
    failed = again(runtime, sync)
    assert (failed.status, failed.detail, failed.problem_code) == ("failed", "needs a person", "signin.revoked")
    assert [(a.code, a.acts) for a in open_alerts(runtime)] == [("signin.revoked", "person")]
    clock.forward(hours=12)
    with runtime.sessions.begin() as session:
        assert schedule.start_due(session, runtime.clock()) == 0


def test_cause_gone_closes_the_alert(runtime, channel, clock, sync):
    """Probed daily: when the cause is gone the sync goes on by itself and the alert closes (S13, S15)."""
    channel.account = replace(channel.account, blocked=(Reason(Code.TERMS_NOT_ACCEPTED.value),))
    go(runtime, sync)
    channel.account = replace(channel.account, blocked=())
    clock.forward(hours=25)
    with runtime.sessions.begin() as session:
        assert schedule.start_due(session, runtime.clock()) == 1
        run = runs.open_run(session, sync.id)
    assert work(runtime, run).state == "done"
    assert open_alerts(runtime) == []


def test_other_failures_are_tried_on_schedule(runtime, channel, clock, sync):
    """A channel that stays away fails the sync visibly after some tries; the schedule tries again (S15)."""

    def away(_batch) -> None:
        raise TryLater(Code.OUTAGE)

    channel.before_push = away
    run = start(runtime, sync)
    for _ in range(6):
        work(runtime, run)
        clock.forward(minutes=20)
    failed = again(runtime, sync)
    assert (failed.status, failed.detail) == ("failed", "trying again")
    channel.before_push = lambda _batch: None
    clock.forward(hours=7)
    with runtime.sessions.begin() as session:
        assert schedule.start_due(session, runtime.clock()) == 1


def test_what_failed_stays_failed_until_a_run_ends_well(runtime, channel, clock, sync):
    """A retry on schedule does not hide a failure: only a run that ends well does (S15)."""
    channel.account = replace(channel.account, blocked=(Reason(Code.TERMS_NOT_ACCEPTED.value),))
    go(runtime, sync)
    clock.forward(hours=25)
    with runtime.sessions.begin() as session:
        schedule.start_due(session, runtime.clock())
        run = runs.open_run(session, sync.id)
    assert (again(runtime, sync).status, again(runtime, sync).detail) == ("failed", "needs a person")
    channel.account = replace(channel.account, blocked=())
    work(runtime, run)
    assert again(runtime, sync).status == "synced"


def test_refused_removal_stays_due(runtime, channel, session, sync):
    """A removal that the channel refuses is not forgotten: the sync says how many should no longer be there (B1)."""
    go(runtime, sync)
    session.execute(delete(SegmentMember))
    session.commit()
    let_go(runtime, sync.id)

    def too_small(_batch) -> None:
        raise SegmentRefused(Code.REMOVAL_TOO_SMALL)

    channel.before_push = too_small
    assert go(runtime, sync).state == "done"
    assert again(runtime, sync).removals_due == 3
    channel.before_push = lambda _batch: None
    go(runtime, sync)
    assert (again(runtime, sync).removals_due, keys(channel)) == (0, set())


def test_deleted_segment_stops_the_run(runtime, channel, session, sync):
    """A segment deleted while it syncs: the run ends, members stay, somebody chooses (S15)."""
    run = start(runtime, sync)
    session.get_one(Segment, sync.segment_id).deleted_at = runtime.clock()
    session.commit()
    assert work(runtime, run).problem_code == "segment.deleted"


def test_lost_access_is_the_account_admins_to_mend(runtime, channel, sync):
    """Lost access to the ad account is told apart from a dead sign-in (S13)."""

    def lost(_batch) -> None:
        raise AccessDenied(Code.ACCOUNT_NO_ROLE)

    channel.before_push = lost
    go(runtime, sync)
    assert [(a.code, a.acts) for a in open_alerts(runtime)] == [("account.no_role", "account_admin")]


def test_every_move_between_statuses_is_recorded(runtime, channel, session, sync):
    """From syncing to synced and back: each move has its time and its run (S15)."""
    go(runtime, sync)
    moves = session.scalars(select(StatusMove).order_by(StatusMove.id)).all()
    assert [(move.before, move.after) for move in moves] == [("synced", "syncing"), ("syncing", "synced")]


def test_channel_that_applies_later_is_waited_for(runtime, channel, session, clock, sync):
    """Where removals become final later, who shares a key with a leaver is added again only after that (promise 2)."""
    channel.capabilities = LATER
    leaver = put(session, sync, email="leaves@example.org", phone="+4930111")
    put(session, sync, email="stays@example.org", phone="+4930111")
    go(runtime, sync)
    clock.forward(hours=1)
    settle(runtime, sync)
    session.execute(delete(SegmentMember).where(SegmentMember.member_id == leaver.id))
    session.commit()
    run = go(runtime, sync)
    assert (run.state, run.cursor["waits_for"]) == ("waiting", "channel")
    clock.forward(minutes=31)
    settle(runtime, sync)
    assert work(runtime, run).state == "done"
