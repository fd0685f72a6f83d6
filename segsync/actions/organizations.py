"""Organizations: what only the operator does, on the command line. Callers commit."""

from __future__ import annotations

from typing import Final

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from segsync.actions import limits
from segsync.actions.actor import Actor, Refused
from segsync.actions.audit import Subject, record
from segsync.actions.people import NewPerson, add, clean_name, subject
from segsync.clock import utc_now
from segsync.models import Organization
from segsync.rules.terms import Role

HIGHEST_LIMIT: Final = 1_000_000


def create(session: Session, name: str, limit: int, admin: NewPerson, operator: str) -> Organization:
    """A new organization with its first Primary Administrator. Raises Refused."""
    name = clean_name(name)
    if session.scalar(select(Organization.id).where(func.lower(Organization.name) == name.lower())):
        raise Refused(f"There is an organization named {name} already.", field="name")
    organization = Organization(name=name, contracted_limit=_clean_limit(limit))
    session.add(organization)
    session.flush()
    actor = Actor.command_line(organization, operator)
    record(session, actor, "organization.create", _subject(organization), change=({}, {"contracted_limit": limit}))
    person = add(session, organization.id, admin, Role.PRIMARY_ADMIN)
    record(session, actor, "person.create", subject(person), change=({}, {"role": person.role}))
    return organization


def set_limit(session: Session, organization: Organization, limit: int, operator: str) -> Organization:
    """Another contracted limit. Below what is used it stops nothing, and allows nothing new. Raises Refused."""
    session.refresh(organization, with_for_update={"key_share": True})
    before, organization.contracted_limit = organization.contracted_limit, _clean_limit(limit)
    record(
        session,
        Actor.command_line(organization, operator),
        "organization.limit",
        _subject(organization),
        change=({"contracted_limit": before}, {"contracted_limit": limit}),
    )
    limits.tell(session, organization.id, now=utc_now())
    return organization


def find(session: Session, name_or_id: str = "") -> Organization:
    """By name or number; without either, the only one there is. Raises Refused."""
    if not name_or_id:
        found = session.scalars(select(Organization).limit(2)).all()
        if len(found) == 1:
            return found[0]
        raise Refused(
            "There are several organizations: name one with --org."
            if found
            else "There is no organization yet: make one with `segsync org create`."
        )
    matches = func.lower(Organization.name) == name_or_id.lower()
    if name_or_id.isdecimal() and len(name_or_id) < 19:  # noqa: PLR2004 - more digits fit no id
        matches = matches | (Organization.id == int(name_or_id))
    organization = session.scalar(select(Organization).where(matches).order_by(Organization.id).limit(1))
    if organization is None:
        raise Refused(f"There is no organization {name_or_id}.")
    return organization


def _clean_limit(limit: int) -> int:
    if not 0 <= limit <= HIGHEST_LIMIT:
        raise Refused(f"The limit is a number from 0 to {HIGHEST_LIMIT:,}.", field="limit")
    return limit


def _subject(organization: Organization) -> Subject:
    return Subject("organization", organization.id, organization.name)
