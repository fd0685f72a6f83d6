"""What is asked of a warehouse: a look at a segment's columns and figures, and a run's members. For workers only."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import adbc_driver_postgresql.dbapi as adbc
import pyarrow as pa
from sqlalchemy import ColumnElement, Text, case, cast, func, literal, or_, select, union_all
from sqlalchemy.orm import InstrumentedAttribute, Session, joinedload

from connectors.contract import Capabilities, Kind
from connectors.registry import CHANNELS
from segsync.actions.trouble import Trouble, TroubleFound
from segsync.actions.warehouse_connections import offered
from segsync.audience import filters, warehouse_figures
from segsync.audience.engines import ENGINES, Engine
from segsync.audience.exclusions import in_force, mailbox_of
from segsync.audience.sources import EXCLUDED, NO_CONSENT, NOT_SUBSCRIBED
from segsync.audience.warehouse_stage import Stage, Wanted, stage
from segsync.audience.warehouses import Limits, Warehouse, WarehouseProblem, opened
from segsync.models import Contact, Exclusion, Organization, Segment, SegmentSize, WarehouseConnection, WarehouseSource
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
    """Reaches a warehouse and asks it for one row; what came of it is kept with the time."""
    with runtime.sessions() as session:
        connection = session.get_one(WarehouseConnection, connection_id)
    problem: WarehouseProblem | None = None
    try:
        with opened(address_of(runtime, connection), limits(runtime, seconds=TEST_SECONDS)) as warehouse:
            warehouse.schema("select 1 as answer")
    except WarehouseProblem as found:
        problem = found
    with runtime.sessions.begin() as session:
        row = session.get(WarehouseConnection, connection_id, with_for_update=True)
        if row is not None and row.url_sealed == connection.url_sealed:
            row.tested_at = runtime.clock()
            row.problem_code = problem.code if problem else None
            row.problem_raw = problem.raw if problem else ""
    return {"problem": problem.code if problem else ""}


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


@dataclass
class WarehouseMembers:
    """The members of a run, asked for when the first of them is needed. See `audience.sources.Source`."""

    in_one_go = True
    """What was laid down is there only as long as this is open: it is read to its end."""

    lay: Callable[[], Stage]
    _stage: Stage | None = field(default=None, init=False)

    @property
    def unclean(self) -> Mapping[str, int]:
        """Cells left out, by field."""
        return self._stage.unclean if self._stage else {}

    def window(self, low: int, rows: int) -> pa.Table:
        """See Source."""
        return self._laid().window(low, rows)

    def values(self, low: int, high: int, ids: pa.Array | None) -> pa.Table:
        """See Source."""
        return self._laid().values(low, high, ids)

    def _laid(self) -> Stage:
        if self._stage is None:
            self._stage = self.lay()
        return self._stage


@contextmanager
def members(
    runtime: Runtime, segment_id: int, capabilities: Capabilities, keep: Callable[[], object]
) -> Iterator[WarehouseMembers]:
    """A segment's members as its warehouse has them now. Reading them raises TroubleFound, and then nothing was read."""
    with runtime.sessions() as session:
        about = asked(session, segment_id)
    with ExitStack() as stack:

        def lay() -> Stage:
            try:
                return _laid(runtime, about, capabilities, keep, stack)
            except WarehouseProblem as problem:
                raise TroubleFound(trouble_of(problem, about)) from None

        yield WarehouseMembers(lay)


def _laid(
    runtime: Runtime, about: Asked, capabilities: Capabilities, keep: Callable[[], object], stack: ExitStack
) -> Stage:
    columns = about.columns
    if columns is None:
        raise WarehouseProblem("warehouse.column_gone")
    out = kept_out(runtime, about.segment, capabilities)
    wanted = Wanted(columns, capabilities.shapes[Kind.PEOPLE].fields)
    spill: Path = runtime.settings.data / "spill"
    laid = stack.enter_context(stage(spill, wanted, runtime.vault.digest_secret()))
    with opened(address_of(runtime, about.source.connection), limits(runtime, keep)) as warehouse:
        check_types(about, warehouse.schema(about.query))
        rows = warehouse.stream(wanted.sql(about.engine, about.query))
        laid.lay(rows, about.meaning(capabilities), out)
    return laid


def kept_out(runtime: Runtime, segment: Segment, capabilities: Capabilities) -> pa.Table:
    """`digest` (SHA-256) of e-mails, phones and domains whose owners are not sent, with `why`, each once.

    Those of contacts of the workspace who opted out, and those on the organization's exclusion lists.
    """
    denied = or_(
        literal(False),
        *[getattr(Contact, name) == Consent.DENIED.value for name in capabilities.consents],
    )
    no = Contact.subscription == Subscription.NO.value
    why = case((no, NOT_SUBSCRIBED), else_=NO_CONSENT)
    parts = [
        select(
            func.encode(func.sha256(func.convert_to(column, "UTF8")), "hex").label("digest"), why.label("why")
        ).where(Contact.workspace_id == segment.workspace_id, column.is_not(None), or_(no, denied))
        for column in (mailbox_of(Contact.email), Contact.phone)
    ]
    force = in_force(segment.organization_id, capabilities.name, runtime.clock())
    lists = select(_digest(Exclusion.value), literal(EXCLUDED).label("why")).where(force, Exclusion.kind.in_(BY_HASH))
    every = union_all(*parts, lists).subquery()
    once = select(cast(every.c.digest, Text).label("digest"), func.min(every.c.why).label("why")).group_by(
        every.c.digest
    )
    with runtime.sessions() as session:
        sql = filters.as_sql(once, session)
    with adbc.connect(runtime.database_uri) as connection, connection.cursor() as cursor:
        cursor.execute(sql)
        return cursor.fetch_arrow_table()


def _digest(column: ColumnElement[Any] | InstrumentedAttribute[Any]) -> Any:
    return func.encode(func.sha256(func.convert_to(column, "UTF8")), "hex").label("digest")
