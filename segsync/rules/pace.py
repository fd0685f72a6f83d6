"""How fast calls may go: a channel's limits as token buckets, who comes first when little is left, and what a refusal is about."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum
from typing import Final

from connectors.limits import Call, Limit, Per


class Urgency(Enum):
    """Who comes first where a limit is nearly used up. The value is the share of the burst that is left to those before."""

    ASKED = 0.0
    """Somebody sits before a page and waits."""
    SOON = 0.1
    """Removals, and what comes before them."""
    BULK = 0.25
    """Additions, and what is looked at afterwards."""


_SOON: Final = frozenset({Call.CHECK, Call.FIND, Call.CREATE, Call.REMOVE, Call.RETIRE, Call.ERASE})


@dataclass(frozen=True)
class Pace:
    """A limit as a token bucket: `burst` may go at once, `rate` comes back in a second; 0 where the amount is not known."""

    rate: float
    burst: float


@dataclass(frozen=True)
class Caller:
    """Who calls, and about what: ids only."""

    channel: str
    application: str
    person: str = ""
    account: str = ""


def pace(limit: Limit) -> Pace:
    """Such that no window as long as the period sees more than the amount, unless one call alone costs most of it."""
    if limit.amount == 0:
        return Pace(0.0, 0.0)
    burst = max(limit.amount * limit.burst, max(limit.costs.values(), default=0.0))
    return Pace(max(limit.amount - burst, limit.amount / 4) / limit.period.total_seconds(), burst)


def counting(limits: Iterable[Limit], call: Call) -> tuple[Limit, ...]:
    """The limits that a call counts in."""
    return tuple(limit for limit in limits if limit.costs.get(call))


def urgency(call: Call, *, asked: bool) -> Urgency:
    """How urgent a call is; `asked` where a person waits for it."""
    if asked:
        return Urgency.ASKED
    return Urgency.SOON if call in _SOON else Urgency.BULK


def scope(limit: Limit, caller: Caller) -> str:
    """The name of what is counted together: 'meta:score:account:77'."""
    subject = {Per.APPLICATION: caller.application, Per.PERSON: caller.person, Per.ACCOUNT: caller.account}[limit.per]
    return f"{caller.channel}:{limit.name}:{limit.per.value}:{subject}"


def refused_by(limits: Sequence[Limit], named: str) -> Limit | None:
    """The limit that a refusal is about: the one that the channel names, else the first that the call counts in."""
    return next((limit for limit in limits if limit.name == named), next(iter(limits), None))


def until_day_end(now: datetime) -> timedelta:
    """Until five past midnight UTC, when daily limits have begun anew."""
    return (now + timedelta(days=1)).replace(hour=0, minute=5, second=0, microsecond=0) - now
