"""How the simulated Data Manager API refuses: google.rpc.Status as JSON, and the faults that a person can order."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import flask

from connectors.simulation import Fault, misbehave

TYPE = "type.googleapis.com/google.rpc."
GOOGLE_404 = (
    "<!DOCTYPE html><html lang=en><title>Error 404 (Not Found)!!1</title><p><b>404.</b> That’s an error.</html>"
)

# Which canonical status and HTTP code Google chooses for a reason is not published: these are the plain readings.
STATUSES: dict[str, tuple[int, str]] = {
    "ACCESS_TOKEN_EXPIRED": (401, "UNAUTHENTICATED"),
    "ACCESS_TOKEN_SCOPE_INSUFFICIENT": (403, "PERMISSION_DENIED"),
    "SERVICE_DISABLED": (403, "PERMISSION_DENIED"),
    "PERMISSION_DENIED": (403, "PERMISSION_DENIED"),
    "NOT_ALLOWLISTED": (403, "PERMISSION_DENIED"),
    "ADVERTISER_NOT_ALLOWLISTED_FOR_UPLOADED_DATA": (403, "PERMISSION_DENIED"),
    "NOT_FOUND": (404, "NOT_FOUND"),
    "RESOURCE_EXHAUSTED": (429, "RESOURCE_EXHAUSTED"),
    "INTERNAL_ERROR": (500, "INTERNAL"),
    "DEADLINE_EXCEEDED": (504, "DEADLINE_EXCEEDED"),
    "DISPLAY_NAME_ALREADY_USED": (409, "ALREADY_EXISTS"),
}
# What a fault of this kind makes this API answer.
KINDS = {
    "token_expired": "ACCESS_TOKEN_EXPIRED",
    "token_revoked": "ACCESS_TOKEN_EXPIRED",
    "permission_lost": "PERMISSION_DENIED",
    "account_closed": "PERMISSION_DENIED",
    "terms": "TERMS_AND_CONDITIONS_NOT_SIGNED",
    "app_not_approved": "SERVICE_DISABLED",
    "not_eligible": "ADVERTISER_NOT_ALLOWLISTED_FOR_UPLOADED_DATA",
    "rate_limit": "RESOURCE_EXHAUSTED",
    "daily_limit": "RESOURCE_EXHAUSTED",
}
LIMITS = {
    "rate_limit": "IngestionMutateRequestsPerMinutePerProject",
    "daily_limit": "IngestionMutateRequestsPerDayPerProject",
}


class Refused(Exception):  # noqa: N818 - an answer, not a failure of ours
    """A request that the API does not take: `reason` of google.ads.datamanager, and the fields that are wrong."""

    def __init__(
        self, reason: str, fields: Sequence[str] = (), *, metadata: Mapping[str, str] | None = None, retry: float = 0
    ) -> None:
        super().__init__(reason)
        self.reason = reason
        self.fields = fields
        self.metadata = dict(metadata or {})
        self.retry = retry

    def response(self, request_id: str) -> flask.Response:
        """The reply."""
        http, status = STATUSES.get(self.reason, (400, "INVALID_ARGUMENT"))
        details: list[dict[str, Any]] = [
            {
                "@type": TYPE + "ErrorInfo",
                "reason": self.reason,
                "domain": "datamanager.googleapis.com",
                "metadata": self.metadata,
            },
            {"@type": TYPE + "RequestInfo", "requestId": request_id},
        ]
        if self.fields:
            violations = [
                {"field": path, "description": "Invalid value.", "reason": self.reason} for path in self.fields
            ]
            details.append({"@type": TYPE + "BadRequest", "fieldViolations": violations})
        if self.retry:
            details.append({"@type": TYPE + "RetryInfo", "retryDelay": f"{self.retry:g}s"})
        message = "There was a problem with the request."
        reply = flask.jsonify(error={"code": http, "message": message, "status": status, "details": details})
        reply.status_code = http
        return reply


def strike(fault: Fault | None) -> flask.Response | None:
    """Carries out a fault, if there is one: a response to give at once, or Refused. None: go on."""
    reply = misbehave(fault)
    if reply is not None or fault is None:
        return reply
    if fault.kind == "version_dead":
        return flask.Response(GOOGLE_404, status=404, mimetype="text/html")
    reason = str(fault.facts.get("code", "INTERNAL_ERROR")) if fault.kind == "code" else KINDS.get(fault.kind)
    if reason:
        metadata = {"quota_limit": LIMITS[fault.kind]} if fault.kind in LIMITS else fault.facts.get("metadata")
        raise Refused(reason, metadata=metadata, retry=float(fault.facts.get("retry_after", 0)))
    return None
