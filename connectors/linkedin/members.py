"""Sending members: rows become LinkedIn's elements, and its answer is read element by element.

https://learn.microsoft.com/linkedin/marketing/matched-audiences/create-and-manage-segment-users
https://learn.microsoft.com/linkedin/marketing/matched-audiences/create-and-manage-segment-companies
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import requests

from connectors.contract import Action, Batch, Kind, PushResult, Refused
from connectors.digests import texts
from connectors.linkedin.identifiers import COMPANIES, PEOPLE
from connectors.linkedin.limits import MEMBERS
from connectors.linkedin.replies import FAILED, OK, content, element_code, reference
from connectors.problems import Code, TryLater, UnexpectedReply

Element = dict[str, Any]
Row = tuple[int, Element]
Send = Callable[[Sequence[Element]], requests.Response]

ACTIONS = {Action.ADD: "ADD", Action.REMOVE: "REMOVE"}
PATHS = {Kind.PEOPLE: "users", Kind.COMPANIES: "companies"}
WIRE_NAMES = {"countryCode": "country"}

# Looking for the rows that make LinkedIn refuse a whole batch ends here: about five bad rows in 5,000 are found.
MOST_REQUESTS = 128
LEFT = "too many bad rows in one batch"
TOO_MUCH = 413
BAD_REQUEST = 400
THROTTLED = 429


def elements(batch: Batch) -> tuple[list[Row], list[int]]:
    """The batch as LinkedIn takes it, each element with its position, and the positions that have no identifier."""
    shape = COMPANIES if batch.kind is Kind.COMPANIES else PEOPLE
    element = _company if batch.kind is Kind.COMPANIES else _person
    rows, bare = [], []
    for position, row in enumerate(texts(batch.rows).to_pylist()):
        if any(row.get(column) for column in shape.key_columns):
            rows.append((position, {"action": ACTIONS[batch.action], **element(row)}))
        else:
            bare.append(position)
    return rows, bare


def _person(row: Mapping[str, str | None]) -> Element:
    ids = [{"idType": key.name, "idValue": row[key.name]} for key in PEOPLE.keys if row.get(key.name)]
    return {"userIds": ids, **_qualifiers(row, ("countryCode",))}


def _company(row: Mapping[str, str | None]) -> Element:
    return _qualifiers(row, COMPANIES.columns)


def _qualifiers(row: Mapping[str, str | None], columns: Sequence[str]) -> Element:
    return {WIRE_NAMES.get(column, column): row[column] for column in columns if row.get(column)}


@dataclass
class Outcome:
    """What became of the rows sent so far."""

    accepted: int = 0
    refused: dict[tuple[Code, str], list[int]] = field(default_factory=dict)
    reference: str = ""
    requests: int = 0

    def refuse(self, position: int, code: Code, raw: str) -> None:
        """Notes a row that was not taken."""
        self.refused.setdefault((code, raw), []).append(position)

    def may_go_on(self, until: float) -> bool:
        """Whether another request may be sent: the first always."""
        return self.requests == 0 or (self.requests < MOST_REQUESTS and time.monotonic() < until)

    def result(self) -> PushResult:
        """In the contract's form."""
        refused = tuple(
            Refused(code.value, len(rows), tuple(sorted(rows)), raw) for (code, raw), rows in self.refused.items()
        )
        return PushResult(self.accepted, refused, reference=self.reference, requests=self.requests)


def deliver(batch: Batch, send: Send, seconds: float) -> PushResult:
    """Sends a batch. Where LinkedIn refuses it as a whole, halves it until the bad rows stand alone.

    `seconds` is the longest that one request takes: none begins later than that, so the batch ends within twice as long.
    Raises any ConnectorProblem; sending again is harmless then, whatever part was applied.
    """
    rows, bare = elements(batch)
    outcome = Outcome()
    for position in bare:
        outcome.refuse(position, Code.ROW_NO_IDENTIFIER, "")
    waiting = [rows] if rows else []
    until = time.monotonic() + seconds
    while waiting and outcome.may_go_on(until):
        part = waiting.pop()
        try:
            _read(part, _counted(part, send, outcome), outcome)
        except UnexpectedReply as refusal:
            if not _may_halve(refusal) or (outcome.requests >= MOST_REQUESTS and not outcome.accepted):
                raise
            waiting += _halves(part, refusal, outcome)
    # nothing is wrong with most of these: they are sent again with the next run
    for position, _ in (row for part in waiting for row in part):
        outcome.refuse(position, Code.TIMEOUT, LEFT)
    return outcome.result()


def _counted(part: Sequence[Row], send: Send, outcome: Outcome) -> requests.Response:
    outcome.requests += 1
    return send([element for _, element in part])


def _may_halve(refusal: UnexpectedReply) -> bool:
    return refusal.raw.partition("/")[0] in {str(BAD_REQUEST), str(TOO_MUCH)}


def _halves(part: list[Row], refusal: UnexpectedReply, outcome: Outcome) -> list[list[Row]]:
    """What is still to be tried; a single row is refused for good."""
    if len(part) == 1:
        outcome.refuse(part[0][0], Code.ROW_BAD_FORMAT, refusal.raw)
        return []
    middle = len(part) // 2
    return [part[middle:], part[:middle]]


def _read(part: Sequence[Row], reply: requests.Response, outcome: Outcome) -> None:
    """An answer of 200 does not mean success: each element has a status of its own, in the order sent."""
    outcome.reference = reference(reply)
    answers = content(reply).get("elements")
    if not isinstance(answers, list) or len(answers) != len(part):
        raise UnexpectedReply(Code.UNEXPECTED, raw=f"{reply.status_code}/elements", reference=outcome.reference)
    statuses = [_status(answer) for answer in answers]
    if statuses and all(status == THROTTLED for status in statuses):
        raise TryLater(Code.RATE_LIMIT, limit=MEMBERS, raw=str(THROTTLED), reference=outcome.reference)
    if all(status == THROTTLED or status >= FAILED for status in statuses):
        raise TryLater(Code.OUTAGE, raw=str(statuses[0]), reference=outcome.reference)
    for (position, _), status, answer in zip(part, statuses, answers, strict=True):
        if status in OK:
            outcome.accepted += 1
        else:
            outcome.refuse(position, element_code(status, _message(answer)), str(status))


def _status(answer: Any) -> int:
    """0 where LinkedIn tells none: such a row counts as refused."""
    status = answer.get("status") if isinstance(answer, dict) else None
    return status if isinstance(status, int) else 0


def _message(answer: Any) -> str:
    told = answer.get("error", answer) if isinstance(answer, dict) else {}
    return f"{told.get('code', '')} {told.get('message', '')}" if isinstance(told, dict) else ""
