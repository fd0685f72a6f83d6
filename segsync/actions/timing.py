"""When a sync runs: its schedule as its row keeps it, its next turn, and from when on it is overdue."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import ColumnElement, and_, or_

from segsync.actions.sync_listed import Listed
from segsync.models import Sync
from segsync.rules import schedule
from segsync.rules.schedule import At, ByHand, Every, Schedule
from segsync.rules.terms import Detail, Status
from segsync.runtime import Runtime

AGAIN_AFTER: Final = timedelta(hours=6)
"""What somebody started of a sync without a schedule, and failed for a cause that goes away, is tried again after this time."""
_GOING: Final = (Status.SYNCING.value, Status.SYNCED.value)
_TRIED: Final = (Detail.TRYING_AGAIN.value, Detail.HELD.value)


def of(sync: Sync) -> Schedule:
    """The schedule of a sync."""
    if sync.by_hand:
        return ByHand()
    if sync.run_at is not None:
        return At(sync.run_at, frozenset(sync.run_days), sync.run_zone)
    return Every(timedelta(seconds=sync.every_seconds))


def usual(runtime: Runtime) -> Schedule:
    """The schedule of a sync that says nothing else."""
    return Every(timedelta(hours=runtime.settings.every_hours))


def write(sync: Sync, wanted: Schedule) -> None:
    """Gives a sync a schedule. Its next turn is `plan`'s to say."""
    sync.by_hand = isinstance(wanted, ByHand)
    calendar = wanted if isinstance(wanted, At) else None
    sync.run_at = calendar.time if calendar else None
    sync.run_days = sorted(calendar.days) if calendar else []
    sync.run_zone = calendar.zone if calendar else ""
    sync.every_seconds = round(schedule.longest(wanted).total_seconds())


def plan(sync: Sync, now: datetime) -> None:
    """Its next turn after a run that starts now."""
    sync.next_run_at = schedule.next_run(of(sync), sync.id, now)


def begun(sync: Sync, now: datetime) -> None:
    """A run was opened now: it has an interval to end well."""
    sync.overdue_at = schedule.overdue_at(of(sync), now)


def ended(sync: Sync, *, again_after: datetime | None = None) -> None:
    """The run is over: the next is late an interval after its turn. `again_after` is now where it is tried again on schedule.

    What somebody started of a sync without a schedule is tried again too, until it ends well.
    """
    if sync.by_hand:
        sync.next_run_at = again_after + AGAIN_AFTER if again_after else None
    sync.overdue_at = schedule.overdue_at(of(sync), sync.next_run_at) if sync.next_run_at else None


def overdue(now: datetime) -> ColumnElement[bool]:
    """Syncs that are late by a whole interval, whatever the cause. What waits for somebody is not late: its own alert says so."""
    awaited = or_(Sync.status.in_(_GOING), and_(Sync.status == Status.FAILED.value, Sync.detail.in_(_TRIED)))
    return and_(Sync.deleted_at.is_(None), Sync.overdue_at < now, awaited)


def is_overdue(sync: Sync | Listed, now: datetime) -> bool:
    """Whether this one is: the same, for a row that was read."""
    awaited = sync.status in _GOING or (sync.status == Status.FAILED and sync.detail in _TRIED)
    return awaited and sync.deleted_at is None and sync.overdue_at is not None and sync.overdue_at < now
