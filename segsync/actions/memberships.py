"""Which segments a contact or company is in, asked of the same rules that runs go by."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from sqlalchemy import exists, func, select
from sqlalchemy.orm import Session

from segsync.audience import filters
from segsync.models import Contact, Segment

MOST: Final = 50
"""Segments looked at; each is one question to the database."""


def of_contact(session: Session, contact: Contact, now: datetime) -> Sequence[Segment]:
    """The segments of people that the contact is in now, by name."""
    looked_at = session.scalars(
        select(Segment)
        .where(Segment.workspace_id == contact.workspace_id, Segment.members == "people", Segment.deleted_at.is_(None))
        .order_by(func.lower(Segment.name), Segment.id)
        .limit(MOST)
    ).all()
    return [segment for segment in looked_at if _holds(session, segment, contact, now)]


def _holds(session: Session, segment: Segment, contact: Contact, now: datetime) -> bool:
    members = filters.member_ids(segment, now, lambda number: session.get_one(Segment, number)).subquery()
    return bool(session.scalar(select(exists().where(members.c.id == contact.id))))
