"""Audiences at Google: found by our marker, made once, and told about in Google's own words."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from connectors.contract import AudienceRef, Retire, State
from connectors.google.oauth import ADS
from connectors.google.replies import DATA_MANAGER
from connectors.problems import Code, ReconnectNeeded, SetupNeeded, TryLater, UnexpectedReply
from tests.connectors.google_at_hand import SEARCH, SHOPPING, batch, google_at_hand, people, population, refusal, spec


@pytest.fixture(scope="module")
def shared():
    with google_at_hand() as at_hand:
        at_hand.world.add_people(population(200))
        yield at_hand


@pytest.fixture
def google(shared):
    yield shared
    shared.world.clear_faults()


@pytest.fixture
def ada(google):
    return google.token()


@pytest.fixture
def connector(google):
    return google.connector


@pytest.fixture
def mine(request):
    return spec(request.node.name[:60], request.node.name)


@pytest.fixture
def audience(connector, ada, mine):
    return connector.create_audience(ada, SEARCH, mine)


def test_a_new_audience_keeps_people_as_long_as_google_allows(google, audience, mine):
    """An audience is made for contact lists, ours by its marker, and described (B17)."""
    doc = google.world.get("google", "audiences", audience.remote_id)
    assert (doc["name"], doc["integration_code"], doc["kind"]) == (mine.name, mine.marker, "CONTACT_ID")
    assert doc["membership_duration"] == timedelta(days=540).total_seconds()
    assert doc["description"] == mine.description


@pytest.mark.parametrize("kind", ["cut", "error", "html", "slow"])
def test_a_creation_in_doubt_is_looked_for_at_once(google, connector, ada, mine, kind):
    """No answer does not mean not made: the audience is looked for after each failure, and never made twice (B17)."""
    google.fault(kind, "lists.create", seconds=0.1)
    made = []
    for _ in range(2):
        try:
            made.append(connector.create_audience(ada, SEARCH, mine).remote_id)
        except TryLater:
            continue
    there = [doc["key"] for doc in google.world.all("google", "audiences") if doc["integration_code"] == mine.marker]
    assert there == [made[-1]]


def test_a_name_taken_twice_is_told(google, connector, ada, mine, audience):
    """Where the other name is taken too, whoever owns the segment renames it (B17)."""
    other = replace(mine, marker=f"{mine.marker}-2", fallback_name=mine.name)
    assert refusal(connector.create_audience, ada, SEARCH, other).code is Code.AUDIENCE_NAME


def test_one_marker_is_one_audience_in_each_account(connector, ada, mine, audience):
    """Ad accounts do not see each other's audiences (S6)."""
    assert connector.find_audience(ada, SHOPPING, mine) is None
    assert connector.create_audience(ada, SHOPPING, mine).remote_id != audience.remote_id


def test_a_marker_is_never_taken_for_a_longer_one(connector, ada, mine, audience):
    """Only the very marker counts (B17)."""
    assert connector.find_audience(ada, SEARCH, replace(mine, marker=mine.marker[:-1])) is None


# -- what Google says of it ----------------------------------------------------------------------------------------


def filled(google, connector, ada, audience, count, start=0):
    connector.push(ada, SEARCH, audience, batch(people(count, start)))
    google.later()
    google.world.advance(timedelta(seconds=5))
    return connector.audience_state(ada, SEARCH, audience)


def test_a_new_audience_is_being_built(connector, ada, audience):
    """Sizes stay away for up to two days: that is building, not too small (B9)."""
    state = connector.audience_state(ada, SEARCH, audience)
    assert (state.state, state.raw, state.figures, state.match_rate) == (State.BUILDING, "OPEN", (), "")


def test_sizes_and_match_rate_are_googles(google, connector, ada, audience):
    """Figures are shown as Google tells them: matched people, and the rate (B9)."""
    state = filled(google, connector, ada, audience, 120, start=100)
    assert state.state is State.READY
    assert (state.figures[0].label, state.figures[0].text) == ("people on the Display Network", "100")
    assert state.match_rate == "83 %"


def test_too_small_to_show_ads_is_said(google, connector, ada, audience):
    """Below 100 matched people Google shows nothing (B9)."""
    state = filled(google, connector, ada, audience, 40)
    assert state.state is State.TOO_SMALL
    assert state.reason.code is Code.AUDIENCE_TOO_SMALL
    assert state.reason.facts == {"smallest": "100"}


def test_an_audience_closed_by_google_is_said(google, connector, ada, audience):
    """Google closes lists that nobody uses for a year; a person can open them again (B9)."""
    google.change("audiences", audience.remote_id, membership_status="CLOSED", closing="UNUSED")
    state = connector.audience_state(ada, SEARCH, audience)
    assert (state.state, state.raw, state.reason.code) == (State.CLOSED, "UNUSED", Code.AUDIENCE_CLOSED)


def test_a_list_that_may_not_be_changed_is_said(google, connector, ada, audience):
    """A shared or restricted list is told apart (B9)."""
    google.change("audiences", audience.remote_id, read_only=True)
    assert connector.audience_state(ada, SEARCH, audience).reason.code is Code.AUDIENCE_NOT_OURS


def test_gone_and_no_access_are_told_apart(google, connector, ada, audience):
    """A deleted audience is gone; one that cannot be reached any more is not (B17)."""
    google.fault("permission_lost", "lists.get")
    assert refusal(connector.audience_state, ada, SEARCH, audience).code is Code.ACCOUNT_NO_ROLE
    connector.retire(ada, SEARCH, audience, Retire.DELETE)
    assert connector.audience_state(ada, SEARCH, audience).state is State.GONE


@pytest.mark.parametrize("how", list(Retire))
def test_retiring_what_is_gone_does_no_harm(connector, ada, how):
    """Deleting a sync whose audience somebody deleted at Google works (B17)."""
    connector.retire(ada, SEARCH, AudienceRef("1", "Gone"), how)


# -- what the Data Manager API refuses -----------------------------------------------------------------------------


@pytest.mark.parametrize("name", sorted(DATA_MANAGER))
def test_each_reason_of_data_manager_has_a_meaning(google, connector, ada, name):
    """Every reason in Google's table is told to whoever can act, with Google's own name and reference (S13)."""
    google.fault("code", "lists.change", code=name)
    problem = refusal(connector.rename_audience, ada, SEARCH, AudienceRef("1", "x"), "y")
    assert (type(problem), problem.code) == DATA_MANAGER[name]
    assert problem.raw == name
    assert problem.reference


@pytest.mark.parametrize(
    ("status", "kind"), [(500, TryLater), (503, TryLater), (504, TryLater), (418, UnexpectedReply)]
)
def test_an_answer_without_a_reason_is_read_by_its_status(google, connector, ada, status, kind):
    """A server that fails is waited for; an answer that makes no sense is a developer's (S13)."""
    google.fault("error", "lists.change", status=status)
    assert isinstance(refusal(connector.rename_audience, ada, SEARCH, AudienceRef("1", "x"), "y"), kind)


def test_a_minute_and_a_day_are_told_apart(google, connector, ada):
    """Google names the bucket that ran dry: a minute passes by itself, a day is another matter (S7)."""
    call = (connector.rename_audience, ada, SEARCH, AudienceRef("1", "x"), "y")
    google.fault("rate_limit", "lists.change")
    minute = refusal(*call)
    google.fault("daily_limit", "lists.change")
    day = refusal(*call)
    google.fault("rate_limit", "lists.change", retry_after=12)
    told = refusal(*call)
    assert (minute.code, minute.retry_after) == (Code.RATE_LIMIT, timedelta(minutes=1))
    assert (day.code, day.retry_after) == (Code.DAILY_LIMIT, None)
    assert told.retry_after == timedelta(seconds=12)


def test_an_interface_that_is_switched_off_is_the_operators(google, connector, ada):
    """Where nothing answers any more, an upgrade is needed (S13)."""
    google.fault("version_dead", "lists.get")
    problem = refusal(connector.audience_state, ada, SEARCH, AudienceRef("1", "x"))
    assert isinstance(problem, SetupNeeded)
    assert problem.code is Code.APP_VERSION


def test_a_missing_permission_asks_its_owner(google, connector):
    """Who unticked the permission for audiences has to tick it (S3)."""
    token = google.token(scopes=(ADS, "openid", "email"))
    problem = refusal(connector.audience_state, token, SEARCH, AudienceRef("1", "x"))
    assert isinstance(problem, ReconnectNeeded)
    assert problem.code is Code.SCOPE_MISSING
