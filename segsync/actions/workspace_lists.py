"""Workspaces with how much is in each."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from segsync.actions.actor import Actor
from segsync.actions.limits import holds_a_place
from segsync.models import Person, Segment, Sync, Workspace, WorkspacePerson


@dataclass(frozen=True)
class Counts:
    """People with a membership of their own, segments, and syncs that are switched on."""

    people: int = 0
    segments: int = 0
    syncs: int = 0


def counts(session: Session, actor: Actor) -> dict[int, Counts]:
    """How much is in each workspace of the organization: one query, whatever their number."""
    people = (
        select(func.count())
        .select_from(WorkspacePerson)
        .join(Person, Person.id == WorkspacePerson.person_id)
        .where(WorkspacePerson.workspace_id == Workspace.id, Person.deactivated_at.is_(None))
    )
    segments = select(func.count()).where(Segment.workspace_id == Workspace.id, Segment.deleted_at.is_(None))
    syncs = select(func.count()).where(Sync.workspace_id == Workspace.id, holds_a_place())
    rows = session.execute(
        select(Workspace.id, people.scalar_subquery(), segments.scalar_subquery(), syncs.scalar_subquery()).where(
            Workspace.organization_id == actor.organization_id
        )
    )
    return {workspace_id: Counts(*found) for workspace_id, *found in rows}
