"""The status of a sync, and every move between statuses recorded."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy.orm import Session

from segsync.models import StatusMove, Sync
from segsync.rules.terms import Detail, Status


def move(
    session: Session,
    sync: Sync,
    status: Status,
    *,
    now: datetime,
    detail: Detail = Detail.NONE,
    run_id: int | None = None,
) -> None:
    """Gives the sync this status and detail, and records the move where anything changes. `now` is aware UTC."""
    if (sync.status, sync.detail) == (status.value, detail.value):
        return
    session.add(
        StatusMove(sync_id=sync.id, run_id=run_id, at=now, before=sync.status, after=status.value, detail=detail.value)
    )
    if sync.status != status.value:
        sync.status_since = now
    sync.status = status.value
    sync.detail = detail.value
