"""Contract: signing in at a channel, staying signed in, and ending it."""

from __future__ import annotations

from datetime import UTC, datetime
from urllib.parse import parse_qs, urlsplit

import pytest
import requests

from connectors.contract import Application, Token
from connectors.problems import ConnectorProblem, ReconnectNeeded, SetupNeeded, TryLater
from tests.contract.harness import RETURN, VERIFIER

pytestmark = pytest.mark.contract


def test_the_consent_page_names_what_is_asked_for(channel):
    """The page a person is sent to shows each permission, and says that it is a simulator (S2)."""
    address = channel.oauth.authorize_url(channel.app, RETURN, "the-state", VERIFIER)
    page = requests.get(address, timeout=10).text
    assert "Simulator" in page
    assert all(scope in page for scope in channel.oauth.scopes)


def test_coming_back_brings_a_working_sign_in(channel):
    """After consent the product knows who signed in, and every permission that it needs is there (S2)."""
    tokens = channel.tokens()
    who = channel.oauth.whoami(channel.app, tokens.access_token)
    assert who.remote_id == channel.ada
    assert who.name == "Ada Byron"
    assert set(channel.oauth.needed) <= who.scopes


def test_the_state_comes_back_untouched(channel):
    """Nobody can smuggle another person's sign-in into this browser (S2)."""
    assert channel.consent()["state"] == "the-state"


def test_a_refusal_comes_back_as_one(channel):
    """Who refuses on the consent page comes back without a code (S2)."""
    back = channel.consent(decision="refuse")
    assert "code" not in back
    assert back["error"]


def test_fewer_permissions_are_noticed(channel):
    """A person who unticks what is needed is told on return, not at the first run (S2)."""
    left_out = min(channel.oauth.needed)
    scopes = [scope for scope in channel.oauth.scopes if scope != left_out]
    tokens = channel.tokens(scopes=scopes)
    assert left_out not in channel.oauth.whoami(channel.app, tokens.access_token).scopes


def test_a_code_works_once(channel):
    """A code that somebody else gets hold of later is worth nothing (S2)."""
    code = channel.consent()["code"]
    channel.oauth.exchange_code(channel.app, RETURN, code, VERIFIER)
    with pytest.raises(ConnectorProblem):
        channel.oauth.exchange_code(channel.app, RETURN, code, VERIFIER)


def test_a_made_up_code_is_refused(channel):
    """A return with a made-up code signs nobody in (S2)."""
    with pytest.raises((ReconnectNeeded, SetupNeeded)):
        channel.oauth.exchange_code(channel.app, RETURN, "made-up", VERIFIER)


def test_a_code_is_bound_to_its_verifier(channel):
    """Where a channel offers PKCE, a code without its verifier is worth nothing (S2)."""
    address = channel.oauth.authorize_url(channel.app, RETURN, "the-state", VERIFIER)
    assert ("code_challenge" in parse_qs(urlsplit(address).query)) == channel.oauth.pkce


def test_a_wrong_secret_is_the_operators_problem(channel):
    """A mistyped application secret is told to the operator, not to the marketer (S2)."""
    channel.tokens()
    wrong = Application(channel.app.client_id, "not-the-secret", channel.app.bases, options=channel.app.options)
    with pytest.raises(SetupNeeded):
        channel.oauth.exchange_code(wrong, RETURN, channel.consent()["code"], VERIFIER)


def test_a_sign_in_is_renewed_without_anybody(channel):
    """A sign-in stays alive by itself: the renewed one works (S16)."""
    renewed = channel.oauth.refresh(channel.app, channel.tokens())
    assert channel.connector.ad_accounts(Token(renewed.access_token, channel.ada))


def test_renewal_comes_before_the_end(channel):
    """The product renews in time, and knows by when a person must act if one must (S16, B10)."""
    tokens = channel.tokens()
    at, act = channel.oauth.refresh_at(tokens), channel.oauth.must_act_by(tokens)
    assert at is None or tokens.expires_at is None or at < tokens.expires_at
    assert act is None or act > datetime.now(UTC)


def test_disconnecting_ends_the_sign_in_at_the_channel(channel):
    """After disconnecting, the channel refuses what we held; doing it twice does no harm (S16)."""
    tokens = channel.tokens(channel.grace)
    channel.oauth.revoke(channel.app, tokens)
    channel.oauth.revoke(channel.app, tokens)
    with pytest.raises(ReconnectNeeded):
        channel.oauth.refresh(channel.app, tokens)


def test_a_dead_token_asks_for_the_person(channel):
    """A token that means nothing to the channel asks its owner to sign in again (S16)."""
    with pytest.raises(ReconnectNeeded):
        channel.oauth.whoami(channel.app, "not-a-token")
    with pytest.raises(ReconnectNeeded):
        channel.connector.ad_accounts(Token("not-a-token", channel.ada))


def test_an_unreachable_channel_is_waited_for(channel):
    """When the channel cannot be reached, nobody is asked to sign in again (S16)."""
    nowhere = Application("contract", "contract-secret", dict.fromkeys(channel.app.bases, "http://127.0.0.1:9"))
    with pytest.raises(TryLater):
        channel.oauth.exchange_code(nowhere, RETURN, "code", VERIFIER)
