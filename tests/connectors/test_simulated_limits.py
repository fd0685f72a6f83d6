"""The simulators count as the channels do, when they are told to, and refuse in the channels' own words."""

from __future__ import annotations

import pytest

from connectors.problems import Code, TryLater
from connectors.simulators import Simulators
from tests.contract.conftest import HARNESSES

ORDERED = {
    "google": ({"ingest_writes_a_minute": 1}, "ingest_writes_a_minute", Code.RATE_LIMIT),
    "google, a day": ({"ingest_writes_a_day": 1}, "ingest_writes_a_day", Code.DAILY_LIMIT),
    "linkedin": ({"users_per_minute": 1}, "members_a_minute", Code.RATE_LIMIT),
    "meta": ({"score": 8, "score_seconds": 300}, "score", Code.RATE_LIMIT),
    "meta, an hour": ({"calls_an_hour": 3}, "audience_calls", Code.RATE_LIMIT),
}


@pytest.fixture(scope="module")
def simulators():
    with Simulators() as running:
        yield running


def again_and_again(call) -> None:
    for _ in range(4):
        call()


@pytest.mark.parametrize("case", sorted(ORDERED))
def test_one_call_too_many_is_refused_with_the_name_of_the_limit(simulators, case):
    """The connector hands on which limit it is, so that no other is closed for it (google.md 2.5, linkedin.md 7, meta.md 7)."""
    channel = HARNESSES[case.partition(",")[0]](simulators)
    settings, name, code = ORDERED[case]
    channel.world.put(channel.channel, "settings", "main", {"delay_seconds": 0, "not_found_seconds": 0, **settings})
    try:
        connector, token = channel.connector, channel.token(channel.ada)
        audience = connector.create_audience(token, channel.account, channel.spec())
        batch = channel.batch(channel.people(1))
        with pytest.raises(TryLater) as refused:
            again_and_again(lambda: connector.push(token, channel.account, audience, batch))
    finally:
        channel.world.drop(channel.channel, "settings", "main")
    assert (refused.value.code, refused.value.limit) == (code, name)


ASKED = {
    "google, operations": ({"ads_operations_a_day": 5}, "ads_operations_a_day", Code.DAILY_LIMIT),
    "google, queries": ({"ads_queries_a_second": 1}, "ads_queries", Code.RATE_LIMIT),
    "linkedin, a sign-in": ({"person_per_day": 3}, "person_a_day", Code.DAILY_LIMIT),
    "linkedin, all": ({"application_per_day": 3}, "application_a_day", Code.DAILY_LIMIT),
    "meta, all": ({"application_calls_an_hour": 3}, "application", Code.RATE_LIMIT),
}


@pytest.mark.parametrize("case", sorted(ASKED))
def test_questions_count_too(simulators, case):
    """Looking at ad accounts is refused by name where the channel counts it, as sending is (google.md 3.2, linkedin.md 7, meta.md 7)."""
    channel = HARNESSES[case.partition(",")[0]](simulators)
    settings, name, code = ASKED[case]
    token = channel.token(channel.ada)
    channel.world.put(channel.channel, "settings", "main", settings)
    try:
        with pytest.raises(TryLater) as refused:
            again_and_again(lambda: channel.connector.check_account(token, channel.account))
    finally:
        channel.world.drop(channel.channel, "settings", "main")
    assert (refused.value.code, refused.value.limit) == (code, name)


@pytest.mark.parametrize(
    ("name", "settings"), [("linkedin", {"application_per_day": 2}), ("meta", {"application_calls_an_hour": 4})]
)
def test_signing_in_counts_where_the_channel_counts_it(simulators, name, settings):
    """Who somebody is, is asked of the same application: that too may be one call too many (linkedin.md 7, meta.md 7)."""
    channel = HARNESSES[name](simulators)
    token = channel.token(channel.ada)
    for counted in channel.world.all(name, "used"):
        channel.world.drop(name, "used", counted["key"])
    channel.world.put(name, "settings", "main", settings)
    try:
        with pytest.raises(TryLater) as refused:
            again_and_again(lambda: channel.oauth.whoami(channel.app, token.access_token))
    finally:
        channel.world.drop(name, "settings", "main")
    assert refused.value.code in {Code.RATE_LIMIT, Code.DAILY_LIMIT}


def test_meta_tells_the_use_with_every_answer(simulators):
    """How much of the score is used is known before anything is refused, whatever was asked (meta.md 7)."""
    channel = HARNESSES["meta"](simulators)
    for counted in channel.world.all("meta", "used"):
        channel.world.drop("meta", "used", counted["key"])
    channel.world.put("meta", "settings", "main", {"score": 20, "calls_an_hour": 100})
    try:
        connector, token = channel.connector, channel.token(channel.ada)
        connector.check_account(token, channel.account)
        told = [heard(connector)]
        audience = connector.create_audience(token, channel.account, channel.spec())
        told.append(heard(connector))
        connector.push(token, channel.account, audience, channel.batch(channel.people(1)))
        told.append(heard(connector))
    finally:
        channel.world.drop("meta", "settings", "main")
    assert told == [
        {"score": 0.05, "audience_calls": 0.01},
        {"score": 0.25, "audience_calls": 0.03},
        {"score": 0.4, "audience_calls": 0.04},
    ]
    assert heard(connector) == {}


def heard(connector) -> dict[str, float]:
    return {usage.limit: usage.used for usage in connector.heard()}
