"""The simulated Google Ads API: its query language, its refusals, its versions (B8)."""

from __future__ import annotations

import grpc
import pytest

from connectors.google.ads import Ads
from connectors.google.simulator_gaql import NotUnderstood, parse
from tests.connectors.google_at_hand import SHOPPING, google_at_hand, refusal


@pytest.fixture(scope="module")
def google():
    with google_at_hand() as at_hand:
        yield at_hand


@pytest.fixture(scope="module")
def ada(google):
    return google.token()


FIELDS = {"campaign": ("campaign.id", "campaign.name", "campaign.status")}
ROWS = [
    {"campaign.id": 1, "campaign.name": "It's on", "campaign.status": "ENABLED"},
    {"campaign.id": 2, "campaign.name": "Old", "campaign.status": "REMOVED"},
    {"campaign.id": 3, "campaign.name": "Later", "campaign.status": "PAUSED"},
]
QUERIES = {
    "SELECT campaign.id FROM campaign": [1, 2, 3],
    "select campaign.id from campaign where campaign.id > 1 and campaign.status != 'REMOVED'": [3],
    "SELECT campaign.id FROM campaign WHERE campaign.status IN ('ENABLED', \"PAUSED\") ORDER BY campaign.id DESC": [
        3,
        1,
    ],
    "SELECT campaign.id FROM campaign WHERE campaign.status NOT IN ('ENABLED') LIMIT 1": [2],
    r"SELECT campaign.id FROM campaign WHERE campaign.name = 'It\'s on'": [1],
    "SELECT campaign.id FROM campaign WHERE campaign.name LIKE '%t%'": [1, 3],
}


@pytest.mark.parametrize("number", range(len(QUERIES)))
def test_queries_are_read_as_google_reads_them(number):
    """The query language of Google Ads, as far as it is needed (B8)."""
    text, expected = list(QUERIES.items())[number]
    assert [row["campaign.id"] for row in parse(text, FIELDS).over(ROWS)] == expected


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("SELECT campaign.color FROM campaign", "UNRECOGNIZED_FIELD"),
        ("SELECT campaign.id FROM bicycle", "BAD_RESOURCE_TYPE_IN_FROM_CLAUSE"),
        ("SELECT campaign.id FROM campaign WHERE", "UNEXPECTED_INPUT"),
        ("SELECT campaign.id FROM campaign WHERE campaign.id", "EXPECTED_CONDITION"),
        ("DELETE FROM campaign", "UNEXPECTED_INPUT"),
    ],
)
def test_a_query_with_an_error_is_refused(text, name):
    """A query that Google would not take is not taken (B8)."""
    with pytest.raises(NotUnderstood) as caught:
        parse(text, FIELDS)
    assert caught.value.name == name


def test_ads_refuses_what_it_refuses_really(google, ada):
    """Wrong ids, wrong ways in and wrong queries get Google's own errors (B8)."""
    ads = Ads(google.app)
    query = "SELECT customer.id FROM customer"
    cases = {
        ("123-456", query, ""): "INVALID_CUSTOMER_ID",
        (SHOPPING.remote_id, query, "12-3"): "INVALID_LOGIN_CUSTOMER_ID",
        ("5", query, ""): "USER_PERMISSION_DENIED",
        (SHOPPING.remote_id, "SELECT customer.color FROM customer", ""): "UNRECOGNIZED_FIELD",
    }
    for (customer, text, login), name in cases.items():
        problem = refusal(lambda a=customer, b=text, c=login: ads.rows(ada.access_token, a, b, login=c))
        assert problem.raw.rpartition(".")[2] == name


@pytest.mark.parametrize(
    ("version", "expected"), [("v22", grpc.StatusCode.INVALID_ARGUMENT), ("v9", grpc.StatusCode.UNIMPLEMENTED)]
)
def test_versions_that_are_over_are_refused(google, version, expected):
    """A version that Google switched off answers so, one from long ago not at all (B8)."""
    address = google.app.bases["ads"].removeprefix("http://")
    method = f"/google.ads.googleads.{version}.services.CustomerService/ListAccessibleCustomers"
    with grpc.insecure_channel(address) as channel:
        call = channel.unary_unary(method)
        with pytest.raises(grpc.RpcError) as caught:
            call(b"", timeout=10)
    assert caught.value.code() is expected
