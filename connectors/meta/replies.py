"""Meta's error codes, and whose problem each is.

Codes: https://developers.facebook.com/docs/marketing-api/error-reference
Sign-in subcodes: https://developers.facebook.com/docs/graph-api/guides/error-handling
Limits: https://developers.facebook.com/docs/marketing-api/overview/rate-limiting
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from connectors.meta import limits
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

Row = tuple[type[ConnectorProblem], Code]
WITHOUT = 0  # an error that names no subcode

RATE: Row = (TryLater, Code.RATE_LIMIT)
OUTAGE: Row = (TryLater, Code.OUTAGE)
BUG: Row = (UnexpectedReply, Code.BAD_REQUEST)
FLAGGED: Row = (SegmentRefused, Code.AUDIENCE_FLAGGED)
FAILED: Row = (SegmentRefused, Code.AUDIENCE_FAILED)
TERMS: Row = (AccessDenied, Code.TERMS_NOT_ACCEPTED)
BUSINESS_TERMS: Row = (AccessDenied, Code.TERMS_BUSINESS)
UNKNOWN: Row = (UnexpectedReply, Code.UNEXPECTED)
MISSING = (100, 33)

# (code, subcode) -> who has to act, and the cause. The text of an error may change and is never read.
ERRORS: Mapping[tuple[int, int], Row] = {
    (1, WITHOUT): OUTAGE,
    (2, WITHOUT): OUTAGE,
    (4, WITHOUT): RATE,
    (10, WITHOUT): (SetupNeeded, Code.APP_NOT_APPROVED),
    (17, WITHOUT): RATE,
    (32, WITHOUT): RATE,
    (100, WITHOUT): BUG,
    # Gone, or no longer visible: the connector looks at the ad account to tell the two apart.
    MISSING: (AccessDenied, Code.ACCOUNT_GONE),
    (100, 1713228): FLAGGED,
    (100, 1713230): FLAGGED,
    (100, 1713231): FLAGGED,
    (101, WITHOUT): (SetupNeeded, Code.APP_WRONG),
    (102, WITHOUT): (ReconnectNeeded, Code.SIGNIN_EXPIRED),
    (104, WITHOUT): (SetupNeeded, Code.APP_WRONG),
    (105, WITHOUT): BUG,
    (190, WITHOUT): (ReconnectNeeded, Code.SIGNIN_REVOKED),
    (190, 458): (ReconnectNeeded, Code.SIGNIN_REVOKED),
    (190, 459): (ReconnectNeeded, Code.SIGNIN_CHECKPOINT),
    (190, 460): (ReconnectNeeded, Code.SIGNIN_PASSWORD_CHANGED),
    (190, 463): (ReconnectNeeded, Code.SIGNIN_EXPIRED),
    (190, 464): (ReconnectNeeded, Code.SIGNIN_CHECKPOINT),
    (190, 467): (ReconnectNeeded, Code.SIGNIN_REVOKED),
    (190, 492): (AccessDenied, Code.ACCOUNT_NO_ROLE),
    (194, WITHOUT): BUG,
    (200, WITHOUT): (AccessDenied, Code.ACCOUNT_NO_ROLE),
    (200, 1870034): TERMS,
    (200, 1870047): (SegmentRefused, Code.REMOVAL_TOO_SMALL),
    (200, 1870050): (AccessDenied, Code.ACCOUNT_NO_BUSINESS),
    (200, 1870090): BUSINESS_TERMS,
    (270, WITHOUT): (SetupNeeded, Code.APP_NOT_APPROVED),
    (294, WITHOUT): (ReconnectNeeded, Code.SCOPE_MISSING),
    (368, WITHOUT): (AccessDenied, Code.ACCOUNT_BLOCKED),
    (613, WITHOUT): RATE,
    (2635, WITHOUT): (SetupNeeded, Code.APP_VERSION),
    (2650, WITHOUT): FAILED,
    (2650, 1870144): FAILED,
    (2650, 1870145): (TryLater, Code.CONFLICT),
    (2650, 1870147): FAILED,
    (2650, 1870148): FAILED,
    (2650, 1870158): FAILED,
    (2650, 1870159): FAILED,
    (2654, WITHOUT): FAILED,
    (2654, 1713092): (AccessDenied, Code.ACCOUNT_VIEW_ONLY),
    (2655, WITHOUT): TERMS,
    (2656, WITHOUT): (SegmentRefused, Code.AUDIENCE_IN_USE),
    (5000, WITHOUT): UNKNOWN,
    (80000, WITHOUT): RATE,
    (80003, WITHOUT): RATE,
    (80004, WITHOUT): RATE,
    (80014, WITHOUT): RATE,
}

# These decide alone: Meta sends them under more than one code.
SUBCODES: Mapping[int, Row] = {
    1870034: TERMS,
    1870065: FAILED,
    1870090: BUSINESS_TERMS,
    1870092: BUSINESS_TERMS,
}

# Of https://graph.facebook.com/oauth/access_token: the same number means another thing where secrets and codes are checked.
SIGNIN_ERRORS: Mapping[tuple[int, int], Row] = {
    (1, WITHOUT): (SetupNeeded, Code.APP_WRONG),
    (100, WITHOUT): (ReconnectNeeded, Code.SIGNIN_EXPIRED),
    (191, WITHOUT): (SetupNeeded, Code.APP_WRONG),
}

LONGEST_TEXT = 500


@dataclass(frozen=True)
class Error:
    """The `error` of a Graph answer, read with care: nothing in it is promised."""

    code: int
    subcode: int
    transient: bool
    reference: str
    facts: Mapping[str, str]

    @property
    def raw(self) -> str:
        """Meta's own code."""
        return f"{self.code}/{self.subcode}" if self.subcode else str(self.code)


def problem(status: int, body: Any, headers: Mapping[str, str], *, signing_in: bool = False) -> ConnectorProblem | None:
    """The problem that an answer tells of, or None when all is well. `body` is the parsed JSON, None where it is none."""
    if isinstance(body, dict) and isinstance(body.get("error"), dict):
        return _named(_read(body["error"]), headers, SIGNIN_ERRORS if signing_in else {})
    reference = headers.get("x-fb-trace-id", "")
    if status >= 500 or not isinstance(body, dict | list):  # noqa: PLR2004 - HTTP: the server failed
        # A proxy's page, whatever its status: the call may have been applied or not.
        return TryLater(Code.OUTAGE, raw=f"HTTP {status}", reference=reference)
    if status >= 400:  # noqa: PLR2004 - HTTP: refused
        return UnexpectedReply(Code.UNEXPECTED, raw=f"HTTP {status}", reference=reference)
    return None


def row_for(code: int, subcode: int, first: Mapping[tuple[int, int], Row] | None = None) -> Row:
    """What a pair of codes means; an unknown subcode means what its code does."""
    for table in (first or {}, ERRORS):
        if (code, subcode) in table:
            return table[code, subcode]
        if subcode in SUBCODES:
            return SUBCODES[subcode]
        if (code, WITHOUT) in table:
            return table[code, WITHOUT]
    return SUBCODES.get(code, UNKNOWN)


def _named(error: Error, headers: Mapping[str, str], first: Mapping[tuple[int, int], Row]) -> ConnectorProblem:
    kind, code = row_for(error.code, error.subcode, first)
    if error.transient and kind is not TryLater:
        kind, code = OUTAGE
    found = kind(code, raw=error.raw, reference=error.reference, **error.facts)
    if isinstance(found, TryLater) and code is Code.RATE_LIMIT:
        found.retry_after, found.limit = limits.wait(headers), limits.named(error.code)
    return found


def _read(error: Mapping[str, Any]) -> Error:
    facts = {
        "title": str(error.get("error_user_title") or "")[:LONGEST_TEXT],
        "message": str(error.get("error_user_msg") or "")[:LONGEST_TEXT],
        "fields": _blamed(error.get("error_data")),
    }
    return Error(
        code=_number(error.get("code")),
        subcode=_number(error.get("error_subcode")),
        transient=error.get("is_transient") is True,
        reference=str(error.get("fbtrace_id") or ""),
        facts={name: text for name, text in facts.items() if text},
    )


def _blamed(data: Any) -> str:
    """The names of the parameters that Meta blames; it sends them as an object or as text."""
    if isinstance(data, str):
        try:
            data = json.loads(data)
        except ValueError:
            return ""
    specs = data.get("blame_field_specs") if isinstance(data, dict) else None
    if not isinstance(specs, list):
        return ""
    return ", ".join("/".join(map(str, spec)) for spec in specs if isinstance(spec, list))[:LONGEST_TEXT]


def _number(value: Any) -> int:
    try:
        return int(value)
    except (TypeError, ValueError):
        return 0
