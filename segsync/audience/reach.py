"""Whom a channel can be sent of a segment, counted in the database before anything is started."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, and_, false, func, or_, select
from sqlalchemy.orm import Session

from connectors.contract import Capabilities, Key, Kind
from segsync.audience import filters
from segsync.audience.sources import EXCLUDED, MAY_BE_SENT, NO_CONSENT, NOT_SUBSCRIBED, bar, kind_for
from segsync.models import Company, Contact, Segment


@dataclass(frozen=True)
class Reach:
    """Members of a segment as a channel would take them now: each member is counted once."""

    kind: Kind
    members: int
    usable: int
    """May be sent, and have an identifier that the channel takes."""
    no_identifier: int
    not_subscribed: int
    no_consent: int
    excluded: int
    keys: dict[str, int]
    """Of the usable ones, how many have each identifier."""

    @property
    def percent(self) -> int:
        """Usable ones of all members, rounded down: never 100 while somebody is left out."""
        return self.usable * 100 // self.members if self.members else 0


def reach(
    session: Session,
    segment: Segment,
    capabilities: Capabilities,
    *,
    now: datetime,
    names: Callable[[int], Segment],
) -> Reach:
    """Counts in one statement. Companies reach a channel without a company shape as the people who work there."""
    kind = kind_for(capabilities, segment)
    table: type[Contact | Company] = Company if kind is Kind.COMPANIES else Contact
    as_people = segment.members == Kind.COMPANIES and kind is Kind.PEOPLE
    chosen = (filters.members_as_people if as_people else filters.member_ids)(segment, now, names).subquery()
    against = bar(session, table, segment, capabilities, now=now, names=names)
    kept_out = against.excluded.joined()
    why_not = against.why_not(kept_out)
    keys = capabilities.shapes[kind].keys
    asked = select(why_not.label("why_not"), *(_has(table, key).label(f"has {key.name}") for key in keys))
    asked = asked.join_from(table, chosen, chosen.c.id == table.id)
    if kept_out is not None:
        asked = asked.outerjoin(kept_out, kept_out.c.id == table.id)
    one = asked.subquery()
    present = {key.name: one.c[f"has {key.name}"] for key in keys}
    usable = and_(one.c.why_not == MAY_BE_SENT, or_(false(), *present.values()))
    query = select(
        func.count(),
        func.count().filter(usable),
        *(func.count().filter(one.c.why_not == reason) for reason in (NOT_SUBSCRIBED, NO_CONSENT, EXCLUDED)),
        *(func.count().filter(and_(usable, has)) for has in present.values()),
    ).select_from(one)
    members, can, unsubscribed, unconsented, kept, *by_key = map(int, session.execute(query).one())
    return Reach(
        kind=kind,
        members=members,
        usable=can,
        no_identifier=members - can - unsubscribed - unconsented - kept,
        not_subscribed=unsubscribed,
        no_consent=unconsented,
        excluded=kept,
        keys=dict(zip(present, by_key, strict=True)),
    )


def _has(table: type[Contact | Company], key: Key) -> ColumnElement[bool]:
    return and_(*(getattr(table, field).is_not(None) for field in key.made_of))
