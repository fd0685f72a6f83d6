"""Ad accounts and audiences at LinkedIn: which can be used, found by our marker, and what LinkedIn says of them."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from connectors.contract import Kind, Retire, State, Use
from connectors.linkedin.identifiers import CAPABILITIES
from connectors.problems import (
    AccessDenied,
    Code,
    ConnectorProblem,
    ReconnectNeeded,
    SegmentRefused,
    SetupNeeded,
    TryLater,
    UnexpectedReply,
)
from tests.connectors.linkedin_at_hand import ACCOUNT, CLOSED, OTHER, VIEW_ONLY, batch, linkedin_at_hand, spec


@pytest.fixture
def linkedin():
    with linkedin_at_hand() as at_hand:
        yield at_hand


@pytest.fixture
def ada(linkedin):
    return linkedin.token("ada")


@pytest.fixture
def audience(linkedin, ada):
    return linkedin.connector.create_audience(ada, ACCOUNT, spec())


def refusal(work, *arguments):
    with pytest.raises(ConnectorProblem) as caught:
        work(*arguments)
    return type(caught.value), caught.value.code


def people(linkedin, count):
    """So many people whom LinkedIn knows, as rows."""
    known = [{"person_id": f"person-{n}", "email": f"person{n}@example.com"} for n in range(count)]
    linkedin.world.add_people(known)
    keys = [key for person in known for key in linkedin.world._hashers["linkedin"](person)]
    return [{"SHA256_EMAIL": key.removeprefix("email:")} for key in keys if key.startswith("email:")]


# -- ad accounts ----------------------------------------------------------------------------------------------------


def test_ad_accounts_say_why_they_cannot_be_used(linkedin, ada):
    """Every ad account is listed; one that may only be viewed and one that is closed say so (S8)."""
    found = {
        account.name: [reason.code for reason in account.blocked] for account in linkedin.connector.ad_accounts(ada)
    }
    assert found == {
        "Northwind Global": [],
        "Northwind DACH": [],
        "Northwind Recruiting": [Code.ACCOUNT_VIEW_ONLY],
        "Northwind Events 2024": [Code.ACCOUNT_CLOSED],
    }


def test_a_thousand_ad_accounts_are_all_listed(linkedin, ada):
    """An agency sees all of its ad accounts, over all pages (S8)."""
    for number in range(250):
        linkedin.world.put(
            "linkedin", "accounts", str(600_000 + number), {"name": f"Client {number}", "roles": {"ada": "VIEWER"}}
        )
    found = linkedin.connector.ad_accounts(ada)
    assert len({account.remote_id for account in found}) == 254


def test_an_unpaid_account_warns(linkedin, ada):
    """An account on hold for its bills can be filled, and one is warned that it serves nobody (S8)."""
    doc = linkedin.world.get("linkedin", "accounts", ACCOUNT.remote_id)
    linkedin.world.put("linkedin", "accounts", ACCOUNT.remote_id, doc | {"serving": ["BILLING_HOLD"]})
    checked = linkedin.connector.check_account(ada, ACCOUNT)
    assert checked.blocked == ()
    assert [warning.code for warning in checked.warnings] == [Code.ACCOUNT_UNPAID]


@pytest.mark.parametrize(
    ("account", "codes"), [(ACCOUNT, []), (VIEW_ONLY, [Code.ACCOUNT_VIEW_ONLY]), (CLOSED, [Code.ACCOUNT_CLOSED])]
)
def test_one_account_is_checked_live(linkedin, ada, account, codes):
    """Before a sync is made, the account is looked at as it is now (S8)."""
    assert [reason.code for reason in linkedin.connector.check_account(ada, account).blocked] == codes


def test_an_account_that_is_gone_or_not_mine_is_told(linkedin, ada):
    """An ad account that was removed, or where one's role was taken away, is named as such (S8)."""
    linkedin.world.drop("linkedin", "accounts", OTHER.remote_id)
    assert refusal(linkedin.connector.check_account, ada, OTHER) == (AccessDenied, Code.ACCOUNT_GONE)
    linkedin.world.add_fault("linkedin", "permission_lost", account=ACCOUNT.remote_id, person="ada")
    assert refusal(linkedin.connector.check_account, ada, ACCOUNT) == (AccessDenied, Code.ACCOUNT_NO_ROLE)


# -- making and finding ---------------------------------------------------------------------------------------------


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


# -- rights ---------------------------------------------------------------------------------------------------------

WHY_DENIED = [
    ("view_only", AccessDenied, Code.ACCOUNT_VIEW_ONLY),
    ("permission_lost", AccessDenied, Code.ACCOUNT_NO_ROLE),
    ("account_closed", AccessDenied, Code.ACCOUNT_CLOSED),
    ("app_not_approved", SetupNeeded, Code.APP_NOT_APPROVED),
]


@pytest.mark.parametrize(("kind", "problem", "code"), WHY_DENIED)
def test_a_refusal_says_whose_it_is(linkedin, ada, audience, kind, problem, code):
    """LinkedIn says only "not enough permissions": we find out whether it is the role, the account or the application."""
    linkedin.world.add_fault("linkedin", kind)
    assert refusal(linkedin.connector.audience_state, ada, ACCOUNT, audience) == (problem, code)
    assert refusal(linkedin.connector.find_audience, ada, ACCOUNT, spec()) == (problem, code)


def test_a_missing_permission_of_the_sign_in_is_told(linkedin, audience):
    """A sign-in that did not allow audiences, or ad accounts, has to be made again with that permission (S2)."""
    partly = linkedin.token("max", scopes=("openid", "profile", "r_ads"))
    assert refusal(linkedin.connector.audience_state, partly, ACCOUNT, audience) == (
        ReconnectNeeded,
        Code.SCOPE_MISSING,
    )
    hardly = linkedin.token("grace", scopes=("openid", "profile", "rw_dmp_segments"))
    assert refusal(linkedin.connector.ad_accounts, hardly) == (ReconnectNeeded, Code.SCOPE_MISSING)


ANSWERS = [
    ("token_expired", ReconnectNeeded, Code.SIGNIN_EXPIRED),
    ("token_revoked", ReconnectNeeded, Code.SIGNIN_REVOKED),
    ("rate_limit", TryLater, Code.RATE_LIMIT),
    ("daily_limit", TryLater, Code.DAILY_LIMIT),
    ("version_dead", SetupNeeded, Code.APP_VERSION),
    ("locked", TryLater, Code.LOCKED),
    ("bad_request", UnexpectedReply, Code.BAD_REQUEST),
    ("error", TryLater, Code.OUTAGE),
    ("html", TryLater, Code.OUTAGE),
    ("cut_before", TryLater, Code.OUTAGE),
]


@pytest.mark.parametrize(("kind", "problem", "code"), ANSWERS)
def test_what_goes_wrong_at_linkedin_is_told_by_who_acts(linkedin, ada, audience, kind, problem, code):
    """Whatever LinkedIn answers, it is told who has to act, and only what passes by itself is tried again."""
    linkedin.world.add_fault("linkedin", kind)
    assert refusal(linkedin.connector.rename_audience, ada, ACCOUNT, audience, "Other") == (problem, code)


def test_any_row_of_linkedins_error_table_can_be_ordered(linkedin, ada, audience):
    """A code that nobody has seen yet is shown as it came, with LinkedIn's id of the call."""
    linkedin.world.add_fault("linkedin", "code", facts={"status": 418, "code": "TEAPOT", "message": "no"})
    with pytest.raises(UnexpectedReply) as caught:
        linkedin.connector.audience_state(ada, ACCOUNT, audience)
    assert caught.value.raw == "418/TEAPOT"
    assert len(caught.value.reference) == 32


# -- what LinkedIn says of it ---------------------------------------------------------------------------------------


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


# -- campaigns, renaming, retiring ----------------------------------------------------------------------------------


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
