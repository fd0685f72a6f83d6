"""Every answer that LinkedIn documents says who has to act, and whether it is worth trying again."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
import requests

from connectors import problems as p
from connectors.linkedin.replies import TOKEN_ROWS, element_code, problem, until_tomorrow
from connectors.problems import Code


def reply(status, body="", **headers):
    made = requests.Response()
    made.status_code = status
    made._content = body.encode()
    made.headers.update(headers)
    return made


def said(code="", message=""):
    return f'{{"status": 0, "serviceErrorCode": 65601, "code": "{code}", "message": "{message}"}}'


# https://learn.microsoft.com/linkedin/shared/api-guide/concepts/error-handling
MEANINGS = [
    (400, said("BAD_REQUEST", "Unrecognized field"), p.UnexpectedReply, Code.BAD_REQUEST),
    (400, said("AUDIENCE_SIZE_TOO_SMALL"), p.SegmentRefused, Code.AUDIENCE_TOO_SMALL),
    (400, said("FIELD_VALUE_NOT_ALLOWED_FOR_SEGMENT_STATUS"), p.SegmentRefused, Code.AUDIENCE_EXPIRED),
    (400, said("", "used by a predictive audience"), p.SegmentRefused, Code.AUDIENCE_IN_USE),
    (400, said("", "The name is too long"), p.SegmentRefused, Code.AUDIENCE_NAME),
    (400, said("FIELD_INVALID", "sourcePlatform is invalid"), p.SetupNeeded, Code.APP_WRONG),
    (400, said("VERSION_MISSING"), p.SetupNeeded, Code.APP_VERSION),
    (401, said("EXPIRED_ACCESS_TOKEN"), p.ReconnectNeeded, Code.SIGNIN_EXPIRED),
    (401, said("REVOKED_ACCESS_TOKEN"), p.ReconnectNeeded, Code.SIGNIN_REVOKED),
    (401, "", p.ReconnectNeeded, Code.SIGNIN_EXPIRED),
    (403, said("ACCESS_DENIED", "Not enough permissions"), p.AccessDenied, Code.ACCOUNT_NO_ROLE),
    (404, said("", "Could not find DMP segment with ID 1"), p.SegmentRefused, Code.AUDIENCE_GONE),
    (405, "", p.UnexpectedReply, Code.BAD_REQUEST),
    (409, said("ENTITY_WITH_SAME_KEY_ALREADY_EXISTS"), p.TryLater, Code.CONFLICT),
    (411, "", p.UnexpectedReply, Code.BAD_REQUEST),
    (413, "", p.UnexpectedReply, Code.BAD_REQUEST),
    (422, "", p.UnexpectedReply, Code.BAD_REQUEST),
    (423, "", p.TryLater, Code.LOCKED),
    (426, said("", "Version Header is Deprecated"), p.SetupNeeded, Code.APP_VERSION),
    (429, said("", "Resource level throttle limit is reached."), p.TryLater, Code.RATE_LIMIT),
    (429, said("", "Resource level throttle MEMBER DAY limit is reached."), p.TryLater, Code.DAILY_LIMIT),
    (429, said("SEGMENT_LIMIT_EXCEEDED"), p.SegmentRefused, Code.AUDIENCE_LIMIT),
    (500, said(), p.TryLater, Code.OUTAGE),
    (502, "<html>Bad Gateway</html>", p.TryLater, Code.OUTAGE),
    (503, "", p.TryLater, Code.OUTAGE),
    (504, "", p.TryLater, Code.OUTAGE),
    (302, "", p.UnexpectedReply, Code.UNEXPECTED),
    (418, "[]", p.UnexpectedReply, Code.UNEXPECTED),
]
TOKEN_MEANINGS = [
    (400, '{"error": "invalid_grant", "error_description": "expired"}', p.ReconnectNeeded, Code.SIGNIN_EXPIRED),
    (400, '{"error": "invalid_grant", "error_description": "was revoked"}', p.ReconnectNeeded, Code.SIGNIN_REVOKED),
    (400, '{"error": "invalid_redirect_uri"}', p.SetupNeeded, Code.APP_WRONG),
    (400, '{"error": "unauthorized_scope_error"}', p.SetupNeeded, Code.APP_NOT_APPROVED),
    (401, '{"error": "invalid_client"}', p.SetupNeeded, Code.APP_WRONG),
    (403, "{}", p.SetupNeeded, Code.APP_DISABLED),
    (404, "", p.UnexpectedReply, Code.UNEXPECTED),
    (429, "{}", p.TryLater, Code.RATE_LIMIT),
    (503, "", p.TryLater, Code.OUTAGE),
]


@pytest.mark.parametrize(("status", "body", "kind", "code"), MEANINGS)
def test_each_answer_says_who_has_to_act(status, body, kind, code):
    """A cause at LinkedIn is told by who can end it, and only what passes by itself is tried again."""
    found = problem(reply(status, body))
    assert (type(found), found.code) == (kind, code)


@pytest.mark.parametrize(("status", "body", "kind", "code"), TOKEN_MEANINGS)
def test_each_answer_about_a_sign_in_says_who_has_to_act(status, body, kind, code):
    """A refused sign-in is told apart from an application that is set up wrongly."""
    found = problem(reply(status, body), TOKEN_ROWS)
    assert (type(found), found.code) == (kind, code)


def test_numbers_alone_decide_nothing():
    """An undocumented number of LinkedIn's does not turn an expired sign-in into a revoked one."""
    assert problem(reply(401, '{"serviceErrorCode": 65601}')).code is Code.SIGNIN_EXPIRED


def test_a_throttled_call_names_the_limit_and_no_time():
    """LinkedIn does not tell when to come back: how long to keep away stands with its limits."""
    throttled = problem(reply(429))
    assert (throttled.limit, throttled.retry_after) == ("members_a_minute", None)


def test_a_daily_limit_waits_until_after_midnight():
    """Daily limits begin anew at midnight UTC; five minutes later is early enough."""
    assert until_tomorrow(datetime(2026, 11, 22, 23, 0, tzinfo=UTC)) == timedelta(minutes=65)
    assert problem(reply(429, said("", "DAY limit"))).retry_after > timedelta(0)


def test_a_problem_repeats_nothing_that_was_sent():
    """LinkedIn's message may repeat an address; what is kept is its code and its id of the call."""
    found = problem(reply(400, said("INVALID", "bad value ada@example.com"), **{"x-li-uuid": "call-7"}))
    assert (found.raw, found.reference) == ("400/INVALID", "call-7")
    assert "ada" not in f"{found!r} {found.facts}"


@pytest.mark.parametrize(
    ("status", "message", "code"),
    [
        (400, "At least one user id is required", Code.ROW_NO_IDENTIFIER),
        (400, "Invalid value for SHA256_EMAIL", Code.ROW_BAD_FORMAT),
        (403, "", Code.ROW_REFUSED),
    ],
)
def test_refused_rows_are_counted_by_cause(status, message, code):
    """A row that LinkedIn does not take is counted under what is wrong with it."""
    assert element_code(status, message) is code
