"""What nobody has to go and look for: a limit that is near, parts that are missing and people who left open an alert, and close it by themselves."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import text, update

from connectors.contract import Retire
from segsync.actions import alert_lists, health, health_of_signins, leavers, organizations, schedule, watch
from segsync.actions.sync_switch import Off, switch_off, switch_on
from segsync.actions.syncs import delete
from segsync.app import create_app
from segsync.models import Installation
from segsync.queue import Queue, connect
from segsync.web import watching
from segsync.worker import Workers
from tests.actions.northwind import Northwind
from tests.actions.pushing import open_alerts, told
from tests.builders import make_segment, make_sync


@pytest.fixture
def northwind(session):
    return Northwind(session, limit=5)


def fill(northwind, count):
    made = []
    for number in range(count):
        segment = make_segment(northwind.session, northwind.workspace, f"Segment {number}")
        made.append(make_sync(northwind.session, segment, northwind.integrations["Ada"]))
    northwind.session.commit()
    return made


# -- the limit -------------------------------------------------------------------------------------------------------


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


# -- who is missing --------------------------------------------------------------------------------------------------


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


# -- people ----------------------------------------------------------------------------------------------------------


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
