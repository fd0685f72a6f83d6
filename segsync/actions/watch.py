"""What nobody would report by itself: syncs that are overdue, and workers, a scheduler or Redis that fell silent.

The scheduler looks for the workers and Redis, the workers look for the scheduler, and the web looks for all of them.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import ColumnElement, and_, delete, exists, false, func, or_, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from connectors.registry import CHANNELS
from segsync.actions import alerts, timing
from segsync.actions.alerts import Cause
from segsync.actions.health import SCHEDULER_SILENT, WORKERS_SILENT
from segsync.actions.sync_alerts import cause_of
from segsync.actions.trouble import Trouble
from segsync.models import Alert, AlertSync, Installation, Organization, Sync
from segsync.rules.causes import who_acts
from segsync.rules.renewal import close_after
from segsync.rules.terms import Detail, Status
from segsync.runtime import Runtime

WORKER, SCHEDULER, REDIS = "worker", "scheduler", "redis"
PARTS: Final = (WORKER, SCHEDULER, REDIS)
SILENT: Final[Mapping[str, timedelta]] = {WORKER: WORKERS_SILENT, SCHEDULER: SCHEDULER_SILENT, REDIS: timedelta()}
STARTS_IN: Final = timedelta(minutes=1)
"""A part that is started again is back within this time; nobody is alarmed earlier."""
OVERDUE_KEY: Final = "syncs:overdue"
"""One incident for all: workers that are missing make everything late at once."""
LAPSING: Final = "sync.lapsing"
AT_A_TIME: Final = 200


# -- parts of the installation ---------------------------------------------------------------------------------


def part(runtime: Runtime, name: str) -> None:
    """Opens an alert in every organization while a part gives no sign of life, and closes it when it does."""
    answers = name == REDIS and runtime.queue.answers()
    with runtime.sessions.begin() as session:
        if answers or _alive(session, name):
            if session.scalar(delete(Installation).where(Installation.key == _mark(name)).returning(Installation.key)):
                _back(session, name, runtime.clock())
            return
        since = _silent_since(session, name)
        if since is not None:
            _absent(session, name, since, runtime.clock())


def _mark(name: str) -> str:
    return f"absent {name}"


def _alive(session: Session, name: str) -> bool:
    young = Installation.at > func.clock_timestamp() - SILENT[name]
    return bool(session.scalar(select(exists().where(Installation.key.startswith(f"{name} "), young))))


def _silent_since(session: Session, name: str) -> datetime | None:
    """The last sign of life, or when it was first missed; None while it may still be starting."""
    session.execute(
        insert(Installation).values(key=_mark(name), value={}, at=func.clock_timestamp()).on_conflict_do_nothing()
    )
    last = select(func.max(Installation.at)).where(Installation.key.startswith(f"{name} ")).scalar_subquery()
    missed = Installation.at < func.clock_timestamp() - STARTS_IN
    return session.scalar(select(func.coalesce(last, Installation.at)).where(Installation.key == _mark(name), missed))


def _absent(session: Session, name: str, since: datetime, now: datetime) -> None:
    key = _key(name)
    told = exists().where(Alert.organization_id == Organization.id, Alert.cause == key, Alert.closed_at.is_(None))
    code = f"{name}.absent"
    facts = {"since": f"{since:%H:%M} UTC on {since.day} {since:%B}"}
    for organization_id in session.scalars(select(Organization.id).where(~told)).all():
        cause = Cause(key, code, who_acts(code), facts=facts, lasting=True)
        alerts.open_alert(session, organization_id, cause, now=now)


def _back(session: Session, name: str, now: datetime) -> None:
    open_here = select(Alert.organization_id).where(Alert.cause == _key(name), Alert.closed_at.is_(None))
    for organization_id in session.scalars(open_here).all():
        alerts.close_cause(session, organization_id, _key(name), now=now)


def _key(name: str) -> str:
    return f"installation:{name}"


# -- syncs -----------------------------------------------------------------------------------------------------


def overdue(session: Session, now: datetime) -> int:
    """Says of every sync that is a whole interval late that it is, whatever the cause, in one incident. Returns how many are new.

    Each leaves it with its next good run, or when it waits for somebody: then an alert of its own says for whom.
    """
    _not_late_any_more(session, now)
    late = session.scalars(
        select(Sync)
        .where(timing.overdue(now), ~_told_overdue())
        .order_by(Sync.id)
        .limit(AT_A_TIME)
        .with_for_update(of=Sync, skip_locked=True, key_share=True)
    ).all()
    acts = who_acts(alerts.OVERDUE)
    for organization_id in sorted({sync.organization_id for sync in late}):
        ids = [sync.id for sync in late if sync.organization_id == organization_id]
        cause = Cause(OVERDUE_KEY, alerts.OVERDUE, acts, lasting=True)
        alerts.open_alert(session, organization_id, cause, now=now, sync_ids=ids)
    return len(late)


def _not_late_any_more(session: Session, now: datetime) -> None:
    waits = and_(Sync.status == Status.FAILED.value, Sync.detail.not_in([Detail.TRYING_AGAIN, Detail.HELD]))
    told = session.scalars(
        select(Sync)
        .where(or_(waits, Sync.overdue_at.is_(None)), _told_overdue())
        .with_for_update(of=Sync, skip_locked=True, key_share=True)
    ).all()
    for sync in told:
        alerts.forget_sync(session, sync, now=now, code=alerts.OVERDUE)


def lapsing(session: Session, now: datetime) -> int:
    """Says of every sync whose oldest member is close to being forgotten by the channel that it is, because its runs fail. Returns how many.

    Its next good run renews them and closes that.
    """
    close = session.scalars(
        select(Sync)
        .where(
            Sync.deleted_at.is_(None),
            Sync.status != Status.INACTIVE.value,
            _close(now),
            ~_told(LAPSING),
        )
        .limit(AT_A_TIME)
        .with_for_update(of=Sync, skip_locked=True, key_share=True)
    ).all()
    for sync in close:
        left = (sync.oldest_sent_at or now) + (CHANNELS[sync.channel].capabilities.forgets_after or timedelta()) - now
        cause = cause_of(sync, Trouble(LAPSING, {"days": f"{max(left.days, 0)}"}), lasting=True)
        alerts.open_alert(session, sync.organization_id, cause, now=now, sync_ids=[sync.id])
    return len(close)


def _close(now: datetime) -> ColumnElement[bool]:
    forgetting = {name: entry.capabilities.forgets_after for name, entry in CHANNELS.items()}
    return or_(
        false(),
        *(
            and_(Sync.channel == name, Sync.oldest_sent_at < now - close_after(after))
            for name, after in forgetting.items()
            if after is not None
        ),
    )


def _told_overdue() -> ColumnElement[bool]:
    """Whether the open incident names the sync: found from the few that it names, because the scheduler looks every second."""
    named = select(AlertSync.sync_id).join(Alert, Alert.id == AlertSync.alert_id)
    return Sync.id.in_(named.where(Alert.cause == OVERDUE_KEY, Alert.closed_at.is_(None)))


def _told(code: str) -> ColumnElement[bool]:
    key = func.concat("sync:", Sync.id, f":{code}")
    return exists().where(Alert.organization_id == Sync.organization_id, Alert.cause == key, Alert.closed_at.is_(None))
