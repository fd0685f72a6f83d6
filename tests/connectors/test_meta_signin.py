"""A Meta sign-in lives as long as Meta lets it, and says in time when a person has to come back (S16, B10)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from connectors.contract import Application, Tokens
from connectors.meta.oauth import MetaOAuth
from connectors.problems import Code, ReconnectNeeded, SetupNeeded
from tests.contract.harness import RETURN
from tests.contract.harness_meta import MetaHarness

NOW = datetime.now(UTC)
oauth = MetaOAuth()


def tokens(days=None, access_days=None):
    end = NOW + timedelta(days=days) if days is not None else None
    access = NOW + timedelta(days=access_days) if access_days is not None else None
    return Tokens("token", end, data_access_expires_at=access)


@pytest.fixture
def meta(simulators):
    yield MetaHarness(simulators)
    simulators.world.clear_faults()


def test_the_real_addresses_are_metas():
    """Without a simulator a person is sent to Facebook itself, with a version (S2)."""
    address = oauth.authorize_url(Application("123", "secret"), RETURN, "the-state", "")
    assert address.startswith("https://www.facebook.com/v26.0/dialog/oauth?")
    assert "scope=ads_management%2Cads_read%2Cbusiness_management" in address
    assert "secret" not in address


def test_a_sign_in_lasts_sixty_days_and_its_data_ninety(meta):
    """After connecting, both of Meta's clocks are known (B10)."""
    got = meta.tokens()
    assert timedelta(days=59) < got.expires_at - meta.world.now() < timedelta(days=61)
    assert timedelta(days=89) < got.data_access_expires_at - meta.world.now() < timedelta(days=91)
    assert got.refresh_token is None


def test_renewing_moves_the_end_but_not_the_data_access(meta):
    """Weekly renewal keeps the token alive; only the person's return renews the data access (S16)."""
    before = meta.tokens()
    meta.world.advance(timedelta(days=8))
    after = oauth.refresh(meta.app, before)
    assert after.expires_at - before.expires_at >= timedelta(days=7)
    assert abs(after.data_access_expires_at - before.data_access_expires_at) < timedelta(minutes=1)


def test_an_expired_token_cannot_be_renewed(meta):
    """After sixty days without renewal only the person can help (S16)."""
    old = meta.tokens()
    meta.world.advance(timedelta(days=61))
    with pytest.raises(ReconnectNeeded) as caught:
        oauth.refresh(meta.app, old)
    assert caught.value.code is Code.SIGNIN_EXPIRED


def test_another_return_address_is_refused(meta):
    """A code works only for the address that it was made for (S2)."""
    code = meta.consent()["code"]
    with pytest.raises(ReconnectNeeded):
        oauth.exchange_code(meta.app, "http://127.0.0.1/elsewhere", code, "")


def test_the_operator_hears_of_a_wrong_secret(meta):
    """Meta writes a wrong secret with the number of an outage; it is not waited for (S2)."""
    meta.tokens()
    wrong = Application("contract", "wrong", meta.app.bases)
    with pytest.raises(SetupNeeded) as caught:
        oauth.exchange_code(wrong, RETURN, meta.consent()["code"], "")
    assert caught.value.code is Code.APP_WRONG


def test_renewal_is_weekly():
    """A token is renewed a week after it was given, one without an end never (S16)."""
    assert oauth.refresh_at(tokens(60)) == NOW + timedelta(days=7)
    assert oauth.refresh_at(tokens()) is None


@pytest.mark.parametrize(
    ("days", "access", "act"),
    [
        (59, 80, 80),
        (59, 20, 20),
        (30, 80, 30),
        (30, None, 30),
        (59, None, 59),
        (None, 80, 80),
        (None, None, None),
    ],
)
def test_the_day_a_person_must_act(days, access, act):
    """The data access counts; the token's own end only once its weekly renewal fails (B10)."""
    assert oauth.must_act_by(tokens(days, access)) == (NOW + timedelta(days=act) if act is not None else None)
