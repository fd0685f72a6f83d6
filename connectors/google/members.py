"""Members on their way: batches as Data Manager requests, refused records taken out, and later results read.

https://developers.google.com/data-manager/api/devguides/audiences/google-ads/customer-match
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from connectors.contract import AccountRef, Action, AudienceRef, Batch, PushResult, Refused, Settlement
from connectors.google.data_manager import DataManager, Refusal, destination
from connectors.google.identifiers import ADDRESS, PEOPLE
from connectors.google.replies import NO_MORE_STATUS, RECORD_TO_BLAME, match_range, processing
from connectors.problems import Code, UnexpectedReply

GRANTED = {"adUserData": "CONSENT_GRANTED", "adPersonalization": "CONSENT_GRANTED"}
METHODS = {Action.ADD: "audienceMembers:ingest", Action.REMOVE: "audienceMembers:remove"}

# Each round costs one of the 300 requests a minute that all customers share.
ROUNDS = 8
TOO_MANY_BAD = "too many bad records in one request"

# Which of a status's parts tells about members: of additions, then removals, in the newer and the older form.
PARTS = (
    ("audienceMembersIngestionStatus", "compositeDataIngestionStatus"),
    ("audienceMembersIngestionStatus", "userDataIngestionStatus"),
    ("audienceMembersRemovalStatus", "compositeDataRemovalStatus"),
    ("audienceMembersRemovalStatus", "userDataRemovalStatus"),
)


@dataclass
class _Sending:
    """A batch under way: what may still be sent, and what was taken out of it."""

    members: list[dict[str, Any]]
    places: list[int]
    refused: list[Refused] = field(default_factory=list)
    requests: int = 0

    def take_out(self, indices: Iterable[int], code: Code, raw: str) -> None:
        """Leaves out the records at these indices of what was last sent."""
        gone = {index for index in indices if index < len(self.places)}
        rows = tuple(self.places[index] for index in sorted(gone))
        self.refused.append(Refused(code, len(rows), rows, raw))
        self.members = [member for index, member in enumerate(self.members) if index not in gone]
        self.places = [place for index, place in enumerate(self.places) if index not in gone]


def push(manager: DataManager, token: str, account: AccountRef, audience: AudienceRef, batch: Batch) -> PushResult:
    """Sends a batch. Google takes all of a request or nothing, so records that it blames are left out and the rest sent again.

    A round begins only while a whole request may still end within twice its time: then the claim still stands.
    """
    sending = _prepared(batch)
    until = time.monotonic() + manager.seconds
    while sending.members and _another(sending, until):
        sending.requests += 1
        body = _body(account, audience, batch.action, sending.members)
        answer = manager.ask(token, "POST", METHODS[batch.action], body=body)
        if answer.refusal is None:
            return _sent(sending, str(answer.body.get("requestId", "")), batch.rows.num_rows)
        _blame(sending, answer.refusal)
    if sending.members:
        # nobody of these was taken, and nothing is wrong with most of them: they are sent again with the next run
        sending.take_out(range(len(sending.members)), Code.TIMEOUT, TOO_MANY_BAD)
    return PushResult(accepted=0, refused=tuple(sending.refused), requests=sending.requests)


def _another(sending: _Sending, until: float) -> bool:
    return sending.requests == 0 or (sending.requests < ROUNDS and time.monotonic() < until)


def _prepared(batch: Batch) -> _Sending:
    # A column that nobody fills need not be there.
    nobody = [None] * batch.rows.num_rows
    there = batch.rows.column_names
    columns = [batch.rows.column(name).to_pylist() if name in there else nobody for name in PEOPLE.columns]
    members = [_member(*row) for row in zip(*columns, strict=True)]
    sending = _Sending(members, list(range(len(members))))
    empty = [index for index, member in enumerate(members) if member is _NOBODY]
    if empty:
        sending.take_out(empty, Code.ROW_NO_IDENTIFIER, "")
    return sending


_NOBODY: dict[str, Any] = {}


def _member(email: str | None, phone: str | None, *address: str | None) -> dict[str, Any]:
    identifiers: list[dict[str, Any]] = []
    if email:
        identifiers.append({"emailAddress": email})
    if phone:
        identifiers.append({"phoneNumber": phone})
    if all(address):
        identifiers.append({"address": dict(zip(ADDRESS, address, strict=True))})
    return {"compositeData": {"userData": {"userIdentifiers": identifiers}}} if identifiers else _NOBODY


def _body(
    account: AccountRef, audience: AudienceRef, action: Action, members: Sequence[Mapping[str, Any]]
) -> dict[str, Any]:
    body = {"destinations": [destination(account, audience)], "audienceMembers": members, "encoding": "HEX"}
    if action is Action.REMOVE:
        return body  # taking somebody out needs neither consent nor terms, and their fields do not exist there
    # Only people who granted both reach this point, and a person accepted the terms: see the channel's capabilities.
    terms = {"customerMatchTermsOfServiceStatus": "ACCEPTED"}
    return {**body, "consent": GRANTED, "termsOfService": terms}


def _blame(sending: _Sending, refusal: Refusal) -> None:
    """Takes out the records that Google blames. Raises the problem where it is not about records."""
    problem = refusal.problem()
    if refusal.http != 400 or not isinstance(problem, UnexpectedReply):  # noqa: PLR2004 - HTTP: bad request
        raise problem
    known = [index for index in refusal.records if index < len(sending.members)]
    if known:
        sending.take_out(known, Code.ROW_BAD_FORMAT, refusal.name)
    elif refusal.reason in RECORD_TO_BLAME and not refusal.fields:
        # Some record is bad, and Google does not say which: none was processed.
        sending.take_out(range(len(sending.members)), Code.ROW_BAD_FORMAT, refusal.name)
    else:
        raise problem


def _sent(sending: _Sending, request_id: str, total: int) -> PushResult:
    return PushResult(
        accepted=len(sending.places),
        refused=tuple(sending.refused),
        receipt=_receipt(request_id, sending.places, total),
        reference=request_id,
        requests=sending.requests,
    )


def _receipt(request_id: str, places: Sequence[int], total: int) -> str:
    """The request's id and the rows left out of it: later results count positions in what was sent, not in the batch."""
    kept = set(places)
    left_out = [str(place) for place in range(total) if place not in kept]
    return " ".join([request_id, *left_out])


def settled(manager: DataManager, token: str, receipt: str) -> Settlement:
    """What became of one request. Raises any ConnectorProblem."""
    request_id, *left_out = receipt.split(" ")
    answer = manager.ask(token, "GET", "requestStatus:retrieve", params={"requestId": request_id})
    if answer.refusal:
        if answer.refusal.name in NO_MORE_STATUS:
            return Settlement(receipt, final=True, raw=answer.refusal.name)
        raise answer.refusal.problem()
    statuses = answer.body.get("requestStatusPerDestination", [])
    return _settlement(receipt, statuses[0] if statuses else {}, [int(place) for place in left_out])


def _settlement(receipt: str, status: Mapping[str, Any], left_out: Sequence[int]) -> Settlement:
    word = str(status.get("requestStatus", "REQUEST_STATUS_UNKNOWN"))
    # A word that is new to us is taken for "not yet": the one who asks stops asking after a time.
    final = word in {"SUCCESS", "PARTIAL_SUCCESS", "FAILED"}
    counts = status.get("errorInfo", {}).get("errorCounts", []) if final else []
    refused = [_refused(count, left_out) for count in counts]
    if word == "FAILED" and not refused:
        refused = [Refused(Code.ROW_REFUSED, int(_told(status).get("recordCount", 0)), raw=word)]
    match_rate = match_range(str(_told(status).get("uploadMatchRateRange", "")))
    return Settlement(receipt, final, tuple(refused), match_rate, raw=word)


def _refused(count: Mapping[str, Any], left_out: Sequence[int]) -> Refused:
    reason = str(count.get("reason", ""))
    rows = _places([int(index) for index in count.get("recordIndices", [])], left_out)
    return Refused(processing(reason), int(count.get("recordCount", len(rows))), rows, reason)


def _places(indices: Iterable[int], left_out: Sequence[int]) -> tuple[int, ...]:
    """Positions in the batch of records at these positions of the request."""
    wanted, gaps = sorted(indices), frozenset(left_out)
    if not wanted:
        return ()
    kept = [place for place in range(wanted[-1] + len(gaps) + 1) if place not in gaps]
    return tuple(kept[index] for index in wanted)


def _told(status: Mapping[str, Any]) -> Mapping[str, Any]:
    for outer, inner in PARTS:
        part = status.get(outer, {}).get(inner)
        if part:
            return dict(part)
    return {}
