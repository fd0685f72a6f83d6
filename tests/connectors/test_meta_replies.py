"""Every error that Meta documents ends with whoever can do something about it (S13)."""

from __future__ import annotations

import json
from datetime import timedelta

import pyarrow as pa
import pytest

from connectors.contract import Action, Batch
from connectors.meta import limits, replies
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
from tests.contract.harness_meta import MetaHarness

# (code, subcode) -> class and cause, written by hand from the vendor's pages, not read from the table under test.
TOLD = [
    (1, 0, TryLater, Code.OUTAGE),
    (2, 0, TryLater, Code.OUTAGE),
    (4, 0, TryLater, Code.RATE_LIMIT),
    (17, 2446079, TryLater, Code.RATE_LIMIT),
    (32, 0, TryLater, Code.RATE_LIMIT),
    (613, 1487742, TryLater, Code.RATE_LIMIT),
    (80003, 0, TryLater, Code.RATE_LIMIT),
    (80004, 0, TryLater, Code.RATE_LIMIT),
    (10, 0, SetupNeeded, Code.APP_NOT_APPROVED),
    (100, 0, UnexpectedReply, Code.BAD_REQUEST),
    (100, 1713230, SegmentRefused, Code.AUDIENCE_FLAGGED),
    (100, 1713228, SegmentRefused, Code.AUDIENCE_FLAGGED),
    (100, 1713231, SegmentRefused, Code.AUDIENCE_FLAGGED),
    (102, 0, ReconnectNeeded, Code.SIGNIN_EXPIRED),
    (104, 0, SetupNeeded, Code.APP_WRONG),
    (105, 0, UnexpectedReply, Code.BAD_REQUEST),
    (194, 0, UnexpectedReply, Code.BAD_REQUEST),
    (190, 0, ReconnectNeeded, Code.SIGNIN_REVOKED),
    (190, 458, ReconnectNeeded, Code.SIGNIN_REVOKED),
    (190, 459, ReconnectNeeded, Code.SIGNIN_CHECKPOINT),
    (190, 460, ReconnectNeeded, Code.SIGNIN_PASSWORD_CHANGED),
    (190, 463, ReconnectNeeded, Code.SIGNIN_EXPIRED),
    (190, 464, ReconnectNeeded, Code.SIGNIN_CHECKPOINT),
    (190, 467, ReconnectNeeded, Code.SIGNIN_REVOKED),
    (190, 492, AccessDenied, Code.ACCOUNT_NO_ROLE),
    (200, 0, AccessDenied, Code.ACCOUNT_NO_ROLE),
    (200, 1870034, AccessDenied, Code.TERMS_NOT_ACCEPTED),
    (200, 1870090, AccessDenied, Code.TERMS_BUSINESS),
    (200, 1870050, AccessDenied, Code.ACCOUNT_NO_BUSINESS),
    (200, 1870047, SegmentRefused, Code.REMOVAL_TOO_SMALL),
    (270, 0, SetupNeeded, Code.APP_NOT_APPROVED),
    (294, 0, ReconnectNeeded, Code.SCOPE_MISSING),
    (368, 0, AccessDenied, Code.ACCOUNT_BLOCKED),
    (2635, 0, SetupNeeded, Code.APP_VERSION),
    (2650, 0, SegmentRefused, Code.AUDIENCE_FAILED),
    (2650, 1870145, TryLater, Code.CONFLICT),
    (2650, 1870158, SegmentRefused, Code.AUDIENCE_FAILED),
    (2650, 1870147, SegmentRefused, Code.AUDIENCE_FAILED),
    (2650, 1870159, SegmentRefused, Code.AUDIENCE_FAILED),
    (2650, 1870148, SegmentRefused, Code.AUDIENCE_FAILED),
    (2650, 1870144, SegmentRefused, Code.AUDIENCE_FAILED),
    (2654, 0, SegmentRefused, Code.AUDIENCE_FAILED),
    (2654, 1713092, AccessDenied, Code.ACCOUNT_VIEW_ONLY),
    (2655, 0, AccessDenied, Code.TERMS_NOT_ACCEPTED),
    (2656, 0, SegmentRefused, Code.AUDIENCE_IN_USE),
    (1870065, 0, SegmentRefused, Code.AUDIENCE_FAILED),
    (200, 1870092, AccessDenied, Code.TERMS_BUSINESS),
    (5000, 0, UnexpectedReply, Code.UNEXPECTED),
    (987654, 0, UnexpectedReply, Code.UNEXPECTED),
]


@pytest.fixture(scope="module")
def meta(simulators):
    """Meta's simulator with one audience of Ada's."""
    harness = MetaHarness(simulators)
    token = harness.token()
    connector = harness.connector
    return harness, token, connector, connector.create_audience(token, harness.account, harness.spec())


@pytest.fixture(autouse=True)
def well_again(simulators):
    yield
    simulators.world.clear_faults()


def one_row():
    return Batch(Action.ADD, pa.table({"EMAIL": ["0" * 64]}), 1, last=True, session=99, estimated_total=1)


@pytest.mark.parametrize(("code", "subcode", "kind", "cause"), TOLD)
def test_each_error_of_meta_over_the_wire(meta, code, subcode, kind, cause):
    """Whatever Meta refuses a batch for, it is told to the right person with the right cause (S13)."""
    harness, token, connector, audience = meta
    facts = {"code": code, "subcode": subcode}
    harness.world.add_fault("meta", "code", operation="users_add", facts=facts)
    with pytest.raises(ConnectorProblem) as caught:
        connector.push(token, harness.account, audience, one_row())
    assert (type(caught.value), caught.value.code) == (kind, cause)
    assert caught.value.raw == (f"{code}/{subcode}" if subcode else str(code))
    assert caught.value.reference


def test_no_row_of_the_table_goes_untried():
    """A cause added to the table is tried here as well (S13)."""
    tried = {(code, subcode) for code, subcode, _, _ in TOLD} | {(code, 0) for code, _, _, _ in TOLD}
    elsewhere = {replies.MISSING, (101, 0), (80000, 0), (80014, 0)}
    assert set(replies.ERRORS) <= tried | elsewhere


def test_terms_bring_the_link_to_accept_them(meta):
    """Whoever has not accepted Meta's terms is shown where to do so (S13, B36)."""
    harness, token, connector, audience = meta
    harness.world.add_fault("meta", "terms", operation="users_add")
    with pytest.raises(AccessDenied) as caught:
        connector.push(token, harness.account, audience, one_row())
    assert caught.value.facts["link"].endswith(f"act={harness.account.remote_id}")


def test_a_blamed_parameter_is_named(meta):
    """A refusal that is our mistake says which parameter (S13)."""
    harness, token, connector, audience = meta
    harness.world.add_fault("meta", "code", facts={"code": 100, "blame": "payload/schema"})
    with pytest.raises(UnexpectedReply) as caught:
        connector.push(token, harness.account, audience, one_row())
    assert caught.value.facts["fields"] == "payload/schema"


def test_an_audience_missing_while_the_account_is_fine_is_gone(meta):
    """A batch to an audience that somebody deleted says so to the segment's owner (B17)."""
    harness, token, connector, _ = meta
    made = connector.create_audience(token, harness.account, harness.spec())
    harness.delete_there(made)
    with pytest.raises(SegmentRefused) as caught:
        connector.push(token, harness.account, made, one_row())
    assert caught.value.code is Code.AUDIENCE_GONE


def test_a_role_taken_down_to_looking_is_told_apart(meta):
    """A missing permission becomes "may only look" when that is what it is (S13)."""
    harness, _, connector, audience = meta
    grace = harness.token(harness.grace)
    harness._roles(harness.account, harness.grace, ["ANALYZE"])
    try:
        with pytest.raises(AccessDenied) as caught:
            connector.push(grace, harness.account, audience, one_row())
    finally:
        harness.give_access(harness.grace, harness.account)
    assert caught.value.code is Code.ACCOUNT_VIEW_ONLY


@pytest.mark.parametrize(("facts", "wait"), [({"minutes": 12}, 12 * 60), ({"minutes": 0, "seconds": 45}, 45)])
def test_minutes_and_seconds_are_told_apart(meta, facts, wait):
    """The run goes on when Meta says, whichever header says it (S13)."""
    harness, token, connector, audience = meta
    harness.world.add_fault("meta", "rate_limit", facts=facts)
    with pytest.raises(TryLater) as caught:
        connector.push(token, harness.account, audience, one_row())
    assert caught.value.retry_after == timedelta(seconds=wait)


@pytest.mark.parametrize(
    "header", ["", "no json", "[]", '{"1": 7}', '{"1": [{"estimated_time_to_regain_access": "x"}]}']
)
def test_a_header_that_makes_no_sense(header):
    """Broken headers of a limit do not break the waiting (S13)."""
    headers = {"X-Business-Use-Case-Usage": header, "X-Ad-Account-Usage": header, "X-App-Usage": header}
    assert (limits.wait(headers), limits.usage(headers)) == (None, ())


def test_something_temporary_is_waited_for_whatever_its_code():
    """What Meta calls transient is not laid at anybody's door (S13)."""
    body = {"error": {"code": 200, "is_transient": True, "error_data": json.dumps({"blame_field_specs": [["x"]]})}}
    found = replies.problem(400, body, {})
    assert (type(found), found.code) == (TryLater, Code.OUTAGE)


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        (502, None, TryLater),
        (200, None, TryLater),
        (200, "text", TryLater),
        (404, {}, UnexpectedReply),
        (200, {}, None),
    ],
)
def test_answers_that_are_no_answers(status, body, kind):
    """A proxy's page is never taken for a success, also not with status 200 (S13)."""
    found = replies.problem(status, body, {})
    assert (type(found) if found else None) == kind


def test_a_success_without_a_count_is_none(meta):
    """Only a number of received rows is a yes (B15)."""
    harness, token, connector, audience = meta
    harness.world.add_fault("meta", "no_count")
    with pytest.raises(UnexpectedReply):
        connector.push(token, harness.account, audience, one_row())
