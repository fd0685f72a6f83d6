"""Connections to warehouses: entered, tested, changed, and deleted once nothing reads through them. Callers commit."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Final

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from segsync.actions.actor import Actor, NotThere, Refused
from segsync.actions.audit import Subject, record
from segsync.models import Segment, WarehouseConnection, WarehouseSource
from segsync.rules import warehouse_urls
from segsync.rules.cleaning_text import tidy
from segsync.rules.rights import Right
from segsync.rules.warehouse_urls import ENGINES, Address, BadAddress
from segsync.runtime import Runtime

LONGEST_NAME: Final = 80
LONGEST_SCHEMA: Final = 127
MOST_NAMED: Final = 4
_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,62}")


@dataclass(frozen=True)
class Given:
    """What somebody enters. An empty address leaves the one that is there; without a `schema` members are compared here."""

    name: str
    url: str = ""
    schema: str = ""


def listed(session: Session, actor: Actor) -> Sequence[WarehouseConnection]:
    """The connections of the organization, by name."""
    mine = select(WarehouseConnection).where(WarehouseConnection.organization_id == actor.organization_id)
    return session.scalars(mine.order_by(func.lower(WarehouseConnection.name))).all()


def find(session: Session, actor: Actor, connection_id: int) -> WarehouseConnection:
    """A connection of the actor's organization. Raises Refused."""
    found = session.get(WarehouseConnection, connection_id)
    if found is None or found.organization_id != actor.organization_id:
        raise NotThere("There is no such warehouse in your organization.")
    return found


def create(runtime: Runtime, session: Session, actor: Actor, given: Given) -> WarehouseConnection:
    """A new connection, which then has to be tested. Raises Refused."""
    actor.need(Right.EDIT_WAREHOUSES)
    name = _name(session, actor, given.name)
    address = _address(given.url)
    connection = WarehouseConnection(
        organization_id=actor.organization_id,
        name=name,
        engine=address.engine,
        url_sealed=runtime.vault.seal(address.url),
        place=address.place,
        schema_name=_schema(given.schema, address.engine),
        created_by=actor.person_id,
    )
    session.add(connection)
    session.flush()
    record(session, actor, "warehouse.create", subject(connection), change=({}, _facts(connection)))
    return connection


def change(runtime: Runtime, session: Session, actor: Actor, connection_id: int, given: Given) -> WarehouseConnection:
    """Another name, address or schema. Where segments read through it, the engine stays. Raises Refused."""
    actor.need(Right.EDIT_WAREHOUSES)
    connection = find(session, actor, connection_id)
    before = _facts(connection)
    connection.name = _name(session, actor, given.name, but=connection.id)
    if given.url.strip():
        address = _address(given.url)
        if address.engine != connection.engine and uses(session, connection):
            label = ENGINES[connection.engine].label
            raise Refused(
                f"Segments read through it in the words of {label}. Make a connection of its own.", field="url"
            )
        connection.engine, connection.place = address.engine, address.place
        connection.url_sealed = runtime.vault.seal(address.url)
        connection.tested_at = connection.problem_code = None
    schema = _schema(given.schema, connection.engine)
    if schema != connection.schema_name:
        connection.schema_name = schema
        connection.tested_at = connection.problem_code = None
    after = _facts(connection)
    if before != after or given.url.strip():
        record(session, actor, "warehouse.change", subject(connection), change=(before, after))
    return connection


def delete(session: Session, actor: Actor, connection_id: int) -> WarehouseConnection:
    """Takes away a connection that no segment uses, not even one that can be restored. Raises Refused."""
    actor.need(Right.EDIT_WAREHOUSES)
    connection = find(session, actor, connection_id)
    users = uses(session, connection)
    if users:
        raise Refused(told_uses(users))
    session.delete(connection)
    record(session, actor, "warehouse.delete", subject(connection), change=(_facts(connection), {}))
    return connection


def uses(session: Session, connection: WarehouseConnection) -> Sequence[Segment]:
    """The segments that read through it, deleted ones too."""
    mine = select(Segment).join(WarehouseSource, WarehouseSource.segment_id == Segment.id)
    return session.scalars(
        mine.where(WarehouseSource.connection_id == connection.id).order_by(func.lower(Segment.name))
    ).all()


def told_uses(users: Sequence[Segment]) -> str:
    """Why it cannot be deleted."""
    named = ", ".join(f"“{each.name}”{' (deleted)' if each.deleted_at else ''}" for each in users[:MOST_NAMED])
    more = f" and {len(users) - MOST_NAMED} more" if len(users) > MOST_NAMED else ""
    return f"{named}{more} {'reads' if len(users) == 1 else 'read'} through it, so it cannot be deleted."


def users_by_connection(session: Session, actor: Actor) -> Mapping[int, int]:
    """How many living segments read through each connection."""
    rows = session.execute(
        select(WarehouseSource.connection_id, func.count())
        .join(Segment, Segment.id == WarehouseSource.segment_id)
        .where(Segment.organization_id == actor.organization_id, Segment.deleted_at.is_(None))
        .group_by(WarehouseSource.connection_id)
    )
    return dict(rows.all())


def offered() -> tuple[str, ...]:
    """The engines that can be used in this installation: Spark only where its extra is installed."""
    return tuple(name for name in ENGINES if name != "spark" or find_spec("pyspark") is not None)


def subject(connection: WarehouseConnection) -> Subject:
    """The connection as the audit trail names it."""
    return Subject("warehouse", connection.id, connection.name)


def _facts(connection: WarehouseConnection) -> dict[str, str]:
    facts = {"name": connection.name, "engine": ENGINES[connection.engine].label, "place": connection.place}
    return facts | ({"schema": connection.schema_name} if connection.schema_name else {})


def _name(session: Session, actor: Actor, name: str, *, but: int = 0) -> str:
    name = tidy(name)
    if not name:
        raise Refused("Give the connection a name.", field="name")
    if len(name) > LONGEST_NAME:
        raise Refused(f"A name can have {LONGEST_NAME} characters.", field="name")
    if any(each.name.lower() == name.lower() and each.id != but for each in listed(session, actor)):
        raise Refused(f"There is a connection called “{name}” already.", field="name")
    return name


def _schema(name: str, engine: str) -> str:
    name = name.strip()
    parts = name.split(".") if name else []
    most = 2 if engine == "spark" else 1
    if len(parts) > most or not all(_NAME.fullmatch(part) for part in parts):
        raise Refused(
            "A schema's name has letters, digits and underscores, and begins with a letter; only in Spark, one of a catalogue is catalogue.schema.",
            field="schema",
        )
    return name


def _address(url: str) -> Address:
    if not url.strip():
        raise Refused("Enter the address of the warehouse.", field="url")
    try:
        address = warehouse_urls.read(url)
    except BadAddress as bad:
        raise Refused(str(bad), field="url") from None
    if address.engine not in offered():
        raise Refused(
            f"{ENGINES[address.engine].label} cannot be used in this installation: its extra is not installed.",
            field="url",
        )
    return address
