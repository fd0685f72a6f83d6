"""Setting from when on removals are held and sizes are said: by administrators, audited. Callers commit."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Final

from sqlalchemy.orm import Session

from segsync.actions.actor import Actor, Refused
from segsync.actions.audit import Subject, record
from segsync.actions.sync_access import living
from segsync.actions.syncs import subject
from segsync.models import Organization, Sync
from segsync.rules.rights import Right

LIMITS: Final = {"hold_percent": (1, 100), "hold_count": (1, 1_000_000_000), "unusual_percent": (1, 1000)}
"""The smallest and the largest value of each."""


@dataclass(frozen=True)
class Given:
    """What was set; None, for a sync only, where the organization's holds."""

    hold_percent: int | None
    hold_count: int | None
    unusual_percent: int | None


def of(row: Organization | Sync) -> Given:
    """What is set there."""
    return Given(row.hold_percent, row.hold_count, row.unusual_percent)


def change(session: Session, actor: Actor, given: Given) -> Organization:
    """Sets those of the organization. Every run goes by them from now on. Raises NotAllowed or Refused."""
    actor.need(Right.HOLD_REMOVALS)
    for name, number in asdict(given).items():
        if number is None:
            raise Refused("Give a number.", field=name)
    organization = session.get_one(Organization, actor.organization_id, with_for_update={"key_share": True})
    about = Subject("organization", organization.id, organization.name)
    _set(session, actor, organization, given, ("organization.thresholds", about))
    return organization


def change_sync(session: Session, actor: Actor, public_id: str, given: Given) -> Sync:
    """Sets those of one sync. Raises NotAllowed or Refused."""
    actor.need(Right.HOLD_REMOVALS)
    sync = living(session, actor, public_id)
    _set(session, actor, sync, given, ("sync.thresholds", subject(sync)))
    return sync


def _set(session: Session, actor: Actor, row: Organization | Sync, given: Given, event: tuple[str, Subject]) -> None:
    for name, number in asdict(given).items():
        low, high = LIMITS[name]
        if number is not None and not low <= number <= high:
            raise Refused(f"Give a whole number from {low:,} to {high:,}.", field=name)
    before = of(row)
    if before == given:
        return
    for name, number in asdict(given).items():
        setattr(row, name, number)
    record(session, actor, event[0], event[1], change=(asdict(before), asdict(given)))
