"""What everybody may change about themselves: name and password. Callers commit."""

from __future__ import annotations

from datetime import datetime

from argon2.exceptions import InvalidHashError, VerificationError
from sqlalchemy.orm import Session

from segsync.actions import people
from segsync.actions.actor import Actor, Refused, acting_person
from segsync.actions.audit import record
from segsync.models import Person


def rename(session: Session, actor: Actor, name: str) -> Person:
    """Another name for oneself. Raises Refused."""
    person = acting_person(session, actor)
    before, after = person.name, people.clean_name(name)
    if before != after:
        person.name = after
        record(session, actor, "person.rename", people.subject(person), change=({"name": before}, {"name": after}))
    return person


def change_password(session: Session, actor: Actor, current: str, password: str, at: datetime) -> Person:
    """Another password for oneself; all sessions end, this one too. Raises Refused."""
    person = acting_person(session, actor)
    try:
        people.HASHER.verify(person.password_hash, current[: people.LONGEST_PASSWORD + 1])
    except (VerificationError, InvalidHashError):
        raise Refused("This is not your current password.", field="current") from None
    return people.set_password(session, actor, person.id, password, at)
