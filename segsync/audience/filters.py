"""Provisional: static lists only, until rules are here."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

import psycopg
from sqlalchemy import Select, select
from sqlalchemy.dialects import postgresql
from sqlalchemy.orm import Session

from segsync.models import Company, Contact, Segment, SegmentMember


def member_ids(segment: Segment, now: datetime, names: Callable[[int], Segment]) -> Select[int, int]:
    """Members of a list."""
    table = Company if segment.members == "companies" else Contact
    return (
        select(table.id, table.change_no)
        .join(SegmentMember, SegmentMember.member_id == table.id)
        .where(SegmentMember.segment_id == segment.id, table.workspace_id == segment.workspace_id)
    )


def members_as_people(segment: Segment, now: datetime, names: Callable[[int], Segment]) -> Select[int, int]:
    """People who work at the companies of a list."""
    companies = member_ids(segment, now, names).subquery()
    return select(Contact.id, Contact.change_no).where(Contact.company_id.in_(select(companies.c.id)))


def as_sql(query: Select[Any], session: Session) -> str:
    """The statement with its values in it."""
    compiled = query.compile(dialect=postgresql.psycopg.dialect(), compile_kwargs={"render_postcompile": True})
    raw = session.connection().connection.dbapi_connection
    return psycopg.ClientCursor(raw).mogrify(str(compiled), compiled.params)
