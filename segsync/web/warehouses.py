"""Connections to warehouses: entered, tested by a worker, changed, and deleted once nothing reads through them."""

from __future__ import annotations

from typing import Any, Final

from flask import Blueprint, flash, redirect, render_template, url_for
from werkzeug.wrappers import Response
from wtforms import PasswordField, StringField
from wtforms.validators import Length

from segsync.actions import asks
from segsync.actions import warehouse_connections as actions
from segsync.actions.ask_kinds import WAREHOUSE
from segsync.actions.warehouse_connections import LONGEST_NAME, LONGEST_SCHEMA, Given
from segsync.models import WarehouseConnection
from segsync.rules.warehouse_urls import ENGINES, EXAMPLES
from segsync.web.asking import asked, under_way
from segsync.web.forms import PageForm, typed
from segsync.web.frame import actor, db, done, runtime
from segsync.web.live import fragment

warehouses = Blueprint("warehouses", __name__)

Answer = str | Response | tuple[str, int]
NUMBER: Final = "<int:connection_id>"


class ConnectionForm(PageForm):
    """A name and an address. The address is never shown again."""

    name = StringField("Name", [Length(max=LONGEST_NAME, message=f"A name can have {LONGEST_NAME} characters.")])
    url = PasswordField(
        "Address",
        [Length(max=2_000)],
        description="Sealed, and never shown again. Its sign-in should only be able to read, and to write where you name a schema below.",
    )
    schema = StringField(
        "Schema of segsync's own (optional)",
        [Length(max=LONGEST_SCHEMA)],
        description="The only place in the warehouse where the sign-in may write.",
    )


class DeedForm(PageForm):
    """Nothing to fill in: only checked against forgery."""


@warehouses.route("/warehouses")
def index() -> str:
    """The connections of the organization, and whether they work."""
    return render_template("warehouses/index.html", **_shown())


@warehouses.route("/warehouses/live")
def live() -> Response:
    """The same, as it is now."""
    shown = _shown()
    return fragment(render_template("warehouses/_list.html", **shown), busy=bool(shown["testing"]))


@warehouses.route("/warehouses/new", methods=["GET", "POST"])
def create() -> Answer:
    """A new connection, tested at once."""
    form = ConnectionForm()
    made: list[WarehouseConnection] = []
    if done(form, lambda: made.append(actions.create(runtime(), db(), actor(), _given(form)))):
        return _tested(made[0])
    return _page(form, None)


@warehouses.route(f"/warehouses/{NUMBER}", methods=["GET", "POST"])
def change(connection_id: int) -> Answer:
    """Another name, address or schema."""
    connection = actions.find(db(), actor(), connection_id)
    form = ConnectionForm(data={"name": connection.name, "schema": connection.schema_name})
    if done(form, lambda: actions.change(runtime(), db(), actor(), connection.id, _given(form))):
        return redirect(url_for("warehouses.index")) if connection.tested_at else _tested(connection)
    return _page(form, connection)


@warehouses.post(f"/warehouses/{NUMBER}/test")
def test(connection_id: int) -> Response:
    """Asks a worker to reach it."""
    return _tested(actions.find(db(), actor(), connection_id))


@warehouses.route(f"/warehouses/{NUMBER}/delete", methods=["GET", "POST"])
def delete(connection_id: int) -> Answer:
    """The dialog that names what reads through it, and deleting it."""
    connection = actions.find(db(), actor(), connection_id)
    form = DeedForm()
    if done(form, lambda: actions.delete(db(), actor(), connection.id)):
        flash(f"The connection {connection.name} was deleted.")
        return redirect(url_for("warehouses.index"))
    users = actions.uses(db(), connection)
    page = render_template("warehouses/delete.html", connection=connection, users=users, form=form)
    return page, 422 if form.failed else 200


def _given(form: ConnectionForm) -> Given:
    return Given(typed(form.name), typed(form.url), typed(form.schema))


def _tested(connection: WarehouseConnection) -> Response:
    asked(WAREHOUSE, {"connection": connection.id})
    return redirect(url_for("warehouses.index"))


def _page(form: ConnectionForm, connection: WarehouseConnection | None) -> Answer:
    page = render_template("warehouses/form.html", form=form, connection=connection, examples=EXAMPLES)
    return page, 422 if form.failed else 200


def _shown() -> dict[str, Any]:
    connections = actions.listed(db(), actor())
    testing = {
        each.id for each in connections if under_way(asks.last(db(), actor(), WAREHOUSE, {"connection": each.id}))
    }
    return {
        "connections": connections,
        "testing": testing,
        "uses": actions.users_by_connection(db(), actor()),
        "engines": {name: engine.label for name, engine in ENGINES.items()},
    }
