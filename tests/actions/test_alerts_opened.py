"""What nobody has to go and look for: causes of our own that open an alert, and close it by themselves."""

from __future__ import annotations

import errno
from dataclasses import replace
from datetime import time, timedelta

import pytest
from sqlalchemy import text, update

from connectors.contract import AudienceState, Reason, Refused, Retire, State
from connectors.problems import Code, ReconnectNeeded, SegmentRefused, UnexpectedReply
from segsync.actions import (
    alert_lists,
    health,
    health_of_signins,
    leavers,
    organizations,
    rotation,
    schedule,
    timing,
    watch,
)
from segsync.actions.push import follow
from segsync.actions.runs import open_run
from segsync.actions.sync_switch import Off, switch_off, switch_on
from segsync.actions.syncs import delete
from segsync.app import create_app
from segsync.models import Alert, Contact, Installation, Sync
from segsync.queue import Queue, connect
from segsync.rules.schedule import EVERY_DAY, At, ByHand, Every
from segsync.web import watching
from segsync.worker import Workers
from tests.actions.northwind import Northwind
from tests.actions.pushing import again, go, leave, let_go, open_alerts, put, start, work
from tests.builders import make_segment, make_sync


@pytest.fixture
def northwind(session):
    return Northwind(session, limit=5)


def told(runtime) -> list[tuple[str, str]]:
    """The open alerts: what, and who acts."""
    return sorted((alert.code, alert.acts) for alert in open_alerts(runtime))


def fill(northwind, count):
    made = []
    for number in range(count):
        segment = make_segment(northwind.session, northwind.workspace, f"Segment {number}")
        made.append(make_sync(northwind.session, segment, northwind.integrations["Ada"]))
    northwind.session.commit()
    return made


# -- the limit ---------------------------------------------------------------------------------------------------


def test_a_limit_that_is_near_or_reached_is_told_to_administrators(runtime, northwind):
    """From four fifths on administrators are told, once, and no more when a place is free again (S9, S13)."""
    fill(northwind, 2)
    northwind.create(runtime)
    assert told(runtime) == []
    fourth = northwind.create(runtime, segment_id=make_segment(northwind.session, northwind.workspace, "Fourth").id)
    assert told(runtime) == [("limit.near", "admin")]
    northwind.create(runtime, segment_id=make_segment(northwind.session, northwind.workspace, "Fifth").id)
    assert told(runtime) == [("limit.reached", "admin")]
    (alert,) = open_alerts(runtime)
    assert (alert.facts, alert.times) == ({"used": "5", "contracted": "5", "left": "0"}, 1)
    delete(runtime, northwind.session, northwind.actor("Ada"), fourth.sync.public_id, Retire.LEAVE)
    northwind.session.commit()
    assert told(runtime) == [("limit.near", "admin")]


def test_the_limits_alert_follows_switching_off_and_on(runtime, northwind):
    """Whatever frees or takes a place changes the alert in the same moment (S9, S11)."""
    *_, last = fill(northwind, 4)
    northwind.see(northwind.integrations["Ada"], last.account_id)
    switch_off(runtime, northwind.session, northwind.actor("Grace"), last.public_id, Off("season is over"))
    northwind.session.commit()
    assert told(runtime) == []
    switch_on(runtime, northwind.session, northwind.actor("Ada"), last.public_id, northwind.wanted().statements)
    northwind.session.commit()
    assert told(runtime) == [("limit.near", "admin")]


def test_the_operator_who_changes_the_contract_changes_the_alert(runtime, northwind):
    """A lower contract is told to administrators, a higher one ends that (S9)."""
    fill(northwind, 3)
    for contracted, codes in ((3, ["limit.reached"]), (2, ["limit.reached"]), (40, [])):
        organizations.set_limit(northwind.session, northwind.organization, contracted, "root")
        northwind.session.commit()
        assert [code for code, _ in told(runtime)] == codes


# -- what is late, and who is missing ------------------------------------------------------------------------------


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


def absent_for(runtime, part, minutes):
    """The signs of life of a part are so old, and it was missed a while ago."""
    old = text(f"clock_timestamp() - interval '{minutes} minutes'")
    with runtime.sessions.begin() as session:
        session.execute(update(Installation).where(Installation.key.contains(part)).values(at=old))


@pytest.mark.parametrize("part", [watch.WORKER, watch.SCHEDULER])
def test_a_missing_part_is_told_to_every_organization(runtime, session, northwind, part):
    """When nobody works, or nobody schedules, administrators read since when; it ends by itself when the part is back (S13)."""
    health.beat(runtime, f"{part} here")
    watch.part(runtime, part)
    assert told(runtime) == []
    absent_for(runtime, part, 2)
    watch.part(runtime, part)
    assert told(runtime) == []  # it may be starting again
    absent_for(runtime, part, 3)
    watch.part(runtime, part)
    watch.part(runtime, part)
    assert told(runtime) == [(f"{part}.absent", "operator")]
    (alert,) = open_alerts(runtime)
    assert ("UTC on" in alert.facts["since"], alert.times) == (True, 1)
    assert alert_lists.count_waiting(session, northwind.people["Grace"]) == 1
    health.beat(runtime, f"{part} there")
    watch.part(runtime, part)
    assert told(runtime) == []


def test_redis_away_is_told_to_the_operator_until_it_is_back(runtime, northwind, tmp_path):
    """Without Redis nobody is woken and nothing is sent: that is said as what it is, and ends by itself when it answers (S13)."""
    alone = replace(runtime, queue=Queue(connect(f"unix://{tmp_path}/nobody.sock")))
    schedule.tick(alone)
    absent_for(runtime, "redis", 2)
    schedule.tick(alone)
    assert told(runtime) == [("redis.absent", "operator")]
    schedule.tick(runtime)
    assert told(runtime) == []


def test_parts_look_for_each_other(runtime, northwind):
    """The scheduler misses the workers, the workers miss the scheduler: one of them is enough to hear of the other (S13)."""
    schedule.tick(runtime)
    Workers(runtime)._beat()
    with runtime.sessions.begin() as session:
        session.execute(update(Installation).where(Installation.key.startswith("worker ")).values(key="gone"))
    absent_for(runtime, "absent", 3)
    schedule.tick(runtime)
    Workers(runtime)._beat()
    assert [code for code, _ in told(runtime)] == ["scheduler.absent", "worker.absent"]


def test_the_web_says_when_both_are_missing(runtime, northwind, monkeypatch):
    """Where nothing but the web runs, its pages say that nobody works and nobody schedules (S13)."""
    monkeypatch.setattr(watching, "EVERY", 0.0)
    client = create_app(runtime).test_client()
    client.get("/sign-in")
    absent_for(runtime, "absent", 3)
    client.get("/sign-in")
    assert [code for code, _ in told(runtime)] == ["scheduler.absent", "worker.absent"]


# -- what a run leaves to say ----------------------------------------------------------------------------------------


def test_an_empty_segment_is_told_to_whoever_owns_the_sync(runtime, session, channel, sync):
    """A segment that became empty empties the audience: its owner is told, until somebody is in it again (S13)."""
    go(runtime, sync)
    assert told(runtime) == []
    leave(session, sync)
    let_go(runtime, sync.id)
    go(runtime, sync)
    go(runtime, sync)
    assert told(runtime) == [("segment.empty", "owner")]
    assert open_alerts(runtime)[0].times == 1
    put(session, sync, email="new@example.org")
    go(runtime, sync)
    assert told(runtime) == []


def test_a_segment_without_identifiers_is_told(runtime, session, channel, sync):
    """Nobody can be sent because nobody has an identifier: that is said, not left to be found out (S13)."""
    leave(session, sync)
    put(session, sync, email=None)
    go(runtime, sync)
    assert told(runtime) == [("row.no_identifier", "owner")]
    put(session, sync, email="new@example.org")
    go(runtime, sync)
    assert told(runtime) == []


def test_a_removal_that_was_put_off_is_told(runtime, session, channel, sync):
    """People who should be gone are still in the audience: the owner is told until the removal went through (B1, S13)."""
    go(runtime, sync)
    leave(session, sync)
    put(session, sync, email="new@example.org")

    def too_small(batch):
        if batch.action == "remove":
            raise SegmentRefused(Code.REMOVAL_TOO_SMALL)

    channel.before_push = too_small
    go(runtime, sync)
    assert told(runtime) == [("removal.too_small", "owner")]
    channel.before_push = lambda _batch: None
    go(runtime, sync)
    assert told(runtime) == []


@pytest.mark.parametrize(
    ("codes", "alert"),
    [
        ([Code.ROW_NO_CONSENT], ["row.no_consent"]),
        ([Code.ROW_BAD_FORMAT], ["row.bad_format"]),
        ([Code.ROW_NO_CONSENT, Code.ROW_BAD_FORMAT], ["row.refused"]),
        ([Code.OUTAGE], []),
    ],
)
def test_refused_rows_are_told_with_their_reason(runtime, channel, sync, codes, alert):
    """One reason for all is said as such, several are said as partly refused; what is sent again is no refusal (S13, B15)."""
    channel.push = once_refusing(channel.push, codes)
    go(runtime, sync)
    assert [code for code, _ in told(runtime)] == alert
    assert all(one.facts["count"] == f"{len(codes)}" for one in open_alerts(runtime))


def test_older_refusals_of_another_reason_stay_told(runtime, channel, session, sync):
    """Who was refused before is missing still when somebody else is refused for something else: told with both (S13, B15)."""
    push = channel.push
    channel.push = once_refusing(push, [Code.ROW_NO_CONSENT])
    go(runtime, sync)
    put(session, sync, email="new@example.org")
    channel.push = once_refusing(push, [Code.ROW_BAD_FORMAT])
    go(runtime, sync)
    assert [(alert.code, alert.facts["count"]) for alert in open_alerts(runtime)] == [("row.refused", "2")]


def once_refusing(push, codes):
    """A channel that does not take the first rows of the first batch, each for a reason."""
    left = [tuple(Refused(code.value, 1, (place,)) for place, code in enumerate(codes))]
    return lambda *arguments: replace(push(*arguments), refused=left.pop() if left else ())


def test_everybody_is_never_sent_again_in_silence(runtime, channel, sync):
    """Where the rules changed everybody is sent again: the run says why, and an alert does until it ended (S13)."""
    first = go(runtime, sync)
    assert (first.everybody, told(runtime)) == ("the audience is new", [])
    shape = replace(channel.capabilities.shapes["people"], expression="another")
    channel.capabilities = replace(channel.capabilities, shapes={"people": shape})
    seen = []
    channel.before_push = lambda _batch: seen.extend(told(runtime))
    run = go(runtime, sync)
    assert "identifiers are prepared" in run.everybody
    assert (set(seen), told(runtime)) == ({("run.everybody", "nobody")}, [])
    assert go(runtime, sync).everybody is None


def test_everybody_is_sent_anew_for_a_reason(runtime, channel, session, sync):
    """Where nothing was answered before, or everybody really changed, the run says that too (B16)."""

    def gone(_batch) -> None:
        raise SegmentRefused(Code.AUDIENCE_CLOSED)

    channel.before_push = gone
    assert go(runtime, sync).state == "failed"
    channel.before_push = lambda _batch: None
    assert "had not answered" in go(runtime, sync).everybody
    session.execute(update(Contact).values(first_name="Another"))
    session.commit()
    assert "of each of them has changed" in go(runtime, sync).everybody


def test_another_key_of_the_installation_sends_nobody_again(runtime, channel, session, sync):
    """Keys are changed while the product runs; nobody is sent again for it, in silence or aloud (B16)."""
    go(runtime, sync)
    assert list(rotation.rotate(runtime))
    session.execute(update(Contact).values(city="Berlin"))  # nothing that the channel is told again for nothing
    session.execute(update(Contact).values(city=None))
    session.commit()
    run = go(runtime, sync)
    assert (run.state, run.rows_added, run.everybody) == ("done", 0, None)


def test_an_unusual_size_is_told_and_ends_by_itself(runtime, channel, session, sync):
    """Twice as many as usual: the owner is told with the figures, nobody is stopped, and it ends when that is usual (B16)."""
    for _ in range(3):
        go(runtime, sync)
    for number in range(3):
        put(session, sync, email=f"more{number}@example.org")
    assert (go(runtime, sync).state, told(runtime)) == ("done", [("segment.unusual", "owner")])
    (alert,) = open_alerts(runtime)
    assert (alert.code, alert.facts["size"], alert.facts["usual"]) == ("segment.unusual", "6", "3")
    go(runtime, sync)
    assert open_alerts(runtime)[0].times == 1
    for _ in range(3):
        go(runtime, sync)
    assert told(runtime) == []


def test_how_unusual_a_size_may_be_is_set(runtime, channel, session, sync):
    """A sync that grows by leaps may do so in peace (B16)."""
    session.get_one(Sync, sync.id).unusual_percent = 150
    session.commit()
    for _ in range(3):
        go(runtime, sync)
    for number in range(3):
        put(session, sync, email=f"more{number}@example.org")
    go(runtime, sync)
    assert told(runtime) == []


# -- the audience at the channel -----------------------------------------------------------------------------------


def looked(runtime, sync, state):
    with runtime.sessions.begin() as session:
        follow.store_state(session, runtime, session.get_one(Sync, sync.id), state)
    return [code for code, _ in told(runtime)]


def test_an_audience_that_is_too_small_is_told_without_stopping_anything(runtime, channel, sync):
    """The channel matched too few: the owner is told, the sync goes on, and it ends when the channel says so (B9, S13)."""
    small = AudienceState(State.TOO_SMALL, raw="300")
    assert looked(runtime, sync, small) == []  # nobody was sent yet
    go(runtime, sync)
    assert looked(runtime, sync, small) == ["audience.too_small"]
    assert go(runtime, sync).state == "done"
    assert [code for code, _ in told(runtime)] == ["audience.too_small"]
    assert looked(runtime, sync, AudienceState(State.READY)) == []


def test_the_channels_own_reason_decides_what_is_told(runtime, channel, sync):
    """Closed because it could not be built is told as that, not as closed by somebody (B9)."""
    go(runtime, sync)
    failed = AudienceState(State.CLOSED, raw="442", reason=Reason(Code.AUDIENCE_FAILED.value))
    assert looked(runtime, sync, failed) == ["audience.failed"]
    assert looked(runtime, sync, AudienceState(State.CLOSED)) == ["audience.closed"]
    assert looked(runtime, sync, AudienceState(State.READY)) == []


# -- people, books and disk ----------------------------------------------------------------------------------------


def test_a_sign_in_that_ends_soon_is_told(runtime, northwind, clock):
    """Ten days before a sign-in ends its owner reads the day, and which syncs run on it (B10, S16)."""
    northwind.sync()
    hers = northwind.integrations["Ada"]
    hers.must_act_by = clock.now + timedelta(days=10)
    health_of_signins.warn(northwind.session, hers, now=clock.now)
    northwind.session.commit()
    assert told(runtime) == [("signin.soon", "person")]
    hers.must_act_by = clock.now + timedelta(days=60)
    health_of_signins.warn(northwind.session, hers, now=clock.now)
    northwind.session.commit()
    assert told(runtime) == []


def test_syncs_of_somebody_who_left_are_told_to_administrators(runtime, northwind, clock):
    """Somebody was deactivated and syncs still run on their sign-in: administrators are told (S16)."""
    northwind.sync()
    grace, ada = northwind.actor("Grace"), northwind.people["Ada"]
    leavers.deactivate(northwind.session, grace, ada.id, clock.now)
    northwind.session.commit()
    assert told(runtime) == [("person.deactivated", "admin")]
    leavers.reactivate(northwind.session, grace, ada.id, clock.now)
    northwind.session.commit()
    assert told(runtime) == []


def test_a_ledger_that_cannot_be_read_is_told_to_the_operator(runtime, session, channel, sync):
    """Books that are damaged stop the sync before anybody is taken out by mistake (S13, promise 1)."""
    go(runtime, sync)
    for path in runtime.ledgers.rglob("*.parquet"):
        path.write_bytes(b"damaged")
    put(session, sync, email="new@example.org")
    go(runtime, sync)
    assert told(runtime) == [("ledger.unreadable", "operator")]


def test_a_full_disk_is_told_to_the_operator(runtime, channel, sync):
    """No room for the books: nothing is sent, what is due stays due, and the operator is told (S13)."""

    def full(_batch):
        raise OSError(errno.ENOSPC, "No space left on device")

    channel.before_push = full
    go(runtime, sync)
    assert told(runtime) == [("disk.full", "operator")]
    channel.before_push = lambda _batch: None
    go(runtime, sync)
    assert told(runtime) == []
