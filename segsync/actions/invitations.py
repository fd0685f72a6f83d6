"""Invitations by link: a secret that works once, for 14 days. Only its digest is kept. Callers commit."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import ColumnElement, func, select, update
from sqlalchemy.orm import Session

from segsync.actions.actor import Actor, NotThere, Refused
from segsync.actions.audit import Subject, record
from segsync.actions.people import NewPerson, add, clean_email, clean_name, subject
from segsync.models import Invitation, Person, Workspace, WorkspacePerson
from segsync.rules.rights import Right
from segsync.rules.terms import Role

VALID_FOR: Final = timedelta(days=14)


@dataclass(frozen=True)
class Invited:
    """Whom an administrator wants in. `workspace_ids` matter for roles that do not see all workspaces."""

    email: str
    name: str
    role: Role
    workspace_ids: tuple[int, ...] = ()


def invite(session: Session, actor: Actor, invited: Invited, at: datetime) -> tuple[Invitation, str]:
    """The invitation, and the secret of its link, which nobody can read again. Replaces an open one. Raises Refused."""
    actor.need(Right.EDIT_PEOPLE)
    email = clean_email(invited.email)
    if session.scalar(select(Person.id).where(func.lower(Person.email) == email.lower())):
        raise Refused("Somebody with this e-mail address is here already.", field="email")
    _workspaces(session, actor.organization_id, invited.workspace_ids)
    session.execute(
        update(Invitation)
        .where(
            Invitation.organization_id == actor.organization_id,
            func.lower(Invitation.email) == email.lower(),
            *_open(at),
        )
        .values(withdrawn_at=at)
    )
    token = secrets.token_urlsafe(32)
    invitation = Invitation(
        organization_id=actor.organization_id,
        email=email,
        name=clean_name(invited.name),
        role=invited.role.value,
        workspace_ids=list(invited.workspace_ids),
        token_digest=_digest(token),
        invited_by=actor.person_id,
        expires_at=at + VALID_FOR,
        created_at=at,
    )
    session.add(invitation)
    session.flush()
    record(session, actor, "person.invite", _subject(invitation), change=({}, {"role": invited.role.value}))
    return invitation, token


def pending(session: Session, actor: Actor, at: datetime) -> Sequence[Invitation]:
    """Invitations of the organization that can still be accepted, newest first."""
    actor.need(Right.SEE_PEOPLE)
    return session.scalars(
        select(Invitation)
        .where(Invitation.organization_id == actor.organization_id, *_open(at))
        .order_by(Invitation.id.desc())
    ).all()


def withdraw(session: Session, actor: Actor, invitation_id: int, at: datetime) -> None:
    """The link works no more. Raises Refused."""
    actor.need(Right.EDIT_PEOPLE)
    invitation = session.get(Invitation, invitation_id, with_for_update=True)
    if invitation is None or invitation.organization_id != actor.organization_id:
        raise NotThere("There is no such invitation.")
    if invitation.accepted_at is not None:
        raise Refused("This invitation was accepted already. Deactivate the person instead.")
    if invitation.withdrawn_at is None:
        invitation.withdrawn_at = at
        record(session, actor, "person.invitation_withdrawn", _subject(invitation))


def find(session: Session, token: str, at: datetime) -> Invitation:
    """The invitation behind a link. Raises Refused with why it cannot be used."""
    invitation = session.scalar(select(Invitation).where(Invitation.token_digest == _digest(token)))
    if invitation is None:
        raise Refused("This link is not a valid invitation. Check that it was copied whole.")
    if invitation.accepted_at is not None:
        raise Refused("This invitation was used already. Sign in instead.")
    if invitation.withdrawn_at is not None or invitation.expires_at <= at:
        raise Refused("This invitation is no longer valid. Ask your administrator for a new one.")
    return invitation


def accept(session: Session, token: str, name: str, password: str, at: datetime) -> Person:
    """Makes the invited person. Works once, however many times at once it is tried. Raises Refused."""
    invitation = find(session, token, at)
    taken = session.execute(
        update(Invitation)
        .where(Invitation.id == invitation.id, *_open(at))
        .values(accepted_at=at)
        .returning(Invitation.id)
    ).scalar()
    if taken is None:
        raise Refused("This invitation was used already. Sign in instead.")
    person = add(
        session, invitation.organization_id, NewPerson(invitation.email, name, password), Role(invitation.role)
    )
    for workspace_id in _workspaces(session, invitation.organization_id, invitation.workspace_ids):
        session.add(WorkspacePerson(workspace_id=workspace_id, person_id=person.id))
    session.flush()
    record(session, Actor.person(person), "person.join", subject(person), change=({}, {"role": person.role}))
    return person


def _workspaces(session: Session, organization_id: int, ids: Sequence[int]) -> list[int]:
    found = set(
        session.scalars(select(Workspace.id).where(Workspace.organization_id == organization_id, Workspace.id.in_(ids)))
    )
    if missing := set(ids) - found:
        raise Refused(f"There is no workspace {min(missing)} in this organization.", field="workspaces")
    return sorted(found)


def _open(at: datetime) -> tuple[ColumnElement[bool], ...]:
    return Invitation.accepted_at.is_(None), Invitation.withdrawn_at.is_(None), Invitation.expires_at > at


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


def _subject(invitation: Invitation) -> Subject:
    return Subject("invitation", invitation.id, invitation.name)
