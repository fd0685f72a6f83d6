"""How fast a channel may be called, as data: what is counted, per whom, and what each call costs there.

A connector declares its limits and reads what answers tell of them; keeping to them is the product's work.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from enum import StrEnum
from typing import Final


class Per(StrEnum):
    """Whose calls a channel counts together."""

    APPLICATION = "application"
    PERSON = "person"
    ACCOUNT = "account"


class Call(StrEnum):
    """What a connector is asked to do, as far as limits tell it apart."""

    ACCOUNTS = "accounts"
    CHECK = "check"
    FIND = "find"
    CREATE = "create"
    RENAME = "rename"
    ADD = "add"
    REMOVE = "remove"
    SETTLE = "settle"
    STATE = "state"
    CAMPAIGNS = "campaigns"
    RETIRE = "retire"
    ERASE = "erase"


MINUTE: Final = timedelta(minutes=1)
HOUR: Final = timedelta(hours=1)
DAY: Final = timedelta(days=1)


@dataclass(frozen=True)
class Limit:
    """One thing that a channel counts: no more than `amount` in any `period`, for each application, person or ad account.

    An amount of 0 is not known: then only the channel's own word counts.
    """

    name: str
    per: Per
    amount: float
    period: timedelta
    costs: Mapping[Call, float]
    """What a call counts as; a call that is not named costs nothing here. Of `settle` it is the cost of each receipt."""
    pauses: tuple[timedelta, ...] = (MINUTE, 2 * MINUTE, 4 * MINUTE, 15 * MINUTE)
    """How long to keep away where the channel does not say: after its first refusal in a row, its second, and so on."""
    until_day_end: bool = False
    """After the last pause: keep away until five past midnight UTC, when the channel counts anew."""


@dataclass(frozen=True)
class Usage:
    """What an answer tells of a limit, by its name: the share used up, and how long it lets nothing through."""

    limit: str
    used: float = 0.0
    closed_for: timedelta | None = None


EVERY_CALL: Final[Mapping[Call, float]] = dict.fromkeys(Call, 1)
PREFIX: Final = "limit_"


def with_options(limits: Iterable[Limit], options: Mapping[str, str]) -> tuple[Limit, ...]:
    """The limits with the operator's own figures: the option `limit_NAME` replaces an amount. A simulator counts only what it is told to."""
    usual = 0.0 if options.get("simulated") == "yes" else None
    return tuple(replace(limit, amount=_amount(limit, options, usual)) for limit in limits)


def _amount(limit: Limit, options: Mapping[str, str], usual: float | None) -> float:
    return float(options.get(PREFIX + limit.name, limit.amount if usual is None else usual))


def check_options(options: Mapping[str, str], limits: Iterable[Limit]) -> None:
    """Raises ValueError for an amount of a limit that is no number, or of one that the channel does not declare."""
    known = sorted(PREFIX + limit.name for limit in limits)
    for name, text in options.items():
        if name.startswith(PREFIX) and name not in known:
            raise ValueError(f"{name} is no limit of this channel, which has {', '.join(known)}")
        if name.startswith(PREFIX) and not re.fullmatch(r"\d+(\.\d+)?", text):
            raise ValueError(f"{name} has to be a number from 0")
