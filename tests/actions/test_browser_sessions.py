"""Where somebody is signed in: each sign-in by itself, ended when it should end, and kept no longer than needed."""

from __future__ import annotations

import pytest
from sqlalchemy import select

from segsync.actions import browser_sessions, people, profile, schedule
from segsync.actions.actor import Actor, NotThere
from segsync.actions.browser_sessions import IDLE_FOR, KEPT
from segsync.actions.chores import do
from segsync.models import AuditEvent, BrowserSession
from segsync.queue import Name
from tests.builders import PASSWORD, make_organization, make_person


@pytest.fixture
def ada(session):
    made = make_person(session, make_organization(session), "Ada")
    session.commit()
    return made


@pytest.fixture
def begin(session, ada, clock):
    """Signs Ada in from a browser; answers the secret that the browser keeps."""
    return lambda browser="Firefox on Linux": browser_sessions.begin(session, ada, browser, clock())


def alive(session, token, clock):
    return browser_sessions.find(session, token, clock()) is not None


def test_a_session_is_found_by_its_secret_which_is_not_kept(session, ada, begin, clock):
    """Whoever reads the database cannot sign in with what stands there (S1)."""
    token = begin()
    found = browser_sessions.find(session, token, clock())
    assert found.person is ada
    assert found.browser == "Firefox on Linux"
    assert token not in str(vars(session.scalars(select(BrowserSession)).one()))
    assert browser_sessions.find(session, "somebody's guess", clock()) is None


def test_signing_out_ends_this_browser_and_no_other(session, begin, clock):
    """A cookie that somebody copied is worth nothing after its owner signed out (S1)."""
    here, there = begin(), begin()
    browser_sessions.end(session, here, clock())
    assert (alive(session, here, clock), alive(session, there, clock)) == (False, True)


def test_a_browser_that_is_not_used_for_a_week_is_signed_out(session, begin, clock):
    """Seven days after the last use it is over; each use begins them anew (S1)."""
    token = begin()
    clock.forward(days=6)
    assert alive(session, token, clock)
    clock.forward(days=6)
    assert alive(session, token, clock)
    clock.now += IDLE_FOR
    assert not alive(session, token, clock)


def test_being_used_is_not_written_down_every_time(session, begin, clock):
    """A page that polls does not write: the last use is known to some minutes (S1)."""
    begun, token = clock(), begin()
    clock.forward(minutes=2)
    assert browser_sessions.find(session, token, clock()).last_used_at == begun
    clock.forward(minutes=10)
    assert browser_sessions.find(session, token, clock()).last_used_at == clock()


def test_what_ended_does_not_begin_again_by_being_used(session, begin, clock):
    """A request that comes a moment after signing out keeps nothing alive (S1)."""
    token = begin()
    clock.forward(hours=1)
    browser_sessions.end(session, token, clock())
    assert not alive(session, token, clock)
    assert not alive(session, token, clock)


@pytest.mark.parametrize("deed", ["password by oneself", "password by the operator", "deactivated"])
def test_a_new_password_and_leaving_end_every_session(session, ada, begin, clock, deed):
    """Whoever knew the old password, or has left, is out everywhere at once (S1)."""
    tokens = [begin(), begin()]
    operator = Actor(ada.organization_id, "command line", "root")
    make_person(session, ada.organization, "Grace")
    if deed == "password by oneself":
        profile.change_password(session, Actor.person(ada), PASSWORD, "another four words", clock())
    elif deed == "password by the operator":
        people.set_password(session, operator, ada.id, "another four words", clock())
    else:
        people.deactivate(session, operator, ada.id, clock())
    assert [alive(session, token, clock) for token in tokens] == [False, False]


def test_a_deactivated_person_is_out_whatever_their_sessions_say(session, ada, begin, clock):
    """A sign-in that was under way at the moment of leaving lets nobody in (S1)."""
    token = begin()
    ada.deactivated_at = clock()
    session.flush()
    assert not alive(session, token, clock)


def test_one_ends_a_session_elsewhere(session, ada, begin, clock):
    """Ada signs out the browser of a hotel, and the audit trail has it (S1, S14)."""
    here, hotel = begin(), begin("Chrome on Windows")
    listed = browser_sessions.mine(session, Actor.person(ada), clock())
    assert {one.browser for one in listed} == {"Firefox on Linux", "Chrome on Windows"}
    there = next(one for one in listed if one.browser == "Chrome on Windows")
    browser_sessions.end_one(session, Actor.person(ada), there.id, clock())
    assert (alive(session, here, clock), alive(session, hotel, clock)) == (True, False)
    assert session.scalars(select(AuditEvent.event)).all() == ["person.sign_out_elsewhere"]


def test_one_ends_all_others(session, ada, begin, clock):
    """Everywhere else, but not here (S1)."""
    here, *others = begin(), begin(), begin()
    assert browser_sessions.end_others(session, Actor.person(ada), here, clock()) == 2
    assert [alive(session, token, clock) for token in (here, *others)] == [True, False, False]


def test_nobody_ends_somebody_elses_session(session, ada, begin, clock):
    """Max cannot sign Ada out, and does not learn that she is signed in (S1)."""
    token = begin()
    max_ = Actor.person(make_person(session, ada.organization, "Max"))
    with pytest.raises(NotThere):
        browser_sessions.end_one(session, max_, browser_sessions.find(session, token, clock()).id, clock())
    assert alive(session, token, clock)
    assert browser_sessions.mine(session, max_, clock()) == []


def test_what_is_over_is_cleared_away(runtime, session, ada, begin, clock):
    """Sessions that ended a week ago are forgotten; the living ones stay (S1)."""
    over = begin()
    browser_sessions.end(session, over, clock())
    clock.now += KEPT
    clock.forward(seconds=1)
    living = begin()
    session.commit()
    schedule.tick(runtime)
    assert runtime.queue.waiting(Name.CHORES) == 1
    do(runtime, "browsers", ada.id)
    session.expire_all()
    assert alive(session, living, clock)
    assert session.query(BrowserSession).count() == 1
