"""Workspaces: their names, and who belongs to them. Callers commit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from zoneinfo import available_timezones

import phonenumbers
from sqlalchemy import delete, func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from segsync.actions import people
from segsync.actions.actor import Actor, NotThere, Refused
from segsync.actions.audit import Subject, record
from segsync.models import Person, Workspace, WorkspacePerson
from segsync.rules.rights import Right


@dataclass(frozen=True)
class WorkspaceForm:
    """What can be said about a workspace. `country` is where phone numbers without a country code belong."""

    name: str
    country: str = "US"
    time_zone: str = "UTC"


def create(session: Session, actor: Actor, form: WorkspaceForm) -> Workspace:
    """A new, empty workspace. Raises Refused."""
    actor.need(Right.EDIT_PEOPLE)
    workspace = Workspace(organization_id=actor.organization_id, **_clean(form))
    try:
        with session.begin_nested():
            session.add(workspace)
    except IntegrityError:
        raise _taken(form.name) from None
    record(session, actor, "workspace.create", subject(workspace), change=({}, _clean(form)))
    return workspace


def change(session: Session, actor: Actor, workspace_id: int, form: WorkspaceForm) -> Workspace:
    """Another name, country or time zone. Raises Refused."""
    actor.need(Right.EDIT_PEOPLE)
    workspace = find(session, actor, workspace_id)
    before = {"name": workspace.name, "country": workspace.country, "time_zone": workspace.time_zone}
    after = _clean(form)
    if before == after:
        return workspace
    try:
        with session.begin_nested():
            for name, value in after.items():
                setattr(workspace, name, value)
    except IntegrityError:
        raise _taken(form.name) from None
    record(session, actor, "workspace.change", subject(workspace), change=(before, after))
    return workspace


def visible(session: Session, actor: Actor) -> Sequence[Workspace]:
    """Workspaces that the actor belongs to, by name: administrators belong to all."""
    found = select(Workspace).where(Workspace.organization_id == actor.organization_id)
    if actor.role is not None and not actor.role.administers:
        found = found.join(WorkspacePerson).where(WorkspacePerson.person_id == actor.person_id)
    return session.scalars(found.order_by(func.lower(Workspace.name), Workspace.id)).all()


def find(session: Session, actor: Actor, workspace_id: int) -> Workspace:
    """A workspace that the actor belongs to. Raises Refused."""
    for workspace in visible(session, actor):
        if workspace.id == workspace_id:
            return workspace
    raise NotThere("There is no such workspace, or you do not belong to it.")


def members(session: Session, actor: Actor, workspace_id: int) -> Sequence[Person]:
    """People who belong to a workspace by a membership of their own, by name. Raises Refused."""
    workspace = find(session, actor, workspace_id)
    return session.scalars(
        select(Person)
        .join(WorkspacePerson)
        .where(WorkspacePerson.workspace_id == workspace.id)
        .order_by(func.lower(Person.name), Person.id)
    ).all()


def add_person(session: Session, actor: Actor, workspace_id: int, person_id: int) -> None:
    """Lets a person see a workspace; again is no error. Raises Refused."""
    actor.need(Right.EDIT_PEOPLE)
    workspace, person = find(session, actor, workspace_id), people.find(session, actor, person_id)
    statement = insert(WorkspacePerson).values(workspace_id=workspace.id, person_id=person.id)
    if session.execute(statement.on_conflict_do_nothing().returning(WorkspacePerson.person_id)).scalar():
        record(session, actor, "workspace.add_person", subject(workspace), change=({}, _who(person)))


def remove_person(session: Session, actor: Actor, workspace_id: int, person_id: int) -> None:
    """Takes a person out of a workspace; what they made there stays. Raises Refused."""
    actor.need(Right.EDIT_PEOPLE)
    workspace, person = find(session, actor, workspace_id), people.find(session, actor, person_id)
    statement = delete(WorkspacePerson).where(
        WorkspacePerson.workspace_id == workspace.id, WorkspacePerson.person_id == person.id
    )
    if session.execute(statement.returning(WorkspacePerson.person_id)).scalar():
        record(session, actor, "workspace.remove_person", subject(workspace), change=(_who(person), {}))


def subject(workspace: Workspace) -> Subject:
    """A workspace as the audit trail names it."""
    return Subject("workspace", workspace.id, workspace.name)


def _who(person: Person) -> dict[str, int | str]:
    return {"person_id": person.id, "person": person.name}


def _taken(name: str) -> Refused:
    return Refused(f"There is a workspace named {name} already.", field="name")


def _clean(form: WorkspaceForm) -> dict[str, str]:
    country = form.country.strip().upper()
    if country not in phonenumbers.SUPPORTED_REGIONS:
        raise Refused("Give the country by its two letters, for instance US or DE.", field="country")
    if form.time_zone not in available_timezones():
        raise Refused("Give a time zone by its name, for instance Europe/Berlin.", field="time_zone")
    return {"name": people.clean_name(form.name), "country": country, "time_zone": form.time_zone}
