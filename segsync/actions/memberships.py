"""Which segments a contact or company is in, asked of the same rules that runs go by."""

from __future__ import annotations

from collections.abc import MutableMapping, Sequence
from datetime import datetime
from typing import Final

from sqlalchemy import exists, func, select
from sqlalchemy.orm import Session

from connectors.contract import Kind
from segsync.audience import filters
from segsync.audience.conditions import Gone
from segsync.models import Contact, Segment

MOST: Final = 50
"""Segments looked at; each is one question to the database."""


def of_contact(
    session: Session, contact: Contact, now: datetime, known: MutableMapping[int, bool] | None = None
) -> Sequence[Segment]:
    """The segments of people that the contact is in now, by name. `known` says, by id, what was found out before, and learns the rest."""
    known = {} if known is None else known
    looked_at = session.scalars(
        select(Segment)
        .where(Segment.workspace_id == contact.workspace_id, Segment.members == "people", Segment.deleted_at.is_(None))
        .order_by(func.lower(Segment.name), Segment.id)
        .limit(MOST)
    ).all()
    return [segment for segment in looked_at if holds(session, segment, contact, now, known)]


def holds(
    session: Session, segment: Segment, contact: Contact, now: datetime, known: MutableMapping[int, bool]
) -> bool:
    """Whether a segment means the contact now; one of companies, whether it means where they work. Each is asked once.

    A segment whose rules cannot be worked out means nobody: a run says so, and stops.
    """
    if segment.id not in known:
        chosen = filters.members_as_people if segment.members == Kind.COMPANIES else filters.member_ids
        try:
            members = chosen(segment, now, lambda number: session.get_one(Segment, number)).subquery()
            known[segment.id] = bool(session.scalar(select(exists().where(members.c.id == contact.id))))
        except Gone:
            known[segment.id] = False
    return known[segment.id]
