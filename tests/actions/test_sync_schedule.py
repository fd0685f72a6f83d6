"""Changing when a sync runs: who may, from when it counts, and what it leaves alone."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta

import pytest
from sqlalchemy import update

from segsync.actions import runs, sync_schedule, timing
from segsync.actions.actor import Actor, NotAllowed, Refused
from segsync.models import Organization, Person, Sync
from segsync.rules.renewal import turns
from segsync.rules.schedule import WEEKDAYS, At, ByHand, Every
from segsync.rules.terms import Role
from tests.actions.pushing import go, start
from tests.builders import make_person

WEEKDAY_MORNINGS = At(time(7), WEEKDAYS, "Europe/Berlin")


@pytest.fixture
def choose(runtime, session, sync):
    """Ada, or somebody else, chooses."""

    def chosen(wanted, actor=None) -> Sync:
        actor = actor or Actor.person(session.get_one(Person, sync.creator_id))
        made = sync_schedule.change(runtime, session, actor, sync.public_id, wanted)
        session.commit()
        return made

    return chosen


def test_a_new_schedule_counts_at_once(choose, clock):
    """From every six hours to weekday mornings: the next run is the next morning in Berlin, late when another has come (B23)."""
    changed = choose(WEEKDAY_MORNINGS)
    assert changed.next_run_at == datetime(2026, 3, 3, 6, tzinfo=UTC)
    assert changed.overdue_at == changed.next_run_at + timedelta(days=1)
    hourly = choose(Every(timedelta(hours=1)))
    assert timedelta(minutes=15) <= hourly.next_run_at - clock.now <= timedelta(minutes=75)


def test_each_run_plans_the_next_by_the_schedule(runtime, channel, choose, sync, session, clock):
    """After a run on Friday morning the next one is on Monday (B23)."""
    choose(WEEKDAY_MORNINGS)
    clock.now = datetime(2026, 3, 6, 6, 0, 1, tzinfo=UTC)
    go(runtime, sync)
    session.refresh(sync)
    assert sync.next_run_at == datetime(2026, 3, 9, 6, tzinfo=UTC)
    assert sync.overdue_at == datetime(2026, 3, 10, 6, tzinfo=UTC)


def test_a_sync_that_is_off_stays_without_a_next_run(choose, session, sync):
    """A schedule can be chosen while a sync is off, and nothing runs before it is on (B12, B23)."""
    session.execute(update(Sync).values(status="inactive", next_run_at=None))
    session.commit()
    assert choose(WEEKDAY_MORNINGS).next_run_at is None


def test_a_run_under_way_goes_on(runtime, choose, session, sync, clock):
    """Only by hand from now on: the run that is under way is not stopped, and has a day to end (B23)."""
    run = start(runtime, sync)
    changed = choose(ByHand())
    assert runs.open_run(session, sync.id).id == run.id
    assert (changed.next_run_at, changed.overdue_at) == (None, clock.now + timedelta(days=1))


def test_members_are_renewed_by_the_syncs_own_interval(choose):
    """Weekday mornings leave three days without a run, and by hand nobody knows: renewals come sooner by as much (B23)."""
    month = timedelta(days=25)
    for wanted, latest in ((WEEKDAY_MORNINGS, 22), (Every(timedelta(hours=24)), 24), (ByHand(), 12.5)):
        every = timedelta(seconds=choose(wanted).every_seconds)
        assert turns(month, every).latest == timedelta(days=latest)
        assert timing.of(choose(wanted)) == wanted


def test_only_the_creator_and_administrators_change_it(choose, session, sync):
    """Whoever may switch a sync off may change when it runs, and nobody else; a deleted one is not changed (B23)."""
    organization = session.get_one(Organization, sync.organization_id)
    other, grace = (make_person(session, organization, *who) for who in (("Max",), ("Grace", Role.PRIMARY_ADMIN)))
    with pytest.raises(NotAllowed, match="Only Ada or an administrator can change when this runs"):
        choose(WEEKDAY_MORNINGS, Actor.person(other))
    choose(WEEKDAY_MORNINGS, Actor.person(grace))
    session.execute(update(Sync).values(deleted_at=sync.created_at))
    with pytest.raises(Refused, match="deleted"):
        choose(ByHand())
