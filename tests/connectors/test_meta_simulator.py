"""The simulated Graph API refuses what the real one refuses, so that a connector that passes here has learned something."""

from __future__ import annotations

import hashlib
import hmac
from datetime import timedelta

import pytest
import requests

from tests.contract.harness_meta import MetaHarness

HASH = hashlib.sha256(b"ada@example.com").hexdigest()
ACCOUNT = "5510001"


class Graph:
    """Plain calls as anybody could make them, with no code of the connector."""

    def __init__(self, simulators, person="10150000000000001", scopes=("ads_management", "ads_read")):
        self.harness = MetaHarness(simulators)
        self.base = simulators.urls["meta"]["graph"]
        self.token = self.harness.tokens(person, scopes).access_token
        secret = self.harness.app.client_secret
        self.proof = hmac.new(secret.encode(), self.token.encode(), hashlib.sha256).hexdigest()

    def call(self, method, path, version="v26.0", **more):
        signed = {"access_token": self.token, "appsecret_proof": self.proof, **more.pop("params", {})}
        return requests.request(method, f"{self.base}/{version}/{path}", params=signed, timeout=10, **more).json()

    def audience(self, name="Customers", description="Made by a test"):
        wanted = {"name": name, "description": description, "subtype": "CUSTOM"}
        wanted["customer_file_source"] = "USER_PROVIDED_ONLY"
        return self.call("POST", f"act_{ACCOUNT}/customaudiences", json=wanted)["id"]

    def users(self, audience, rows, schema=("EMAIL",), method="POST", **session):
        payload = {"schema": list(schema), "data": [list(row) for row in rows], "is_raw": True}
        body = {"payload": payload, **({"session": session} if session else {}), "method": method}
        return self.call("POST", f"{audience}/users", json=body)

    def members(self, audience):
        return self.harness.world.members("meta", audience)["keys"]


@pytest.fixture
def graph(simulators):
    yield Graph(simulators)
    simulators.world.clear_faults()


@pytest.fixture
def audience(graph):
    return graph.audience()


def error(answer):
    return answer["error"]["code"], answer["error"].get("error_subcode", 0)


@pytest.mark.parametrize("version", ["v24.0", "v99.0", "latest"])
def test_dead_versions_are_refused(graph, version):
    """A version that the channel switched off is noticed here first (B8)."""
    assert error(graph.call("GET", "me", version=version)) == (2635, 0)


def test_a_call_without_the_proof_is_refused(graph):
    """Whoever only has the token and not the application's secret gets nothing (B8)."""
    assert error(graph.call("GET", "me", params={"appsecret_proof": "0" * 64})) == (104, 0)


def test_a_person_without_a_role_sees_nothing(simulators, audience):
    """Another company's audience does not exist for this person (B8)."""
    linus = Graph(simulators, "10150000000000004")
    assert error(linus.call("GET", "act_5510002")) == (100, 33)


def test_looking_is_not_changing(simulators, audience):
    """A person who may only look cannot change, and neither can a token without the permission (B8)."""
    assert error(Graph(simulators, "10150000000000004").users(audience, [[HASH]])) == (200, 0)
    assert error(Graph(simulators, scopes=("ads_read",)).users(audience, [[HASH]])) == (294, 0)


def test_terms_are_asked_for(graph):
    """An account whose terms nobody accepted takes nothing (B8)."""
    wanted = {"name": "x", "subtype": "CUSTOM", "customer_file_source": "USER_PROVIDED_ONLY"}
    assert error(graph.call("POST", "act_5510003/customaudiences", json=wanted)) == (200, 1870034)


@pytest.mark.parametrize(
    ("schema", "row", "invalid"),
    [
        (("EMAIL",), ("ada@example.com",), 1),
        (("EMAIL",), (HASH.upper(),), 1),
        (("EMAIL",), (HASH,), 0),
        (("EMAIL", "FN"), (HASH, "ada"), 1),
        (("MADID",), ("AEBE52E7-03EE-455A-B3C4-E57283966239",), 1),
        (("MADID",), ("aebe52e7-03ee-455a-b3c4-e57283966239",), 0),
        (("EXTERN_ID",), ("Customer 7",), 0),
        (("EMAIL", "FN"), ("", HASH), 1),
    ],
)
def test_what_is_badly_written_is_counted_and_not_taken(graph, audience, schema, row, invalid):
    """Unhashed people are never taken, and the caller is told how many there were (B8)."""
    answer = graph.users(audience, [row], schema)
    assert (answer["num_received"], answer["num_invalid_entries"]) == (1, invalid)
    assert len(graph.members(audience)) == 1 - invalid


@pytest.mark.parametrize(
    ("schema", "rows"),
    [
        (("EMAIL", "NICKNAME"), [(HASH, "")]),
        (("EMAIL", "PHONE"), [(HASH,)]),
        (("EMAIL",), []),
        (("EMAIL",), [(HASH,)] * 10_001),
    ],
)
def test_a_batch_out_of_shape_is_refused_whole(graph, audience, schema, rows):
    """Unknown columns, uneven rows, nothing at all or too many rows are refused (B8)."""
    assert error(graph.users(audience, rows, schema)) == (100, 0)


def test_a_session_counts_up_and_keeps_its_schema(graph, audience):
    """Batches of one upload belong together (B8)."""
    first = graph.users(audience, [[HASH]], session_id=71, batch_seq=1, last_batch_flag=False)
    second = graph.users(audience, [[HASH], [HASH]], session_id=71, batch_seq=2, last_batch_flag=False)
    other = graph.users(audience, [[HASH]], ["PHONE"], session_id=71, batch_seq=3, last_batch_flag=True)
    assert (first["num_received"], second["num_received"], error(other)) == (1, 3, (100, 0))


def test_a_session_ends_after_ninety_minutes(graph, audience, simulators):
    """What comes too late is thrown away without a word, as the real one does (B8)."""
    graph.users(audience, [[HASH]], session_id=72, batch_seq=1, last_batch_flag=False)
    simulators.world.advance(timedelta(minutes=91))
    late = hashlib.sha256(b"max@example.com").hexdigest()
    graph.users(audience, [[late]], session_id=72, batch_seq=2, last_batch_flag=True)
    assert graph.members(audience) == [f"email:{HASH}"]


@pytest.mark.parametrize("session", [{"session_id": 0}, {"session_id": 73, "batch_seq": 0}, {"session_id": 2**63}])
def test_a_session_without_sense_is_refused(graph, audience, session):
    """Session numbers are positive and batches counted from one (B8)."""
    assert error(graph.users(audience, [[HASH]], **{"batch_seq": 1, **session})) == (100, 0)


def test_health_words_are_flagged(graph):
    """An audience named after an illness takes nobody until it is renamed (B8)."""
    flagged = graph.audience("Diabetes patients")
    status = graph.call("GET", flagged, params={"fields": "operation_status"})["operation_status"]["code"]
    assert (status, error(graph.users(flagged, [[HASH]]))) == (471, (100, 1713230))
    assert error(graph.call("POST", flagged, json={"description": "for them"})) == (100, 1713228)
    assert graph.call("POST", flagged, json={"name": "Regulars"})["success"]
    assert graph.users(flagged, [[HASH]])["num_received"] == 1


def test_a_replacement_takes_the_place_of_everybody(graph, audience):
    """Nobody else can add while a replacement is under way, and it begins with its first batch (B8)."""
    graph.users(audience, [[HASH]])
    other = hashlib.sha256(b"max@example.com").hexdigest()

    def replace(number, last):
        payload = {"schema": ["EMAIL"], "data": [[other]]}
        session = {"session_id": 74, "batch_seq": number, "last_batch_flag": last}
        return graph.call("POST", f"{audience}/usersreplace", json={"payload": payload, "session": session})

    assert error(replace(2, last=True)) == (2650, 1870147)
    assert replace(1, last=False)["num_received"] == 1
    assert error(graph.users(audience, [[HASH]])) == (2650, 1870145)
    assert replace(2, last=True)["num_received"] == 2
    assert graph.members(audience) == [f"email:{other}"]


def test_sizes_come_from_people_who_match(graph, audience, simulators):
    """An audience of strangers stays too small whatever is sent (B8)."""
    simulators.world.add_people([{"email": f"size{number}@example.com"} for number in range(120)])
    strangers = [[hashlib.sha256(f"stranger{number}".encode()).hexdigest()] for number in range(500)]
    known = [[hashlib.sha256(f"size{number}@example.com".encode()).hexdigest()] for number in range(120)]
    fields = {"fields": "delivery_status,operation_status,approximate_count_lower_bound"}
    graph.users(audience, strangers)
    simulators.world.advance(timedelta(hours=1))
    before = graph.call("GET", audience, params=fields)
    graph.users(audience, known)
    busy = graph.call("GET", audience, params=fields)
    simulators.world.advance(timedelta(hours=1))
    after = graph.call("GET", audience, params=fields)
    codes = [seen["delivery_status"]["code"] for seen in (before, busy, after)]
    assert (codes, busy["operation_status"]["code"]) == ([300, 300, 200], 441)
    assert after["approximate_count_lower_bound"] == 100


def test_pages_are_followed_by_their_cursors(graph):
    """A long list comes in pages (B8)."""
    made = {graph.audience(f"Page {number}") for number in range(3)}
    seen, after = set(), ""
    while True:
        page = graph.call("GET", f"act_{ACCOUNT}/customaudiences", params={"limit": "2", "after": after or "0"})
        seen |= {row["id"] for row in page["data"]}
        after = page["paging"]["cursors"]["after"]
        if "next" not in page["paging"]:
            break
    assert made <= seen


def test_erasing_goes_through_every_audience_of_the_account(graph, audience):
    """Who asks to be forgotten is forgotten in all audiences (B8)."""
    second = graph.audience("Second")
    for number in (audience, second):
        graph.users(number, [[HASH]])
    payload = {"schema": ["EMAIL"], "data": [[HASH]]}
    graph.call("POST", f"act_{ACCOUNT}/usersofanyaudience", json={"payload": payload, "method": "DELETE"})
    assert (graph.members(audience), graph.members(second)) == ([], [])
