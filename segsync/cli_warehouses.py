"""Commands about connections to warehouses: for administrators who work at the machine."""

from __future__ import annotations

import sys

import click

from segsync.actions import warehouse_connections, warehouse_reading
from segsync.actions.warehouse_connections import Given
from segsync.cli_support import answer, as_json, operating, org_option, table
from segsync.rules import catalogue
from segsync.rules.warehouse_urls import ENGINES


@click.group()
def warehouse() -> None:
    """Connections to warehouses that segments are read from."""


@warehouse.command("list")
@org_option
@as_json
def warehouse_list(org: str, as_json: bool) -> None:
    """The connections, and whether they worked when they were tested last."""
    with operating(org) as (session, actor, _):
        found = warehouse_connections.listed(session, actor)
        facts = [
            {
                "id": each.id,
                "name": each.name,
                "engine": ENGINES[each.engine].label,
                "place": each.place,
                "schema": each.schema_name,
                "works": each.tested_at is not None and each.problem_code is None,
                "problem": each.problem_code or "",
            }
            for each in found
        ]
    rows = [
        [
            each["id"],
            each["name"],
            each["engine"],
            each["place"],
            "yes" if each["works"] else each["problem"] or "not tested",
        ]
        for each in facts
    ]
    answer(facts, table(["id", "name", "engine", "where", "works"], rows), in_json=as_json)


@warehouse.command("add")
@click.argument("name")
@click.option("--schema", default="", help="A schema there that is segsync's own: members are then compared there.")
@org_option
@as_json
def warehouse_add(name: str, schema: str, org: str, as_json: bool) -> None:
    """Connect a warehouse. Its address is read from standard input, or asked for, and never shown again."""
    url = click.prompt("Address", hide_input=True) if sys.stdin.isatty() else sys.stdin.readline()
    with operating(org) as (session, actor, runtime):
        made = warehouse_connections.create(runtime, session, actor, Given(name, url.strip(), schema))
        connection_id = made.id
    _test(org, connection_id, as_json=as_json)


@warehouse.command("test")
@click.argument("connection_id", type=int)
@org_option
@as_json
def warehouse_test(connection_id: int, org: str, as_json: bool) -> None:
    """Reach a warehouse and say what came of it; ends with 1 when it does not work."""
    _test(org, connection_id, as_json=as_json)


@warehouse.command("delete")
@click.argument("connection_id", type=int)
@org_option
def warehouse_delete(connection_id: int, org: str) -> None:
    """Take away a connection that nothing reads through."""
    with operating(org) as (session, actor, _):
        gone = warehouse_connections.delete(session, actor, connection_id)
        click.echo(f"The connection {gone.name} was deleted.")


def _test(org: str, connection_id: int, *, as_json: bool) -> None:
    with operating(org) as (session, actor, runtime):
        connection = warehouse_connections.find(session, actor, connection_id)
        session.commit()
        code = str(warehouse_reading.test(runtime, connection.id)["problem"])
    facts = {"id": connection_id, "name": connection.name, "works": not code, "problem": code}
    told = f"{connection.name} answers. It is connection {connection_id}."
    if code:
        told = " ".join([catalogue.sentence(code, {"warehouse": connection.name}), *catalogue.steps(code)])
    answer(facts, told, in_json=as_json)
    if code:
        raise SystemExit(1)
