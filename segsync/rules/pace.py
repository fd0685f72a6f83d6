"""How calls keep to a channel's limits: for how long a use counts, who comes first when little is left, and what a refusal is about."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum
from typing import Final

from connectors.limits import HOUR, Call, Limit, Per, Usage


class Urgency(Enum):
    """Who comes first where a limit is nearly used up. The value is the share of an hour's amount that is left to those before."""

    ASKED = 0.0
    """Somebody sits before a page and waits."""
    SOON = 0.1
    """Removals, and what comes before them."""
    BULK = 0.25
    """Additions, and what is looked at afterwards."""


LATE_SECONDS: Final = 2.0
LATE_SHARE: Final = 0.02
_SOON: Final = frozenset({Call.CHECK, Call.FIND, Call.CREATE, Call.REMOVE, Call.RETIRE, Call.ERASE})


@dataclass(frozen=True)
class Caller:
    """Who calls, and about what: ids only."""

    channel: str
    application: str
    person: str = ""
    account: str = ""


def window(limit: Limit) -> float:
    """For how many seconds a use counts: the period, and a moment more, because calls do not take equally long to arrive."""
    seconds = limit.period.total_seconds()
    return seconds + min(seconds * LATE_SHARE, LATE_SECONDS)


def kept_back(limit: Limit, urgency: Urgency) -> float:
    """The share of what is used that is kept for those before, less and less until it comes back.

    What an hour gives is enough for them: of a quota of the day nearly all is everybody's.
    """
    return urgency.value * min(1.0, HOUR / limit.period)


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


def told(limits: Iterable[Limit], call: Call, caller: Caller, usages: Iterable[Usage]) -> Iterator[tuple[Limit, Usage]]:
    """The limits that a call counts in or an answer names, each with the last that was told of it."""
    by_name = {usage.limit: usage for usage in usages}
    for limit in limits:
        known = limit.per is not Per.ACCOUNT or caller.account
        if known and (limit.costs.get(call) or limit.name in by_name):
            yield limit, by_name.get(limit.name, Usage(limit.name))


def refused_by(limits: Sequence[Limit], named: str) -> Limit | None:
    """The limit that a refusal is about: the one that the channel names, else the first that the call counts in."""
    return next((limit for limit in limits if limit.name == named), next(iter(limits), None))


def until_day_end(now: datetime) -> timedelta:
    """Until five past midnight UTC, when daily limits have begun anew."""
    return (now + timedelta(days=1)).replace(hour=0, minute=5, second=0, microsecond=0) - now
