"""Members on their way: batches as Data Manager requests, refused records taken out, and later results read.

https://developers.google.com/data-manager/api/devguides/audiences/google-ads/customer-match
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any

from connectors.contract import AccountRef, Action, AudienceRef, Batch, PushResult, Refused, Settlement
from connectors.digests import texts
from connectors.google.data_manager import DataManager, Refusal, destination
from connectors.google.identifiers import ADDRESS, PEOPLE
from connectors.google.replies import NO_MORE_STATUS, RECORD_TO_BLAME, match_range, processing
from connectors.problems import Code, ConnectorProblem, UnexpectedReply

GRANTED = {"adUserData": "CONSENT_GRANTED", "adPersonalization": "CONSENT_GRANTED"}
METHODS = {Action.ADD: "audienceMembers:ingest", Action.REMOVE: "audienceMembers:remove"}

# Each round costs one of the 300 requests a minute that all customers share.
ROUNDS = 8
TOO_MANY_BAD = "too many bad records in one request"
# Between the requests of one batch, in its receipt.
AND = "|"

# Which of a status's parts tells about members: of additions, then removals, in the newer and the older form.
PARTS = (
    ("audienceMembersIngestionStatus", "compositeDataIngestionStatus"),
    ("audienceMembersIngestionStatus", "userDataIngestionStatus"),
    ("audienceMembersRemovalStatus", "compositeDataRemovalStatus"),
    ("audienceMembersRemovalStatus", "userDataRemovalStatus"),
)


@dataclass(eq=False)
class _Part:
    """Records that go in one request, and their places in the batch. `twin` is the other half, where the whole was refused."""

    members: list[dict[str, Any]]
    places: list[int]
    twin: _Part | None = None

    def without(self, indices: Iterable[int]) -> list[_Part]:
        """The others, where there are any."""
        gone = frozenset(indices)
        kept = [index for index in range(len(self.places)) if index not in gone]
        return [_Part([self.members[i] for i in kept], [self.places[i] for i in kept])] if kept else []

    def halves(self) -> list[_Part]:
        """Two parts, each of which knows the other."""
        middle = len(self.places) // 2
        one, other = (_Part(self.members[half], self.places[half]) for half in (slice(middle), slice(middle, None)))
        one.twin, other.twin = other, one
        return [one, other]


@dataclass
class _Outcome:
    """What became of a batch so far: requests that were taken, with their places, and rows that were not."""

    taken: list[tuple[str, list[int]]] = field(default_factory=list)
    refused: list[Refused] = field(default_factory=list)
    requests: int = 0
    unnamed: ConnectorProblem | None = None

    def refuse(self, places: Iterable[int], code: Code, raw: str) -> None:
        rows = tuple(sorted(places))
        self.refused.append(Refused(code, len(rows), rows, raw))

    def another(self, until: float) -> bool:
        return self.requests == 0 or (self.requests < ROUNDS and time.monotonic() < until)

    def result(self, total: int) -> PushResult:
        return PushResult(
            accepted=sum(len(places) for _, places in self.taken),
            refused=tuple(self.refused),
            receipt=AND.join(_receipt(request_id, places, total) for request_id, places in self.taken),
            reference=", ".join(request_id for request_id, _ in self.taken),
            requests=self.requests,
        )


def push(manager: DataManager, token: str, account: AccountRef, audience: AudienceRef, batch: Batch) -> PushResult:
    """Sends a batch. Google takes all of a request or nothing: records that it blames are left out and the rest sent again.

    Where it says that some record is bad and not which, the request is halved until that record is alone. A round begins only
    while a whole request may still end within twice its time: then the claim still stands. Raises any ConnectorProblem; sending
    again is harmless then, whatever part was taken.
    """
    outcome = _Outcome()
    waiting = _prepared(batch, outcome)
    until = time.monotonic() + manager.seconds
    while waiting and outcome.another(until):
        part = max(waiting, key=lambda one: len(one.places))
        waiting.remove(part)
        outcome.requests += 1
        body = _body(account, audience, batch.action, part.members)
        answer = manager.ask(token, "POST", METHODS[batch.action], body=body)
        if answer.refusal:
            waiting += _blamed(part, answer.refusal, outcome)
            continue
        outcome.taken.append((str(answer.body.get("requestId", "")), part.places))
        if part.twin in waiting and len(part.twin.places) > 1:  # the bad record is in it: it need not be sent whole
            waiting.remove(part.twin)
            waiting += part.twin.halves()
    if waiting and outcome.unnamed and not outcome.taken and outcome.requests >= ROUNDS:
        raise outcome.unnamed
    if waiting:
        # nobody of these was taken, and nothing is wrong with most of them: they are sent again with the next run
        outcome.refuse((place for part in waiting for place in part.places), Code.TIMEOUT, TOO_MANY_BAD)
    return outcome.result(batch.rows.num_rows)


def _prepared(batch: Batch, outcome: _Outcome) -> list[_Part]:
    # A column that nobody fills need not be there.
    rows = texts(batch.rows)
    nobody = [None] * rows.num_rows
    there = rows.column_names
    columns = [rows.column(name).to_pylist() if name in there else nobody for name in PEOPLE.columns]
    members = [_member(*row) for row in zip(*columns, strict=True)]
    empty = [index for index, member in enumerate(members) if member is _NOBODY]
    if empty:
        outcome.refuse(empty, Code.ROW_NO_IDENTIFIER, "")
    return _Part(members, list(range(len(members)))).without(empty)


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


def _blamed(part: _Part, refusal: Refusal, outcome: _Outcome) -> list[_Part]:
    """What is still to be sent of a part that was refused. Raises the problem where it is not about records."""
    problem = refusal.problem()
    if refusal.http != 400 or not isinstance(problem, UnexpectedReply):  # noqa: PLR2004 - HTTP: bad request
        raise problem
    known = [index for index in refusal.records if index < len(part.places)]
    if known:
        outcome.refuse((part.places[index] for index in known), Code.ROW_BAD_FORMAT, refusal.name)
        return part.without(known)
    if refusal.reason not in RECORD_TO_BLAME or refusal.fields:
        raise problem
    if len(part.places) > 1:
        outcome.unnamed = problem
        return part.halves()
    outcome.refuse(part.places, Code.ROW_BAD_FORMAT, refusal.name)
    return []


def _receipt(request_id: str, places: Sequence[int], total: int) -> str:
    """The request's id and the rows left out of it: later results count positions in what was sent, not in the batch."""
    kept = set(places)
    words = [request_id]
    for _, run in groupby(enumerate(place for place in range(total) if place not in kept), lambda one: one[1] - one[0]):
        left_out = [place for _, place in run]
        words.append(str(left_out[0]) if len(left_out) == 1 else f"{left_out[0]}-{left_out[-1]}")
    return " ".join(words)


def settled(manager: DataManager, token: str, receipt: str) -> Settlement:
    """What became of the requests of one batch. Raises any ConnectorProblem."""
    told = [_asked(manager, token, part) for part in receipt.split(AND)]
    return Settlement(
        receipt,
        final=all(one.final for one in told),
        refused=tuple(refused for one in told for refused in one.refused) if all(one.final for one in told) else (),
        match_rate=next((one.match_rate for one in told if one.match_rate), ""),
        raw=", ".join(dict.fromkeys(one.raw for one in told)),
    )


def _asked(manager: DataManager, token: str, receipt: str) -> Settlement:
    request_id, *words = receipt.split(" ")
    answer = manager.ask(token, "GET", "requestStatus:retrieve", params={"requestId": request_id})
    if answer.refusal:
        if answer.refusal.name in NO_MORE_STATUS:
            return Settlement(receipt, final=True, raw=answer.refusal.name)
        raise answer.refusal.problem()
    statuses = answer.body.get("requestStatusPerDestination", [])
    return _settlement(receipt, statuses[0] if statuses else {}, _left_out(words))


def _left_out(words: Iterable[str]) -> list[int]:
    ranges = [word.partition("-") for word in words]
    return [place for first, _, last in ranges for place in range(int(first), int(last or first) + 1)]


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
