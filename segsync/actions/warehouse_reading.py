"""What is asked of a warehouse: a look at a segment's columns and figures, and a run's members. For workers only."""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import adbc_driver_postgresql.dbapi as adbc
import pyarrow as pa
from sqlalchemy import ARRAY, ColumnElement, Select, Text, case, cast, func, literal, or_, select, union_all
from sqlalchemy.orm import InstrumentedAttribute, Session, joinedload

from connectors.contract import Capabilities, Kind
from connectors.registry import CHANNELS
from segsync.actions import erased
from segsync.actions.trouble import Trouble
from segsync.actions.warehouse_connections import offered
from segsync.audience import filters, warehouse_figures
from segsync.audience.engines import ENGINES, Engine
from segsync.audience.exclusions import in_force, known_by, mailbox_of
from segsync.audience.sources import EXCLUDED, NO_CONSENT, NOT_SUBSCRIBED
from segsync.audience.warehouse_members import Making, Wanted
from segsync.audience.warehouse_readers import NOT_OURS, Limits, WarehouseProblem
from segsync.audience.warehouses import Warehouse, opened
from segsync.models import (
    Contact,
    Exclusion,
    Organization,
    Segment,
    SegmentSize,
    WarehouseConnection,
    WarehouseSource,
    Workspace,
)
from segsync.rules import warehouse_urls
from segsync.rules.terms import Consent, Subscription
from segsync.rules.warehouse_forms import Columns, Meaning, kept
from segsync.rules.warehouse_queries import NotARead, checked
from segsync.rules.warehouse_urls import Address
from segsync.runtime import Runtime

SAMPLE: Final = 5
MOST_COLUMNS: Final = 200
LONGEST_CELL: Final = 200
LOOK_SECONDS: Final = 120
BY_HASH: Final = ("email", "phone", "domain")
"""Kinds of entries of exclusion lists that members from elsewhere are known by."""
TEST_SECONDS: Final = 60


@dataclass(frozen=True)
class Asked:
    """A segment's source, read at the start: no transaction is open while a warehouse works."""

    segment: Segment
    source: WarehouseSource
    organization: Organization

    @property
    def engine(self) -> Engine:
        """Where it is asked."""
        return ENGINES[self.source.connection.engine]

    @property
    def columns(self) -> Columns | None:
        """Which column is what, once somebody said so."""
        return kept(self.source.mapping)

    @property
    def query(self) -> str:
        """The statement, checked once more. Raises WarehouseProblem."""
        try:
            return checked(self.source.query, warehouse_urls.ENGINES[self.engine.name].grammar)
        except NotARead:
            raise WarehouseProblem("warehouse.query") from None

    def meaning(self, capabilities: Capabilities) -> Meaning:
        """What unknown consent means for a channel."""
        organization = self.organization
        return Meaning(
            organization.unknown_subscription_counts, organization.unknown_consent_counts, capabilities.consents
        )


def asked(session: Session, segment_id: int) -> Asked:
    """What a segment reads."""
    segment = session.get_one(Segment, segment_id)
    source = session.get_one(WarehouseSource, segment_id, options=[joinedload(WarehouseSource.connection)])
    return Asked(segment, source, session.get_one(Organization, segment.organization_id))


def trouble_of(problem: WarehouseProblem, about: Asked) -> Trouble:
    """A warehouse's problem as a run or a page tells it."""
    connection = about.source.connection
    facts = {"warehouse": connection.name, "engine": about.engine.label, **problem.facts}
    if problem.code in _OF_CONNECTION:
        facts["connection"] = str(connection.id)
    return Trouble(problem.code, facts, problem.raw)


_OF_CONNECTION: Final = frozenset(
    {"warehouse.unreachable", "warehouse.signin", "warehouse.off_limits", "warehouse.not_offered"}
)


def test(runtime: Runtime, connection_id: int) -> Mapping[str, Any]:
    """Reaches a warehouse and asks it for one row, and writes a table where a schema is named; what came of it is kept with the time."""
    with runtime.sessions() as session:
        connection = session.get_one(WarehouseConnection, connection_id)
    problem: WarehouseProblem | None = None
    try:
        address, within = address_of(runtime, connection), limits(runtime, seconds=TEST_SECONDS)
        with opened(address, within) as warehouse:
            warehouse.schema("select 1 as answer")
        if connection.schema_name:
            _test_schema(address, within, connection.schema_name)
    except WarehouseProblem as found:
        problem = found
    with runtime.sessions.begin() as session:
        row = session.get(WarehouseConnection, connection_id, with_for_update=True)
        if row is not None and (row.url_sealed, row.schema_name) == (connection.url_sealed, connection.schema_name):
            row.tested_at = runtime.clock()
            row.problem_code = problem.code if problem else None
            row.problem_raw = problem.raw if problem else ""
    return {"problem": problem.code if problem else ""}


def _test_schema(address: Address, within: Limits, schema: str) -> None:
    """Does there what a run does: a table of the connection, one that stays, and taking it away. Raises WarehouseProblem."""
    with opened(address, within, writing=True) as warehouse:
        name = f"segsync_test_{secrets.token_hex(4)}"
        warehouse.put("segsync_tried", pa.table({"answer": pa.array([1], pa.int64())}))
        warehouse.tables(schema)
        warehouse.keep(schema, name, "select answer from segsync_tried")
        try:
            found = warehouse.rows(
                f"select cast(answer as {warehouse.engine.text}) as answer from {warehouse.place(schema, name)}"
            )
        finally:
            warehouse.drop(schema, name)
    if found.to_pylist() != [{"answer": "1"}]:
        raise WarehouseProblem(NOT_OURS)


def limits(runtime: Runtime, keep: Callable[[], object] = lambda: None, *, seconds: float = 0) -> Limits:
    """What the operator allows."""
    settings = runtime.settings
    return Limits(
        hosts=settings.warehouse_hosts.split(),
        folders=settings.warehouse_folders.split(),
        seconds=seconds or settings.warehouse_seconds,
        engines=offered(),
        keep=keep,
    )


def address_of(runtime: Runtime, connection: WarehouseConnection) -> Address:
    """Where a warehouse is and how to sign in there."""
    return warehouse_urls.read(runtime.vault.open(connection.url_sealed))


# -- a look ----------------------------------------------------------------------------------------------------


def look(runtime: Runtime, segment_id: int) -> Mapping[str, Any]:
    """Reads columns, a few rows and the figures of a segment, and keeps them with the time. What goes wrong is kept instead."""
    with runtime.sessions() as session:
        about = asked(session, segment_id)
    found: dict[str, Any] = {}
    trouble: Trouble | None = None
    try:
        with opened(address_of(runtime, about.source.connection), limits(runtime, seconds=LOOK_SECONDS)) as warehouse:
            _look(warehouse, about, found)
    except WarehouseProblem as problem:
        trouble = trouble_of(problem, about)
    with runtime.sessions.begin() as session:
        source = session.get_one(WarehouseSource, segment_id, with_for_update=True)
        if (source.query, source.connection_id) == (about.source.query, about.source.connection_id):
            _keep(runtime, session, source, found, trouble)
    return {"problem": trouble.code if trouble else ""}


def _look(warehouse: Warehouse, about: Asked, found: dict[str, Any]) -> None:
    engine, query = about.engine, about.query
    types = warehouse.schema(query)
    found["columns"] = list(types.items())[:MOST_COLUMNS]
    texts = ", ".join(f"cast({engine.named(name)} as {engine.text})" for name, _ in found["columns"])
    rows = warehouse.rows(f"select {texts} from ({query}) as asked limit {SAMPLE}")
    cells = [column.to_pylist() for column in rows.columns]
    found["sample"] = [
        [None if cell is None else cell[:LONGEST_CELL] for cell in row] for row in zip(*cells, strict=True)
    ]
    columns = about.columns
    if columns is None:
        found["members"] = int(
            warehouse.rows(f"select cast(count(*) as {engine.text}) from ({query}) as asked")[0][0].as_py()
        )
        return
    check_types(about, types)
    channels = {
        name: (channel.capabilities, about.meaning(channel.capabilities))
        for name, channel in CHANNELS.items()
        if Kind.PEOPLE in channel.capabilities.shapes
    }
    figures = warehouse.rows(warehouse_figures.sql(engine, query, columns, channels))
    found["figures"] = {name: int(count) for name, count in figures.to_pylist()[0].items()}
    found["members"] = found["figures"]["members"]


def check_types(about: Asked, types: Mapping[str, str]) -> None:
    """Raises WarehouseProblem for a mapped column that is gone or has another type than when it was mapped."""
    for name, before in about.source.types.items():
        if name not in types:
            raise WarehouseProblem("warehouse.column_gone", column=name)
        if types[name] != before:
            raise WarehouseProblem("warehouse.type_changed", column=name, before=before, now=types[name])


def _keep(
    runtime: Runtime, session: Session, source: WarehouseSource, found: Mapping[str, Any], trouble: Trouble | None
) -> None:
    now = runtime.clock()
    source.looked_at = now
    source.problem_code = trouble.code if trouble else None
    source.problem_facts = dict(trouble.facts) if trouble else {}
    source.problem_raw = trouble.raw if trouble else ""
    if "sample" in found:
        source.columns = [list(column) for column in found["columns"]]
        source.sample_sealed = runtime.vault.seal(json.dumps(found["sample"]))
    segment = session.get_one(Segment, source.segment_id)
    segment.refreshed_at = now
    if trouble is None:
        source.figures = found.get("figures", {})
        segment.size = found["members"]
        session.add(SegmentSize(segment_id=segment.id, at=now, size=found["members"]))


# -- the members of a run --------------------------------------------------------------------------------------


def secret_of(runtime: Runtime, segment: Segment) -> str:
    """What goes before members of a segment when they are digested: of this segment alone, since its warehouse may see it."""
    return runtime.vault.keyed_digest("warehouse members", str(segment.id))


def making(runtime: Runtime, about: Asked, capabilities: Capabilities, basis: str) -> Making:
    """How members are made of a segment's cells for a channel. Raises WarehouseProblem where nobody said yet which column is what."""
    columns = about.columns
    if columns is None:
        raise WarehouseProblem("warehouse.column_gone")
    return Making(
        wanted=Wanted(columns, capabilities.shapes[Kind.PEOPLE].fields),
        meaning=about.meaning(capabilities),
        secret=secret_of(runtime, about.segment),
        today=runtime.clock().date(),
        basis=basis,
    )


def kept_out(
    runtime: Runtime, segment: Segment, capabilities: Capabilities, *, of: Sequence[str] | None = None
) -> pa.Table:
    """`digest` (SHA-256) of e-mails, phones and domains whose owners are not sent, with `why`, each once; `of` these alone, if given.

    Those of contacts of the organization who opted out, or of the workspace who denied a consent, those of people who were erased, and those whom the organization's exclusion
    lists name, in whatever way.
    """
    with runtime.sessions() as session:
        every = union_all(
            *_said_no(segment, capabilities), *_listed(runtime, session, segment, capabilities)
        ).subquery()
        digest = cast(every.c.digest, Text).label("digest")
        once = select(digest, func.min(every.c.why).label("why")).where(digest.is_not(None)).group_by(every.c.digest)
        once = once if of is None else once.where(digest.in_(of))
        sql = filters.as_sql(once, session)
    with adbc.connect(runtime.database_uri) as connection, connection.cursor() as cursor:
        cursor.execute(sql)
        return cursor.fetch_arrow_table()


def _said_no(segment: Segment, capabilities: Capabilities) -> list[Select[Any, Any]]:
    """Contacts who said so themselves."""
    denied = or_(
        literal(False),
        *[getattr(Contact, name) == Consent.DENIED.value for name in capabilities.consents],
    )
    no = Contact.subscription == Subscription.NO.value
    ours = select(Workspace.id).where(Workspace.organization_id == segment.organization_id)
    here = Contact.workspace_id == segment.workspace_id
    why = case((no, NOT_SUBSCRIBED), else_=NO_CONSENT)
    return [
        select(_digest(column), why.label("why")).where(
            Contact.workspace_id.in_(ours), column.is_not(None), or_(no, here & denied)
        )
        for column in (mailbox_of(Contact.email), Contact.phone)
    ]


def _listed(runtime: Runtime, session: Session, segment: Segment, capabilities: Capabilities) -> list[Select[Any, Any]]:
    """Whom exclusion lists name, in whatever way, and who was erased."""
    now, listed = runtime.clock(), literal(EXCLUDED).label("why")
    force = in_force(segment.organization_id, capabilities.name, now)
    parts: list[Select[Any, Any]] = [select(_digest(Exclusion.value), listed).where(force, Exclusion.kind.in_(BY_HASH))]
    others = known_by(
        session, segment, capabilities.name, now=now, names=lambda number: session.get_one(Segment, number)
    )
    parts += [select(_digest(column), listed) for one in others for column in one.subquery().c]
    gone = erased.hashes(session, runtime.vault, segment.organization_id)
    if gone:
        hashed = func.unnest(cast(gone, ARRAY(Text))).column_valued("digest")
        parts.append(select(hashed, literal(NOT_SUBSCRIBED).label("why")))
    return parts


def _digest(column: ColumnElement[Any] | InstrumentedAttribute[Any]) -> Any:
    return func.encode(func.sha256(func.convert_to(column, "UTF8")), "hex").label("digest")
