"""What the creator of a sync is told once, when the channel has made something of the audience."""

from __future__ import annotations

from datetime import timedelta

import pytest

from connectors.contract import AudienceState, State
from segsync.actions import news
from segsync.actions.actor import Actor
from segsync.actions.push import follow
from segsync.models import Organization, Person, Sync
from tests.actions.pushing import again, go, open_alerts
from tests.builders import make_person


@pytest.fixture
def says(runtime, channel, sync):
    """The channel says something of the audience, and we look."""
    go(runtime, sync)

    def said(state: State) -> None:
        with runtime.sessions.begin() as session:
            follow.store_state(session, runtime, session.get_one(Sync, sync.id), AudienceState(state))

    return said


def told(session, person_id: int) -> list[str]:
    session.expire_all()
    return [one.told_state for one in news.unread(session, Actor.person(session.get_one(Person, person_id)))]


def test_the_creator_is_told_once_that_the_audience_can_be_used(runtime, session, clock, sync, says):
    """Building says nothing; ready is told to the creator until they read it, and not again a day later (B21)."""
    says(State.BUILDING)
    assert told(session, sync.creator_id) == []
    says(State.READY)
    assert told(session, sync.creator_id) == ["ready"]
    creator = Actor.person(session.get_one(Person, sync.creator_id))
    news.read(session, creator, [sync.public_id], now=clock.now)
    session.commit()
    clock.forward(days=1)
    for state in (State.UPDATING, State.READY):
        says(state)
    assert told(session, sync.creator_id) == []
    assert clock.now - again(runtime, sync).told_at == timedelta(days=1)


def test_too_small_is_told_once_and_not_twice_to_the_same_person(runtime, session, sync, says):
    """Ada owns what she created: the alert tells her. Where Max owns it by now, the creator is told too (B21)."""
    says(State.TOO_SMALL)
    assert [alert.code for alert in open_alerts(runtime)] == ["audience.too_small"]
    assert told(session, sync.creator_id) == []
    max_ = make_person(session, session.get_one(Organization, sync.organization_id), "Max")
    row = session.get_one(Sync, sync.id)
    row.owner_id, row.told_state = max_.id, ""
    session.commit()
    says(State.TOO_SMALL)
    assert (told(session, sync.creator_id), told(session, max_.id)) == (["too small"], [])
    says(State.READY)
    assert told(session, sync.creator_id) == ["ready"]


def test_nobody_is_told_of_an_audience_that_was_never_filled(runtime, session, sync, channel):
    """Before the first good run there is nothing to use (B21)."""
    with runtime.sessions.begin() as fresh:
        follow.store_state(fresh, runtime, fresh.get_one(Sync, sync.id), AudienceState(State.READY))
    assert told(session, sync.creator_id) == []


def test_only_the_creator_can_say_that_they_read_it(session, sync, says, clock):
    """Somebody else's click takes nothing away from the creator (B21)."""
    says(State.READY)
    other = make_person(session, session.get_one(Organization, sync.organization_id), "Max")
    news.read(session, Actor.person(other), [sync.public_id], now=clock.now)
    session.commit()
    assert told(session, sync.creator_id) == ["ready"]
