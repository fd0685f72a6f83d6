"""The members of a segment as one statement: the same one counts, shows a sample and feeds a run. Every value is bound."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any, cast

import psycopg
from sqlalchemy import ColumnElement, Select, and_, case, false, func, select
from sqlalchemy.orm import Session, aliased

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


def regions(segments: Sequence[Segment], now: datetime, names: Names) -> Select[int, int]:
    """How many are in which of these segments, all of one workspace and of one kind of members, none of a warehouse.

    `which` is the sum of 1 for the first segment, 2 for the second, 4 for the third, and 0 for whoever is in none. One walk through
    everybody, which asks each the same expressions by which the segments are counted and sent.
    """
    first = segments[0]
    table = Company if first.members == "companies" else Contact
    scope = Scope.of(first, now, names)
    inside: list[ColumnElement[bool]] = []
    lists: list[tuple[Any, ColumnElement[bool]]] = []
    for each in segments:
        if each.kind == SegmentKind.LIST:
            listed = aliased(SegmentMember)
            lists.append((listed, and_(listed.segment_id == each.id, listed.member_id == table.id)))
            inside.append(listed.member_id.is_not(None))
        else:
            inside.append(of_group(read(each.rules), replace(scope, inside=(each.id,))))
    places = [case((told, 1 << place), else_=0) for place, told in enumerate(inside)]
    everybody = select(sum(places[1:], places[0]).label("which")).select_from(joined(scope))
    for listed, on_it in lists:
        everybody = everybody.outerjoin(listed, on_it)
    which = everybody.where(table.workspace_id == first.workspace_id).subquery().c.which
    return select(which, func.count()).group_by(which)


def as_sql(query: Select[*tuple[Any, ...]], session: Session) -> str:
    """The statement with its values in it, quoted by the driver: for readers that take no parameters.

    Raises psycopg.DataError for a value that PostgreSQL cannot hold, such as NUL.
    """
    compiled = query.compile(dialect=session.get_bind().dialect, compile_kwargs={"render_postcompile": True})
    raw = cast("psycopg.Connection[Any]", session.connection().connection.dbapi_connection)
    return str(psycopg.ClientCursor(raw).mogrify(str(compiled), compiled.params))
