"""Signing in at Google, and what its refusals mean."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs, urlsplit

import pytest

from connectors.contract import Application, Tokens
from connectors.google.oauth import ADS, DATA_MANAGER, GoogleOAuth
from connectors.google.replies import OAUTH
from connectors.problems import Code, ReconnectNeeded, TryLater, UnexpectedReply
from tests.connectors.google_at_hand import ADA, REDIRECT, google_at_hand, refusal

oauth = GoogleOAuth()
NOW = datetime(2026, 11, 22, tzinfo=UTC)


@pytest.fixture(scope="module")
def shared():
    with google_at_hand() as at_hand:
        yield at_hand


@pytest.fixture
def google(shared):
    yield shared
    shared.world.clear_faults()


def test_the_consent_page_is_googles_own_and_asks_for_a_lasting_sign_in():
    """A marketer is sent to Google itself, which gives a refresh token each time (S2)."""
    address = oauth.authorize_url(Application("client", "secret"), REDIRECT, "the-state", "the-verifier")
    asked = {name: values[0] for name, values in parse_qs(urlsplit(address).query).items()}
    assert address.startswith("https://accounts.google.com/o/oauth2/v2/auth?")
    assert (asked["access_type"], asked["prompt"], asked["state"]) == ("offline", "consent", "the-state")
    assert (asked["code_challenge_method"], asked["redirect_uri"]) == ("S256", REDIRECT)
    assert {ADS, DATA_MANAGER} <= set(asked["scope"].split())


def test_the_sign_in_belongs_to_a_named_person(google):
    """The page says who is connected, and with which permissions (S3)."""
    who = oauth.whoami(google.app, google.tokens().access_token)
    assert (who.remote_id, who.name) == (ADA, "Ada Byron")
    assert who.scopes == set(oauth.scopes)


def test_an_unticked_permission_is_told(google):
    """Google lets people untick permissions: the return says which are there (S3)."""
    tokens = google.tokens(scopes=(ADS, "openid", "email"))
    assert set(oauth.needed) - tokens.scopes == {DATA_MANAGER}


def test_renewing_keeps_the_refresh_token(google):
    """Google gives the refresh token once; renewing goes on with it (S4)."""
    before = google.tokens()
    after = oauth.refresh(google.app, before)
    assert (after.refresh_token, after.scopes) == (before.refresh_token, before.scopes)
    assert after.access_token != before.access_token


def test_without_a_refresh_token_the_person_signs_in_again(google):
    """A sign-in that cannot be renewed says so (S4)."""
    assert refusal(oauth.refresh, google.app, Tokens("token", NOW)).code is Code.SIGNIN_EXPIRED


def test_a_sign_in_unused_for_half_a_year_is_over(google):
    """Google forgets a sign-in that nobody uses (S4)."""
    tokens = google.tokens()
    google.world.advance(timedelta(days=181))
    assert refusal(oauth.refresh, google.app, tokens).code is Code.SIGNIN_REVOKED


@pytest.mark.parametrize("name", sorted(OAUTH))
def test_each_refusal_has_a_meaning(google, name):
    """Every refusal of Google's sign-in is told to whoever can act (S13)."""
    google.fault("code", "signin.refresh", code=name)
    problem = refusal(oauth.refresh, google.app, google.tokens())
    assert (type(problem), problem.code) == OAUTH[name]
    assert problem.raw == name


def test_an_organisations_session_length_is_told_apart(google):
    """A company that asks its people to sign in daily is no revocation (S13)."""
    google.fault("code", "signin.refresh", code="invalid_grant", description="reauth related error (invalid_rapt)")
    assert refusal(oauth.refresh, google.app, google.tokens()).code is Code.SIGNIN_EXPIRED


def test_an_unknown_refusal_is_a_developers(google):
    """A refusal that this version does not know is never waited out for ever (S13)."""
    google.fault("code", "signin.refresh", code="something_new")
    problem = refusal(oauth.refresh, google.app, google.tokens())
    assert isinstance(problem, UnexpectedReply)
    assert problem.raw == "something_new"


@pytest.mark.parametrize(
    ("kind", "code"),
    [("error", Code.OUTAGE), ("html", Code.OUTAGE), ("cut_before", Code.OUTAGE), ("rate_limit", Code.RATE_LIMIT)],
)
@pytest.mark.parametrize("operation", ["signin.refresh", "signin.userinfo", "signin.revoke"])
def test_an_outage_never_asks_anybody_to_sign_in(google, operation, kind, code):
    """While Google is down, nobody is told to reconnect (S4)."""
    tokens = google.tokens()
    google.fault(kind, operation)
    call = {
        "signin.refresh": lambda: oauth.refresh(google.app, tokens),
        "signin.userinfo": lambda: oauth.whoami(google.app, tokens.access_token),
        "signin.revoke": lambda: oauth.revoke(google.app, tokens),
    }[operation]
    problem = refusal(call)
    assert isinstance(problem, TryLater)
    assert problem.code is code


def test_a_redirect_that_is_not_registered_is_the_operators(google):
    """A wrong return address is told to the operator (S13)."""
    code = google.consent()["code"]
    problem = refusal(oauth.exchange_code, google.app, "http://127.0.0.1/elsewhere", code, "the-verifier")
    assert problem.code is Code.APP_WRONG


def test_revoking_ends_everything_that_came_of_the_sign_in(google):
    """After disconnecting, tokens renewed from the same sign-in are dead too (S16)."""
    tokens = google.tokens()
    renewed = oauth.refresh(google.app, tokens)
    oauth.revoke(google.app, tokens)
    assert isinstance(refusal(oauth.whoami, google.app, renewed.access_token), ReconnectNeeded)


def test_google_sets_no_day_unless_it_says_so():
    """Google's sign-ins need nobody as a rule; access given for a time, or in testing, ends on a day (B10)."""
    lasting = Tokens("token", NOW, "refresh")
    for_a_week = replace(lasting, refresh_expires_at=NOW + timedelta(days=7))
    assert oauth.must_act_by(lasting) is None
    assert oauth.must_act_by(for_a_week) == NOW + timedelta(days=7)
    assert oauth.refresh_at(lasting) == NOW - timedelta(minutes=5)
    assert oauth.refresh_at(Tokens("token", NOW)) is None


def test_logs_hold_no_token(google, caplog):
    """However much is logged, tokens and codes stay out of it."""
    caplog.set_level("DEBUG")
    tokens = google.tokens()
    oauth.refresh(google.app, tokens)
    oauth.whoami(google.app, tokens.access_token)
    assert tokens.access_token not in caplog.text
    assert tokens.refresh_token not in caplog.text
