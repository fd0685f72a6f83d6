"""Members at Google: whole requests or nothing, and what becomes of them later."""

from __future__ import annotations

from datetime import timedelta

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from connectors.contract import Action, AudienceRef, Batch
from connectors.google.data_manager import Answer, Refusal
from connectors.google.members import ROUNDS, push
from connectors.problems import AccessDenied, Code, SegmentRefused, TryLater, UnexpectedReply
from tests.connectors.google_at_hand import (
    SEARCH,
    SHOPPING,
    batch,
    google_at_hand,
    people,
    population,
    refusal,
    sha,
    spec,
)


@pytest.fixture(scope="module")
def shared():
    with google_at_hand() as at_hand:
        at_hand.change("settings", "main", token_seconds=10**9)
        at_hand.world.add_people(population(100))
        yield at_hand


@pytest.fixture
def google(shared):
    yield shared
    shared.world.clear_faults()


@pytest.fixture(scope="module")
def ada(shared):
    return shared.token()


@pytest.fixture
def connector(google):
    return google.connector


@pytest.fixture
def audience(connector, ada, request):
    return connector.create_audience(ada, SEARCH, spec(request.node.name, request.node.name))


def told(refused):
    return {(one.code, one.rows, one.raw) for one in refused}


def test_every_sort_of_identifier_arrives(google, connector, ada, audience):
    """E-mail, phone and a whole address go out, each once (B18)."""
    address = {"givenName": sha("josé"), "familyName": sha("müller"), "regionCode": "DE", "postalCode": "10115"}
    row = {"emailAddress": sha("jose@example.com"), "phoneNumber": sha("+4930123456"), **address}
    result = connector.push(ada, SEARCH, audience, batch([row]))
    google.later()
    hashes = f"{sha('josé')}|{sha('müller')}|DE|10115"
    expected = [f"address:{hashes}", f"email:{row['emailAddress']}", f"phone:{row['phoneNumber']}"]
    assert google.keys(audience) == expected
    assert (result.accepted, result.requests, result.receipt) == (1, 1, result.reference)


def test_nothing_is_in_the_audience_before_google_processed_it(google, connector, ada, audience):
    """Google takes a request at once and works it through later: the result is asked for (S12)."""
    receipt = connector.push(ada, SEARCH, audience, batch(people(3))).receipt
    before = connector.settle(ada, SEARCH, [receipt])[0]
    assert (before.final, before.raw, google.keys(audience)) == (False, "PROCESSING", [])
    google.later()
    after = connector.settle(ada, SEARCH, [receipt])[0]
    assert (after.final, after.raw, after.refused, len(google.keys(audience))) == (True, "SUCCESS", (), 3)


@pytest.mark.parametrize(
    ("known", "unknown", "rate"),
    [(10, 0, "91 to 100 %"), (0, 10, "less than 20 %"), (5, 5, "41 to 50 %"), (3, 7, "20 to 30 %")],
)
def test_the_match_rate_of_a_batch_is_googles_range(google, connector, ada, audience, known, unknown, rate):
    """How many people Google knows is told as Google tells it: a range (B9)."""
    rows = people(known) + people(unknown, start=1000)
    receipt = connector.push(ada, SEARCH, audience, batch(rows)).receipt
    google.later()
    assert connector.settle(ada, SEARCH, [receipt])[0].match_rate == rate


# -- bad records ---------------------------------------------------------------------------------------------------


def test_one_bad_record_does_not_sink_the_batch(google, connector, ada, audience):
    """Google refuses the whole request for one bad record: that one is left out and named, the others go (B15)."""
    rows = people(10)
    rows[3], rows[7] = {"emailAddress": "no hash"}, {"emailAddress": "abc"}
    result = connector.push(ada, SEARCH, audience, batch(rows))
    google.later()
    assert (result.accepted, result.requests) == (8, 2)
    assert told(result.refused) == {(Code.ROW_BAD_FORMAT, (3, 7), "INVALID_HEX_ENCODING")}
    assert len(google.keys(audience)) == 8


def test_a_row_without_identifier_is_counted_and_never_sent(google, connector, ada, audience):
    """Somebody without anything that Google takes is a number, not a reason to fail (B15)."""
    result = connector.push(ada, SEARCH, audience, batch([{}, *people(2)]))
    assert (result.accepted, result.requests) == (2, 1)
    assert told(result.refused) == {(Code.ROW_NO_IDENTIFIER, (0,), "")}


def test_a_batch_of_nobody_costs_no_request(connector, ada, audience):
    """Where nobody is left to send, Google is not asked (B15)."""
    result = connector.push(ada, SEARCH, audience, batch([{}, {}]))
    assert (result.accepted, result.requests, result.receipt) == (0, 0, "")


def test_columns_that_nobody_fills_may_be_missing(google, connector, ada, audience):
    """A segment of e-mail addresses alone is sent as such."""
    table = pa.table({"emailAddress": pa.array([sha("only@example.com")])})
    assert connector.push(ada, SEARCH, audience, Batch(Action.ADD, table, 1, True, 7, 1)).accepted == 1


def test_a_batch_of_which_google_names_no_bad_record_is_halved(google, connector, ada, audience):
    """Where Google does not say which record is bad the halves are sent, and their later results name rows of the batch (B15)."""
    google.fault("code", "members.add", times=1, code="INVALID_AUDIENCE_MEMBER")
    google.fault("reject_rows", "members.add", times=2, rows=[1], reason="INVALID_FORMAT")
    result = connector.push(ada, SEARCH, audience, batch(people(7)))
    google.world.clear_faults()
    google.later()
    (later,) = connector.settle(ada, SEARCH, [result.receipt])
    assert (result.accepted, result.requests, later.final) == (7, 4, True)
    assert {place for one in later.refused for place in one.rows} == {2, 4}


class NamesNobody:
    """A Data Manager that refuses every request with one of these records in it, and does not say why."""

    seconds = 60

    def __init__(self, bad):
        self.bad, self.taken, self.asked = bad, [], 0

    def ask(self, *_, body):
        self.asked += 1
        emails = [
            one["compositeData"]["userData"]["userIdentifiers"][0]["emailAddress"] for one in body["audienceMembers"]
        ]
        if self.bad & set(emails):
            return Answer(refusal=Refusal(400, "INVALID_ARGUMENT", "INVALID_AUDIENCE_MEMBER"))
        self.taken += emails
        return Answer({"requestId": f"r{self.asked}"})


@pytest.mark.property
@given(count=st.integers(1, 300), place=st.integers(0, 299))
def test_of_a_batch_with_one_bad_record_nearly_all_is_taken_and_no_good_one_refused_for_good(count, place):
    """Halved until the bad record is alone, run by run: what was not reached waits, and only the bad one is refused (B15)."""
    left, bad = [f"m{number}" for number in range(count)], f"m{place % count}"
    manager = NamesNobody({bad})
    for _ in range(4):
        rows = [{"emailAddress": email} for email in left]
        result = push(manager, "token", SEARCH, AudienceRef("1", "Customers"), batch(rows))
        waits = {place for one in result.refused if one.code is Code.TIMEOUT for place in one.rows}
        gone = [left[place] for one in result.refused if one.code is Code.ROW_BAD_FORMAT for place in one.rows]
        left = [left[place] for place in sorted(waits)]
        if gone:
            break
    assert gone == [bad]
    assert sorted(manager.taken) == sorted({f"m{number}" for number in range(count)} - {bad} - set(left))
    assert manager.asked <= 4 * ROUNDS


def test_a_whole_batch_that_google_does_not_explain_is_no_fault_of_its_people():
    """Refused whatever is sent, and no record named: the run fails visibly, and nobody is refused for good (B15, S13)."""
    rows = [{"emailAddress": f"m{number}"} for number in range(64)]
    manager = NamesNobody({row["emailAddress"] for row in rows})
    with pytest.raises(UnexpectedReply):
        push(manager, "token", SEARCH, AudienceRef("1", "Customers"), batch(rows))
    assert manager.asked == ROUNDS


def test_a_reason_that_is_new_to_us_still_names_its_records(google, connector, ada, audience):
    """A record that Google blames is left out, whatever Google calls its fault tomorrow (B15)."""
    google.fault("reject_rows", rows=[2], reason="SOMETHING_NEW", at_once=True)
    result = connector.push(ada, SEARCH, audience, batch(people(4)))
    assert (result.accepted, told(result.refused)) == (3, {(Code.ROW_BAD_FORMAT, (2,), "SOMETHING_NEW")})


def test_a_request_of_ours_that_is_wrong_is_a_developers(google, connector, ada, audience):
    """A refusal that blames no record is a fault of this program, never of the people in the batch (S13)."""
    google.fault("code", "members.add", code="MULTIPLE_DATA_TYPES_NOT_ALLOWED")
    assert isinstance(refusal(connector.push, ada, SEARCH, audience, batch(people(1))), UnexpectedReply)


def test_a_batch_full_of_bad_records_ends(google, connector, ada, audience):
    """However many records are bad, only so many requests are spent on one batch (S7)."""
    google.fault("reject_rows", "members.add", times=0, rows=[0], at_once=True)
    result = connector.push(ada, SEARCH, audience, batch(people(ROUNDS + 5)))
    assert (result.accepted, result.requests) == (0, ROUNDS)
    assert sum(one.count for one in result.refused) == ROUNDS + 5
    assert result.refused[-1].code is Code.TIMEOUT  # nothing is wrong with these: they wait for the next run


class BlamesTheFirst:
    """A Data Manager that always blames the first record of what it gets."""

    def __init__(self, seconds):
        self.seconds, self.asked = seconds, 0

    def ask(self, *_, **__):
        self.asked += 1
        fields = ("audience_members[0].composite_data",)
        return Answer(refusal=Refusal(400, "INVALID_ARGUMENT", "INVALID_FORMAT", fields))


@pytest.mark.parametrize(("seconds", "rounds"), [(0, 1), (60, ROUNDS)])
def test_no_round_begins_when_its_time_is_over(seconds, rounds):
    """A batch ends while the claim under which it is sent still stands; who is left is sent with the next run (promise 4)."""
    manager = BlamesTheFirst(seconds)
    result = push(manager, "token", SEARCH, AudienceRef("1", "Customers"), batch(people(20)))
    assert (manager.asked, result.requests, result.accepted) == (rounds, rounds, 0)
    assert [one.count for one in result.refused] == [1] * rounds + [20 - rounds]
    assert result.refused[-1].code is Code.TIMEOUT


REASONS = {
    "NO_CONSENT": Code.ROW_NO_CONSENT,
    "DENIED_CONSENT": Code.ROW_NO_CONSENT,
    "UNKNOWN_CONSENT": Code.ROW_NO_CONSENT,
    "INVALID_FORMAT": Code.ROW_BAD_FORMAT,
    "INVALID_MOBILE_ID_FORMAT": Code.ROW_BAD_FORMAT,
    "INTERNAL_ERROR": Code.OUTAGE,
    "DESTINATION_TOO_RECENTLY_CREATED": Code.TOO_NEW,
    "INVALID_KEK": Code.ROW_REFUSED,
    "SOMETHING_NEW": Code.ROW_REFUSED,
}


@pytest.mark.parametrize("reason", REASONS)
def test_records_that_failed_later_are_named(google, connector, ada, audience, reason):
    """What Google could not process is told record by record, with its reason (S12, B15)."""
    google.fault("reject_rows", rows=[1, 4], reason=reason)
    receipt = connector.push(ada, SEARCH, audience, batch(people(6))).receipt
    google.later()
    result = connector.settle(ada, SEARCH, [receipt])[0]
    assert (result.final, result.raw) == (True, "PARTIAL_SUCCESS")
    assert told(result.refused) == {(REASONS[reason], (1, 4), f"PROCESSING_ERROR_REASON_{reason}")}


def test_a_batch_that_failed_whole_is_told(google, connector, ada, audience):
    """A request of which nothing could be processed is no success (B15)."""
    google.fault("reject_rows", rows=[0, 1], reason="INTERNAL_ERROR")
    receipt = connector.push(ada, SEARCH, audience, batch(people(2))).receipt
    google.later()
    result = connector.settle(ada, SEARCH, [receipt])[0]
    assert (result.raw, sum(one.count for one in result.refused)) == ("FAILED", 2)


@pytest.mark.property
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(count=st.integers(1, 25), bad=st.sets(st.integers(0, 24)), empty=st.sets(st.integers(0, 24)), data=st.data())
def test_refused_rows_are_named_by_their_place_in_the_batch(google, connector, ada, audience, count, bad, empty, data):
    """Whatever is left out before, at once or later, each row is named by its own place, and the rest arrives (B15)."""
    rows = people(count)
    for place in range(count):
        rows[place] = {} if place in empty else {"emailAddress": "bad"} if place in bad else rows[place]
    good = [place for place in range(count) if place not in bad | empty]
    later = sorted(data.draw(st.sets(st.sampled_from(good)))) if good else []
    if later:
        google.fault("reject_rows", rows=[good.index(place) for place in later], times=2)
    result = connector.push(ada, SEARCH, audience, batch(rows))
    google.world.clear_faults()
    google.later()
    refused = list(result.refused)
    refused += connector.settle(ada, SEARCH, [result.receipt])[0].refused if result.receipt else []
    named = {place for one in refused for place in one.rows}
    assert named == set(range(count)) - set(good) | set(later)
    assert result.accepted == len(good)


# -- removals, and the end of a request's life ---------------------------------------------------------------------


def test_a_removal_needs_neither_consent_nor_terms(google, connector, ada, audience):
    """Who withdraws is taken out although the terms are not accepted any more (B5)."""
    connector.push(ada, SEARCH, audience, batch(people(5)))
    google.later()
    google.change("accounts", SEARCH.remote_id, terms=False)
    try:
        connector.push(ada, SEARCH, audience, batch(people(2), Action.REMOVE))
        assert refusal(connector.push, ada, SEARCH, audience, batch(people(1))).code is Code.TERMS_NOT_ACCEPTED
    finally:
        google.change("accounts", SEARCH.remote_id, terms=True)
    google.later()
    assert len(google.keys(audience)) == 3


def test_an_old_request_is_no_longer_asked_for(google, connector, ada, audience):
    """After 50 days, or for a request that Google does not know, asking ends (S12)."""
    receipt = connector.push(ada, SEARCH, audience, batch(people(1))).receipt
    google.world.advance(timedelta(days=51))
    old, unknown = connector.settle(ada, SEARCH, [receipt, "never-sent"])
    assert (old.final, old.raw, unknown.final, unknown.raw) == (True, "REQUEST_TOO_OLD", True, "INVALID_REQUEST_ID")


def test_an_outage_while_asking_is_waited_out(google, connector, ada, audience):
    """A later result that cannot be read now is asked for again (S12)."""
    receipt = connector.push(ada, SEARCH, audience, batch(people(1))).receipt
    google.fault("rate_limit", "requests.status")
    assert isinstance(refusal(connector.settle, ada, SEARCH, [receipt]), TryLater)


def test_people_leave_when_they_were_not_added_for_540_days(google, connector, ada, audience):
    """Google forgets members; whoever is added again in time stays (promise 7)."""
    connector.push(ada, SEARCH, audience, batch(people(3)))
    google.later()
    google.world.advance(timedelta(days=300))
    connector.push(ada, SEARCH, audience, batch(people(1)))
    google.later()
    google.world.advance(timedelta(days=300))
    google.later()
    assert google.keys(audience) == [f"email:{people(1)[0]['emailAddress']}"]


def test_members_of_an_audience_that_is_gone_have_nowhere_to_go(connector, ada, audience):
    """An audience deleted at Google stops the run, and is said to be gone (B17)."""
    problem = refusal(connector.push, ada, SEARCH, AudienceRef("1", "Gone"), batch(people(1)))
    assert isinstance(problem, SegmentRefused)
    assert problem.code is Code.AUDIENCE_GONE


def test_an_audience_of_another_account_is_never_touched(connector, ada, audience):
    """The audience has to be the account's own (B17)."""
    assert isinstance(refusal(connector.push, ada, SHOPPING, audience, batch(people(1))), SegmentRefused)


@pytest.mark.parametrize("kind", ["terms", "not_eligible", "permission_lost", "account_closed"])
def test_what_the_account_lacks_is_told_to_its_admin(google, connector, ada, audience, kind):
    """What only the ad account's side can mend is told so, and nothing is sent (S13)."""
    google.fault(kind, "members.add")
    assert isinstance(refusal(connector.push, ada, SEARCH, audience, batch(people(1))), AccessDenied)


def test_erasing_takes_people_out_of_this_audience(google, connector, ada, audience):
    """Google has no call for a whole ad account: each audience is asked (B5)."""
    connector.push(ada, SEARCH, audience, batch(people(3)))
    google.later()
    erased = connector.erase(ada, SEARCH, audience, batch(people(1), Action.REMOVE))
    google.later()
    assert (erased.done, bool(erased.reference), len(google.keys(audience))) == (True, True, 2)
