"""What probably lies behind many removals: what changed since the last good run of a sync, and by whom."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from datetime import datetime
from typing import Any, Final

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from connectors.registry import CHANNELS
from segsync.actions.decided_by import asked_for
from segsync.audience.sources import BARRED, EXCLUDED
from segsync.models import AuditEvent, ImportJob, Person, Run, Sync
from segsync.rules.terms import ImportState, Purpose, RunState

TRAIL: Final = "trail"
"""In a run's notes: where the audit trail ended when it began to read."""


def end_of_trail(session: Session, organization_id: int) -> int:
    """The newest event of the organization."""
    newest = select(func.max(AuditEvent.id)).where(AuditEvent.organization_id == organization_id)
    return session.scalar(newest) or 0


def last_good_run(session: Session, sync_id: int) -> Run | None:
    """The newest run that sent and ended well."""
    good = select(Run).where(
        Run.sync_id == sync_id, Run.purpose == Purpose.SEND.value, Run.state == RunState.DONE.value
    )
    return session.scalar(good.order_by(Run.id.desc()).limit(1))


def found(session: Session, sync: Sync, run: Run, leaving: int) -> list[dict[str, Any]]:
    """What was found, as `rules.removals.likely` says it. Nothing where no run ended well yet."""
    last = last_good_run(session, sync.id)
    if last is None or "meant_at" not in last.cursor:
        return []
    return [
        *_barred(run, last, leaving),
        *_changed(session, sync, last),
        *_excluded(session, sync, run, last),
        *_imported(session, sync, datetime.fromisoformat(last.cursor["meant_at"])),
    ]


def _barred(run: Run, last: Run, leaving: int) -> Iterator[dict[str, Any]]:
    """Where at least half of those who leave may no longer be sent."""
    more = sum(run.skipped.get(why, 0) - last.skipped.get(why, 0) for why in BARRED.values())
    if more * 2 >= leaving:
        yield {"kind": "consent", "count": more}


def _changed(session: Session, sync: Sync, last: Run) -> Iterator[dict[str, Any]]:
    """Who changed the rules or the list, here or of a segment that is asked for, or what unknown means. The newest of each."""
    since = last.cursor.get(TRAIL)
    if since is None:
        return
    events = session.scalars(
        select(AuditEvent)
        .where(AuditEvent.organization_id == sync.organization_id, AuditEvent.id > since)
        .where(AuditEvent.event.in_(["segment.change", "organization.consent"]))
        .order_by(AuditEvent.id.desc())
    ).all()
    segment_ids, told = asked_for(session, {sync.segment_id}), set()
    for event in events:
        subject = (event.event, event.subject_id)
        if subject in told or not _matters(event, segment_ids):
            continue
        told.add(subject)
        kind = "segment" if event.event == "segment.change" else "consent_rules"
        yield {"kind": kind, "by": event.actor_name, "name": event.subject_name}


def _excluded(session: Session, sync: Sync, run: Run, last: Run) -> Iterator[dict[str, Any]]:
    """Who put how many on the exclusion lists of this channel, where more members are on one than before. The newest of them."""
    word, since = BARRED[EXCLUDED], last.cursor.get(TRAIL)
    if since is None or run.skipped.get(word, 0) <= last.skipped.get(word, 0):
        return
    channels = ["every channel", CHANNELS[sync.channel].capabilities.label]
    event = session.scalar(
        select(AuditEvent)
        .where(AuditEvent.organization_id == sync.organization_id, AuditEvent.id > since)
        .where(AuditEvent.event == "exclusion.add", AuditEvent.after["channel"].astext.in_(channels))
        .order_by(AuditEvent.id.desc())
        .limit(1)
    )
    if event is not None:
        yield {"kind": "excluded", "by": event.actor_name, "name": event.subject_name}


def _matters(event: AuditEvent, segment_ids: Collection[int]) -> bool:
    """A segment that only got another name means the same people."""
    if event.event != "segment.change":
        return True
    renamed = "version" in event.after and event.after["version"] == event.before.get("version")
    return event.subject_id in segment_ids and not renamed


def _imported(session: Session, sync: Sync, since: datetime) -> Iterator[dict[str, Any]]:
    """The newest import that changed anybody."""
    row = session.execute(
        select(ImportJob.file_name, Person.name)
        .outerjoin(Person, Person.id == ImportJob.person_id)
        .where(ImportJob.workspace_id == sync.workspace_id, ImportJob.state == ImportState.DONE.value)
        .where(ImportJob.finished_at > since, ImportJob.rows_created + ImportJob.rows_updated > 0)
        .order_by(ImportJob.finished_at.desc())
        .limit(1)
    ).one_or_none()
    if row is not None:
        yield {"kind": "import", "by": row.name or "Somebody", "name": row.file_name}
