"""Where one person stands at one audience: from whether they are meant, what stands against them, and what our books hold."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

HELD, UNSURE, REFUSED, SKIPPED = range(4)
"""States of a row of the ledger (`audience.ledger.Held`)."""


class Stands(StrEnum):
    """Where the person stands, as one word."""

    IN = "in the audience"
    WAITING = "waiting"
    """In the plan of the run under way, or sent without an answer."""
    NEXT_RUN = "next run"
    REFUSED = "refused"
    REMOVAL_DUE = "removal due"
    OUT = "not in the audience"


@dataclass(frozen=True)
class Row:
    """One version of the person in the ledger: under which identifiers, and what became of it. Times are unix seconds."""

    state: int
    reason: str = ""
    keys: tuple[str, ...] = ()
    first_sent: int | None = None
    last_sent: int | None = None


@dataclass(frozen=True)
class Meant:
    """Whether the person is meant now. `barred` is why they may not be sent; `has_key` whether the channel could match them."""

    member: bool
    barred: str = ""
    has_key: bool = True

    @property
    def why_not(self) -> str:
        """'' where they are meant and can be sent."""
        if not self.member:
            return "not_member"
        return self.barred or ("" if self.has_key else "no_identifier")


@dataclass(frozen=True)
class Standing:
    """Where the person stands. `why` says why they are out, or are to go out; `code` is the channel's reason for a refusal."""

    stands: Stands
    why: str = ""
    code: str = ""
    keys: tuple[str, ...] = ()
    first_sent: int | None = None
    last_sent: int | None = None


def standing(meant: Meant, rows: Sequence[Row], planned: str = "") -> Standing:
    """Of one person at one audience. `planned` is 'add' or 'remove' where the run under way has them in its plan."""
    there = [row for row in rows if row.state == HELD] or [row for row in rows if row.state == UNSURE]
    refused = next((row for row in rows if row.state == REFUSED), None)
    known = there or ([refused] if refused else [])
    return Standing(
        _stands(meant, there, refused, planned),
        why=meant.why_not,
        code=refused.reason if refused and not there else "",
        keys=tuple(dict.fromkeys(key for row in known for key in row.keys)),
        first_sent=min((row.first_sent for row in known if row.first_sent), default=None),
        last_sent=max((row.last_sent for row in known if row.last_sent), default=None),
    )


def _stands(meant: Meant, there: Sequence[Row], refused: Row | None, planned: str) -> Stands:
    if meant.why_not:
        return Stands.REMOVAL_DUE if there or planned else Stands.OUT
    if there and there[0].state == HELD and planned != "remove":
        return Stands.IN
    if there or planned:
        return Stands.WAITING
    return Stands.REFUSED if refused else Stands.NEXT_RUN
