"""Alerts: one open incident per cause, counted, closed by itself when the cause is gone."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from sqlalchemy import delete, func, select, text, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from segsync.models import Alert, AlertSync, Sync
from segsync.rules.terms import Acts

NOT_DISPROVED: Final = (
    "signin.soon",
    "person.deactivated",
    "audience.too_small",
    "audience.flagged",
    "audience.closed",
    "audience.expired",
    "removal.waits",
    "sync.overdue",
)
"""What a run that ends well does not end for others: these end with their own cause, as the next look at it tells."""
OVERDUE: Final = "sync.overdue"
"""One incident for all syncs that are late; each leaves it by itself."""


@dataclass(frozen=True)
class Cause:
    """Why an alert is open. `key` tells one incident from another; facts hold ids, names of things and counts only."""

    key: str
    code: str
    acts: Acts
    person_id: int | None = None
    channel: str | None = None
    integration_id: int | None = None
    account_id: str | None = None
    facts: dict[str, str] = field(default_factory=dict)
    raw: str = ""
    reference: str = ""
    lasting: bool = False
    """A state rather than an event: that it is seen again is not counted."""


def open_alert(
    session: Session,
    organization_id: int,
    cause: Cause,
    *,
    now: datetime,
    sync_ids: Iterable[int] = (),
    run_id: int | None = None,
) -> int:
    """Opens the incident of this cause, or counts it once more where it is open, and names the syncs. Returns its id."""
    values = {
        "organization_id": organization_id,
        "cause": cause.key,
        "code": cause.code,
        "acts": cause.acts.value,
        "person_id": cause.person_id,
        "channel": cause.channel,
        "integration_id": cause.integration_id,
        "account_id": cause.account_id,
        "facts": cause.facts,
        "raw": cause.raw,
        "reference": cause.reference,
        "opened_at": now,
        "seen_at": now,
    }
    news = {"code", "acts", "person_id", "facts", "raw", "reference", "seen_at"}
    statement = (
        insert(Alert)
        .values(**values)
        .on_conflict_do_update(
            index_elements=["organization_id", "cause"],
            index_where=text("closed_at is null"),
            set_={name: values[name] for name in news} | {"times": Alert.times + (0 if cause.lasting else 1)},
        )
        .returning(Alert.id)
    )
    alert_id = session.execute(statement).scalar_one()
    rows = [{"alert_id": alert_id, "sync_id": sync_id, "run_id": run_id} for sync_id in sync_ids]
    if rows:
        session.execute(insert(AlertSync).values(rows).on_conflict_do_nothing())
    return alert_id


def close_cause(session: Session, organization_id: int, key: str, *, now: datetime) -> list[int]:
    """Closes the open incident of this cause. Returns the ids of the syncs it concerned; empty where none was open."""
    closed = session.execute(
        update(Alert)
        .where(Alert.organization_id == organization_id, Alert.cause == key, Alert.closed_at.is_(None))
        .values(closed_at=now)
        .returning(Alert.id)
    ).scalars()
    return list(session.scalars(select(AlertSync.sync_id).where(AlertSync.alert_id.in_(list(closed)))))


def sync_is_well(session: Session, sync: Sync, *, now: datetime, keep: Iterable[str] = ()) -> list[int]:
    """Closes every open incident that this sync proves to be over, but those whose code is in `keep`.

    Returns the other syncs that waited for the same causes.
    """
    alerts = session.scalars(
        select(Alert)
        .join(AlertSync, AlertSync.alert_id == Alert.id)
        .where(AlertSync.sync_id == sync.id, Alert.closed_at.is_(None), Alert.code.not_in([*NOT_DISPROVED, *keep]))
        .with_for_update(of=Alert)
    ).all()
    for alert in alerts:
        alert.closed_at = now
    forget_sync(session, sync, now=now, code=OVERDUE)
    ids = [alert.id for alert in alerts]
    waiting = select(AlertSync.sync_id).where(AlertSync.alert_id.in_(ids), AlertSync.sync_id != sync.id)
    return list(session.scalars(waiting.distinct()))


def forget_sync(session: Session, sync: Sync, *, now: datetime, code: str = "") -> None:
    """Takes a sync that was switched off or deleted out of the open incidents; one that concerns no other is closed.

    With a `code`, a sync for which only that is over, and only out of these incidents.
    """
    mine = select(AlertSync.alert_id).where(AlertSync.sync_id == sync.id)
    wanted = select(Alert.id).where(Alert.id.in_(mine), Alert.closed_at.is_(None)).order_by(Alert.id)
    # locked, so that of two syncs which leave at once the second sees that it is the last
    ids = list(session.scalars((wanted.where(Alert.code == code) if code else wanted).with_for_update()))
    if not ids:
        return
    shared = (
        select(AlertSync.alert_id)
        .where(AlertSync.alert_id.in_(ids))
        .group_by(AlertSync.alert_id)
        .having(func.count() > 1)
    )
    shared_ids = list(session.scalars(shared))
    session.execute(delete(AlertSync).where(AlertSync.sync_id == sync.id, AlertSync.alert_id.in_(shared_ids)))
    session.execute(update(Alert).where(Alert.id.in_([i for i in ids if i not in shared_ids])).values(closed_at=now))
