"""The audit trail: one line per thing that somebody did. The database refuses to change or delete a line."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy.orm import Session

from segsync.actions.actor import Actor
from segsync.models import AuditEvent


@dataclass(frozen=True)
class Subject:
    """What an event is about: its kind ('sync', 'segment', 'person', …), id and name as people know it."""

    kind: str
    id: int | None
    name: str
    sync_public_id: str | None = None


def record(
    session: Session,
    actor: Actor,
    event: str,
    subject: Subject,
    *,
    change: tuple[Mapping[str, Any], Mapping[str, Any]] = ({}, {}),
    reason: str = "",
) -> None:
    """Writes an event in the caller's transaction. `event` is like 'sync.off'; `change` is (before, after), ids and plain values only."""
    session.add(
        AuditEvent(
            organization_id=actor.organization_id,
            actor_kind=actor.kind,
            actor_id=actor.person_id,
            actor_name=actor.name,
            event=event,
            subject_kind=subject.kind,
            subject_id=subject.id,
            subject_name=subject.name,
            sync_public_id=subject.sync_public_id,
            before=dict(change[0]),
            after=dict(change[1]),
            reason=reason,
            request_id=actor.request_id,
            run_id=actor.run_id,
        )
    )
