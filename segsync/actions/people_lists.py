"""The people of an organization as a list, and what lives on each of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from sqlalchemy import Select, func, or_, select
from sqlalchemy.orm import Session, joinedload

from segsync.actions.actor import Actor
from segsync.actions.limits import holds_a_place
from segsync.models import Integration, Person, Segment, Sync, Workspace, WorkspacePerson
from segsync.rules.rights import Right
from segsync.rules.terms import Role, SignInState

NAMED: Final = 10


def wanted(actor: Actor, text: str = "", role: str = "") -> Select[Person]:
    """The people, by name, the deactivated last; those whose name or e-mail holds the text. Raises NotAllowed."""
    actor.need(Right.SEE_PEOPLE)
    found = select(Person).where(Person.organization_id == actor.organization_id)
    if text:
        found = found.where(
            or_(Person.name.icontains(text, autoescape=True), Person.email.icontains(text, autoescape=True))
        )
    if role in list(Role):
        found = found.where(Person.role == role, Person.deactivated_at.is_(None))
    return found.order_by(Person.deactivated_at.is_not(None), func.lower(Person.name), Person.id)


def workspaces_of(session: Session, people: Sequence[Person]) -> dict[int, list[Workspace]]:
    """The workspaces that each person belongs to by a membership of their own, by name."""
    rows = session.execute(
        select(WorkspacePerson.person_id, Workspace)
        .join(Workspace, Workspace.id == WorkspacePerson.workspace_id)
        .where(WorkspacePerson.person_id.in_([person.id for person in people]))
        .order_by(func.lower(Workspace.name), Workspace.id)
    )
    found: dict[int, list[Workspace]] = {}
    for person_id, workspace in rows:
        found.setdefault(person_id, []).append(workspace)
    return found


def syncs_on(session: Session, people: Sequence[Person]) -> dict[int, int]:
    """How many syncs that are switched on run on each person's sign-ins."""
    counted = (
        select(Sync.owner_id, func.count())
        .where(Sync.owner_id.in_([person.id for person in people]), holds_a_place())
        .group_by(Sync.owner_id)
    )
    return {person_id: count for person_id, count in session.execute(counted)}  # noqa: C416 - rows are not pairs


@dataclass(frozen=True)
class LivesOn:
    """What would be without its person. `syncs` are the first few of `sync_count`."""

    syncs: Sequence[Sync]
    sync_count: int
    integrations: Sequence[Integration]
    segments: int

    @property
    def nothing(self) -> bool:
        """Whether nothing depends on the person."""
        return not (self.sync_count or self.integrations)


def lives_on(session: Session, actor: Actor, person: Person) -> LivesOn:
    """The syncs that run on the person's sign-ins, the sign-ins, and the segments they made. Raises NotAllowed."""
    actor.need(Right.SEE_PEOPLE)
    theirs = (Sync.owner_id == person.id, Sync.organization_id == actor.organization_id, holds_a_place())
    syncs = session.scalars(
        select(Sync).where(*theirs).options(joinedload(Sync.segment)).order_by(Sync.channel, Sync.id).limit(NAMED)
    ).all()
    alive = (SignInState.CONNECTED, SignInState.RECONNECT, SignInState.PERMISSION)
    integrations = select(Integration).where(Integration.person_id == person.id, Integration.state.in_(alive))
    segments = select(func.count()).where(Segment.created_by == person.id, Segment.deleted_at.is_(None))
    return LivesOn(
        syncs=syncs,
        sync_count=session.scalar(select(func.count()).select_from(Sync).where(*theirs)) or 0,
        integrations=session.scalars(integrations.order_by(Integration.channel)).all(),
        segments=session.scalar(segments) or 0,
    )
