"""Segments whose members are read in a warehouse: the query, and which of its columns are what. Callers commit."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.orm import Session

from segsync.actions import segments, warehouse_connections
from segsync.actions.actor import Actor, NotThere, Refused
from segsync.actions.audit import record
from segsync.models import Segment, WarehouseConnection, WarehouseSource, Workspace
from segsync.rules import warehouse_forms
from segsync.rules.rights import Right
from segsync.rules.terms import SegmentKind
from segsync.rules.warehouse_forms import BadMapping, Columns
from segsync.rules.warehouse_queries import NotARead, checked
from segsync.rules.warehouse_urls import ENGINES


@dataclass(frozen=True)
class Given:
    """What somebody enters: a name, the connection, and a table or one SELECT."""

    name: str
    connection_id: int
    query: str


def create(session: Session, actor: Actor, workspace: Workspace, given: Given, *, now: datetime) -> Segment:
    """A segment of people in a warehouse. Then it is looked at, and somebody says which column is what. Raises Refused."""
    actor.need(Right.EDIT_DATA)
    connection = _connection(session, actor, given.connection_id)
    _readable(connection, given.query)
    segment = segments.create(
        session, actor, workspace, segments.Draft(given.name, kind=SegmentKind.WAREHOUSE), now=now
    )
    source = WarehouseSource(segment_id=segment.id, connection_id=connection.id, query=given.query.strip())
    session.add(source)
    session.flush()
    return segment


def change(
    session: Session, actor: Actor, workspace: Workspace, segment_id: int, given: Given, *, now: datetime
) -> Segment:
    """Another name, connection or query. The mapping stays: a run fails where it no longer fits. Raises Refused."""
    actor.need(Right.EDIT_DATA)
    source = source_of(session, segments.living(session, workspace, segment_id))
    connection = _connection(session, actor, given.connection_id)
    _readable(connection, given.query)
    segment = segments.change(session, actor, workspace, segment_id, segments.Draft(given.name), now=now)
    after = (connection.id, given.query.strip())
    if (source.connection_id, source.query) != after:
        source.connection_id, source.query = after
        _meant_anew(session, actor, segment, source, {"warehouse": connection.name, "asks": "another query"}, now)
    return segment


def say_columns(
    session: Session,
    actor: Actor,
    workspace: Workspace,
    segment_id: int,
    said: tuple[Mapping[str, str], Mapping[str, str]],
    *,
    now: datetime,
) -> Columns:
    """Which column is what: `said` are the target of each column, and the form that is declared of it. Raises Refused."""
    actor.need(Right.EDIT_DATA)
    segment = segments.living(session, workspace, segment_id)
    source = source_of(session, segment)
    types = dict(source.columns)
    try:
        columns = warehouse_forms.mapped(list(types), *said)
    except BadMapping as bad:
        raise Refused(str(bad), field=bad.column) from None
    after = (columns.as_json(), {name: types[name] for name in columns.columns})
    if (source.mapping, source.types) != after:
        source.mapping, source.types = after
        told = dict((columns.fields | columns.consents).items())
        _meant_anew(session, actor, segment, source, {"key": list(columns.keys), "columns": told}, now)
    return columns


def _meant_anew(
    session: Session,
    actor: Actor,
    segment: Segment,
    source: WarehouseSource,
    facts: Mapping[str, object],
    now: datetime,
) -> None:
    source.figures, source.problem_code = {}, None
    segment.version += 1
    segment.refreshed_at = None
    segment.updated_by, segment.updated_at = actor.person_id, now
    session.flush()
    record(session, actor, "segment.change", segments.subject(segment), change=({}, dict(facts)))


def source_of(session: Session, segment: Segment) -> WarehouseSource:
    """What a warehouse segment reads. Raises Refused for a segment of another kind."""
    source = session.get(WarehouseSource, segment.id)
    if source is None:
        raise NotThere("This segment is not read in a warehouse.")
    return source


def _connection(session: Session, actor: Actor, connection_id: int) -> WarehouseConnection:
    try:
        return warehouse_connections.find(session, actor, connection_id)
    except Refused:
        raise Refused("Choose a warehouse.", field="connection") from None


def _readable(connection: WarehouseConnection, query: str) -> None:
    try:
        checked(query, ENGINES[connection.engine].grammar)
    except NotARead as no:
        raise Refused(str(no), field="query") from None
