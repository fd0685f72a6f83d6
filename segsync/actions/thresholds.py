"""From when on removals are held and sizes are said, for the organization and for one sync. Setting them is in `threshold_changes`."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy.orm import Session

from segsync.models import Organization, Sync
from segsync.rules.removals import Thresholds


@dataclass(frozen=True)
class InForce:
    """What holds for a sync."""

    hold: Thresholds
    unusual_percent: int


def of_sync(session: Session, sync: Sync) -> InForce:
    """The sync's own, else the organization's."""
    usual = session.get_one(Organization, sync.organization_id)
    percent = usual.hold_percent if sync.hold_percent is None else sync.hold_percent
    count = usual.hold_count if sync.hold_count is None else sync.hold_count
    unusual = usual.unusual_percent if sync.unusual_percent is None else sync.unusual_percent
    return InForce(Thresholds(percent, count), unusual)
