"""Whom a channel can be sent of a segment, counted in the database before anything is started."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, and_, case, false, func, or_, select
from sqlalchemy.orm import Session

from connectors.contract import Capabilities, Key, Kind
from segsync.audience import filters
from segsync.audience.sources import MAY_BE_SENT, NO_CONSENT, NOT_SUBSCRIBED, barred, kind_for
from segsync.models import Company, Contact, Organization, Segment


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
    organization = session.get_one(Organization, segment.organization_id)
    why_not = barred(organization, capabilities.consents) if table is Contact else case((Company.id > 0, MAY_BE_SENT))
    keys = capabilities.shapes[kind].keys
    present = {key.name: _has(table, key) for key in keys}
    usable = and_(why_not == MAY_BE_SENT, or_(false(), *present.values()))
    counts = session.execute(
        select(
            func.count(),
            func.count().filter(usable),
            func.count().filter(why_not == NOT_SUBSCRIBED),
            func.count().filter(why_not == NO_CONSENT),
            *(func.count().filter(and_(usable, has)) for has in present.values()),
        ).join_from(table, chosen, chosen.c.id == table.id)
    ).one()
    members, can, unsubscribed, unconsented, *by_key = (int(count) for count in counts)
    return Reach(
        kind=kind,
        members=members,
        usable=can,
        no_identifier=members - can - unsubscribed - unconsented,
        not_subscribed=unsubscribed,
        no_consent=unconsented,
        keys=dict(zip(present, by_key, strict=True)),
    )


def _has(table: type[Contact | Company], key: Key) -> ColumnElement[bool]:
    return and_(*(getattr(table, field).is_not(None) for field in key.made_of))
