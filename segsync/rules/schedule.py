"""When syncs run by themselves: at an interval, at a time of chosen days by the clocks of a zone, or never.

At an interval each sync has its own place, so that they never all start together.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta, tzinfo
from math import floor
from typing import Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

GOLDEN = 0.618033988749895
"""Multiples of it fall ever into the largest gap of the circle: syncs made one after the other are spread evenly."""
SOONEST = 4
"""A run at an interval comes no sooner than a quarter of it after another run."""
HOURS: Final = (1, 2, 3, 6, 12)
"""The intervals that people choose from."""
DAYS: Final = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
EVERY_DAY: Final = frozenset(range(7))
WEEKDAYS: Final = frozenset(range(5))
BY_HAND_ENDS: Final = timedelta(days=1)
"""A run that somebody started of a sync without a schedule should have ended by then."""
NOBODY_KNOWS: Final = timedelta(days=365)
"""Stands for the time between two runs where only people start them."""
_LOOKED_AROUND: Final = 9
"""Days to look for a turn: a week, and one more on each side for the zones."""


@dataclass(frozen=True)
class Every:
    """So often, whatever the hour."""

    interval: timedelta


@dataclass(frozen=True)
class At:
    """At a time of these days of the week, 0 being Monday, by the clocks of a zone.

    A time that the clocks skip comes as much later as they skip; one that they show twice, the first time.
    """

    time: time
    days: frozenset[int]
    zone: str


@dataclass(frozen=True)
class ByHand:
    """Never by itself."""


Schedule = Every | At | ByHand


def place(sync_id: int, every: timedelta) -> timedelta:
    """Where in the interval this sync has its turn."""
    part = sync_id * GOLDEN
    return every * (part - floor(part))


def next_run(schedule: Schedule, sync_id: int, after: datetime) -> datetime | None:
    """The sync's next turn after a run that was started at `after`, in whole seconds; None where it has none."""
    match schedule:
        case Every(interval):
            return _next_place(sync_id, after, interval)
        case At():
            return min(turn for turn in _turns(schedule, after) if turn > after)
        case ByHand():
            return None


def overdue_at(schedule: Schedule, due: datetime) -> datetime:
    """When a run that was due at `due` is late by a whole interval: the one it falls into."""
    match schedule:
        case Every(interval):
            return due + interval
        case At():
            turns = sorted(set(_turns(schedule, due)))
            before = max(turn for turn in turns if turn <= due)
            return due + (min(turn for turn in turns if turn > due) - before)
        case ByHand():
            return due + BY_HAND_ENDS


def longest(schedule: Schedule) -> timedelta:
    """The longest time between two runs, but for an hour that the clocks may be set by."""
    match schedule:
        case Every(interval):
            return interval
        case At(days=days):
            ordered = sorted(days)
            later = [*ordered[1:], ordered[0] + 7]
            return timedelta(days=max(b - a for a, b in zip(ordered, later, strict=True)))
        case ByHand():
            return NOBODY_KNOWS


def words(schedule: Schedule) -> str:
    """'Every 6 hours', 'Every Monday and Thursday at 07:00, Europe/London'."""
    match schedule:
        case Every(interval):
            return f"Every {_span(interval)}"
        case At(at, days, zone):
            return f"{_days_words(days)} at {at:%H:%M}, {zone.replace('_', ' ')}"
        case ByHand():
            return "Only by hand"


def known_zone(name: str) -> tzinfo | None:
    """A zone by its name; None for a name that no clock goes by."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return None


def _next_place(sync_id: int, after: datetime, every: timedelta) -> datetime:
    earliest = after + every / SOONEST
    begin = datetime(2000, 1, 1, tzinfo=UTC) + place(sync_id, every)
    turns = -((begin - earliest) // every)
    return (begin + turns * every).replace(microsecond=0)


def _turns(schedule: At, around: datetime) -> Iterable[datetime]:
    # a zone that the machine has forgotten must not stop everybody's schedule
    zone = known_zone(schedule.zone) or UTC
    today = around.astimezone(zone).date()
    for day in (today + timedelta(days=number) for number in range(-_LOOKED_AROUND, _LOOKED_AROUND + 1)):
        if day.weekday() in schedule.days:
            yield datetime.combine(day, schedule.time, tzinfo=zone).astimezone(UTC)


def _span(interval: timedelta) -> str:
    hours = interval.total_seconds() / 3600
    if hours < 1:
        return f"{round(hours * 60)} minutes"
    return "hour" if hours == 1 else f"{hours:g} hours"


def _days_words(days: frozenset[int]) -> str:
    if days == EVERY_DAY:
        return "Every day"
    if days == WEEKDAYS:
        return "Every weekday"
    *most, last = [DAYS[day] for day in sorted(days)]
    return f"Every {', '.join(most)} and {last}" if most else f"Every {last}"
