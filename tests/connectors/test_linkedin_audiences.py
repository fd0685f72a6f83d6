"""Audiences at LinkedIn: made once, found by our marker, renamed, and left or deleted."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from connectors.contract import Kind, Retire, Use
from connectors.linkedin.identifiers import CAPABILITIES
from connectors.problems import Code, SegmentRefused, SetupNeeded, TryLater
from tests.connectors.linkedin_at_hand import ACCOUNT, OTHER, refusal, spec

# -- making and finding ----------------------------------------------------------------------------------------------


def test_an_audience_is_made_once(linkedin, ada):
    """However often it is asked for, one audience exists, and it carries our marker (B17)."""
    made = [linkedin.connector.create_audience(ada, ACCOUNT, spec()) for _ in range(3)]
    assert [(one.remote_id, one.created) for one in made] == [(made[0].remote_id, one == made[0]) for one in made]
    assert [doc["marker"] for doc in linkedin.world.all("linkedin", "audiences")] == ["segsync-1"]


def test_only_our_marker_makes_it_ours(linkedin, ada, audience):
    """An audience of the same name with another marker, or in another account, is never taken for ours (B17)."""
    assert linkedin.connector.find_audience(ada, ACCOUNT, spec("segsync-2")) is None
    assert linkedin.connector.find_audience(ada, OTHER, spec()) is None
    assert linkedin.connector.find_audience(ada, ACCOUNT, spec()).remote_id == audience.remote_id


def test_a_create_whose_answer_was_lost_leaves_one_audience(linkedin, ada):
    """The connection was cut after LinkedIn made the audience: it is found, not made again (B17)."""
    linkedin.world.add_fault("linkedin", "cut", operation="segments.create", times=1)
    made = linkedin.connector.create_audience(ada, ACCOUNT, spec())
    assert made.created
    assert [doc["key"] for doc in linkedin.world.all("linkedin", "audiences")] == [made.remote_id]


def test_somebody_was_quicker(linkedin, ada, audience):
    """LinkedIn refuses a second audience with our marker; the one that is there is taken (B17)."""
    made = linkedin.connector._create(ada, ACCOUNT, spec(), "Customers")
    assert made.remote_id == audience.remote_id


@pytest.mark.parametrize("kind", ["cut_before", "error", "conflict"])
def test_a_create_that_failed_leaves_nothing(linkedin, ada, kind):
    """When LinkedIn made nothing, the problem is told and the next attempt starts anew (B17)."""
    linkedin.world.add_fault("linkedin", kind, operation="segments.create", times=3)
    with pytest.raises(TryLater):
        linkedin.connector.create_audience(ada, ACCOUNT, spec())
    assert linkedin.world.all("linkedin", "audiences") == []


def test_it_is_found_among_a_thousand(linkedin, ada, audience):
    """Should LinkedIn ignore our filter, ours is still found on a later page, and no other (B17)."""
    doc = linkedin.world.get("linkedin", "audiences", audience.remote_id)
    for number in range(150):
        linkedin.world.put("linkedin", "audiences", str(number), doc | {"marker": f"other-{number}"})
    search = "q=account&account=urn%3Ali%3AsponsoredAccount%3A507001"
    assert len(linkedin.connector._listed(ada, ACCOUNT, search)) == 151
    assert linkedin.connector.find_audience(ada, ACCOUNT, spec()).remote_id == audience.remote_id


def test_a_taken_name_gets_the_other_one(linkedin, ada):
    """Where LinkedIn does not take the name, the one with the sync's ID is used (B17)."""
    linkedin.world.add_fault("linkedin", "name_invalid", operation="segments.create", times=1)
    assert linkedin.connector.create_audience(ada, ACCOUNT, spec()).name == "Customers (S-1)"


def test_people_and_companies_do_not_mix(linkedin, ada, audience):
    """An audience of people is not taken for one of companies (S8)."""
    found = refusal(linkedin.connector.find_audience, ada, ACCOUNT, spec(kind=Kind.COMPANIES))
    assert found == (SegmentRefused, Code.AUDIENCE_KIND)


def test_a_thousand_audiences_are_the_most(linkedin, ada, audience):
    """An account that is full says so, and nothing is tried again in vain (B17)."""
    linkedin.configure(segment_limit=1)
    found = refusal(linkedin.connector.create_audience, ada, ACCOUNT, spec("segsync-2"))
    assert found == (SegmentRefused, Code.AUDIENCE_LIMIT)


def test_without_linkedins_name_for_us_nothing_is_made(linkedin, ada):
    """The name that LinkedIn gives an approved application has to be set up first."""
    bare = linkedin.with_options(source_platform="")
    assert refusal(bare.connector.create_audience, ada, ACCOUNT, spec()) == (SetupNeeded, Code.APP_WRONG)


def test_a_name_that_linkedin_did_not_give_is_the_operators_affair(linkedin, ada):
    """LinkedIn refuses an application under a name that it never gave out."""
    linkedin.configure(source_platforms=["ANOTHER"])
    assert refusal(linkedin.connector.create_audience, ada, ACCOUNT, spec()) == (SetupNeeded, Code.APP_WRONG)


def test_a_new_audience_is_left_alone_for_a_moment(linkedin, ada):
    """LinkedIn loses members that arrive within seconds of the audience, so one waits once (B17)."""
    slow = linkedin.with_options(pause_after_create="0.3").connector
    slow.create_audience(ada, ACCOUNT, spec())
    doc = linkedin.world.all("linkedin", "audiences")[0]
    assert linkedin.world.now() - datetime.fromisoformat(doc["created"]) >= timedelta(seconds=0.3)


# -- campaigns, renaming, retiring -----------------------------------------------------------------------------------


def test_campaigns_that_use_it_are_named(linkedin, ada, audience):
    """Before switching off one sees which campaigns include or exclude the audience, and their state (S10)."""
    for number, (name, status, more) in enumerate(
        [
            ("Launch", "ACTIVE", {"includes": [audience.remote_id]}),
            ("Win back", "PAUSED", {"excludes": ["segsync-1"]}),
            ("Finished", "COMPLETED", {"includes": [audience.remote_id]}),
            ("Other", "ACTIVE", {"includes": ["another"]}),
        ]
    ):
        linkedin.world.put(
            "linkedin", "campaigns", f"99{number}", {"account": "507001", "name": name, "status": status, **more}
        )
    found = linkedin.connector.campaigns_using(ada, ACCOUNT, audience)
    assert [(one.name, one.state, one.use) for one in found] == [
        ("Launch", "ACTIVE", Use.INCLUDE),
        ("Win back", "PAUSED", Use.EXCLUDE),
    ]


def test_an_audience_gets_another_name(linkedin, ada, audience):
    """Renaming a segment renames its audience and changes nothing else (B17)."""
    linkedin.connector.rename_audience(ada, ACCOUNT, audience, "Best customers")
    found = linkedin.connector.find_audience(ada, ACCOUNT, spec())
    assert (found.remote_id, found.name) == (audience.remote_id, "Best customers")


def test_deleting_twice_is_no_error_and_leaving_leaves(linkedin, ada, audience):
    """An audience is left as it is or deleted; one that is gone already is no obstacle (B17)."""
    linkedin.connector.retire(ada, ACCOUNT, audience, Retire.LEAVE)
    assert linkedin.world.get("linkedin", "audiences", audience.remote_id) is not None
    for _ in range(2):
        linkedin.connector.retire(ada, ACCOUNT, audience, Retire.DELETE)
    assert linkedin.world.get("linkedin", "audiences", audience.remote_id) is None


def test_emptying_is_not_promised(linkedin, ada, audience):
    """LinkedIn can neither list nor replace members, so emptying is not among what it offers (B17)."""
    assert Retire.EMPTY not in CAPABILITIES.retire
    with pytest.raises(ValueError, match="cannot empty"):
        linkedin.connector.retire(ada, ACCOUNT, audience, Retire.EMPTY)


def test_an_audience_in_use_by_another_is_kept(linkedin, ada, audience):
    """LinkedIn keeps an audience that a predictive one is built on, and that is said (B17)."""
    linkedin.world.add_fault("linkedin", "in_use")
    found = refusal(linkedin.connector.retire, ada, ACCOUNT, audience, Retire.DELETE)
    assert found == (SegmentRefused, Code.AUDIENCE_IN_USE)
