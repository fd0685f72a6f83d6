"""The simulated LinkedIn refuses what LinkedIn refuses: headers, versions, Rest.li, shapes, and who may do what (B8)."""

from __future__ import annotations

import pytest
import requests

from connectors.linkedin import simulator
from connectors.linkedin.simulator_elements import complaint
from connectors.simulation import World
from tests.connectors.linkedin_at_hand import ACCOUNT, linkedin_at_hand, spec

FIND = "/rest/dmpSegments?q=account&account=urn%3Ali%3AsponsoredAccount%3A507001"


@pytest.fixture(scope="module")
def linkedin():
    with linkedin_at_hand() as at_hand:
        yield at_hand


@pytest.fixture(scope="module")
def call(linkedin):
    """A plain call with everything that LinkedIn wants, changed by what the test says."""
    token = linkedin.token("ada").access_token

    def made(method, path, json=None, **headers):
        wanted = {
            "Authorization": f"Bearer {token}",
            "LinkedIn-Version": "202607",
            "X-Restli-Protocol-Version": "2.0.0",
        }
        given = {name: value for name, value in (wanted | headers).items() if value}
        session = requests.Session()
        prepared = session.prepare_request(
            requests.Request(method, linkedin.app.bases["api"] + path, json=json, headers=given)
        )
        prepared.url = linkedin.app.bases["api"] + path
        with session:
            return session.send(prepared, timeout=10)

    return made


@pytest.fixture(scope="module")
def segment(linkedin):
    return linkedin.connector.create_audience(linkedin.token("ada"), ACCOUNT, spec()).remote_id


def new(**changes):
    return {
        "name": "N",
        "account": "urn:li:sponsoredAccount:507001",
        "type": "USER",
        "sourcePlatform": "SEGSYNC",
        "destinations": [{"destination": "LINKEDIN"}],
        **changes,
    }


HEADERS = [
    ({"LinkedIn-Version": None}, 400, "VERSION_MISSING"),
    ({"LinkedIn-Version": "202511"}, 426, "NONEXISTENT_VERSION"),
    ({"LinkedIn-Version": "latest"}, 426, "NONEXISTENT_VERSION"),
    ({"X-Restli-Protocol-Version": None}, 400, "BAD_REQUEST"),
    ({"Authorization": None}, 401, "INVALID_ACCESS_TOKEN"),
    ({"Authorization": "Bearer wrong"}, 401, "INVALID_ACCESS_TOKEN"),
]


@pytest.mark.parametrize(("headers", "status", "code"), HEADERS)
def test_headers_are_demanded(call, headers, status, code):
    """A call without a living version, Rest.li's header or a token is refused as LinkedIn does (B8)."""
    reply = call("GET", FIND, **headers)
    assert (reply.status_code, reply.json()["code"]) == (status, code)


@pytest.mark.parametrize(
    "query",
    [
        "q=account&account=urn:li:sponsoredAccount:507001",
        "q=search&account=urn%3Ali%3AsponsoredAccount%3A507001",
        "account=urn%3Ali%3AsponsoredAccount%3A507001",
        "q=account",
    ],
)
def test_queries_have_to_be_restli(call, query):
    """URNs have to be escaped and a finder named (B8)."""
    assert call("GET", f"/rest/dmpSegments?{query}").status_code == 400


def test_lists_stay_literal(call):
    """Parentheses that an HTTP library escaped are not understood (B8)."""
    path = "/rest/adAccounts/507001/adCampaigns?q=search&search="
    assert call("GET", f"{path}(status:(values:List(ACTIVE)))").status_code == 200
    assert call("GET", f"{path}%28status%3A%28values%3AList%28ACTIVE%29%29%29").status_code == 400


NOT_MADE = [
    new(name=""),
    new(color="red"),
    new(type="USER_STREAMING"),
    new(accessPolicy="PUBLIC"),
    new(destinations=[]),
    new(destinations=[{"destination": "GOOGLE"}]),
]


@pytest.mark.parametrize("body", NOT_MADE)
def test_incomplete_segments_are_not_made(call, body):
    """A segment with a missing, unknown or invalid field is refused (B8)."""
    assert call("POST", "/rest/dmpSegments", body).status_code == 400


def test_the_id_comes_in_a_header_alone(call):
    """A new segment's id stands in x-restli-id, and the body is empty (B8)."""
    reply = call("POST", "/rest/dmpSegments", new())
    assert (reply.status_code, reply.text) == (201, "")
    assert reply.headers["x-restli-id"].isdigit()
    assert reply.headers["x-li-uuid"]


@pytest.mark.parametrize(("account", "status"), [("507003", 403), ("507004", 403), ("1", 403)])
def test_viewers_and_closed_accounts_make_nothing(call, account, status):
    """Whoever may only look, an account that is closed, an account of others: refused (B8)."""
    body = new(account=f"urn:li:sponsoredAccount:{account}")
    assert call("POST", "/rest/dmpSegments", body).status_code == status


def member(**changes):
    return {"action": "ADD", "userIds": [{"idType": "SHA256_EMAIL", "idValue": "0" * 64}], **changes}


BATCHES = [
    ("users", {"elements": [member()] * 5_001}, "BATCH_CREATE"),
    ("users", {"elements": "all"}, "BATCH_CREATE"),
    ("users", [], "BATCH_CREATE"),
    ("users", {"elements": [member()]}, "CREATE"),
    ("users", {"elements": [member()]}, None),
    ("companies", {"elements": []}, "BATCH_CREATE"),
]


@pytest.mark.parametrize("number", range(len(BATCHES)))
def test_batches_have_to_be_right(call, segment, number):
    """Too many elements, no list, the wrong Rest.li method, companies for people: refused as a whole (B8)."""
    sort, body, method = BATCHES[number]
    reply = call("POST", f"/rest/dmpSegments/{segment}/{sort}", body, **{"X-RestLi-Method": method})
    assert reply.status_code == 400


ELEMENTS = [
    (member(), ""),
    (member(userIds=[], firstName="Ada", lastName="Byron"), ""),
    (member(userIds=[]), "required"),
    (member(userIds=[], firstName="Ada"), "required"),
    (member(action="UPSERT"), "action"),
    (member(phone="1"), "Unrecognized"),
    (member(country="Germany"), "country"),
    (member(firstName="A" * 36), "too long"),
    (member(userIds=[{"idType": "APPLE_IDFA", "idValue": "x"}]), "idType"),
    (member(userIds=[{"idType": "SHA256_EMAIL", "idValue": "ada@example.com"}]), "SHA256_EMAIL"),
    (member(userIds=[{"idType": "SHA256_EMAIL", "idValue": "A" * 64}]), "SHA256_EMAIL"),
    (member(userIds=[{"idType": "SHA512_EMAIL", "idValue": "0" * 128}]), ""),
    (member(userIds=[{"idType": "GOOGLE_AID", "idValue": "12"}]), "GOOGLE_AID"),
    ("ada", "record"),
]
COMPANIES = [
    ({"action": "ADD", "companyName": "Acme"}, ""),
    ({"action": "ADD", "country": "DE"}, "At least one"),
    ({"action": "ADD", "companyWebsiteDomain": "https://acme.example"}, "companyWebsiteDomain"),
    ({"action": "ADD", "organizationUrn": "1035"}, "organizationUrn"),
    ({"action": "ADD", "companyName": "Acme", "industries": ["a", "b", "c", "d"]}, "industries"),
]


@pytest.mark.parametrize("number", range(len(ELEMENTS)))
def test_each_person_is_looked_at(number):
    """An unhashed address, a removed identifier, a made-up field: refused row by row (B8)."""
    element, expected = ELEMENTS[number]
    found = complaint(element, companies=False)
    assert expected in found if expected else found == ""


@pytest.mark.parametrize("number", range(len(COMPANIES)))
def test_each_company_is_looked_at(number):
    """A company without a name or with an address instead of a domain is refused (B8)."""
    element, expected = COMPANIES[number]
    found = complaint(element, companies=True)
    assert expected in found if expected else found == ""


def test_the_world_survives_a_restart(tmp_path):
    """Audiences, sign-ins and members are there again after the simulator was stopped (B8)."""
    first = World(tmp_path / "world.db")
    simulator.seed(first)
    first.put("linkedin", "accounts", ACCOUNT.remote_id, {"name": "Renamed", "roles": {}})
    first.close()
    second = World(tmp_path / "world.db")
    simulator.seed(second)
    assert second.get("linkedin", "accounts", ACCOUNT.remote_id)["name"] == "Renamed"
    assert len(second.all("linkedin", "signins")) == 4
    second.close()
