"""The simulated Google checks what the real one checks, and refuses what that refuses (B8)."""

from __future__ import annotations

import base64
from copy import deepcopy
from datetime import timedelta

import pytest

from connectors.google import simulator
from connectors.google.replies import match_range
from connectors.google.simulator_wire import rate_range
from connectors.problems import Code
from connectors.simulation import World
from tests.connectors.google_at_hand import (
    BRAND,
    GRACE,
    MANAGER,
    SEARCH,
    SHOPPING,
    google_at_hand,
    refusal,
    sha,
    spec,
)

HASH = sha("ada@example.com")
GRANTED = {"adUserData": "CONSENT_GRANTED", "adPersonalization": "CONSENT_GRANTED"}


@pytest.fixture(scope="module")
def shared():
    with google_at_hand() as at_hand:
        at_hand.change("settings", "main", token_seconds=10**9)
        yield at_hand


@pytest.fixture
def google(shared):
    yield shared
    shared.world.clear_faults()


@pytest.fixture(scope="module")
def ada(shared):
    return shared.token()


@pytest.fixture(scope="module")
def audience(shared, ada):
    return shared.connector.create_audience(ada, SHOPPING, spec())


@pytest.fixture
def body(audience):
    """A request that Google takes."""
    return {
        "destinations": [
            {
                "operatingAccount": {"accountType": "GOOGLE_ADS", "accountId": SHOPPING.remote_id},
                "productDestinationId": audience.remote_id,
            }
        ],
        "audienceMembers": [{"compositeData": {"userData": {"userIdentifiers": [{"emailAddress": HASH}]}}}],
        "consent": GRANTED,
        "encoding": "HEX",
        "termsOfService": {"customerMatchTermsOfServiceStatus": "ACCEPTED"},
    }


def ingest(google, token, body, method="ingest"):
    return google.ask("POST", f"audienceMembers:{method}", token, body)


def reason(reply):
    return next(detail["reason"] for detail in reply.json()["error"]["details"] if "reason" in detail)


def fields(reply):
    bad = next(detail for detail in reply.json()["error"]["details"] if "fieldViolations" in detail)
    return [violation["field"] for violation in bad["fieldViolations"]]


def status_of(google, token, reply):
    google.later()
    number = reply.json()["requestId"]
    return google.ask("GET", f"requestStatus:retrieve?requestId={number}", token).json()["requestStatusPerDestination"][
        0
    ]


def member(*identifiers, **more):
    return {"compositeData": {"userData": {"userIdentifiers": list(identifiers)}}} | more


ADDRESS = {"givenName": HASH, "familyName": HASH, "regionCode": "DE", "postalCode": "10115"}
BAD_MEMBERS = {
    "an address in the clear": (member({"emailAddress": "ada@example.com"}), "INVALID_HEX_ENCODING"),
    "half a hash": (member({"emailAddress": HASH[:32]}), "INVALID_SHA256_FORMAT"),
    "MD5": (member({"phoneNumber": "0" * 32}), "INVALID_SHA256_FORMAT"),
    "eleven identifiers": (member(*[{"emailAddress": HASH}] * 11), "TOO_MANY_USER_IDENTIFIERS"),
    "no identifiers": (member(), "NO_IDENTIFIERS_PROVIDED"),
    "two sorts of data": (member({"emailAddress": HASH}, userData={}), "MULTIPLE_DATA_TYPES_NOT_ALLOWED"),
    "a mobile id": ({"mobileData": {"mobileIds": ["x"]}}, "INVALID_AUDIENCE_MEMBER"),
    "nothing known": ({}, "INVALID_AUDIENCE_MEMBER"),
    "two in one identifier": (member({"emailAddress": HASH, "phoneNumber": HASH}), "INVALID_AUDIENCE_MEMBER"),
    "no postal code": (member({"address": {**ADDRESS, "postalCode": ""}}), "REQUIRED_FIELD_MISSING"),
    "a hashed postal code": (member({"address": {**ADDRESS, "postalCode": HASH}}), "INVALID_POSTAL_CODE"),
    "a country's name": (member({"address": {**ADDRESS, "regionCode": "Germany"}}), "INVALID_REGION_CODE"),
    "a name in the clear": (member({"address": {**ADDRESS, "givenName": "Linus"}}), "INVALID_HEX_ENCODING"),
}


@pytest.mark.parametrize("case", BAD_MEMBERS)
def test_one_bad_record_refuses_the_whole_request(google, ada, audience, body, case):
    """Nothing of a request with a bad record is processed, and the record is named (B8)."""
    bad, expected = BAD_MEMBERS[case]
    reply = ingest(google, ada, {**body, "audienceMembers": [*body["audienceMembers"], bad]})
    assert (reply.status_code, reason(reply)) == (400, expected)
    assert fields(reply)[0].startswith("audience_members[1].")


BAD_REQUESTS = {
    "no encoding": ({"encoding": None}, "REQUIRED_FIELD_MISSING"),
    "no terms": ({"termsOfService": {}}, "TERMS_AND_CONDITIONS_NOT_SIGNED"),
    "terms rejected": (
        {"termsOfService": {"customerMatchTermsOfServiceStatus": "REJECTED"}},
        "TERMS_AND_CONDITIONS_NOT_SIGNED",
    ),
    "no members": ({"audienceMembers": []}, "REQUIRED_FIELD_MISSING"),
    "a field that does not exist": ({"audience_members": []}, "INVALID_ARGUMENT"),
    "no destination": ({"destinations": []}, "REQUIRED_FIELD_MISSING"),
    "eleven destinations": ({"destinations": [{}] * 11}, "TOO_MANY_DESTINATIONS"),
}


@pytest.mark.parametrize("case", BAD_REQUESTS)
def test_a_request_that_is_not_right_is_refused(google, ada, body, case):
    """What Google requires of a request is required here (B8)."""
    change, expected = BAD_REQUESTS[case]
    reply = ingest(google, ada, {**body, **change})
    assert (reply.status_code, reason(reply)) == (400, expected)


def test_ten_thousand_members_are_the_most(google, ada, body):
    """One member more than Google takes is refused (B8)."""
    reply = ingest(google, ada, {**body, "audienceMembers": body["audienceMembers"] * 10_001})
    assert reason(reply) == "TOO_MANY_AUDIENCE_MEMBERS"


@pytest.mark.parametrize("method", ["remove", "removeAll"])
def test_consent_and_terms_do_not_exist_on_a_removal(google, ada, body, method):
    """Removals have no such fields (B8)."""
    assert reason(ingest(google, ada, body, method)) == "INVALID_ARGUMENT"


def changed(body, **place):
    altered = deepcopy(body)
    altered["destinations"][0] |= place
    return altered


PLACES = {
    "an account with dashes": (
        {"operatingAccount": {"accountType": "GOOGLE_ADS", "accountId": "100-100-0002"}},
        "INVALID_DESTINATION",
    ),
    "another product": ({"operatingAccount": {"accountType": "DATA_PARTNER", "accountId": "1"}}, "INVALID_DESTINATION"),
    "an account nobody knows": (
        {"operatingAccount": {"accountType": "GOOGLE_ADS", "accountId": "999"}},
        "PERMISSION_DENIED",
    ),
    "a manager": (
        {"operatingAccount": {"accountType": "GOOGLE_ADS", "accountId": MANAGER}},
        "DESTINATION_ACCOUNT_TYPE_MISMATCH",
    ),
    "an account that may only be looked at": (
        {"operatingAccount": {"accountType": "GOOGLE_ADS", "accountId": BRAND.remote_id}},
        "PERMISSION_DENIED",
    ),
    "an account behind a manager without naming it": (
        {"operatingAccount": {"accountType": "GOOGLE_ADS", "accountId": SEARCH.remote_id}},
        "PERMISSION_DENIED",
    ),
    "the wrong manager": (
        {"loginAccount": {"accountType": "GOOGLE_ADS", "accountId": MANAGER}},
        "OPERATING_ACCOUNT_LOGIN_ACCOUNT_MISMATCH",
    ),
    "a data partner's link": (
        {"linkedAccount": {"accountType": "GOOGLE_ADS", "accountId": MANAGER}},
        "LINKED_ACCOUNT_ONLY_ALLOWED_WITH_DATA_PARTNER_LOGIN_ACCOUNT",
    ),
    "an audience nobody knows": ({"productDestinationId": "1"}, "INVALID_USER_LIST_ID"),
}


@pytest.mark.parametrize("case", PLACES)
def test_members_go_only_where_one_may_send_them(google, ada, body, case):
    """Account, way in and audience have to fit (B8)."""
    change, expected = PLACES[case]
    assert reason(ingest(google, ada, changed(body, **change))) == expected


CONSENTS = {
    "none": ({}, {}, "NO_CONSENT"),
    "one only": ({"adUserData": "CONSENT_GRANTED"}, {}, "NO_CONSENT"),
    "denied": ({**GRANTED, "adPersonalization": "CONSENT_DENIED"}, {}, "DENIED_CONSENT"),
    "unknown": ({**GRANTED, "adUserData": "CONSENT_STATUS_UNSPECIFIED"}, {}, "UNKNOWN_CONSENT"),
    "denied by the person": (GRANTED, {"adUserData": "CONSENT_DENIED"}, "DENIED_CONSENT"),
}


@pytest.mark.parametrize("case", CONSENTS)
def test_members_without_consent_are_left_out_later(google, ada, audience, body, case):
    """A request without consent is taken, and its members are not processed (B8)."""
    asked, own, expected = CONSENTS[case]
    reply = ingest(
        google, ada, {**body, "consent": asked, "audienceMembers": [member({"emailAddress": HASH}, consent=own)]}
    )
    status = status_of(google, ada, reply)
    counts = status["errorInfo"]["errorCounts"]
    assert status["requestStatus"] == "FAILED"
    assert [(one["reason"], one["recordIndices"]) for one in counts] == [(f"PROCESSING_ERROR_REASON_{expected}", ["0"])]


def test_numbers_for_enums_and_base64_are_taken_too(google, ada, body):
    """Google's own library sends enums as numbers, and hashes may come as base64 (B8)."""
    raw = base64.b64encode(bytes.fromhex(HASH)).decode()
    altered = changed(body, operatingAccount={"accountType": 1, "accountId": SHOPPING.remote_id})
    altered |= {"encoding": 2, "termsOfService": {"customerMatchTermsOfServiceStatus": 1}}
    altered |= {"consent": {"adUserData": 1, "adPersonalization": 1}}
    altered["audienceMembers"] = [{"userData": {"userIdentifiers": [{"emailAddress": raw}]}}]
    status = status_of(google, ada, ingest(google, ada, altered))
    assert status["requestStatus"] == "SUCCESS"
    assert status["audienceMembersIngestionStatus"]["userDataIngestionStatus"]["userIdentifierCount"] == "1"


def test_a_trial_changes_nothing(google, ada, audience, body):
    """A request that is only to be checked is not carried out, and has no status (B8)."""
    before = google.keys(audience)
    reply = ingest(google, ada, {**body, "validateOnly": True, "audienceMembers": [member({"phoneNumber": HASH})]})
    number = reply.json()["requestId"]
    google.later()
    assert google.keys(audience) == before
    assert reason(google.ask("GET", f"requestStatus:retrieve?requestId={number}", ada)) == "INVALID_REQUEST_ID"


def test_everybody_last_added_before_a_time_can_be_removed(google, ada, body):
    """A full refresh without an empty moment: add all, then remove who was not added again (B8)."""
    lists = google.connector.create_audience(ada, SHOPPING, spec("sync-refresh", "Refresh"))
    place = changed(body, productDestinationId=lists.remote_id)
    ingest(google, ada, {**place, "audienceMembers": [member({"emailAddress": sha("old")})]})
    google.later()
    moment = google.world.now()
    ingest(google, ada, {**place, "audienceMembers": [member({"emailAddress": sha("new")})]})
    google.later()
    asked = {"destinations": place["destinations"], "removeAsOfTime": moment.isoformat()}
    ingest(google, ada, asked, "removeAll")
    google.later()
    assert google.keys(lists) == [f"email:{sha('new')}"]
    future = {**asked, "removeAsOfTime": (google.world.now() + timedelta(hours=1)).isoformat()}
    assert reason(ingest(google, ada, future, "removeAll")) == "INVALID_REMOVE_AS_OF_TIME"


# -- the rest ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("percent", range(101))
def test_ranges_of_match_rates_are_googles(percent):
    """Each rate has one range, and reads well (B9)."""
    text = match_range(rate_range(percent, 100))
    if percent < 20:
        assert text == "less than 20 %"
    else:
        low, high = (int(part) for part in text.removesuffix(" %").split(" to "))
        assert low <= percent <= high


def test_the_state_survives_a_restart(tmp_path):
    """What was made, who signed in and what waits is there after a restart, and fixtures overwrite nothing (B8)."""
    world = World(tmp_path / "world.sqlite")
    simulator.seed(world)
    world.put(
        "google", "accounts", SHOPPING.remote_id, {"name": "Renamed", "manager": False, "access": {GRACE: "ADMIN"}}
    )
    world.close()
    again = World(tmp_path / "world.sqlite")
    simulator.seed(again)
    assert again.get("google", "accounts", SHOPPING.remote_id)["name"] == "Renamed"
    again.close()


def test_an_access_token_lasts_an_hour(shared):
    """Access tokens end by the simulated clock (B8)."""
    shared.change("settings", "main", token_seconds=3599)
    token = shared.token()
    shared.change("settings", "main", token_seconds=10**9)
    shared.world.advance(timedelta(seconds=3600))
    assert refusal(shared.connector.ad_accounts, token).code is Code.SIGNIN_EXPIRED
