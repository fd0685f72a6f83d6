"""Signing in at LinkedIn: consent, tokens with and without renewal, and who it was."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from connectors.contract import Tokens
from connectors.linkedin.oauth import RENEW_BEFORE, LinkedInOAuth
from connectors.problems import Code, ReconnectNeeded, SetupNeeded, TryLater
from tests.connectors.linkedin_at_hand import REDIRECT, linkedin_at_hand, refusal

OAUTH = LinkedInOAuth()


@pytest.fixture(scope="module")
def shared():
    with linkedin_at_hand() as at_hand:
        yield at_hand


@pytest.fixture
def linkedin(shared):
    """The same simulator for all tests here, without what one test ordered."""
    yield shared
    shared.world.clear_faults()
    shared.configure(refresh_tokens=True)


def days_left(moment):
    return round((moment - datetime.now(UTC)) / timedelta(days=1))


def test_a_person_connects_and_is_recognised(linkedin):
    """Max allows access at LinkedIn and comes back as Max, with all permissions (S2)."""
    who = OAUTH.whoami(linkedin.app, linkedin.token("max").access_token)
    assert (who.remote_id, who.name) == ("max", "Max Power")
    assert who.scopes == set(OAUTH.scopes)


def test_the_return_carries_our_state(linkedin):
    """The return proves that it belongs to the request that we started (S2)."""
    assert linkedin.consent()["state"] == "the-state"


def test_a_refused_consent_gives_no_code(linkedin):
    """Refusing at LinkedIn brings one back with an error and nothing else (S2)."""
    back = linkedin.consent(decision="refuse")
    assert back["error"] == "access_denied"
    assert "code" not in back


def test_fewer_permissions_are_noticed(linkedin):
    """What was really allowed is known right after the consent (S2)."""
    tokens = linkedin.tokens(scopes=("openid", "profile", "r_ads"))
    assert set(OAUTH.needed) - tokens.scopes == {"rw_dmp_segments"}


def test_a_code_works_once(linkedin):
    """A code that was used before signs nobody in (S2)."""
    code = linkedin.consent()["code"]
    OAUTH.exchange_code(linkedin.app, REDIRECT, code, "")
    again = refusal(OAUTH.exchange_code, linkedin.app, REDIRECT, code, "")
    assert again == (ReconnectNeeded, Code.SIGNIN_EXPIRED)


def test_a_wrong_return_address_is_the_operators_affair(linkedin):
    """A return address that LinkedIn does not know is named as a fault of the set-up."""
    code = linkedin.consent()["code"]
    wrong = refusal(OAUTH.exchange_code, linkedin.app, "http://127.0.0.1/other", code, "")
    assert wrong == (SetupNeeded, Code.APP_WRONG)


def test_an_approved_application_is_told_of_both_lives(linkedin):
    """With a refresh token a person signs in again once a year, and the access token is renewed before (B10)."""
    tokens = linkedin.tokens()
    assert days_left(tokens.expires_at) == 60
    assert days_left(OAUTH.must_act_by(tokens)) == 365
    assert OAUTH.refresh_at(tokens) == tokens.expires_at - RENEW_BEFORE


def test_an_application_without_renewal_signs_in_every_60_days(linkedin):
    """Without a refresh token nothing can be renewed, and the access token's end is the day to act (B10)."""
    linkedin.configure(refresh_tokens=False)
    tokens = linkedin.tokens()
    assert tokens.refresh_token is None
    assert days_left(OAUTH.must_act_by(tokens)) == 60
    assert OAUTH.refresh_at(tokens) is None
    assert refusal(OAUTH.refresh, linkedin.app, tokens) == (ReconnectNeeded, Code.SIGNIN_EXPIRED)


def test_renewing_does_not_make_the_year_longer(linkedin):
    """Renewed on day 59, the sign-in still ends on day 365: 306 days are left (B10)."""
    tokens = linkedin.tokens()
    linkedin.world.advance(timedelta(days=59))
    renewed = OAUTH.refresh(linkedin.app, tokens)
    assert renewed.access_token != tokens.access_token
    assert days_left(renewed.expires_at) == 60
    assert days_left(renewed.refresh_expires_at) == 306


def test_in_the_last_days_renewing_is_of_no_use(linkedin):
    """Renewed on day 360, both tokens end 5 days later, and no further renewal is planned (B10)."""
    tokens = linkedin.tokens()
    linkedin.world.advance(timedelta(days=360))
    renewed = OAUTH.refresh(linkedin.app, tokens)
    assert days_left(renewed.expires_at) == days_left(renewed.refresh_expires_at) == 5
    assert OAUTH.refresh_at(renewed) is None


def test_after_a_year_a_person_has_to_come(linkedin):
    """When the refresh token has ended, LinkedIn says so and the person signs in again (B10)."""
    tokens = linkedin.tokens()
    linkedin.world.advance(timedelta(days=366))
    assert refusal(OAUTH.refresh, linkedin.app, tokens) == (ReconnectNeeded, Code.SIGNIN_EXPIRED)
    assert refusal(OAUTH.whoami, linkedin.app, tokens.access_token) == (ReconnectNeeded, Code.SIGNIN_EXPIRED)


def test_access_taken_back_is_told_apart(linkedin):
    """Max took the access away at LinkedIn: that is said, for renewing and for looking (B10)."""
    tokens = linkedin.tokens("max")
    linkedin.world.add_fault("linkedin", "token_revoked", person="max")
    assert refusal(OAUTH.refresh, linkedin.app, tokens) == (ReconnectNeeded, Code.SIGNIN_REVOKED)
    assert refusal(OAUTH.whoami, linkedin.app, tokens.access_token) == (ReconnectNeeded, Code.SIGNIN_REVOKED)
    assert OAUTH.whoami(linkedin.app, linkedin.token("ada").access_token).name == "Ada Byron"


def test_other_permissions_end_the_tokens_of_before(linkedin):
    """When the list of permissions changes, LinkedIn ends what it gave before, and that is noticed."""
    before = linkedin.tokens("grace")
    linkedin.tokens("grace", scopes=("openid", "profile"))
    assert refusal(OAUTH.whoami, linkedin.app, before.access_token) == (ReconnectNeeded, Code.SIGNIN_REVOKED)


def test_a_wrong_secret_is_the_operators_affair(linkedin):
    """An application that LinkedIn does not accept is a fault of the set-up, not of the person."""
    tokens = linkedin.tokens()
    linkedin.world.add_fault("linkedin", "invalid_client")
    assert refusal(OAUTH.refresh, linkedin.app, tokens) == (SetupNeeded, Code.APP_WRONG)


@pytest.mark.parametrize(("kind", "facts"), [("error", {"status": 503}), ("html", {}), ("cut_before", {})])
def test_an_outage_at_sign_in_passes(linkedin, kind, facts):
    """While LinkedIn is down nobody is told to sign in again (B10)."""
    tokens = linkedin.tokens()
    linkedin.world.add_fault("linkedin", kind, facts=facts)
    assert refusal(OAUTH.refresh, linkedin.app, tokens) == (TryLater, Code.OUTAGE)


def test_disconnecting_ends_both_tokens(linkedin):
    """After disconnecting neither token works at LinkedIn, and doing it again is quiet (S3)."""
    tokens = linkedin.tokens("linus")
    for _ in range(2):
        OAUTH.revoke(linkedin.app, tokens)
    assert refusal(OAUTH.whoami, linkedin.app, tokens.access_token) == (ReconnectNeeded, Code.SIGNIN_REVOKED)
    assert refusal(OAUTH.refresh, linkedin.app, tokens) == (ReconnectNeeded, Code.SIGNIN_REVOKED)


@pytest.mark.parametrize(("kind", "facts"), [("error", {"status": 404}), ("cut_before", {})])
def test_disconnecting_is_quiet(linkedin, kind, facts):
    """Should LinkedIn refuse or not answer, that is no obstacle to disconnecting (S3)."""
    linkedin.world.add_fault("linkedin", kind, operation="revoke", facts=facts)
    OAUTH.revoke(linkedin.app, Tokens("dead", None))


def test_tokens_stay_out_of_the_log(linkedin, caplog):
    """Signing in at the most talkative log level writes no token and no secret (B10)."""
    caplog.set_level("DEBUG")
    tokens = OAUTH.refresh(linkedin.app, linkedin.tokens())
    OAUTH.whoami(linkedin.app, tokens.access_token)
    assert not any(secret in caplog.text for secret in (tokens.access_token, tokens.refresh_token, "client_secret"))
