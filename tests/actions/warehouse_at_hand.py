"""A shop's warehouse in a DuckDB file or in PostgreSQL, and a segment that reads it: what tests of warehouse segments begin with."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
from sqlalchemy.orm import Session

from segsync.actions import warehouse_reading
from segsync.models import Run, Segment, Sync, WarehouseConnection, WarehouseSource, Workspace
from segsync.rules.terms import SegmentKind
from segsync.rules.warehouse_forms import Columns
from segsync.runtime import Runtime
from tests.builders import make_integration, make_organization, make_person, make_segment, make_sync, make_workspace

CUSTOMERS = "select id, email, phone, subscribed from customers"
SCHEMA = "room_for_segsync"
COLUMNS = Columns(("id",), {"email": "email", "phone": "phone"}, {"subscription": "subscribed"})


@dataclass
class Shop:
    """The warehouse: customers with an id, an e-mail, a phone and whether they are subscribed."""

    path: Path

    def run(self, *statements: str) -> None:
        """Changes something in it."""
        with duckdb.connect(self.path) as connection:
            for statement in statements:
                connection.execute(statement)

    def open(self, people: int = 3) -> None:
        """Makes it, with some customers."""
        self.run(
            "create table customers (id integer, email varchar, phone varchar, subscribed varchar)",
            f"insert into customers select n, 'p' || n || '@example.org', '+49151000' || (1000 + n), 'yes' from range({people}) as r(n)",
        )


def connect(
    session: Session, runtime: Runtime, organization_id: int, url: str, engine: str = "duckdb", *, name: str = "Shop"
) -> WarehouseConnection:
    """A connection."""
    made = WarehouseConnection(
        organization_id=organization_id, name=name, engine=engine, url_sealed=runtime.vault.seal(url), place="here"
    )
    session.add(made)
    session.flush()
    return made


def segment_in(session: Session, workspace: Workspace, connection: WarehouseConnection, **values: Any) -> Segment:
    """A segment that reads the customers."""
    segment = make_segment(session, workspace, "Customers", kind=SegmentKind.WAREHOUSE.value)
    row = {"query": CUSTOMERS, "mapping": COLUMNS.as_json(), "types": {}, **values}
    session.add(WarehouseSource(segment_id=segment.id, connection_id=connection.id, **row))
    session.commit()
    return segment


def sync_of(session: Session, runtime: Runtime, url: str, engine: str = "duckdb", **values: Any) -> Sync:
    """Ada's sync of the customers, with the types of their columns as they are now."""
    organization = make_organization(session)
    workspace = make_workspace(session, organization)
    ada = make_person(session, organization, "Ada", workspaces=(workspace,))
    connection = connect(session, runtime, organization.id, url, engine)
    segment = segment_in(session, workspace, connection, **values)
    signin = make_integration(session, ada, access_sealed=runtime.vault.seal("token"))
    made = make_sync(session, segment, signin, account_id="act-1", was_synced=False, in_step_since=None)
    session.commit()
    remember_types(session, runtime, segment)
    return made


def remember_types(session: Session, runtime: Runtime, segment: Segment) -> None:
    """As if somebody had said just now which column is what."""
    warehouse_reading.look(runtime, segment.id)
    session.expire_all()
    source = session.get_one(WarehouseSource, segment.id)
    source.types = {name: kind for name, kind in source.columns if name in COLUMNS.columns}
    session.commit()


@dataclass
class There:
    """A shop in an engine with a schema for us, and Ada's sync of its customers."""

    engine: str
    url: str
    sync: Sync
    say: Any

    def tables(self) -> list[str]:
        """What lies in the schema."""
        asked = f"select table_name from information_schema.tables where table_schema = '{SCHEMA}'"
        return sorted(row[0] for row in self.say(asked))

    def mirror(self) -> str:
        """The only one."""
        (name,) = self.tables()
        return f"{SCHEMA}.{name}"


def in_duckdb(path, session, runtime) -> There:
    runtime.settings.warehouse_folders = str(path)
    shop = Shop(path / "shop.duckdb")
    shop.open()

    def say(*statements: str) -> list[Any]:
        with duckdb.connect(shop.path) as connection:
            return [connection.execute(statement).fetchall() for statement in statements][-1]

    say(f"create schema {SCHEMA}")
    url = f"duckdb://{shop.path}"
    return There("duckdb", url, sync_of(session, runtime, url), say)


def in_postgres(session, runtime, servers, database_url) -> There:
    runtime.settings.warehouse_hosts = str(servers.postgres.sockets)

    def say(*statements: str) -> list[Any]:
        for statement in statements:
            found = session.connection().exec_driver_sql(statement)
            rows = found.fetchall() if found.returns_rows else []
        session.commit()
        return [tuple(row) for row in rows]

    say(
        f"create schema {SCHEMA}",
        "create table customers (id integer, email text, phone text, subscribed text)",
        "insert into customers select n, 'p' || n || '@example.org', '+49151000' || (1000 + n), 'yes' from generate_series(0, 2) n",
    )
    return There("postgres", database_url, sync_of(session, runtime, database_url, "postgres"), say)


def name_schema(session, sync: Sync, schema: str = SCHEMA) -> WarehouseConnection:
    """As a person does on the connection's page."""
    connection = session.get_one(WarehouseSource, sync.segment_id).connection
    connection.schema_name = schema
    session.commit()
    return connection


def told(run: Run) -> dict[str, Any]:
    """What the run says of how its members were read."""
    return run.cursor["warehouse"]
