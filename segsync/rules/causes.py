"""From a problem's code to who acts, which incident it belongs to, and whether it is tried again on schedule."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from connectors.problems import Code
from segsync.rules.catalogue import entry
from segsync.rules.catalogue_entry import Retry
from segsync.rules.terms import Acts


class Own(StrEnum):
    """Causes of waiting that are none of the channel's."""

    REDIS_ABSENT = "redis.absent"


NOT_COUNTED = frozenset(
    {Code.RATE_LIMIT.value, Code.DAILY_LIMIT.value, Code.TOO_NEW.value, Code.LOCKED.value, Own.REDIS_ABSENT.value}
)
"""Waiting that is no failure of a run: the channel only slows us down, or a part of this installation is away."""


@dataclass(frozen=True)
class Place:
    """Where a problem happened: what tells one incident from another."""

    sync_id: int
    integration_id: int
    channel: str
    account_id: str
    warehouse: str = ""
    """The connection that members are read by, where a warehouse is what fails."""


def group(code: str) -> str:
    """The first word of a code."""
    return code.partition(".")[0]


def for_good(refused: Mapping[str, int]) -> dict[str, int]:
    """Of rows that a channel did not take, those that nothing but a change will make it take; the others are sent again."""
    return {code: count for code, count in refused.items() if count and group(code) != "wait"}


def who_acts(code: str) -> Acts:
    """Who has to act on this cause."""
    return entry(code).acts


def needs_person(code: str) -> bool:
    """Whether a sync that failed with this code waits for somebody, instead of being tried on schedule."""
    return entry(code).retry is Retry.PERSON


def incident(code: str, place: Place) -> str:
    """The key of the incident: one dead sign-in is one incident, however many syncs it stops."""
    kind = group(code)
    if kind == "signin":
        return f"integration:{place.integration_id}"
    if kind in {"account", "terms"}:
        return f"account:{place.channel}:{place.account_id}:{place.integration_id}:{code}"
    if place.warehouse:
        return f"warehouse:{place.warehouse}:{code}"
    if kind in {"app", "disk"} or code == Code.OUTAGE.value:
        return f"channel:{place.channel}:{code}"
    if kind == "row" and code != Code.ROW_NO_IDENTIFIER.value:
        return f"sync:{place.sync_id}:{Code.ROW_REFUSED.value}"
    return f"sync:{place.sync_id}:{code}"
