"""How many members a segment has: counted in the database by the statement that a run reads."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import func, select, text
from sqlalchemy.orm import Session

from segsync.audience import filters
from segsync.audience.conditions import Names
from segsync.models import Segment

QUICK = ("set local jit = off", "set local work_mem = '32MB'")
"""For one count, compiling the statement takes longer than running it."""


def count(session: Session, segment: Segment, now: datetime, names: Names) -> int:
    """Members now, before consent is looked at."""
    quick(session)
    members = filters.member_ids(segment, now, names).subquery()
    return session.scalar(select(func.count()).select_from(members)) or 0


def quick(session: Session) -> None:
    """Sets the rest of this transaction up for counting over many rows."""
    for setting in QUICK:
        session.execute(text(setting))
