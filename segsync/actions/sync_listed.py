"""A sync as the list shows it: plain values, as a page of fifty objects of the database takes twice as long to read."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple


class Listed(NamedTuple):
    """Columns of a sync under their own names, and after them the names of what it points at."""

    id: int
    public_id: str
    channel: str
    account_name: str
    status: str
    detail: str
    problem_code: str | None
    members_held: int
    in_step_since: datetime | None
    next_run_at: datetime | None
    overdue_at: datetime | None
    by_hand: bool
    off_at: datetime | None
    stale_since: datetime | None
    audience_state: str
    audience_seen_at: datetime | None
    deleted_at: datetime | None
    creator_id: int
    owner_id: int
    segment: str
    creator: str
    owner: str


COLUMNS = Listed._fields[: Listed._fields.index("segment")]
