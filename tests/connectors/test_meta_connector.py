"""What is particular to Meta: how batches are written, states and campaigns read, and the SDK kept from its habits."""

from __future__ import annotations

import sys
from urllib.parse import parse_qs

import orjson
import pyarrow as pa
import pytest
from facebook_business.adobjects.customaudience import CustomAudience
from facebook_business.api import Cursor, FacebookAdsApi
from hypothesis import given, settings
from hypothesis import strategies as st

from connectors.contract import Action, Batch, Retire, State
from connectors.digests import texts
from connectors.meta import audiences, members
from connectors.meta.accounts import ad_account
from connectors.meta.graph import everything
from connectors.problems import AccessDenied, Code, SegmentRefused
from tests.contract.harness_meta import MetaHarness

cells = st.none() | st.text(st.characters(exclude_categories=["Cs"]), max_size=12)


@pytest.fixture
def meta(simulators):
    yield MetaHarness(simulators)
    simulators.world.clear_faults()


def batch(rows, action=Action.ADD):
    table = pa.table({name: pa.array([row.get(name) for row in rows], pa.string()) for name in ("EMAIL", "EXTERN_ID")})
    return Batch(action, table, 2, last=False, session=2**62, estimated_total=9)


# -- batches -------------------------------------------------------------------------------------------------------


@settings(deadline=None)
@given(rows=st.lists(st.fixed_dictionaries({"EMAIL": cells, "EXTERN_ID": cells}), min_size=1, max_size=5))
def test_both_ways_of_writing_a_batch_say_the_same(rows):
    """Whether written as JSON or as a form, Meta reads the same people (B1)."""
    for action in Action:
        plain = orjson.loads(members.body(batch(rows, action), "json")[0])
        form = parse_qs(members.body(batch(rows, action), "form")[0].decode(), strict_parsing=True)
        read = {name: orjson.loads(text) if text[0] in "{[" else text for name, (text,) in form.items()}
        assert read == plain


digest = st.binary(min_size=32, max_size=32)


@settings(deadline=None)
@given(
    rows=st.lists(st.tuples(st.none() | digest, digest, st.none(), st.none() | digest), max_size=7),
    start=st.integers(0, 2),
    times=st.sampled_from([1, 401]),
)
def test_digests_are_written_as_their_letters(rows, start, times):
    """Whether digests come as bytes or as letters, Meta reads the same people, cell by cell (B1)."""
    kinds = {"EMAIL": pa.binary(32), "FN": pa.binary(32), "CT": pa.string(), "PHONE": pa.binary(32)}
    columns = {
        name: pa.array([row[place] for row in rows] * times, kind) for place, (name, kind) in enumerate(kinds.items())
    }
    packed = pa.table(columns).slice(start)
    for form in ("json", "form"):
        bodies = [members.body(Batch(Action.ADD, each, 1, True, 1, 1), form)[0] for each in (packed, texts(packed))]
        assert bodies[0] == bodies[1]


def test_a_batch_as_the_reference_describes_it():
    """Every row has a cell for every key, and the session tells where it stands (B1)."""
    body = orjson.loads(members.body(batch([{"EMAIL": "h1"}, {"EXTERN_ID": "7"}], Action.REMOVE), "json")[0])
    assert body == {
        "payload": {"schema": ["EMAIL", "EXTERN_ID"], "data": [["h1", ""], ["", "7"]], "is_raw": True},
        "session": {"session_id": 2**62, "batch_seq": 2, "last_batch_flag": False, "estimated_num_total": 9},
        "method": "DELETE",
    }


def test_a_session_keeps_its_columns_whoever_has_which_field():
    """Graph refuses a batch whose schema is not that of its session: fields that nobody of a batch has are sent empty (B1)."""
    bodies = [orjson.loads(members.body(batch([row]), "json")[0]) for row in ({"EMAIL": "h1"}, {"EXTERN_ID": "7"})]
    assert [body["payload"]["schema"] for body in bodies] == [["EMAIL", "EXTERN_ID"]] * 2


def test_people_never_stand_in_an_address(meta):
    """A removal travels in the body: addresses end up in logs (S13)."""
    token = meta.token()
    audience = meta.connector.create_audience(token, meta.account, meta.spec())
    connector = meta.connector
    seen = []
    session = connector._graph.api(token.access_token)._session.requests
    session.hooks["response"].append(lambda reply, *_, **__: seen.append(reply.request))
    connector.push(token, meta.account, audience, meta.batch(meta.people(1), Action.REMOVE))
    ((request,), cell) = seen, meta.batch(meta.people(1)).rows["EMAIL"][0].as_py()
    assert request.method == "POST"
    assert len(request.url) < 400 + len(token.access_token)
    assert cell not in request.url


# -- the SDK -------------------------------------------------------------------------------------------------------


def test_the_sdk_keeps_its_hands_off_this_process(meta):
    """No crash report leaves the machine, and no sign-in becomes everybody's (S2)."""
    meta.connector.ad_accounts(meta.token())
    assert sys.excepthook is sys.__excepthook__ or "facebook" not in sys.excepthook.__module__
    assert FacebookAdsApi.get_default_api() is None


def test_two_sign_ins_are_kept_apart(meta):
    """One worker serves many people, each with their own token (S2)."""
    connector = meta.connector
    ada, linus = meta.token(), meta.token("10150000000000004")
    seen = [{account.remote_id for account in connector.ad_accounts(who)} for who in (ada, linus, ada)]
    assert seen[0] == seen[2]
    assert seen[0] > seen[1]


class TwoPages:
    """An edge whose first page is empty although a second follows."""

    def __init__(self):
        self.asked = 0

    def call(self, method, path, params=None):
        self.asked += 1
        return self

    def json(self):
        more = {"cursors": {"after": "x"}, "next": "more"}
        return {"data": [], "paging": more} if self.asked == 1 else {"data": [{"id": "7"}]}

    def headers(self):
        return {}


def test_an_empty_page_is_not_the_end():
    """Graph filters after cutting pages: an audience behind an empty page is found (B17)."""
    cursor = Cursor(CustomAudience("1"), CustomAudience, ["id"], api=TwoPages())
    assert [row["id"] for row in everything(cursor)] == ["7"]


def test_a_list_that_is_too_much_is_asked_for_in_small_pieces(meta):
    """Meta says "reduce the amount of data" and gets its own recommended page (B17)."""
    token = meta.token()
    spec = meta.spec()
    made = meta.connector.create_audience(token, meta.account, spec)
    meta.world.add_fault("meta", "code", operation="audiences", times=1, facts={"code": 1, "transient": False})
    assert meta.connector.find_audience(token, meta.account, spec).remote_id == made.remote_id


# -- audiences -----------------------------------------------------------------------------------------------------


def test_a_marker_is_matched_whole():
    """The audience of sync 12 is not that of sync 123 (B17)."""
    assert audiences.is_marked("Kept in step [segsync-12]", "segsync-12")
    assert not audiences.is_marked("Kept in step [segsync-123]", "segsync-12")
    assert not audiences.is_marked("Kept in step [my-segsync-12]", "segsync-12")


def test_a_full_account_takes_no_more(meta):
    """The five hundredth and first audience is refused with the limit (B17)."""
    token = meta.token()
    account = {"name": "Full", "status": 1, "tos": True, "user_tos": [meta.ada], "roles": {meta.ada: ["ADVERTISE"]}}
    meta.world.put("meta", "accounts", "5510500", account)
    shell = {"account": "5510500", "description": "", "subtype": "CUSTOM", "customer_file_source": "USER_PROVIDED_ONLY"}
    shell |= {
        "created": "2026-01-01",
        "updated": "2026-01-01",
        "operation": 410,
        "busy_until": "",
        "counted": 0,
        "told": 0,
    }
    for number in range(500):
        meta.world.put("meta", "audiences", f"full{number}", shell | {"name": f"Old {number}"})
    with pytest.raises(SegmentRefused) as caught:
        meta.connector.create_audience(token, type(meta.account)("5510500"), meta.spec())
    for number in range(500):
        meta.world.drop("meta", "audiences", f"full{number}")
    assert (caught.value.code, caught.value.facts["limit"]) == (Code.AUDIENCE_LIMIT, "500")


@pytest.mark.parametrize(
    ("operation", "delivery", "state", "reason"),
    [
        (0, 0, State.NOT_KNOWN, None),
        (100, 200, State.EXPIRED, Code.AUDIENCE_EXPIRED),
        (200, 200, State.READY, None),
        (200, 300, State.TOO_SMALL, Code.AUDIENCE_TOO_SMALL),
        (200, 400, State.CLOSED, Code.AUDIENCE_FAILED),
        (400, 200, State.READY, None),
        (410, 300, State.BUILDING, None),
        (411, 200, State.READY, None),
        (412, 300, State.TOO_SMALL, Code.AUDIENCE_TOO_SMALL),
        (414, 200, State.UPDATING, None),
        (415, 200, State.UPDATING, Code.AUDIENCE_FAILED),
        (441, 300, State.BUILDING, None),
        (450, 200, State.ARCHIVED, None),
        (470, 200, State.CLOSED, Code.AUDIENCE_CLOSED),
        (471, 200, State.FLAGGED, Code.AUDIENCE_FLAGGED),
        (500, 200, State.CLOSED, Code.AUDIENCE_FAILED),
    ],
)
def test_every_state_of_an_audience_over_the_wire(meta, operation, delivery, state, reason):
    """Meta's words about an audience become ours, and its own code stays visible (B9)."""
    token = meta.token()
    made = meta.connector.create_audience(token, meta.account, meta.spec())
    doc = meta.world.get("meta", "audiences", made.remote_id)
    forced = {"operation": operation, "forced": operation, "forced_delivery": delivery}
    meta.world.put("meta", "audiences", made.remote_id, doc | forced)
    seen = audiences.state({"operation_status": {"code": operation}, "delivery_status": {"code": delivery}})
    wired = meta.connector.audience_state(token, meta.account, made)
    assert (seen.state, seen.reason.code if seen.reason else None) == (state, reason)
    assert wired.state is state or not (operation and delivery)
    assert str(operation) in seen.raw


def test_a_size_that_is_not_told_is_no_number():
    """A size of -1 is never shown as a size (B9)."""
    (unknown,) = audiences.state({"approximate_count_lower_bound": -1, "approximate_count_upper_bound": -1}).figures
    (known,) = audiences.state({"approximate_count_lower_bound": 1000, "approximate_count_upper_bound": 1200}).figures
    assert (unknown.low, unknown.text) == (None, "not available")
    assert (known.low, known.high, known.text) == (1000, 1200, "1,000 to 1,200")


def test_an_audience_with_lookalikes_is_not_deleted(meta):
    """Whoever deletes a sync hears that other audiences hang on its audience (B17)."""
    token = meta.token()
    made = meta.connector.create_audience(token, meta.account, meta.spec())
    doc = meta.world.get("meta", "audiences", made.remote_id)
    meta.world.put("meta", "audiences", made.remote_id, doc | {"lookalikes": True})
    with pytest.raises(SegmentRefused) as caught:
        meta.connector.retire(token, meta.account, made, Retire.DELETE)
    assert caught.value.code is Code.AUDIENCE_IN_USE


def test_a_flagged_name_is_told(meta):
    """A segment renamed to something about health keeps its audience's old name, and its owner hears why (B17)."""
    token = meta.token()
    made = meta.connector.create_audience(token, meta.account, meta.spec())
    with pytest.raises(SegmentRefused) as caught:
        meta.connector.rename_audience(token, meta.account, made, "Cancer patients")
    assert caught.value.code is Code.AUDIENCE_FLAGGED


def test_a_campaign_may_do_both():
    """A campaign with one ad set that includes and one that keeps out is shown with both uses (S10)."""
    campaign = {"id": "1", "name": "Both", "effective_status": "CAMPAIGN_PAUSED"}
    out = {"id": "s2", "targeting": {"excluded_custom_audiences": [{"id": "7"}]}, "campaign": campaign}
    ads = [{"adset_id": "s1", "campaign": campaign}, {"adset_id": "s2", "campaign": campaign}]
    found = audiences.campaigns("7", ads, [out])
    assert [(one.name, one.state, str(one.use)) for one in found] == [
        ("Both", "campaign paused", "include"),
        ("Both", "campaign paused", "exclude"),
    ]


@pytest.mark.parametrize(
    ("kind", "cause"), [("account_closed", Code.ACCOUNT_CLOSED), ("terms", Code.TERMS_NOT_ACCEPTED)]
)
def test_an_account_that_changes_while_it_is_used(meta, kind, cause):
    """Whether looked at or sent to, an account that was closed or lost its terms says the same (S8, S13)."""
    token = meta.token()
    made = meta.connector.create_audience(token, meta.account, meta.spec())
    meta.world.add_fault("meta", kind, account=meta.account.remote_id)
    seen = meta.connector.check_account(token, meta.account)
    with pytest.raises(AccessDenied) as caught:
        meta.connector.push(token, meta.account, made, meta.batch(meta.people(1)))
    assert [reason.code for reason in seen.blocked] == [caught.value.code] == [cause]


# -- ad accounts ---------------------------------------------------------------------------------------------------


GOOD = {
    "id": "act_1",
    "account_id": "1",
    "name": "N",
    "account_status": 1,
    "user_tasks": ["ADVERTISE"],
    "business": {"id": "9"},
    "tos_accepted": {"custom_audience_tos": 1},
    "user_tos_accepted": {"custom_audience_tos": 1},
}


@pytest.mark.parametrize(
    ("change", "blocked", "warned"),
    [
        ({}, [], []),
        ({"account_status": 9}, [], []),
        ({"account_status": 3}, [], [Code.ACCOUNT_UNPAID]),
        ({"account_status": 7}, [], [Code.ACCOUNT_BLOCKED]),
        ({"account_status": 8}, [], [Code.ACCOUNT_UNPAID]),
        ({"account_status": 2}, [Code.ACCOUNT_DISABLED], []),
        ({"account_status": 100}, [Code.ACCOUNT_CLOSED], []),
        ({"account_status": 101}, [Code.ACCOUNT_CLOSED], []),
        ({"user_tasks": ["ANALYZE"]}, [Code.ACCOUNT_VIEW_ONLY], []),
        ({"user_tasks": ["MANAGE"]}, [], []),
        ({"tos_accepted": {"custom_audience_tos": 0}}, [Code.TERMS_NOT_ACCEPTED], []),
        ({"user_tos_accepted": {"custom_audience_tos": 0}}, [Code.TERMS_NOT_ACCEPTED], []),
        ({"user_tos_accepted": None}, [], []),
        ({"user_tos_accepted": None, "tos_accepted": None}, [], [Code.TERMS_NOT_ACCEPTED]),
        ({"business": None}, [], [Code.ACCOUNT_NO_BUSINESS]),
    ],
)
def test_accounts_say_what_stands_in_the_way(change, blocked, warned):
    """Before a sync is made, state, task and terms of the ad account are looked at (S8, B36)."""
    seen = ad_account(GOOD | change)
    assert [reason.code for reason in seen.blocked] == blocked
    assert [reason.code for reason in seen.warnings] == warned
    assert all(reason.facts["account"] == "1" for reason in (*seen.blocked, *seen.warnings))
