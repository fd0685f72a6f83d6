"""Google's Data Manager API over plain JSON: one method for a call, and its refusals read into problems.

Address by name in `Application.bases`: `datamanager`. https://developers.google.com/data-manager/api/reference/rest
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import requests

from connectors.contract import AccountRef, Application, AudienceRef
from connectors.google import limits
from connectors.google.per_process import PerProcess
from connectors.google.replies import DATA_MANAGER, STATUS, problem, quota
from connectors.http import Client
from connectors.problems import Code, ConnectorProblem, SetupNeeded, TryLater, UnexpectedReply

BASE = "https://datamanager.googleapis.com"
ACCOUNT = "accountTypes/GOOGLE_ADS/accounts/{}"


@dataclass(frozen=True)
class Refusal:
    """An error reply, as far as it matters: canonical status, reason, the fields blamed, quota and time to wait."""

    http: int
    status: str = ""
    reason: str = ""
    fields: tuple[str, ...] = ()
    quota_limit: str = ""
    wait: timedelta | None = None
    reference: str = ""

    @property
    def name(self) -> str:
        """The most telling name that the reply has."""
        return self.reason or self.status or str(self.http)

    @property
    def records(self) -> tuple[int, ...]:
        """Positions of the members that are blamed. The form of the path is not published, so any index after `members` counts."""
        found = (re.search(r"members?\W{0,2}(\d+)", path, re.IGNORECASE) for path in self.fields)
        return tuple(sorted({int(match[1]) for match in found if match}))

    def problem(self) -> ConnectorProblem:
        """What it means for us."""
        if self.http == 401:  # noqa: PLR2004 - HTTP: whatever the reason says, the token is not accepted
            return problem(STATUS["UNAUTHENTICATED"], raw=self.name, reference=self.reference)
        if self.status == "RESOURCE_EXHAUSTED" or self.http == 429:  # noqa: PLR2004 - HTTP: too many requests
            code, wait = quota(self.quota_limit)
            named = limits.named(self.quota_limit)
            return TryLater(code, retry_after=self.wait or wait, limit=named, raw=self.name, reference=self.reference)
        if self.http == 404 and not self.status:  # noqa: PLR2004 - HTTP: not found; no part of the API answered at all
            return SetupNeeded(Code.APP_VERSION, raw=self.name)
        meaning = DATA_MANAGER.get(self.reason) or STATUS.get(self.status)
        if meaning is None and self.http >= 500:  # noqa: PLR2004 - HTTP: the server failed
            return TryLater(Code.OUTAGE, retry_after=self.wait, raw=self.name, reference=self.reference)
        return problem(meaning, raw=self.name, reference=self.reference, retry_after=self.wait)


@dataclass(frozen=True)
class Answer:
    """A reply: its JSON, or why it was refused."""

    body: Mapping[str, Any] = field(default_factory=dict)
    refusal: Refusal | None = None


class DataManager:
    """Calls with somebody's access token. Opens its connection at the first call, once in each process."""

    def __init__(self, app: Application) -> None:
        base = app.bases.get("datamanager", BASE)
        self.seconds = app.request_seconds
        self._client = PerProcess(lambda: Client(base, total=app.request_seconds, around=app.around))

    def ask(
        self,
        token: str,
        method: str,
        path: str,
        *,
        body: Any = None,
        params: Mapping[str, str] | None = None,
        login: str = "",
    ) -> Answer:
        """The reply, refused or not. `login` is the account that the person is a user of, where that is another one."""
        headers = {"Authorization": f"Bearer {token}"}
        if login:
            headers["login-account"] = ACCOUNT.format(login)
        reply = self._client.get().call(method, f"/v1/{path}", json=body, params=params, headers=headers)
        if reply.status_code == 200:  # noqa: PLR2004 - HTTP: done
            return Answer(body=_json(reply))
        return Answer(refusal=_refusal(reply))

    def call(self, token: str, method: str, path: str, **parts: Any) -> Mapping[str, Any]:
        """The reply's JSON. Raises any ConnectorProblem."""
        answer = self.ask(token, method, path, **parts)
        if answer.refusal:
            raise answer.refusal.problem()
        return answer.body


def login_of(account: AccountRef) -> str:
    """The account to name as the way in; '' where the person is a user of the ad account itself."""
    return account.via if account.via != account.remote_id else ""


def destination(account: AccountRef, audience: AudienceRef) -> dict[str, Any]:
    """Where members go: https://developers.google.com/data-manager/api/reference/rest/v1/Destination."""
    place: dict[str, Any] = {"operatingAccount": _account(account.remote_id)}
    if login_of(account):
        place["loginAccount"] = _account(account.via)
    return {**place, "productDestinationId": audience.remote_id}


def _account(number: str) -> dict[str, str]:
    return {"accountType": "GOOGLE_ADS", "accountId": number}


def _json(reply: requests.Response) -> Mapping[str, Any]:
    try:
        body = reply.json() if reply.content else {}
    except requests.JSONDecodeError:
        raise UnexpectedReply(Code.UNEXPECTED, raw=f"{reply.status_code} without JSON") from None
    return body if isinstance(body, dict) else {}


def _refusal(reply: requests.Response) -> Refusal:
    """Reads google.rpc.Status; a proxy's HTML page leaves only the HTTP status."""
    try:
        error = reply.json()["error"]
        details: Sequence[Mapping[str, Any]] = error.get("details", [])
    except (requests.JSONDecodeError, KeyError, TypeError, AttributeError):
        return Refusal(http=reply.status_code, wait=_seconds(reply.headers.get("Retry-After", "")))
    info = _detail(details, "ErrorInfo")
    return Refusal(
        http=reply.status_code,
        status=str(error.get("status", "")),
        reason=str(info.get("reason", "")),
        fields=tuple(str(v.get("field", "")) for v in _detail(details, "BadRequest").get("fieldViolations", [])),
        quota_limit=str(info.get("metadata", {}).get("quota_limit", "")),
        wait=_seconds(_detail(details, "RetryInfo").get("retryDelay", "") or reply.headers.get("Retry-After", "")),
        reference=str(_detail(details, "RequestInfo").get("requestId", "")),
    )


def _detail(details: Sequence[Mapping[str, Any]], kind: str) -> Mapping[str, Any]:
    return next((detail for detail in details if str(detail.get("@type", "")).endswith(f".{kind}")), {})


def _seconds(text: str) -> timedelta | None:
    """'30s' of a Duration or '30' of a header; None where neither."""
    match = re.fullmatch(r"(\d+(?:\.\d+)?)s?", text.strip())
    return timedelta(seconds=float(match[1])) if match else None
