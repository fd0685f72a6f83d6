"""What LinkedIn's answers mean: its statuses, codes and messages become our problems, by one table.

Decided on the status first, then on `code`, then on the message; never on `serviceErrorCode` alone, whose numbers LinkedIn
does not document.
https://learn.microsoft.com/linkedin/shared/api-guide/concepts/error-handling
https://learn.microsoft.com/linkedin/shared/api-guide/concepts/rate-limits
https://learn.microsoft.com/linkedin/marketing/versioning
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import requests

from connectors.linkedin import limits
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

OK = range(200, 300)


@dataclass(frozen=True)
class Row:
    """An answer with this status whose `code` or message fits the words means this."""

    status: int
    words: str
    problem: type[ConnectorProblem]
    code: Code

    def fits(self, status: int, text: str) -> bool:
        """Whether this row is about that answer."""
        return status == self.status and re.search(self.words, text, re.IGNORECASE) is not None


# The first row that fits is taken.
ROWS = (
    # a request that LinkedIn does not accept
    Row(400, r"AUDIENCE_SIZE_TOO_SMALL", SegmentRefused, Code.AUDIENCE_TOO_SMALL),
    Row(400, r"FIELD_VALUE_NOT_ALLOWED_FOR_SEGMENT_STATUS", SegmentRefused, Code.AUDIENCE_EXPIRED),
    Row(400, r"predictive|in use", SegmentRefused, Code.AUDIENCE_IN_USE),
    Row(400, r"\bname\b.*(taken|exists|too long|invalid)", SegmentRefused, Code.AUDIENCE_NAME),
    Row(400, r"sourcePlatform", SetupNeeded, Code.APP_WRONG),
    Row(400, r"VERSION_MISSING", SetupNeeded, Code.APP_VERSION),
    Row(400, r"", UnexpectedReply, Code.BAD_REQUEST),
    # the sign-in
    Row(401, r"REVOKED", ReconnectNeeded, Code.SIGNIN_REVOKED),
    Row(401, r"", ReconnectNeeded, Code.SIGNIN_EXPIRED),
    # rights: which of role, scope and approval is missing is looked up by the connector, the texts do not tell
    Row(403, r"", AccessDenied, Code.ACCOUNT_NO_ROLE),
    # the segment; younger than a few minutes it is not found either, which the connector tells apart
    Row(404, r"", SegmentRefused, Code.AUDIENCE_GONE),
    Row(405, r"", UnexpectedReply, Code.BAD_REQUEST),
    Row(409, r"", TryLater, Code.CONFLICT),
    Row(411, r"", UnexpectedReply, Code.BAD_REQUEST),
    Row(413, r"", UnexpectedReply, Code.BAD_REQUEST),
    Row(422, r"", UnexpectedReply, Code.BAD_REQUEST),
    Row(423, r"", TryLater, Code.LOCKED),
    Row(426, r"", SetupNeeded, Code.APP_VERSION),
    # limits; LinkedIn sends no Retry-After
    Row(429, r"SEGMENT_LIMIT_EXCEEDED", SegmentRefused, Code.AUDIENCE_LIMIT),
    Row(429, r"\bday\b|\bdaily\b", TryLater, Code.DAILY_LIMIT),
    Row(429, r"", TryLater, Code.RATE_LIMIT),
    # LinkedIn itself
    Row(500, r"", TryLater, Code.OUTAGE),
    Row(502, r"", TryLater, Code.OUTAGE),
    Row(503, r"", TryLater, Code.OUTAGE),
    Row(504, r"", TryLater, Code.OUTAGE),
)

# https://learn.microsoft.com/linkedin/shared/authentication/programmatic-refresh-tokens
# Errors of the token endpoint, by their OAuth name.
TOKEN_ROWS = (
    Row(400, r"invalid_grant.*revoked", ReconnectNeeded, Code.SIGNIN_REVOKED),
    Row(400, r"invalid_grant", ReconnectNeeded, Code.SIGNIN_EXPIRED),
    Row(400, r"invalid_redirect_uri|redirect_uri_mismatch", SetupNeeded, Code.APP_WRONG),
    Row(400, r"invalid_client|unauthorized_client", SetupNeeded, Code.APP_WRONG),
    Row(400, r"unauthorized_scope|invalid_scope", SetupNeeded, Code.APP_NOT_APPROVED),
    Row(400, r"authorization code", ReconnectNeeded, Code.SIGNIN_EXPIRED),
    Row(401, r"invalid_client|client", SetupNeeded, Code.APP_WRONG),
    Row(403, r"", SetupNeeded, Code.APP_DISABLED),
    *(row for row in ROWS if row.status not in {403, 404}),
)

# One element of a batch: LinkedIn's message is all there is to go by.
ELEMENT_ROWS = (
    Row(400, r"at least one|required|no .*identifier|missing", SegmentRefused, Code.ROW_NO_IDENTIFIER),
    Row(400, r"", SegmentRefused, Code.ROW_BAD_FORMAT),
    Row(429, r"", TryLater, Code.RATE_LIMIT),
)
FAILED = 500


def problem(reply: requests.Response, rows: tuple[Row, ...] = ROWS) -> ConnectorProblem:
    """What stands in the way, from an answer that is not a success."""
    body = content(reply)
    text = " ".join(str(body.get(name, "")) for name in ("code", "error", "error_description", "message"))
    for row in rows:
        if row.fits(reply.status_code, text):
            return _made(row, raw(reply.status_code, body), reference(reply), limits.named(text))
    return UnexpectedReply(Code.UNEXPECTED, raw=raw(reply.status_code, body), reference=reference(reply))


def _made(row: Row, raw_code: str, call: str, limit: str) -> ConnectorProblem:
    if row.problem is not TryLater:
        return row.problem(row.code, raw=raw_code, reference=call)
    wait = until_tomorrow(datetime.now(UTC)) if row.code is Code.DAILY_LIMIT else None
    slowed = row.code in {Code.RATE_LIMIT, Code.DAILY_LIMIT}
    return TryLater(row.code, retry_after=wait, limit=limit if slowed else "", raw=raw_code, reference=call)


def until_tomorrow(now: datetime) -> timedelta:
    """Until five past midnight UTC: daily limits begin anew at midnight."""
    midnight = (now + timedelta(days=1)).replace(hour=0, minute=5, second=0, microsecond=0)
    return midnight - now


def content(reply: requests.Response) -> dict[str, Any]:
    """The JSON object of an answer, {} where it is something else (a proxy's page)."""
    try:
        body = reply.json()
    except requests.JSONDecodeError:
        return {}
    return body if isinstance(body, dict) else {}


def raw(status: int, body: Mapping[str, Any]) -> str:
    """LinkedIn's own code ('429/SEGMENT_LIMIT_EXCEEDED'). Never its message, which may repeat what was sent."""
    code = body.get("code") or body.get("error") or body.get("serviceErrorCode") or ""
    return f"{status}/{code}" if isinstance(code, str | int) and code else str(status)


def reference(reply: requests.Response) -> str:
    """LinkedIn's own id of the call, which its support asks for."""
    return reply.headers.get("x-li-uuid") or reply.headers.get("x-li-request-id") or ""


def element_code(status: int, message: str) -> Code:
    """Why one row of a batch was not taken; one that LinkedIn itself failed at is sent again."""
    if status >= FAILED:
        return Code.OUTAGE
    return next((row.code for row in ELEMENT_ROWS if row.fits(status, message)), Code.ROW_REFUSED)
