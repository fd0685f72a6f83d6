"""What LinkedIn says of an audience: built, ready, too small, archived after idle days, or gone."""

from __future__ import annotations

from datetime import timedelta

import pytest

from connectors.contract import State
from connectors.linkedin.identifiers import CAPABILITIES
from connectors.problems import AccessDenied, Code, SegmentRefused, TryLater
from tests.connectors.linkedin_at_hand import ACCOUNT, batch, refusal, spec


def people(linkedin, count):
    """So many people whom LinkedIn knows, as rows."""
    known = [{"person_id": f"person-{n}", "email": f"person{n}@example.com"} for n in range(count)]
    linkedin.world.add_people(known)
    keys = [key for person in known for key in linkedin.world._hashers["linkedin"](person)]
    return [{"SHA256_EMAIL": key.removeprefix("email:")} for key in keys if key.startswith("email:")]


def test_an_audience_is_built_then_ready(linkedin, ada, audience):
    """After the first members LinkedIn matches for a while; then it is ready, with its size (B9)."""
    linkedin.configure(delay_seconds=3600)
    linkedin.connector.push(ada, ACCOUNT, audience, batch(people(linkedin, 320)))
    assert linkedin.connector.audience_state(ada, ACCOUNT, audience).state is State.BUILDING
    linkedin.world.advance(timedelta(hours=1))
    state = linkedin.connector.audience_state(ada, ACCOUNT, audience)
    assert (state.state, state.raw, state.name) == (State.READY, "READY", "Customers")
    assert [(figure.label, figure.low) for figure in state.figures] == [
        ("Audience size", 320),
        ("Matched in the last 7 days", 320),
        ("Received in the last 7 days", 320),
    ]


def test_a_match_rate_is_labelled_with_its_week(linkedin, ada, audience):
    """LinkedIn counts matches over seven days; after that the rate is gone while the size stays (B9)."""
    strangers = [{"SHA256_EMAIL": f"{number:064x}"} for number in range(100)]
    linkedin.connector.push(ada, ACCOUNT, audience, batch(people(linkedin, 300) + strangers))
    assert (
        linkedin.connector.audience_state(ada, ACCOUNT, audience).match_rate
        == "75 % of what it received in the last 7 days"
    )
    linkedin.world.advance(timedelta(days=8))
    later = linkedin.connector.audience_state(ada, ACCOUNT, audience)
    assert (later.match_rate, later.figures[0].low) == ("", 300)


def test_below_300_matches_it_serves_nobody(linkedin, ada, audience):
    """An audience that shrank below 300 is called too small, with the number (B9)."""
    rows = people(linkedin, 301)
    linkedin.connector.push(ada, ACCOUNT, audience, batch(rows))
    assert linkedin.connector.audience_state(ada, ACCOUNT, audience).state is State.READY
    linkedin.world.remove_members(
        "linkedin", audience.remote_id, [[f"email:{row['SHA256_EMAIL']}"] for row in rows[:2]]
    )
    linkedin.world.advance(timedelta(days=1))
    state = linkedin.connector.audience_state(ada, ACCOUNT, audience)
    assert (state.state, dict(state.reason.facts)) == (State.TOO_SMALL, {"size": "299", "smallest": "300"})


def test_too_small_can_be_ordered(linkedin, ada, audience):
    """The simulator shows any account's audiences as too small when told to."""
    linkedin.world.add_fault("linkedin", "too_small", account=ACCOUNT.remote_id)
    assert linkedin.connector.audience_state(ada, ACCOUNT, audience).state is State.TOO_SMALL


def test_idle_audiences_are_archived_then_lost(linkedin, ada, audience):
    """After 30 idle days LinkedIn archives an audience, after 90 it deletes its members (B9)."""
    linkedin.connector.push(ada, ACCOUNT, audience, batch(people(linkedin, 300)))
    linkedin.world.advance(timedelta(days=31))
    assert linkedin.connector.audience_state(ada, ACCOUNT, audience).state is State.ARCHIVED
    linkedin.world.advance(timedelta(days=60))
    ada = linkedin.token("ada")
    state = linkedin.connector.audience_state(ada, ACCOUNT, audience)
    assert (state.state, state.reason.code) == (State.EXPIRED, Code.AUDIENCE_EXPIRED)
    assert linkedin.world.members("linkedin", audience.remote_id) == {"keys": [], "persons": []}
    sent = refusal(linkedin.connector.push, ada, ACCOUNT, audience, batch([{"SHA256_EMAIL": "0" * 64}]))
    assert sent == (SegmentRefused, Code.AUDIENCE_EXPIRED)


def test_an_expired_audience_gives_way_to_a_new_one(linkedin, ada, audience):
    """Made again by the same marker, a new audience that takes members stands where the expired one was (B17)."""
    linkedin.world.advance(timedelta(days=91))
    ada = linkedin.token("ada")
    made = linkedin.connector.create_audience(ada, ACCOUNT, spec())
    assert (made.created, made.remote_id != audience.remote_id) == (True, True)
    assert linkedin.connector.find_audience(ada, ACCOUNT, spec()).remote_id == made.remote_id
    linkedin.connector.push(ada, ACCOUNT, made, batch(people(linkedin, 3)))
    assert linkedin.connector.audience_state(ada, ACCOUNT, audience).state is State.GONE


def test_sending_everybody_again_keeps_it_alive(linkedin, ada, audience):
    """Sent again every 25 days, an audience is never archived (B16)."""
    rows = batch(people(linkedin, 300))
    for _ in range(5):
        linkedin.connector.push(linkedin.token("ada"), ACCOUNT, audience, rows)
        linkedin.world.advance(CAPABILITIES.resend_after)
    assert linkedin.connector.audience_state(linkedin.token("ada"), ACCOUNT, audience).state is State.READY


def test_a_running_campaign_keeps_it_alive(linkedin, ada, audience):
    """An audience that an active campaign uses is not archived (B9)."""
    linkedin.world.put(
        "linkedin", "campaigns", "1", {"account": "507001", "name": "A", "status": "ACTIVE", "includes": ["segsync-1"]}
    )
    linkedin.connector.push(ada, ACCOUNT, audience, batch(people(linkedin, 300)))
    linkedin.world.advance(timedelta(days=100))
    assert linkedin.connector.audience_state(linkedin.token("ada"), ACCOUNT, audience).state is State.READY


@pytest.mark.parametrize("status", ["FAILED", "ERROR"])
def test_a_failed_audience_has_a_reason(linkedin, ada, audience, status):
    """When LinkedIn could not process an audience, that is said with LinkedIn's word (B9)."""
    doc = linkedin.world.get("linkedin", "audiences", audience.remote_id)
    linkedin.world.put("linkedin", "audiences", audience.remote_id, doc | {"status": status})
    state = linkedin.connector.audience_state(ada, ACCOUNT, audience)
    assert (state.state, state.raw, state.reason.code) == (State.CLOSED, status, Code.AUDIENCE_FAILED)


def test_deleted_there_is_gone_and_lost_access_is_not(linkedin, ada, audience):
    """An audience deleted at LinkedIn is gone; one that only cannot be seen any more is not called so (B9)."""
    linkedin.world.add_fault("linkedin", "permission_lost")
    assert refusal(linkedin.connector.audience_state, ada, ACCOUNT, audience) == (AccessDenied, Code.ACCOUNT_NO_ROLE)
    linkedin.world.clear_faults()
    linkedin.world.drop("linkedin", "audiences", audience.remote_id)
    assert linkedin.connector.audience_state(ada, ACCOUNT, audience).state is State.GONE


def test_a_new_audience_is_waited_for(linkedin, ada):
    """For a minute or two LinkedIn does not find what it has just made: that is waited for, not taken for gone (B17)."""
    linkedin.configure(not_found_seconds=90)
    made = linkedin.connector.create_audience(ada, ACCOUNT, spec())
    one = batch([{"SHA256_EMAIL": "0" * 64}])
    assert linkedin.connector.audience_state(ada, ACCOUNT, made).state is State.BUILDING
    assert refusal(linkedin.connector.push, ada, ACCOUNT, made, one) == (TryLater, Code.TOO_NEW)
    linkedin.world.advance(timedelta(seconds=90))
    assert linkedin.connector.push(ada, ACCOUNT, made, one).accepted == 1
