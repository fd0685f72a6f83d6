"""Lists of alerts: those that wait for somebody, and all that are open."""

from __future__ import annotations

from sqlalchemy import ColumnElement, and_, false, func, or_, select
from sqlalchemy.orm import Session

from segsync.models import Alert, Person
from segsync.rules.terms import Acts, Role


def waits_for(person: Person) -> ColumnElement[bool]:
    """Whether an open alert waits for this person: named as the one to act, or as one of the administrators."""
    role = Role(person.role)
    if role is Role.VIEW_ONLY:
        return false()
    mine = and_(Alert.person_id == person.id, Alert.acts != Acts.NOBODY)
    # the operator is no person of ours: an administrator has to reach them
    administrators = and_(role.administers, Alert.acts.in_([Acts.ADMIN, Acts.OPERATOR]))  # type: ignore[arg-type]
    return and_(Alert.organization_id == person.organization_id, Alert.closed_at.is_(None), or_(mine, administrators))


def count_waiting(session: Session, person: Person) -> int:
    """How many open alerts wait for this person."""
    return session.scalar(select(func.count()).select_from(Alert).where(waits_for(person))) or 0
