"""Whether a moment has come that was written down for something: a time far ahead can only come from a clock that was wrong."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import ColumnElement, func, or_
from sqlalchemy.orm import InstrumentedAttribute

from segsync.models import Sync

FARTHEST: Final = timedelta(days=2)
"""Nothing waits longer: a channel's quota of the day is the longest, and what somebody has to mend is looked at every day."""

Moment = InstrumentedAttribute[datetime] | InstrumentedAttribute[datetime | None]


def later(now: datetime, pause: timedelta) -> datetime:
    """When to look again, where a channel may ask for any pause: whoever asks for a year is asked again before that."""
    return now + min(pause, FARTHEST)


def come(moment: Moment, now: datetime) -> ColumnElement[bool]:
    """It is past, or so far ahead that nobody who knew the time set it."""
    return or_(moment <= now, moment > now + FARTHEST)


def turn_come(now: datetime) -> ColumnElement[bool]:
    """The same of a sync's next run, which may be as far ahead as the sync's own schedule goes."""
    interval: ColumnElement[Any] = func.make_interval(0, 0, 0, 0, 0, 0, 2 * Sync.every_seconds)
    return or_(Sync.next_run_at <= now, Sync.next_run_at > now + interval)
