"""User lists at the simulated Data Manager API: what Google requires of them is required here (B8)."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.connectors.google_at_hand import LINUS, MANAGER, SEARCH, SHOPPING, google_at_hand, spec


@pytest.fixture(scope="module")
def google():
    with google_at_hand() as at_hand:
        yield at_hand


@pytest.fixture(scope="module")
def ada(google):
    return google.token()


@pytest.fixture(scope="module")
def audience(google, ada):
    return google.connector.create_audience(ada, SHOPPING, spec())


def reason(reply):
    return next(detail["reason"] for detail in reply.json()["error"]["details"] if "reason" in detail)


LISTS = f"accountTypes/GOOGLE_ADS/accounts/{SHOPPING.remote_id}/userLists"
CONTACTS = {"uploadKeyTypes": ["CONTACT_ID"]}
BAD_LISTS = {
    "no name": ({"ingestedUserListInfo": CONTACTS}, "REQUIRED_FIELD_MISSING"),
    "a blank name": ({"displayName": " ", "ingestedUserListInfo": CONTACTS}, "INVALID_DISPLAY_NAME"),
    "541 days": (
        {"displayName": "x", "membershipDuration": "46742400s", "ingestedUserListInfo": CONTACTS},
        "MEMBERSHIP_DURATION_TOO_LONG",
    ),
    "half a day": (
        {"displayName": "x", "membershipDuration": "43200s", "ingestedUserListInfo": CONTACTS},
        "INVALID_ARGUMENT",
    ),
    "two key types": (
        {"displayName": "x", "ingestedUserListInfo": {"uploadKeyTypes": ["CONTACT_ID", "USER_ID"]}},
        "UNSUPPORTED_USER_LIST_UPLOAD_KEY_TYPES",
    ),
    "mobile ids of no app": (
        {"displayName": "x", "ingestedUserListInfo": {"uploadKeyTypes": [2]}},
        "REQUIRED_FIELD_MISSING",
    ),
    "a field nobody knows": ({"displayName": "x", "membershipLifeSpan": 1}, "INVALID_ARGUMENT"),
}


@pytest.mark.parametrize("case", BAD_LISTS)
def test_a_list_that_is_not_right_is_not_made(google, ada, case):
    """What Google requires of a list is required here (B8)."""
    body, expected = BAD_LISTS[case]
    assert reason(google.ask("POST", LISTS, ada, body)) == expected


def test_lists_are_found_by_filter_and_in_pages(google, ada, audience):
    """Filters and pages work as documented (B8)."""
    for number in range(3):
        google.connector.create_audience(ada, SHOPPING, spec(f"page-{number}", f"Page {number}"))
    found = google.ask("GET", f'{LISTS}?filter=integration_code : "page-" AND id > 1&pageSize=2', ada).json()
    rest = google.ask(
        "GET",
        f'{LISTS}?filter=integration_code : "page-" AND id > 1&pageSize=2&pageToken={found["nextPageToken"]}',
        ada,
    ).json()
    names = [one["displayName"] for one in [*found["userLists"], *rest["userLists"]]]
    assert (names, "nextPageToken" in rest) == (["Page 0", "Page 1", "Page 2"], False)
    assert reason(google.ask("GET", f'{LISTS}?filter=color = "red"', ada)) == "INVALID_FILTER"


def test_only_what_may_change_can_be_changed(google, ada, audience):
    """A list's key type stays for ever, and a change names its fields (B8)."""
    path = f"{LISTS}/{audience.remote_id}"
    mask = "ingestedUserListInfo"
    assert (
        reason(google.ask("PATCH", f"{path}?updateMask={mask}", ada, {mask: CONTACTS})) == "IMMUTABLE_FIELD_FOR_UPDATE"
    )
    assert reason(google.ask("PATCH", path, ada, {"displayName": "x"})) == "INVALID_UPDATE_MASK"
    google.ask("PATCH", f"{path}?updateMask=membershipStatus", ada, {"membershipStatus": "CLOSED"})
    assert google.ask("GET", path, ada).json()["membershipStatus"] == "CLOSED"
    google.ask("PATCH", f"{path}?updateMask=membership_status", ada, {"membershipStatus": 1})


def test_the_way_in_is_a_header_of_its_own(google, ada):
    """Lists behind a manager need `login-account`, and nothing of the other API (B8)."""
    path = f"accountTypes/GOOGLE_ADS/accounts/{SEARCH.remote_id}/userLists"
    via = {"login-account": f"accountTypes/GOOGLE_ADS/accounts/{MANAGER}"}
    assert google.ask("GET", path, ada, **via).status_code == 200
    assert reason(google.ask("GET", path, ada)) == "PERMISSION_DENIED"
    assert reason(google.ask("GET", path, ada, **{"login-account": MANAGER})) == "INVALID_ARGUMENT"
    assert reason(google.ask("GET", path, ada, **{"login-customer-id": MANAGER})) == "INVALID_ARGUMENT"


def test_a_reader_looks_and_does_not_touch(google):
    """Who has a read-only role sees lists and makes none (B8)."""
    linus = google.token(LINUS)
    assert google.ask("GET", LISTS, linus).status_code == 200
    body = {"displayName": "x", "ingestedUserListInfo": CONTACTS}
    assert reason(google.ask("POST", LISTS, linus, body)) == "PERMISSION_DENIED"


def test_nobody_gets_in_without_a_token(google, ada):
    """A made-up token is refused, and a refresh token opens nothing (B8)."""
    for token in ("made-up", google.tokens().refresh_token):
        reply = google.ask("GET", LISTS, replace(ada, access_token=token))
        assert (reply.status_code, reply.json()["error"]["status"]) == (401, "UNAUTHENTICATED")
