"""Signing in and asking, at each channel's simulator: the product's own code and the shipped connectors, nothing faked."""

from urllib.parse import parse_qs, urlsplit

import pytest
import requests
from pydantic import SecretStr
from sqlalchemy import select

from connectors.contract import AccountRef, Application
from connectors.problems import ReconnectNeeded
from connectors.registry import CHANNELS
from connectors.simulators import Simulators
from segsync.actions import asks, integrations
from segsync.actions.actor import Refused
from segsync.actions.integration_changes import disconnect
from segsync.models import AdAccount, Integration
from segsync.rules.terms import AskState, SignInState
from tests.actions.northwind import Northwind
from tests.contract.harness_google import GoogleHarness
from tests.contract.harness_linkedin import LinkedInHarness
from tests.contract.harness_meta import MetaHarness

HARNESSES = {"google": GoogleHarness, "linkedin": LinkedInHarness, "meta": MetaHarness}


@pytest.fixture(scope="module")
def simulators():
    with Simulators() as running:
        yield running


@pytest.fixture(params=sorted(HARNESSES))
def channel(request, simulators, runtime):
    """A channel's simulator, and an installation that is set up for it."""
    made = HARNESSES[request.param](simulators)
    settings = runtime.settings.channels[request.param]
    settings.client_id, settings.client_secret = made.app.client_id, SecretStr(made.app.client_secret)
    settings.bases, settings.options = dict(made.app.bases), dict(made.app.options)
    yield made
    simulators.world.clear_faults()


@pytest.fixture
def northwind(session):
    return Northwind(session)


def consent(runtime, northwind, channel, name="Alan", *, person="", scopes=None, decision="allow"):
    """Somebody goes to the consent page, decides, and comes back."""
    address = integrations.begin(runtime, northwind.session, northwind.actor(name), channel.channel, "/syncs")
    northwind.session.commit()
    form = {"signin": person or channel.ada, "scope": channel.oauth.scopes if scopes is None else scopes}
    reply = requests.post(address, data={**form, "decision": decision}, allow_redirects=False, timeout=10)
    query = parse_qs(urlsplit(reply.headers["Location"]).query)
    given = {key: values[0] for key, values in query.items()}
    return integrations.come_back(runtime, northwind.actor(name), channel.channel, given)


def ask(runtime, northwind, name, kind, **params):
    question = asks.ask(runtime, northwind.session, northwind.actor(name), kind, params)
    northwind.session.commit()
    asks.answer(runtime, question.id)
    northwind.session.expire_all()
    return question


def seen(northwind, integration_id, account: AccountRef):
    wanted = select(AdAccount).where(
        AdAccount.integration_id == integration_id,
        AdAccount.remote_id == account.remote_id,
        AdAccount.via == account.via,
    )
    return northwind.session.scalars(wanted).one()


def test_there_and_back_and_the_ad_accounts_are_listed(runtime, northwind, channel):
    """Signed in at the channel, one sees one's ad accounts, with what cannot be used and why. (S2, S8)."""
    came = consent(runtime, northwind, channel)
    assert came.integration.state == SignInState.CONNECTED
    question = ask(runtime, northwind, "Alan", "accounts", integration=came.integration.id)
    assert question.state == AskState.DONE
    assert seen(northwind, came.integration.id, channel.account).blocked == []
    assert seen(northwind, came.integration.id, channel.view_only).blocked[0]["code"] == "account.view_only"


def test_an_ad_account_is_checked_live(runtime, northwind, channel):
    """What changed at the channel a moment ago is seen by the check: access that was taken away is told. (S8)."""
    came = consent(runtime, northwind, channel)
    where = {"integration": came.integration.id, "account": channel.account.remote_id, "via": channel.account.via}
    ask(runtime, northwind, "Alan", "accounts", integration=came.integration.id)
    ask(runtime, northwind, "Alan", "check", **where)
    assert seen(northwind, came.integration.id, channel.account).blocked == []
    channel.take_access(channel.ada, channel.account)
    try:
        asks.answer(runtime, _again(runtime, northwind, where))
        northwind.session.expire_all()
        assert seen(northwind, came.integration.id, channel.account).blocked != []
    finally:
        channel.give_access(channel.ada, channel.account)


def _again(runtime, northwind, where):
    """The same question, asked anew: the answer of a moment ago would do otherwise."""
    runtime.clock.forward(minutes=1)
    question = asks.ask(runtime, northwind.session, northwind.actor("Alan"), "check", where)
    northwind.session.commit()
    return question.id


def test_a_refused_consent_connects_nothing(runtime, northwind, channel):
    """Refused on the channel's own page: nothing is connected, and one reads that. (S2)."""
    with pytest.raises(Refused, match="You did not allow it"):
        consent(runtime, northwind, channel, decision="refuse")


def test_unticked_permissions_are_named(runtime, northwind, channel):
    """Unticking the permissions on the channel's page names each and what it is for. (S2)."""
    kept = [scope for scope in channel.oauth.scopes if scope not in channel.oauth.needed]
    came = consent(runtime, northwind, channel, scopes=kept)
    assert dict(came.missing) == dict(CHANNELS[channel.channel].oauth.needed)
    assert came.integration.state == SignInState.PERMISSION


def test_somebody_else_than_before_waits_for_a_word(runtime, northwind, channel):
    """Coming back as another person at the channel moves nothing. (S2)."""
    first = consent(runtime, northwind, channel)
    second = consent(runtime, northwind, channel, person=channel.grace)
    assert second.pending
    northwind.session.expire_all()
    assert northwind.session.get(Integration, first.integration.id).state == SignInState.CONNECTED


def test_disconnecting_ends_it_at_the_channel(runtime, northwind, channel):
    """After disconnecting, the token is dead at the channel too, where the channel offers that. (S2)."""
    came = consent(runtime, northwind, channel)
    token = runtime.vault.open(came.integration.access_sealed)
    said = disconnect(runtime, northwind.actor("Alan"), channel.channel)
    assert said.endswith("ended and forgotten.")
    app: Application = runtime.application(channel.channel)
    with pytest.raises(ReconnectNeeded):
        channel.oauth.whoami(app, token)
