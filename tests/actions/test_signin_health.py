"""The health of a sign-in: what a look at the channel proves, what goes on by itself after it, and when it is looked at again."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select, update

from connectors.contract import Identity
from connectors.problems import Code, ConnectorProblem, ReconnectNeeded, TryLater
from segsync.actions import alerts, health_of_signins, schedule, tokens
from segsync.actions.alerts import Cause
from segsync.models import Alert, Integration, Run
from segsync.rules.terms import Acts, SignInState, Status, Why
from tests.actions.fake_channel import FakeOAuth, with_fakes
from tests.actions.northwind import Northwind


@dataclass
class Asked(FakeOAuth):
    """A channel that also fails to say whose token it is, and counts how often it was asked."""

    silent: ConnectorProblem | None = None
    ended: str = ""
    """An access token that the channel ended before its time."""
    times: int = 0

    def whoami(self, app: Any, access_token: str) -> Identity:
        self.times += 1
        if self.silent is not None:
            raise self.silent
        if access_token == self.ended:
            raise ReconnectNeeded(Code.SIGNIN_EXPIRED)
        return self.identity


@pytest.fixture
def fake(runtime):
    made = with_fakes(runtime)
    made.fakes.oauth = Asked()
    return made


@pytest.fixture
def northwind(session):
    return Northwind(session)


@pytest.fixture
def hers(fake, northwind, clock):
    """Ada's sign-in, with a token that is good for long; all were looked at a moment ago."""
    for signin in northwind.integrations.values():
        signin.checked_at = clock.now
    signin = northwind.integrations["Ada"]
    signin.access_sealed = fake.vault.seal("access-old")
    northwind.session.commit()
    return signin


@pytest.fixture
def waiting(northwind, hers, clock):
    """Her sync that failed because of the sign-in, and the one alert of it."""
    hers.state, hers.problem = SignInState.RECONNECT.value, Code.SIGNIN_EXPIRED.value
    sync = northwind.sync(status="failed", detail="needs a person", problem_code="signin.expired")
    cause = Cause(f"integration:{hers.id}", "signin.expired", Acts.PERSON, hers.person_id, "meta", hers.id)
    alerts.open_alert(northwind.session, northwind.organization.id, cause, now=clock.now, sync_ids=[sync.id])
    northwind.session.commit()
    return sync


def tick(fake, session):
    """One second of the scheduler; looks at the sign-ins that are due. Returns how often the channel was asked."""
    before = fake.fakes.oauth.times
    for integration_id in session.scalars(schedule._due_signins(fake.clock())).all():
        health_of_signins.look(fake, integration_id)
    session.expire_all()
    return fake.fakes.oauth.times - before


def incident(session):
    """The alert of the dead sign-in; the one that warns of the day on which it ends is another."""
    return session.scalars(select(Alert).where(Alert.code != health_of_signins.SOON)).one()


# -- well again ------------------------------------------------------------------------------------------------


def test_a_sign_in_that_proves_well_sets_its_syncs_going(fake, session, hers, waiting, redis_client):
    """The channel takes Ada's sign-in again: the alert closes and the sync that waited runs at once, unasked (S15, S16)."""
    health_of_signins.look(fake, hers.id)
    session.expire_all()
    run = session.scalars(select(Run)).one()
    assert (hers.state, waiting.status, run.why) == (SignInState.CONNECTED, Status.SYNCING, Why.CAUSE_GONE)
    assert incident(session).closed_at
    assert redis_client.keys(), "a worker was woken"


def test_a_token_that_is_renewed_after_all_sets_its_syncs_going(fake, session, hers, waiting):
    """A renewal that works again is proved within a second, and what waited goes on with its alert closed (S15, S16)."""
    tokens.access(fake, hers.id, renew=True)
    session.expire_all()
    assert hers.state == SignInState.RECONNECT, "nobody has proved it yet"
    assert tick(fake, session) == 1
    assert (hers.state, waiting.status) == (SignInState.CONNECTED, Status.SYNCING)
    assert incident(session).closed_at


def test_a_token_that_ended_early_is_renewed_before_anybody_is_alarmed(fake, session, hers):
    """The channel ended an access token before its time: it is renewed, and Ada is told nothing, for she has nothing to do (S16)."""
    fake.fakes.oauth.ended = "access-old"
    hers.refresh_sealed = fake.vault.seal("refresh")
    session.commit()
    health_of_signins.look(fake, hers.id)
    session.refresh(hers)
    assert (hers.state, fake.vault.open(hers.access_sealed)) == (SignInState.CONNECTED, "access-new")
    assert session.scalars(select(Alert).where(Alert.code != health_of_signins.SOON)).all() == []


def test_a_look_that_changes_nothing_starts_nothing(fake, session, northwind, hers):
    """A sign-in that was well and is well starts no run of a sync that is in step (S15)."""
    northwind.sync()
    health_of_signins.look(fake, hers.id)
    assert session.scalars(select(Run)).all() == []


def test_a_look_never_revives_what_was_disconnected_meanwhile(fake, session, hers):
    """Ada disconnects while the channel is asked: the answer does not connect her again (S3)."""
    known = fake.fakes.oauth.identity

    def whoami(_app, _token):
        hers.state, hers.access_sealed = SignInState.DISCONNECTED.value, None
        session.commit()
        return known

    fake.fakes.oauth.whoami = whoami
    health_of_signins.look(fake, hers.id)
    session.expire_all()
    assert hers.state == SignInState.DISCONNECTED


# -- a permission that is missing ------------------------------------------------------------------------------


@pytest.fixture
def unticked(session, hers):
    """Ada left a permission unticked."""
    hers.state, hers.problem = SignInState.PERMISSION.value, Code.SCOPE_MISSING.value
    session.commit()
    return hers


def test_a_permission_that_was_given_after_all_is_noticed(fake, session, unticked):
    """The permission was added at the channel: the next look proves it, without another sign-in (S3, S16)."""
    health_of_signins.look(fake, unticked.id)
    session.expire_all()
    assert (unticked.state, unticked.problem) == (SignInState.CONNECTED, None)


@pytest.mark.parametrize("told", ["by its answer", "by a refusal", "by the token"])
def test_a_permission_that_is_still_missing_stays_named(fake, session, unticked, told):
    """Day after day one reads that a permission is missing, never that the sign-in ran out (S3)."""
    if told == "by a refusal":
        fake.fakes.oauth.silent = ReconnectNeeded(Code.SCOPE_MISSING)
    elif told == "by its answer":
        fake.fakes.oauth.identity = Identity("remote-ada", "Ada", frozenset({"email"}))
    else:
        fake.fakes.oauth.identity = Identity("remote-ada", "Ada", frozenset())
        unticked.scopes = ["email"]
        session.commit()
    for _day in range(2):
        health_of_signins.look(fake, unticked.id)
    session.expire_all()
    assert (unticked.state, unticked.problem) == (SignInState.PERMISSION, Code.SCOPE_MISSING)
    assert incident(session).code == "signin.scope_missing"


def test_a_probe_opens_the_token_of_a_sign_in_that_lacks_a_permission(fake, unticked):
    """A run that tries once a day whether the cause is gone reaches the channel: only that can prove it (S16)."""
    assert tokens.access(fake, unticked.id).access_token == "access-old"


# -- a channel that does not answer ----------------------------------------------------------------------------


@pytest.mark.parametrize("problem", [TryLater(Code.OUTAGE), ConnectorProblem(Code.UNEXPECTED)])
def test_a_channel_that_is_down_is_asked_once_an_hour(fake, session, hers, clock, problem):
    """A day without a look, and the channel is down: it is asked once an hour, not once a second (S16)."""
    fake.fakes.oauth.silent = problem
    seen = hers.checked_at
    clock.forward(hours=25)
    session.execute(update(Integration).where(Integration.id != hers.id).values(checked_at=clock.now))
    session.commit()
    assert [tick(fake, session) for _second in range(3)] == [1, 0, 0]
    assert (hers.checked_at, hers.state) == (seen, SignInState.CONNECTED), "nothing was learnt"
    clock.forward(hours=1, seconds=1)
    fake.fakes.oauth.silent = None
    assert [tick(fake, session) for _second in range(2)] == [1, 0]
    assert (hers.checked_at, hers.look_after) == (clock.now, None)


def test_a_renewal_that_is_not_due_is_not_hurried_by_an_outage(fake, session, hers, clock):
    """A token that is good for a month is not renewed because a look failed (S16)."""
    hers.refresh_at = clock.now + timedelta(days=20)
    session.commit()
    fake.fakes.oauth.silent = TryLater(Code.OUTAGE)
    health_of_signins.look(fake, hers.id)
    session.expire_all()
    assert hers.refresh_at == clock.now + timedelta(days=20)


def test_a_dead_sign_in_is_asked_once_a_day(fake, session, hers, clock):
    """A renewal that is refused is not asked for again every second: Ada is told once, the channel asked daily (S16)."""
    hers.refresh_at = clock.now
    session.commit()
    fake.fakes.oauth.problem = ReconnectNeeded(Code.SIGNIN_REVOKED)
    for _second in range(3):
        tick(fake, session)
    assert (hers.state, incident(session).times) == (SignInState.RECONNECT, 1)


def test_an_alert_holds_no_name_of_a_sign_in(fake, session, hers):
    """The name at a channel may be an e-mail address: an alert names the person, never that (S13, S17)."""
    hers.name = "ada@private.example"
    session.commit()
    fake.fakes.oauth.silent = ReconnectNeeded(Code.SIGNIN_REVOKED)
    health_of_signins.look(fake, hers.id)
    assert incident(session).facts == {"channel": "meta", "person": "Ada"}
