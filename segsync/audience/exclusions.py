"""The organization's exclusion lists as conditions: which members are on one, set by set.

Entries are looked up by the index of the table, or by a hash of the whole list where that is small; the members of an excluded segment
are joined, window by window. Where a list has nothing of a kind, nothing is asked.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, ScalarSelect, Select, Subquery, case, exists, func, or_, select, union
from sqlalchemy.orm import InstrumentedAttribute, Session

from segsync.audience import filters
from segsync.audience.conditions import Names
from segsync.models import Company, Contact, Exclusion, Segment
from segsync.rules.cleaning_email import GMAIL
from segsync.rules.free_mail import FREE_MAIL


def in_force(organization_id: int, channel: str, now: datetime) -> ColumnElement[bool]:
    """The entries that count at a channel now. Their `kind` and `value` are what members from elsewhere are matched by, hashed or not."""
    return (
        (Exclusion.organization_id == organization_id)
        & Exclusion.channel.in_(["", channel])
        & or_(Exclusion.ends_at.is_(None), Exclusion.ends_at > now)
    )


@dataclass(frozen=True)
class Excluded:
    """Who is on a list: a condition over the entries, and the ids of the members of excluded segments, to be joined."""

    entry: ColumnElement[bool] | None = None
    members: Select[int] | None = None

    def joined(self, low: int = -1, high: int | ScalarSelect[int] | None = None) -> Subquery | None:
        """The members of excluded segments with ids above `low`, up to `high` where that is given, each once."""
        if self.members is None:
            return None
        inner = self.members.subquery()
        wanted = select(inner.c.id).where(inner.c.id > low)
        return (wanted if high is None else wanted.where(inner.c.id <= high)).distinct().subquery()


def excluded(
    session: Session, table: type[Contact | Company], segment: Segment, channel: str, *, now: datetime, names: Names
) -> Excluded:
    """Whom of a segment's workspace the lists name at this channel."""
    force = in_force(segment.organization_id, channel, now)
    kinds = set(session.scalars(select(Exclusion.kind).where(force).distinct()))
    columns = _CONTACT if table is Contact else _COMPANY
    entries = [
        exists().where(force, Exclusion.kind == kind, Exclusion.value == column)
        for kind, column in columns
        if kind in kinds
    ]
    if table is Contact:
        entries += [
            exists().where(Company.id == Contact.company_id, force, Exclusion.kind == kind, Exclusion.value == column)
            for kind, column in _COMPANY
            if kind in kinds
        ]
    return Excluded(
        entry=or_(*entries) if entries else None,
        members=_of_segments(session, table, segment, force, now=now, names=names) if "segment" in kinds else None,
    )


def mailbox_of(address: ColumnElement[Any] | InstrumentedAttribute[Any]) -> ColumnElement[str]:
    """`rules.cleaning_email.mailbox` of a column. An entry of a list stands in that form."""
    local, host = func.split_part(address, "@", 1), func.split_part(address, "@", 2)
    bare = func.replace(func.split_part(local, "+", 1), ".", "")
    return case(((host.in_(GMAIL)) & (bare != ""), bare + "@" + host), else_=address)


def company_name(name: ColumnElement[Any] | InstrumentedAttribute[Any]) -> ColumnElement[str]:
    """A company's name as it is compared: small, by the database alone, whose letters are not those of Python."""
    return func.lower(name)


def known_by(
    session: Session, segment: Segment, channel: str, *, now: datetime, names: Names
) -> Sequence[Select[str | None]]:
    """What members from elsewhere are known by whom the lists name by company or segment.

    E-mails and phones of contacts here who work there or are members; and the domain of the company itself, unless it is one of a
    free mailbox, where others have theirs too.
    """
    force = in_force(segment.organization_id, channel, now)
    kinds = set(session.scalars(select(Exclusion.kind).where(force).distinct()))
    companies, people = [], []
    if "company" in kinds:
        named = exists().where(force, Exclusion.kind == "company", Exclusion.value == company_name(Company.name))
        companies.append(select(Company.id).where(Company.workspace_id == segment.workspace_id, named))
    if "segment" in kinds:
        asked = [_of_segments(session, each, segment, force, now=now, names=names) for each in (Company, Contact)]
        companies += [one for one in asked[:1] if one is not None]
        people += [one for one in asked[1:] if one is not None]
    people += [select(Contact.id).where(Contact.company_id.in_(one)) for one in companies]
    domain, mine = Company.company_domain, Contact.workspace_id == segment.workspace_id
    domains = [select(domain).where(Company.id.in_(one), domain.not_in(FREE_MAIL)) for one in companies]
    return domains + [
        select(column).where(mine, Contact.id.in_(one), column.is_not(None))
        for one in people
        for column in (mailbox_of(Contact.email), Contact.phone)
    ]


_CONTACT = (
    ("email", mailbox_of(Contact.email)),
    ("phone", Contact.phone),
    ("domain", func.split_part(Contact.email, "@", 2)),
    ("domain", Contact.company_domain),
)
_COMPANY = (("domain", Company.company_domain), ("company", company_name(Company.name)))


def _of_segments(
    session: Session,
    table: type[Contact | Company],
    segment: Segment,
    force: ColumnElement[bool],
    *,
    now: datetime,
    names: Names,
) -> Select[int] | None:
    """Ids in excluded segments of the same workspace; at a segment of companies, also those who work there."""
    there: Sequence[Segment] = session.scalars(
        select(Segment)
        .join(Exclusion, Exclusion.segment_id == Segment.id)
        .where(force, Segment.workspace_id == segment.workspace_id)
    ).all()
    pieces = []
    for each in there:
        if table is Contact and each.members == "companies":
            pieces.append(select(filters.members_as_people(each, now, names).subquery().c.id))
        elif (table is Contact) == (each.members == "people"):
            pieces.append(select(filters.member_ids(each, now, names).subquery().c.id))
    if not pieces:
        return None
    return select(union(*pieces).subquery().c.id)
