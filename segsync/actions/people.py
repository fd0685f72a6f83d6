"""People: who they are, what they may do, and whether they may sign in. Callers commit."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from argon2 import PasswordHasher
from sqlalchemy import func, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from segsync.actions import browser_sessions
from segsync.actions.actor import Actor, NotThere, Refused
from segsync.actions.audit import Subject, record
from segsync.models import Organization, Person
from segsync.rules.rights import Right
from segsync.rules.terms import Role

HASHER: Final = PasswordHasher()
SHORTEST_PASSWORD: Final = 10
LONGEST_PASSWORD: Final = 1000
ADDRESS: Final = re.compile(r"[^@\s]+@[^@\s.]+(\.[^@\s.]+)+")


@dataclass(frozen=True)
class NewPerson:
    """Somebody who will sign in with an e-mail and a password of at least 10 characters."""

    email: str
    name: str
    password: str = field(repr=False)


def create(session: Session, actor: Actor, new: NewPerson, role: Role) -> Person:
    """Adds a person to the actor's organization. Raises Refused."""
    actor.need(Right.EDIT_PEOPLE)
    person = add(session, actor.organization_id, new, role)
    record(session, actor, "person.create", subject(person), change=({}, {"role": role.value}))
    return person


def add(session: Session, organization_id: int, new: NewPerson, role: Role) -> Person:
    """The row of a new person, without asking for rights and without a line in the audit trail. Raises Refused."""
    person = Person(
        organization_id=organization_id,
        email=clean_email(new.email),
        name=clean_name(new.name),
        role=role.value,
        password_hash=hash_password(new.password),
    )
    try:
        with session.begin_nested():
            session.add(person)
    except IntegrityError:
        raise Refused("Somebody with this e-mail address is here already.", field="email") from None
    return person


def everybody(session: Session, actor: Actor) -> Sequence[Person]:
    """The people of the organization, by name, the deactivated last."""
    actor.need(Right.SEE_PEOPLE)
    return session.scalars(
        select(Person)
        .where(Person.organization_id == actor.organization_id)
        .order_by(Person.deactivated_at.is_not(None), func.lower(Person.name), Person.id)
    ).all()


def find(session: Session, actor: Actor, person_id: int) -> Person:
    """A person of the actor's organization. Raises Refused."""
    person = session.get(Person, person_id)
    if person is None or person.organization_id != actor.organization_id:
        raise NotThere("There is no such person in this organization.")
    return person


def change_role(session: Session, actor: Actor, person_id: int, role: Role) -> Person:
    """Gives a person another role. One Primary Administrator must stay. Raises Refused."""
    actor.need(Right.EDIT_PEOPLE)
    _lock(session, actor)
    person = find(session, actor, person_id)
    before = person.role
    if before == role.value:
        return person
    if before == Role.PRIMARY_ADMIN:
        _another_primary(session, person)
    person.role = role.value
    record(session, actor, "person.role", subject(person), change=({"role": before}, {"role": role.value}))
    return person


def deactivate(session: Session, actor: Actor, person_id: int, at: datetime) -> Person:
    """Ends all sessions of a person and lets them sign in no more. One Primary Administrator must stay. Raises Refused."""
    actor.need(Right.EDIT_PEOPLE)
    _lock(session, actor)
    person = find(session, actor, person_id)
    if person.deactivated_at is not None:
        return person
    if person.role == Role.PRIMARY_ADMIN:
        _another_primary(session, person)
    person.deactivated_at = at
    browser_sessions.end_all(session, person.id, at)
    record(session, actor, "person.deactivate", subject(person), change=({"active": True}, {"active": False}))
    return person


def reactivate(session: Session, actor: Actor, person_id: int) -> Person:
    """Lets a person sign in again. Raises Refused."""
    actor.need(Right.EDIT_PEOPLE)
    _lock(session, actor)
    person = find(session, actor, person_id)
    if person.deactivated_at is None:
        return person
    person.deactivated_at = None
    record(session, actor, "person.reactivate", subject(person), change=({"active": False}, {"active": True}))
    return person


def set_password(session: Session, actor: Actor, person_id: int, password: str, at: datetime) -> Person:
    """A new password, one's own or as the operator; every session of the person ends. Raises Refused."""
    if actor.person_id != person_id:
        actor.need(Right.EDIT_PEOPLE)
    person = find(session, actor, person_id)
    person.password_hash = hash_password(password)
    browser_sessions.end_all(session, person.id, at)
    record(session, actor, "person.password", subject(person))
    return person


def subject(person: Person) -> Subject:
    """A person as the audit trail names them."""
    return Subject("person", person.id, person.name)


def hash_password(password: str) -> str:
    """By argon2. Raises Refused for a password that is too short."""
    if len(password) < SHORTEST_PASSWORD:
        raise Refused(f"Use at least {SHORTEST_PASSWORD} characters.", field="password")
    if len(password) > LONGEST_PASSWORD:
        raise Refused(f"Use at most {LONGEST_PASSWORD} characters.", field="password")
    return HASHER.hash(password)


def clean_email(text: str) -> str:
    """A sign-in address as it is kept. Raises Refused."""
    address = text.strip()
    if not ADDRESS.fullmatch(address) or len(address) > 254 or "\x00" in address:  # noqa: PLR2004 - the longest address there can be
        raise Refused("This is not an e-mail address.", field="email")
    return address


def clean_name(text: str) -> str:
    """A name as it is kept. Raises Refused."""
    name = " ".join(text.replace("\x00", "").split())
    if not name:
        raise Refused("A name is needed.", field="name")
    if len(name) > 100:  # noqa: PLR2004 - as the message says
        raise Refused("Use at most 100 characters.", field="name")
    return name


def _lock(session: Session, actor: Actor) -> None:
    """Two administrators who demote each other at once must not both succeed."""
    session.execute(select(Organization.id).where(Organization.id == actor.organization_id).with_for_update())
    session.expire_all()


def _another_primary(session: Session, person: Person) -> None:
    others = session.scalar(
        select(func.count())
        .select_from(Person)
        .where(
            Person.organization_id == person.organization_id,
            Person.role == Role.PRIMARY_ADMIN.value,
            Person.deactivated_at.is_(None),
            Person.id != person.id,
        )
    )
    if not others:
        raise Refused(f"{person.name} is the only Primary Administrator. Make somebody else one first.", field="role")
