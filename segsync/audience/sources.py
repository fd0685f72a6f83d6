"""Where members come from: windows of a segment read from PostgreSQL as Arrow, in key order."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, ClassVar

import pyarrow as pa
from sqlalchemy import ColumnElement, Select, Subquery, Text, case, cast, func, or_, select
from sqlalchemy.orm import Session

from connectors.contract import Capabilities, Kind
from segsync.audience import filters
from segsync.audience.ahead import Ahead
from segsync.audience.exclusions import Excluded, excluded
from segsync.models import Company, Contact, Organization, Segment

MAY_BE_SENT, NOT_SUBSCRIBED, NO_CONSENT, EXCLUDED = 0, 1, 2, 3
"""Why a member is left out, in the order in which it is asked."""
BARRED = {NOT_SUBSCRIBED: "not_subscribed", NO_CONSENT: "no_consent", EXCLUDED: "excluded"}


def kind_for(capabilities: Capabilities, segment: Segment) -> Kind:
    """What a segment's members are at this channel: companies only where the channel takes companies as such."""
    if segment.members == Kind.COMPANIES and Kind.COMPANIES in capabilities.shapes:
        return Kind.COMPANIES
    return Kind.PEOPLE


def barred(organization: Organization, consents: Sequence[str]) -> ColumnElement[int]:
    """Why a contact may not be sent, as a number of this module; 0 where nothing stands against it."""
    no = Contact.subscription == "no"
    if not organization.unknown_subscription_counts:
        no = Contact.subscription != "yes"
    allowed = ["granted", "unknown"] if organization.unknown_consent_counts else ["granted"]
    refused = or_(False, *[getattr(Contact, name).not_in(allowed) for name in consents])
    return case((no, NOT_SUBSCRIBED), (refused, NO_CONSENT), else_=MAY_BE_SENT)


@dataclass(frozen=True)
class Bar:
    """What stands against members: what they said themselves, then the organization's exclusion lists."""

    said: ColumnElement[int]
    excluded: Excluded

    def why_not(self, kept_out: Subquery | None) -> ColumnElement[int]:
        """Why a member may not be sent. `kept_out` is what `excluded.joined` gave, joined from outside to the member's id."""
        said = self.said
        if self.excluded.entry is not None:
            said = case((said != MAY_BE_SENT, said), (self.excluded.entry, EXCLUDED), else_=MAY_BE_SENT)
        return said if kept_out is None else self.on_a_list(said, kept_out)

    def on_a_list(self, said: ColumnElement[int], kept_out: Subquery) -> ColumnElement[int]:
        """The same, of those of whom it is known already, up to the members of excluded segments."""
        return case((said != MAY_BE_SENT, said), (kept_out.c.id.is_not(None), EXCLUDED), else_=MAY_BE_SENT)


def bar(
    session: Session,
    table: type[Contact | Company],
    segment: Segment,
    capabilities: Capabilities,
    *,
    now: datetime,
    names: Callable[[int], Segment],
) -> Bar:
    """What stands against the members of a segment at a channel, as of `now`.

    No ledger keeps it: an entry that ended lets people in again although nothing of theirs changed.
    """
    organization = session.get_one(Organization, segment.organization_id)
    said = barred(organization, capabilities.consents) if table is Contact else case((Company.id > 0, MAY_BE_SENT))
    return Bar(said, excluded(session, table, segment, capabilities.name, now=now, names=names))


@dataclass(frozen=True)
class Source:
    """The members of one segment as they are meant at `now`.

    `members` selects `id` and `change_no`, unordered; `bar` says who of them may not be sent; `fields` are read as text, with
    every window at once where `everything` will be asked for.
    """

    ahead: Ahead
    session: Session
    members: Select[int, int]
    table: type[Contact | Company]
    bar: Bar
    fields: tuple[str, ...]
    everything: bool = False

    in_one_go: ClassVar[bool] = False
    """Whether it has to be read to its end once it was begun, rather than slice by slice."""
    unclean: ClassVar[Mapping[str, int]] = {}
    """Cells left out, by field: what came through the door is clean."""
    counted: ClassVar[Mapping[str, int]] = {}
    """Members that need not be compared here, by what `compare` would count them as."""
    told: ClassVar[Mapping[str, Any]] = {}
    """What there is to say of how they were read."""

    def window(self, low: int, rows: int) -> pa.Table:
        """Up to `rows` members with keys above `low`: `id`, `change_no`, `barred`, in key order; with `fields` where all are wanted.

        The window after it is read while the caller works on this one.
        """
        members = self.ahead.read(self._window(low, rows))
        if members.num_rows == rows:
            self.ahead.begin(self._window(int(members.column("id")[-1].as_py()), rows))
        return members

    def _window(self, low: int, rows: int) -> str:
        fields = self._texts() if self.everything else []
        entry = self.bar.why_not(None).label("barred")
        chosen = self._members(entry, *fields).where(self.table.id > low).order_by(self.table.id).limit(rows)
        inside = chosen.cte("inside")
        # the end is asked for in the same statement, or each window would look at all that follows of a huge excluded segment
        kept_out = self.bar.excluded.joined(low, select(func.max(inside.c.id)).scalar_subquery())
        if kept_out is None:
            return filters.as_sql(chosen, self.session)
        barred = self.bar.on_a_list(inside.c.barred, kept_out).label("barred")
        columns = [inside.c.id, inside.c.change_no, barred, *(inside.c[name] for name in self.fields if fields)]
        query = select(*columns).outerjoin(kept_out, kept_out.c.id == inside.c.id).order_by(inside.c.id)
        return filters.as_sql(query, self.session)

    def _members(self, *columns: ColumnElement[Any]) -> Select[*tuple[Any, ...]]:
        """The members themselves with more of their columns: a join with the table that they are rows of would read each twice."""
        wanted = (self.table.id, self.table.change_no, *columns)
        return self.members.with_only_columns(*wanted, maintain_column_froms=True)

    def values(self, low: int, high: int, ids: pa.Array | None) -> pa.Table:
        """`id`, `change_no` and the fields of these members; where `ids` is None, of all with keys above `low` up to `high`.

        Both ends stand fast: counted once more, a window would end earlier where somebody has joined meanwhile.
        """
        if ids is None:
            inside = self._members(*self._texts()).where(self.table.id > low, self.table.id <= high)
            return self._read(inside.order_by(self.table.id))
        if len(ids) == 0:
            return self._empty()
        query = select(self.table.id, self.table.change_no, *self._texts()).order_by(self.table.id)
        return self._read(query.where(self.table.id == func.any(ids.to_pylist())))

    def touched(self, _low: int, _high: int) -> None:
        """Nobody has compared before: anybody may be touched."""

    def _read(self, query: Select[*tuple[Any, ...]]) -> pa.Table:
        return self.ahead.read(filters.as_sql(query, self.session))

    def _texts(self) -> Sequence[ColumnElement[str]]:
        return [_as_text(self.table, field).label(field) for field in self.fields]

    def _empty(self) -> pa.Table:
        numbers = [("id", pa.int64()), ("change_no", pa.int64())]
        return pa.schema([*numbers, *[(field, pa.string()) for field in self.fields]]).empty_table()


def source_of(
    reader: Ahead,
    session: Session,
    segment: Segment,
    capabilities: Capabilities,
    *,
    now: datetime,
    names: Callable[[int], Segment],
) -> Source:
    """The source of a sync's members. Companies reach a channel without a company shape as the people who work there."""
    kind = kind_for(capabilities, segment)
    table: type[Contact | Company] = Company if kind is Kind.COMPANIES else Contact
    as_people = segment.members == Kind.COMPANIES and table is Contact
    members = (filters.members_as_people if as_people else filters.member_ids)(segment, now, names)
    against = bar(session, table, segment, capabilities, now=now, names=names)
    return Source(reader, session, members, table, against, capabilities.shapes[kind].fields)


def _as_text(table: type[Contact | Company], field: str) -> ColumnElement[str]:
    column = getattr(table, field)
    return cast(column, Text)
