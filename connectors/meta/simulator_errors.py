"""The simulated Graph API's errors: as the real one writes them, by number, or by a fault's name."""

from __future__ import annotations

import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import flask

from connectors.simulation import GENERIC, Fault, Use

# Texts are this simulator's own; the real ones change and are not to be read by a program.
TEXTS: Mapping[tuple[int, int], str] = {
    (1, 0): "An unknown error occurred",
    (2, 0): "Service temporarily unavailable",
    (4, 0): "Application request limit reached",
    (10, 0): "Application does not have permission for this action",
    (17, 2446079): "User request limit reached",
    (33, 0): "Unsupported request",
    (100, 33): "Unsupported request. Object with this ID does not exist or cannot be loaded due to missing permissions",
    (100, 1713230): "The audience is flagged and takes no members",
    (100, 1713228): "The audience is flagged and cannot be edited like this",
    (102, 0): "Session key invalid or no longer valid",
    (104, 0): "Incorrect signature",
    (190, 458): "The user has not authorized the application",
    (190, 459): "The user has to pass a checkpoint",
    (190, 460): "The session is invalid because the user changed the password",
    (190, 463): "Session has expired",
    (190, 467): "The access token is invalid since the user logged out",
    (200, 0): "Permissions error",
    (200, 1870034): "Custom Audience Terms Not Accepted",
    (200, 1870047): "The audience would become too small",
    (200, 1870090): "Custom Audience Terms Not Accepted",
    (294, 0): "Managing advertisements requires an access token with the extended permission for ads_management",
    (368, 0): "The action attempted has been deemed abusive or is otherwise disallowed",
    (613, 0): "Calls to this api have exceeded the rate limit",
    (2635, 0): "You are calling a deprecated version of the Ads API",
    (2650, 1870145): "An update of the audience is in progress",
    (2650, 1870147): "The replacement has no first batch",
    (80003, 0): "There have been too many calls to this ad-account",
}

# A fault's name -> what is answered. Any other pair is reached by the fault `code` with facts code and subcode.
KINDS: Mapping[str, tuple[int, int]] = {
    "outage": (2, 0),
    "rate_limit": (80003, 0),
    "daily_limit": (4, 0),
    "token_expired": (190, 463),
    "token_revoked": (190, 458),
    "password_changed": (190, 460),
    "checkpoint": (190, 459),
    "permission_lost": (200, 0),
    "scope_missing": (294, 0),
    "terms": (200, 1870034),
    "business_terms": (200, 1870090),
    "no_business": (200, 1870050),
    "account_gone": (100, 33),
    "blocked": (368, 0),
    "version_dead": (2635, 0),
    "app_not_approved": (10, 0),
    "app_wrong": (104, 0),
    "too_small": (200, 1870047),
    "flagged": (100, 1713230),
    "in_use": (2656, 0),
    "conflict": (2650, 1870145),
    "failed": (2654, 0),
}
# Carried out by the operations themselves.
OWN = frozenset({"code", "reject_rows", "no_count", "account_closed"})
# What means something at these operations only waits for one of them.
MEMBERS = frozenset({"users_add", "users_remove"})
WRITING = MEMBERS | {"create_audience", "update_audience", "delete_audience", "replace", "erase"}
ONLY_AT: Mapping[str, frozenset[str]] = {
    "reject_rows": MEMBERS,
    "no_count": MEMBERS,
    "too_small": frozenset({"users_remove"}),
    "flagged": MEMBERS | {"update_audience"},
    "in_use": frozenset({"delete_audience"}),
    "conflict": MEMBERS | {"replace"},
    "failed": WRITING,
    "terms": WRITING,
    "business_terms": WRITING,
    "no_business": WRITING,
}
TRANSIENT = frozenset({1, 2})
LIMITS = frozenset({4, 17, 32, 613, 80000, 80003, 80004, 80014})


@dataclass(eq=False)
class GraphError(Exception):
    """An answer with `error`."""

    code: int
    subcode: int = 0
    blame: str = ""
    facts: Mapping[str, Any] = field(default_factory=dict)

    @property
    def response(self) -> flask.Response:
        """As Graph writes it, with the headers of a limit where it is one."""
        text = str(self.facts.get("message") or TEXTS.get((self.code, self.subcode), f"Error {self.code}"))
        error: dict[str, Any] = {"message": f"(#{self.code}) {text}", "type": "OAuthException", "code": self.code}
        if self.subcode:
            error["error_subcode"] = self.subcode
        error["is_transient"] = bool(self.facts.get("transient", self.code in TRANSIENT))
        error["fbtrace_id"] = secrets.token_urlsafe(8)
        error["error_user_title"], error["error_user_msg"] = text, f"Simulator: {text}."
        if self.blame:
            error["error_data"] = json.dumps({"blame_field_specs": [[self.blame]]})
        status = int(self.facts.get("status", 400))
        return flask.make_response(flask.jsonify({"error": error}), status, self._headers())

    def _headers(self) -> dict[str, str]:
        if self.code not in LIMITS:
            return {}
        minutes = int(self.facts.get("minutes", 7))
        seconds = int(self.facts.get("seconds", 0))
        use = {"type": "custom_audience", "call_count": 100, "total_cputime": 20, "total_time": 20}
        use |= {"estimated_time_to_regain_access": minutes, "ads_api_access_tier": "standard_access"}
        account = {"acc_id_util_pct": 100, "reset_time_duration": seconds, "ads_api_access_tier": "standard_access"}
        headers = {"X-Business-Use-Case-Usage": json.dumps({"1": [use]})} if minutes else {}
        return headers | ({"X-Ad-Account-Usage": json.dumps(account)} if seconds else {})


def usage_headers(score: Use | None, calls: Use | None, application: Use | None) -> dict[str, str]:
    """What a good answer tells of the limits that are counted: percents, and the seconds until the score is forgotten."""
    tier = {"ads_api_access_tier": "development_access"}
    headers = {}
    if score:
        account = {"acc_id_util_pct": score.share * 100, "reset_time_duration": int(score.resets_in), **tier}
        headers["X-Ad-Account-Usage"] = json.dumps(account)
    if calls:
        use = {"type": "custom_audience", "call_count": int(calls.share * 100), "total_cputime": 0, "total_time": 0}
        headers["X-Business-Use-Case-Usage"] = json.dumps({"1": [use | {"estimated_time_to_regain_access": 0, **tier}]})
    if application:
        use = {"call_count": int(application.share * 100), "total_cputime": 0, "total_time": 0}
        headers["X-App-Usage"] = json.dumps(use)
    return headers


def kinds_at(operation: str) -> frozenset[str]:
    """The kinds of fault that mean something at an operation."""
    return frozenset(kind for kind in GENERIC | OWN | set(KINDS) if kind not in ONLY_AT or operation in ONLY_AT[kind])


def of_fault(fault: Fault) -> GraphError | None:
    """The error that a fault orders, or None for one that is carried out elsewhere."""
    if fault.kind == "code":
        return GraphError(
            int(fault.facts["code"]), int(fault.facts.get("subcode", 0)), str(fault.facts.get("blame", "")), fault.facts
        )
    if fault.kind in KINDS:
        return GraphError(*KINDS[fault.kind], facts=fault.facts)
    return None
