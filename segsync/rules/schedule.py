"""When syncs run by themselves: each has its own place in the interval, so that they never all start together."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from math import floor

GOLDEN = 0.618033988749895
"""Multiples of it fall ever into the largest gap of the circle: syncs made one after the other are spread evenly."""
SOONEST = 4
"""A run by schedule comes no sooner than a quarter of the interval after another run."""


def place(sync_id: int, every: timedelta) -> timedelta:
    """Where in the interval this sync has its turn."""
    part = sync_id * GOLDEN
    return every * (part - floor(part))


def next_run(sync_id: int, after: datetime, every: timedelta) -> datetime:
    """The sync's next turn after a run that was started at `after`, in whole seconds."""
    earliest = after + every / SOONEST
    begin = datetime(2000, 1, 1, tzinfo=UTC) + place(sync_id, every)
    turns = -((begin - earliest) // every)
    turn = begin + turns * every
    return turn.replace(microsecond=0)
