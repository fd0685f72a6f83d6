"""The members of a segment as one statement: the same one counts, shows a sample and feeds a run. Every value is bound."""

from __future__ import annotations

from datetime import datetime
from typing import Any, cast

import psycopg
from sqlalchemy import Select, false, select
from sqlalchemy.orm import Session

from segsync.audience.conditions import Names, Scope, joined, of_group
from segsync.models import Company, Contact, Segment, SegmentMember
from segsync.rules.segment_rules import read
from segsync.rules.terms import SegmentKind


def member_ids(segment: Segment, now: datetime, names: Names) -> Select[int, int]:
    """`id` and `change_no` of the members, unordered. `names` gives the segments that the rules ask for."""
    table = Company if segment.members == "companies" else Contact
    wanted = select(table.id, table.change_no).where(table.workspace_id == segment.workspace_id)
    if segment.kind == SegmentKind.WAREHOUSE:
        return wanted.where(false())  # its members are no contacts
    if segment.kind == SegmentKind.LIST:
        listed = SegmentMember.member_id == table.id
        return wanted.join(SegmentMember, listed).where(SegmentMember.segment_id == segment.id)
    scope = Scope.of(segment, now, names)
    condition = of_group(read(segment.rules), scope)
    return wanted.select_from(joined(scope)).where(condition)


def members_as_people(segment: Segment, now: datetime, names: Names) -> Select[int, int]:
    """The contacts who work at the members: for channels that do not take companies as such."""
    companies = member_ids(segment, now, names).subquery()
    return (
        select(Contact.id, Contact.change_no)
        .join(companies, companies.c.id == Contact.company_id)
        .where(Contact.workspace_id == segment.workspace_id)
    )


def as_sql(query: Select[*tuple[Any, ...]], session: Session) -> str:
    """The statement with its values in it, quoted by the driver: for readers that take no parameters.

    Raises psycopg.DataError for a value that PostgreSQL cannot hold, such as NUL.
    """
    compiled = query.compile(dialect=session.get_bind().dialect, compile_kwargs={"render_postcompile": True})
    raw = cast("psycopg.Connection[Any]", session.connection().connection.dbapi_connection)
    return str(psycopg.ClientCursor(raw).mogrify(str(compiled), compiled.params))
