"""A warehouse's connection: the schema is explained with the rights to copy, and what became of it stands in the list."""

import pytest

from segsync.models import WarehouseConnection
from tests.builders import NOW

pytestmark = pytest.mark.browser
LONG = "Warehouse-of-the-whole-group-with-a-name-that-is-as-long-as-a-name-may-be-80-2"


def test_a_schema_is_named_and_said(sign_in, page, alan, organization, runtime, session, fits, no_barriers, screenshot):
    """The form explains what the schema is for; the list says where members are compared, in a narrow window too (B6)."""
    for number, name in enumerate(["Shop", LONG]):
        row = {
            "engine": "postgres",
            "place": "db.example.com/shop",
            "tested_at": NOW,
            "url_sealed": runtime.vault.seal("x"),
        }
        problem = (
            {"problem_code": "warehouse.schema", "problem_raw": "ERROR: permission denied for schema segsync"}
            if number
            else {}
        )
        session.add(
            WarehouseConnection(organization_id=organization.id, name=name, schema_name="segsync", **row, **problem)
        )
    session.commit()
    sign_in(alan, "/warehouses")
    for where, seen in (("/warehouses", "Members compared in"), ("/warehouses/new", "Schema of segsync's own")):
        page.goto(where)
        page.get_by_text(seen).first.wait_for()
        if where.endswith("new"):
            page.get_by_text("What the schema is for").click()
        no_barriers()
        for width in (1280, 390):
            page.set_viewport_size({"width": width, "height": 900})
            fits()
            screenshot(f"warehouse{where.replace('/', '-')}-{width}")
    page.emulate_media(color_scheme="dark")
    screenshot("warehouse-dark")
