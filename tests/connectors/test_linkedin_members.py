"""Members at LinkedIn: every row answered by itself, and what is in the audience afterwards."""

from __future__ import annotations

import hashlib
from contextlib import suppress

import pytest
import requests
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from connectors.contract import Action, Kind
from connectors.linkedin.identifiers import CAPABILITIES
from connectors.linkedin.members import MOST_REQUESTS, deliver
from connectors.problems import Code, SegmentRefused, TryLater, UnexpectedReply
from tests.connectors.linkedin_at_hand import ACCOUNT, batch, linkedin_at_hand, refusal, spec

DEVICE = "38400000-8cf0-11bd-b23e-10b96e4ef00d"


@pytest.fixture(scope="module")
def shared():
    with linkedin_at_hand() as at_hand:
        yield at_hand


@pytest.fixture
def linkedin(shared):
    yield shared
    shared.world.clear_faults()


@pytest.fixture(scope="module")
def ada(shared):
    return shared.token("ada")


@pytest.fixture
def audience(linkedin, ada, request):
    return linkedin.connector.create_audience(ada, ACCOUNT, spec(request.node.name))


def sha(text):
    return hashlib.sha256(text.encode()).hexdigest()


def person(number):
    return {"SHA256_EMAIL": sha(f"person{number}@example.com")}


def keys(linkedin, audience):
    return set(linkedin.world.members("linkedin", audience.remote_id)["keys"])


def told(result):
    return result.accepted, {one.code: (one.count, one.rows) for one in result.refused}


def test_people_arrive_and_leave(linkedin, ada, audience):
    """Who was added is in the audience under every identifier; who was removed is not."""
    rows = [person(1) | {"GOOGLE_AID": DEVICE, "countryCode": "DE"}, person(2)]
    assert linkedin.connector.push(ada, ACCOUNT, audience, batch(rows)).accepted == 2
    assert keys(linkedin, audience) == {
        f"email:{person(1)['SHA256_EMAIL']}",
        f"mobile_ad_id:{DEVICE}",
        f"email:{person(2)['SHA256_EMAIL']}",
    }
    assert linkedin.connector.push(ada, ACCOUNT, audience, batch(rows[:1], Action.REMOVE)).accepted == 1
    assert keys(linkedin, audience) == {f"email:{person(2)['SHA256_EMAIL']}"}


def test_sending_again_changes_nothing(linkedin, ada, audience):
    """A batch may be repeated: added twice is in once, removed twice is out (B15)."""
    one = batch([person(1), person(2)])
    for _ in range(2):
        linkedin.connector.push(ada, ACCOUNT, audience, one)
    assert linkedin.world.count("linkedin", audience.remote_id).keys == 2
    for _ in range(2):
        assert linkedin.connector.push(ada, ACCOUNT, audience, batch([person(1)], Action.REMOVE)).accepted == 1
    assert linkedin.world.count("linkedin", audience.remote_id).keys == 1


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(st.sampled_from(Action), st.sets(st.integers(0, 6), min_size=1)), max_size=6))
def test_any_history_ends_with_the_right_people(shared, ada, history):
    """Whatever was added and removed in whatever order, exactly the last word of each person counts."""
    made = shared.connector.create_audience(ada, ACCOUNT, spec("history"))
    wanted: set[int] = set()
    for action, numbers in [(Action.REMOVE, set(range(7))), *history]:
        shared.connector.push(ada, ACCOUNT, made, batch([person(number) for number in numbers], action))
        wanted = wanted | numbers if action is Action.ADD else wanted - numbers
    assert keys(shared, made) == {f"email:{person(number)['SHA256_EMAIL']}" for number in wanted}


def test_known_people_match_by_what_we_send(linkedin, ada, audience):
    """People whom LinkedIn knows match by the identifiers as we write them; strangers do not."""
    linkedin.world.add_people([{"person_id": "jose", "email": " José@Example.com "}])
    linkedin.connector.push(ada, ACCOUNT, audience, batch([{"SHA256_EMAIL": sha("josé@example.com")}, person(3)]))
    assert linkedin.world.members("linkedin", audience.remote_id)["persons"] == [
        "jose",
        f"unknown:email:{person(3)['SHA256_EMAIL']}",
    ]


def test_companies_reach_who_works_there(linkedin, ada):
    """Companies go to LinkedIn as companies, by domain and by LinkedIn's own number (S8)."""
    linkedin.world.add_people([{"person_id": "w", "company_domain": "acme.example"}])
    wanted = spec("companies", Kind.COMPANIES)
    made = linkedin.connector.create_audience(ada, ACCOUNT, wanted)
    rows = [
        {"companyWebsiteDomain": "acme.example", "companyName": "Acme", "countryCode": "DE"},
        {"organizationUrn": "urn:li:organization:1035"},
    ]
    result = linkedin.connector.push(ada, ACCOUNT, made, batch(rows, kind=Kind.COMPANIES))
    assert result.accepted == 2
    assert linkedin.world.members("linkedin", made.remote_id) == {
        "keys": ["domain:acme.example", "organization:urn:li:organization:1035"],
        "persons": ["unknown:organization:urn:li:organization:1035", "w"],
    }


def test_each_refused_row_is_named(linkedin, ada, audience):
    """An answer of 200 is not taken for success: the rows that LinkedIn refused are counted by cause, with their place (B15)."""
    rows = [person(1), {"SHA256_EMAIL": "not a hash"}, {"countryCode": "DE"}, person(2), {"GOOGLE_AID": "x"}]
    result = linkedin.connector.push(ada, ACCOUNT, audience, batch(rows))
    assert told(result) == (2, {Code.ROW_BAD_FORMAT: (2, (1, 4)), Code.ROW_NO_IDENTIFIER: (1, (2,))})
    assert result.reference
    assert linkedin.world.count("linkedin", audience.remote_id).keys == 2


def test_rows_that_linkedin_refuses_on_a_whim_are_named(linkedin, ada, audience):
    """Rows that LinkedIn refuses although they look well are counted as refused, the others are in (B15)."""
    linkedin.world.add_fault("linkedin", "reject_rows", facts={"rows": [0, 2]})
    result = linkedin.connector.push(ada, ACCOUNT, audience, batch([person(n) for n in range(4)]))
    assert told(result) == (2, {Code.ROW_BAD_FORMAT: (2, (0, 2))})


def answered(body):
    reply = requests.Response()
    reply.status_code, reply._content = 200, body.encode()
    return reply


def test_odd_answers_are_never_taken_for_a_yes():
    """An element without a status counts as refused, and an answer that does not fit the batch as none (B15)."""
    one = batch([person(1), person(2)])
    odd = '{"elements": [null, {"status": 500, "error": "x"}]}'
    refused = deliver(one, lambda _: answered(odd), 60).refused
    assert [(each.code, each.rows) for each in refused] == [(Code.ROW_REFUSED, (0,)), (Code.OUTAGE, (1,))]
    for body in ('{"elements": [{"status": 201}]}', "<html>fine</html>"):
        assert refusal(deliver, one, lambda _, body=body: answered(body), 60) == (UnexpectedReply, Code.UNEXPECTED)


def test_nothing_to_send_is_not_sent(linkedin, ada, audience):
    """Rows without any identifier cost no call (B15)."""
    result = linkedin.connector.push(ada, ACCOUNT, audience, batch([{"countryCode": "DE"}]))
    assert (told(result), result.requests) == ((0, {Code.ROW_NO_IDENTIFIER: (1, (0,))}), 0)


@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.sets(st.integers(0, 199), min_size=1, max_size=4))
def test_a_batch_refused_as_a_whole_is_halved(shared, ada, bad):
    """Where LinkedIn refuses a batch for a few bad rows, they are found, and everybody else is in (B15)."""
    made = shared.connector.create_audience(ada, ACCOUNT, spec(f"halved-{sorted(bad)}"))
    shared.world.add_fault("linkedin", "all_or_nothing")
    rows = [{"SHA256_EMAIL": "bad"} if number in bad else person(number) for number in range(200)]
    result = shared.connector.push(ada, ACCOUNT, made, batch(rows))
    shared.world.clear_faults()
    assert told(result) == (200 - len(bad), {Code.ROW_BAD_FORMAT: (len(bad), tuple(sorted(bad)))})
    assert shared.world.count("linkedin", made.remote_id).keys == 200 - len(bad)


def test_halving_ends(linkedin, ada, audience):
    """When LinkedIn refuses whatever is sent, we stop after a bounded number of calls and say that it is our fault (B15)."""
    linkedin.world.add_fault("linkedin", "bad_request", operation="members")
    found = refusal(linkedin.connector.push, ada, ACCOUNT, audience, batch([person(n) for n in range(400)]))
    assert found == (UnexpectedReply, Code.BAD_REQUEST)
    assert MOST_REQUESTS < 400


def stubborn(taken):
    """A LinkedIn that refuses any call with one bad row in it, and takes the rest."""

    def send(elements):
        if any("bad" in str(element) for element in elements):
            raise UnexpectedReply(Code.BAD_REQUEST, raw="400")
        taken.extend(elements)
        return answered('{"elements": [' + ", ".join(['{"status": 201}'] * len(elements)) + "]}")

    return send


def half_bad():
    return batch([{"SHA256_EMAIL": "bad"} if number % 2 else person(number) for number in range(400)])


def test_what_could_not_be_sent_in_the_end_waits():
    """Too many bad rows for one batch: the bad ones found are refused, the others are sent with the next run (B15)."""
    taken = []
    result = deliver(half_bad(), stubborn(taken), 60)
    codes = {one.code: one.count for one in result.refused}
    assert (result.accepted, result.requests) == (len(taken), MOST_REQUESTS)
    assert set(codes) == {Code.ROW_BAD_FORMAT, Code.TIMEOUT}
    assert sum(codes.values()) + len(taken) == 400


@pytest.mark.parametrize(("seconds", "requests"), [(0, 1), (60, MOST_REQUESTS)])
def test_no_request_begins_when_its_time_is_over(seconds, requests):
    """A batch ends while the claim under which it is sent still stands, however many rows are bad (promise 4)."""
    assert deliver(half_bad(), stubborn([]), seconds).requests == requests


@pytest.mark.parametrize("action", list(Action))
def test_a_row_that_linkedin_failed_at_is_sent_again(action):
    """Whoever LinkedIn throttled or failed at is named as waiting, not as refused (promise 8)."""
    some = '{"elements": [{"status": 200}, {"status": 503}, {"status": 429}]}'
    refused = deliver(batch([person(1), person(2), person(3)], action), lambda _: answered(some), 60).refused
    assert [(one.code, one.rows) for one in refused] == [(Code.OUTAGE, (1,)), (Code.RATE_LIMIT, (2,))]


def test_a_full_batch_is_one_request(linkedin, ada, audience):
    """5,000 people, the most that LinkedIn takes at once, travel in one call."""
    rows = [person(number) for number in range(CAPABILITIES.batch_rows)]
    result = linkedin.connector.push(ada, ACCOUNT, audience, batch(rows))
    assert (result.accepted, result.requests) == (5_000, 1)


def test_too_many_at_once_are_sent_in_halves(linkedin, ada, audience):
    """Should LinkedIn take fewer at once than it says, the batch arrives in parts."""
    rows = [person(number) for number in range(CAPABILITIES.batch_rows + 1)]
    result = linkedin.connector.push(ada, ACCOUNT, audience, batch(rows))
    assert (result.accepted, result.requests) == (5_001, 3)


def test_an_answer_that_was_lost_is_tried_again(linkedin, ada, audience):
    """The connection was cut after the members were taken: nothing is claimed, and repeating is harmless (B15)."""
    linkedin.world.add_fault("linkedin", "cut", operation="members", times=1)
    one = batch([person(1)])
    assert refusal(linkedin.connector.push, ada, ACCOUNT, audience, one) == (TryLater, Code.OUTAGE)
    assert linkedin.connector.push(ada, ACCOUNT, audience, one).accepted == 1
    assert linkedin.world.count("linkedin", audience.remote_id).keys == 1


def test_linkedin_throttles_without_saying_when(linkedin, ada, audience):
    """Beyond LinkedIn's calls a minute one waits, and the next minute it goes on (B8)."""
    linkedin.configure(users_per_minute=1)
    with suppress(TryLater):  # somebody may have used the one call of this minute
        linkedin.connector.push(ada, ACCOUNT, audience, batch([person(1)]))
    assert refusal(linkedin.connector.push, ada, ACCOUNT, audience, batch([person(1)])) == (TryLater, Code.RATE_LIMIT)
    linkedin.configure(users_per_minute=10**9)
    assert linkedin.connector.push(ada, ACCOUNT, audience, batch([person(1)])).accepted == 1


def test_too_few_for_linkedin_is_told(linkedin, ada, audience):
    """LinkedIn's word that an audience is too small reaches whoever owns the segment (B9)."""
    linkedin.world.add_fault("linkedin", "audience_too_small")
    found = refusal(linkedin.connector.push, ada, ACCOUNT, audience, batch([person(1)]))
    assert found == (SegmentRefused, Code.AUDIENCE_TOO_SMALL)


def test_members_of_a_deleted_audience_are_told_apart(linkedin, ada, audience):
    """Members for an audience that was deleted at LinkedIn are not sent into nothing (B17)."""
    linkedin.world.drop("linkedin", "audiences", audience.remote_id)
    found = refusal(linkedin.connector.push, ada, ACCOUNT, audience, batch([person(1)]))
    assert found == (SegmentRefused, Code.AUDIENCE_GONE)


def test_a_person_is_erased_from_the_audience(linkedin, ada, audience):
    """An erased person is taken out of this audience, with LinkedIn's id of the call as receipt (B5)."""
    linkedin.connector.push(ada, ACCOUNT, audience, batch([person(1), person(2)]))
    erased = linkedin.connector.erase(ada, ACCOUNT, audience, batch([person(1)], Action.REMOVE))
    assert erased.done
    assert erased.reference
    assert keys(linkedin, audience) == {f"email:{person(2)['SHA256_EMAIL']}"}


def test_results_are_final_at_once(linkedin, ada):
    """LinkedIn answers for good at once: asking later brings nothing new."""
    settled = linkedin.connector.settle(ada, ACCOUNT, ["a", "b"])
    assert [(one.receipt, one.final) for one in settled] == [("a", True), ("b", True)]


def test_no_person_stands_in_a_log(linkedin, ada, audience, caplog):
    """Sending at the most talkative log level writes no identifier and no token."""
    caplog.set_level("DEBUG")
    linkedin.world.add_fault("linkedin", "all_or_nothing")
    linkedin.connector.push(ada, ACCOUNT, audience, batch([person(1), {"SHA256_EMAIL": "bad"}]))
    assert person(1)["SHA256_EMAIL"] not in caplog.text
    assert ada.access_token not in caplog.text
