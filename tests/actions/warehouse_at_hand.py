"""A shop's warehouse in a DuckDB file, and a segment that reads it: what tests of warehouse segments begin with."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
from sqlalchemy.orm import Session

from segsync.actions import warehouse_reading
from segsync.models import Segment, Sync, WarehouseConnection, WarehouseSource, Workspace
from segsync.rules.terms import SegmentKind
from segsync.rules.warehouse_forms import Columns
from segsync.runtime import Runtime
from tests.builders import make_integration, make_organization, make_person, make_segment, make_sync, make_workspace

CUSTOMERS = "select id, email, phone, subscribed from customers"
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
