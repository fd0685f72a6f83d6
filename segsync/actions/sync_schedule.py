"""Choosing when a sync runs: what may be chosen, and changing it. Callers commit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import time, timedelta
from typing import Final

from sqlalchemy.orm import Session

from segsync.actions import alerts, timing
from segsync.actions.actor import Actor, Refused
from segsync.actions.audit import record
from segsync.actions.runs import open_run
from segsync.actions.sync_access import living, need_own
from segsync.actions.syncs import subject
from segsync.models import Sync
from segsync.rules import schedule
from segsync.rules.schedule import EVERY_DAY, HOURS, At, ByHand, Every, Schedule
from segsync.rules.terms import Detail, Status
from segsync.runtime import Runtime

DAILY: Final = "day"
WEEKLY: Final = "week"
HAND: Final = "hand"
DEED: Final = "change when this runs"
TRIED: Final = (Detail.TRYING_AGAIN.value, Detail.HELD.value)


@dataclass(frozen=True)
class Typed:
    """What a person chose: how often, in hours or as one of the words above; for days also the time and whose clocks."""

    how: str
    at: time | None = None
    days: frozenset[int] = frozenset()
    zone: str = ""


def ways(*known: Schedule) -> Sequence[tuple[str, str]]:
    """(value, label) of every way to run that can be chosen; of `known` the intervals too, where they are others."""
    others = {one.interval for one in known if isinstance(one, Every)}
    spans = sorted({timedelta(hours=hours) for hours in HOURS} | others)
    intervals = [(_hours(Every(span)), schedule.words(Every(span))) for span in spans]
    return [*intervals, (DAILY, "Every day at a time"), (WEEKLY, "On chosen days at a time"), (HAND, "Only by hand")]


def typed_of(chosen: Schedule, zone: str) -> Typed:
    """A schedule as the form shows it; `zone` and seven o'clock stand ready where it has no time yet."""
    match chosen:
        case At(at, days, its_zone):
            return Typed(DAILY if days == EVERY_DAY else WEEKLY, at, days, its_zone)
        case ByHand():
            return Typed(HAND, time(7), frozenset({0}), zone)
        case Every():
            return Typed(_hours(chosen), time(7), frozenset({0}), zone)


def read(typed: Typed, *known: Schedule) -> Schedule:
    """The schedule that was chosen. Raises Refused naming the field."""
    if typed.how == HAND:
        return ByHand()
    if typed.how in {DAILY, WEEKLY}:
        return _calendar(typed)
    for one in (*(Every(timedelta(hours=hours)) for hours in HOURS), *known):
        if isinstance(one, Every) and _hours(one) == typed.how:
            return one
    raise Refused("Choose how often it runs.", field="how")


def change(runtime: Runtime, session: Session, actor: Actor, public_id: str, wanted: Schedule) -> Sync:
    """Gives a sync another schedule; a run under way goes on. Raises NotAllowed or Refused."""
    sync = living(session, actor, public_id)
    need_own(actor, sync, DEED)
    before, now = timing.of(sync), runtime.clock()
    if before == wanted:
        return sync
    timing.write(sync, wanted)
    if sync.status != Status.INACTIVE:
        timing.plan(sync, now)
        timing.ended(sync, again_after=now if sync.detail in TRIED else None)
    if open_run(session, sync.id) is not None:
        timing.begun(sync, now)
    alerts.forget_sync(session, sync, now=now, code=alerts.OVERDUE)
    told = ({"runs": schedule.words(before)}, {"runs": schedule.words(wanted)})
    record(session, actor, "sync.schedule", subject(sync), change=told)
    return sync


def _calendar(typed: Typed) -> At:
    days = EVERY_DAY if typed.how == DAILY else typed.days
    if not days:
        raise Refused("Choose at least one day.", field="days")
    if typed.at is None:
        raise Refused("Say at what time, as 07:00.", field="at")
    if schedule.known_zone(typed.zone) is None:
        raise Refused("Choose a time zone of the list.", field="zone")
    return At(typed.at.replace(second=0, microsecond=0), days & EVERY_DAY, typed.zone)


def _hours(one: Every) -> str:
    return f"{one.interval.total_seconds() / 3600:g}"
