"""Pages of warehouses: connections for administrators, segments that are read there, and who sees what."""

from __future__ import annotations

import json

import pytest
from sqlalchemy import select

from segsync.models import Ask, Segment, WarehouseConnection, WarehouseSource
from segsync.rules.terms import SegmentKind
from tests.builders import NOW, make_segment

URL = "postgresql://reader:topsecret@db.example.com/shop"


@pytest.fixture
def connection(session, runtime, organization):
    made = WarehouseConnection(
        organization_id=organization.id,
        name="Shop",
        engine="postgres",
        url_sealed=runtime.vault.seal(URL),
        place="db.example.com/shop",
    )
    session.add(made)
    session.commit()
    return made


@pytest.fixture
def segment(session, runtime, workspace, connection):
    """Customers, looked at, whose columns nobody has named yet."""
    made = make_segment(session, workspace, "Customers", kind=SegmentKind.WAREHOUSE.value, size=2, refreshed_at=NOW)
    sample = [["1", "ada@secret.example", "yes"], ["2", None, "no"]]
    columns = [["customer_id", "int64"], ["email", "string"], ["wants_news", "string"]]
    source = WarehouseSource(
        segment_id=made.id,
        connection_id=connection.id,
        query="select * from customers where city = 'Ulm'",
        columns=columns,
        sample_sealed=runtime.vault.seal(json.dumps(sample)),
        looked_at=NOW,
    )
    session.add(source)
    session.commit()
    return made


def at(segment, *parts):
    return "/".join([f"/w/{segment.workspace_id}/segments/{segment.id}", *parts])


# -- connections -----------------------------------------------------------------------------------------------


def test_a_connection_is_sealed_and_tested(session, runtime, sign_in, alan):
    """An administrator enters an address; it is sealed, tested by a worker, and never shown again (B6)."""
    client = sign_in(alan)
    page = client.post("/warehouses/new", data={"name": "Shop", "url": URL}, follow_redirects=True).text
    made = session.scalars(select(WarehouseConnection)).one()
    assert runtime.vault.open(made.url_sealed) == URL
    assert session.scalars(select(Ask)).one().params == {"connection": made.id}
    for shown in (page, client.get(f"/warehouses/{made.id}").text):
        assert "db.example.com/shop" in shown
        assert "topsecret" not in shown


def test_a_schema_of_ours_can_be_named(session, sign_in, alan, connection, segment):
    """With the rights to copy beside it; it is tested when it changes, stands in the list, and can be taken off again (B6)."""
    client = sign_in(alan)
    form = client.get(f"/warehouses/{connection.id}").text
    assert "GRANT USAGE, CREATE ON SCHEMA segsync TO reader" in form
    page = client.post(
        f"/warehouses/{connection.id}", data={"name": "Shop", "schema": "segsync"}, follow_redirects=True
    ).text
    session.refresh(connection)
    assert (connection.schema_name, "Members compared in" in page) == ("segsync", True)
    assert session.scalars(select(Ask)).one().params == {"connection": connection.id}
    refused = client.post(f"/warehouses/{connection.id}", data={"name": "Shop", "schema": "a; drop table b"})
    assert (refused.status_code, "letters, digits and underscores" in refused.text) == (422, True)
    client.post(f"/warehouses/{connection.id}", data={"name": "Shop", "schema": ""})
    session.refresh(connection)
    assert connection.schema_name == ""


@pytest.mark.parametrize(
    ("name", "url", "said"),
    [
        ("", URL, "Give the connection a name"),
        ("shop", URL, "There is a connection called"),
        ("Other", "", "Enter the address"),
        ("Other", "mysql://host/shop", "begins with what engine it is"),
        ("Other", "postgresql://host/shop?passfile=/etc/passwd", "cannot be said in this address"),
    ],
)
def test_what_is_wrong_with_a_connection_is_said(sign_in, alan, connection, name, url, said):
    """Each mistake has its sentence, and nothing typed is lost but the address (B6)."""
    answer = sign_in(alan).post("/warehouses/new", data={"name": name, "url": url})
    assert answer.status_code == 422
    assert said in answer.text
    assert not url or url not in answer.text


def test_only_administrators_connect_warehouses(sign_in, ada, vera, connection):
    """Marketing users and View-only are told who can (S17)."""
    for person in (ada, vera):
        answer = sign_in(person).get("/warehouses")
        assert answer.status_code == 403
        assert "Only an administrator can connect warehouses." in answer.text


def test_a_connection_in_use_is_not_deleted(session, sign_in, alan, connection, segment):
    """A connection that segments read through stays, and the dialog names them (B6)."""
    client = sign_in(alan)
    assert "Customers" in client.get(f"/warehouses/{connection.id}/delete").text
    assert client.post(f"/warehouses/{connection.id}/delete").status_code == 422
    assert session.scalars(select(WarehouseConnection)).all() == [connection]


def test_a_connection_that_nothing_uses_is_deleted(session, sign_in, alan, connection):
    """What nothing reads through can go (B6)."""
    assert "was deleted" in sign_in(alan).post(f"/warehouses/{connection.id}/delete", follow_redirects=True).text
    assert session.scalars(select(WarehouseConnection)).all() == []


def test_another_address_is_tested_anew(session, runtime, sign_in, alan, connection, segment):
    """Another name keeps the address; another address is tested; another engine is refused where segments read through it (B6)."""
    client = sign_in(alan)
    client.post(f"/warehouses/{connection.id}", data={"name": "Shop of Ulm", "url": ""})
    session.refresh(connection)
    assert (connection.name, runtime.vault.open(connection.url_sealed)) == ("Shop of Ulm", URL)
    client.post(
        f"/warehouses/{connection.id}", data={"name": "Shop", "url": "postgresql://reader@other.example.com/shop"}
    )
    session.refresh(connection)
    assert connection.place == "other.example.com/shop"
    assert (
        "Make a connection of its own"
        in client.post(f"/warehouses/{connection.id}", data={"name": "Shop", "url": "duckdb:///srv/shop.duckdb"}).text
    )


# -- segments --------------------------------------------------------------------------------------------------


def test_a_segment_in_a_warehouse_is_made_and_looked_at(session, sign_in, ada, workspace, connection):
    """A marketing user names a table; a worker is asked to look, and nobody can be sent before the columns are named (B6)."""
    data = {"name": "Customers", "connection": str(connection.id), "query": "shop.customers"}
    page = sign_in(ada).post(f"/w/{workspace.id}/segments/warehouse/new", data=data, follow_redirects=True).text
    made = session.scalars(select(Segment)).one()
    assert made.kind == SegmentKind.WAREHOUSE
    assert session.scalars(select(Ask)).one().params == {"segment": made.id}
    assert "Shop is being asked" in page


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("", "Name a table"),
        ("delete from customers", "Only a SELECT can be asked"),
        ("select * from customers; drop table customers", "Write one statement only"),
        ("select pg_read_file('/etc/passwd')", "does more than read columns"),
    ],
)
def test_a_query_that_is_no_read_is_refused_beside_it(sign_in, ada, workspace, connection, query, said):
    """What is not one SELECT never reaches the warehouse, and what was typed stays (B6)."""
    data = {"name": "Customers", "connection": str(connection.id), "query": query}
    answer = sign_in(ada).post(f"/w/{workspace.id}/segments/warehouse/new", data=data)
    assert (answer.status_code, said in answer.text, "Customers" in answer.text) == (422, True, True)


def test_a_connection_of_another_organization_cannot_be_chosen(session, sign_in, ada, workspace, connection):
    """A number that is not of one's own organization is no warehouse (B6)."""
    data = {"name": "Customers", "connection": str(connection.id + 1), "query": "customers"}
    assert "Choose a warehouse." in sign_in(ada).post(f"/w/{workspace.id}/segments/warehouse/new", data=data).text


def test_columns_are_named_with_the_rows_beside(session, sign_in, ada, segment):
    """The first rows stand beside the choice; key and e-mail are guessed, and the form has to be declared (B6)."""
    client = sign_in(ada)
    page = client.get(at(segment, "warehouse")).text
    assert "ada@secret.example" in page
    assert (
        "Declare what this column holds"
        in client.post(at(segment, "warehouse"), data={"column_0": "key", "column_1": "email"}).text
    )
    said = {"column_0": "key", "column_1": "email", "form_1": "clean", "column_2": "subscription"}
    assert client.post(at(segment, "warehouse"), data=said).status_code == 302
    source = session.scalars(select(WarehouseSource).execution_options(populate_existing=True)).one()
    assert source.mapping == {
        "keys": ["customer_id"],
        "fields": {"email": "email"},
        "consents": {"subscription": "wants_news"},
    }
    assert source.types == {"customer_id": "int64", "email": "string", "wants_news": "string"}


def test_view_only_sees_no_value(sign_in, vera, segment):
    """Who may not see values sees neither rows nor the query, which may name people (S17)."""
    page = sign_in(vera).get(at(segment)).text
    assert "Shop" in page
    assert "Ulm" not in page
    assert "secret.example" not in page
    assert sign_in(vera).get(at(segment, "warehouse")).status_code == 403


def test_a_segment_whose_columns_nobody_named_cannot_be_synced(sign_in, ada, segment):
    """Creating a sync says what is missing and leads there (S8)."""
    assert (
        "Nobody has said yet which columns"
        in sign_in(ada).get(f"/syncs/new?segment={segment.id}", follow_redirects=True).text
    )


def test_the_segments_own_page_says_where_it_is_read(sign_in, ada, segment):
    """Warehouse, query and what is missing stand on the segment's page; Edit leads to the query (B6)."""
    client = sign_in(ada)
    page = client.get(at(segment)).text
    for part in ("Read in a warehouse", "Ulm", "Nobody has said yet which column is what"):
        assert part in page
    assert client.get(at(segment, "edit")).location.endswith("/warehouse/source")
    assert "Who can be reached is counted once" in client.get(at(segment, "figures")).text


def test_a_look_that_failed_says_what_to_do(session, sign_in, ada, segment):
    """The warehouse's own words and the steps stand where the columns are named (S13)."""
    source = session.get_one(WarehouseSource, segment.id)
    source.problem_code, source.problem_raw = "warehouse.query", "table customers does not exist"
    session.commit()
    page = sign_in(ada).get(at(segment, "warehouse")).text
    assert "does not carry out the query" in page
    assert "table customers does not exist" in page


def test_a_copy_reads_the_same(session, sign_in, ada, segment):
    """Duplicating copies query and columns (B24)."""
    sign_in(ada).post(at(segment, "duplicate"))
    assert [each.query for each in session.scalars(select(WarehouseSource))] == [
        "select * from customers where city = 'Ulm'"
    ] * 2


def test_rules_do_not_ask_for_it(sign_in, ada, segment, workspace):
    """Its members are no contacts, so no rule can ask for it (B6)."""
    assert "Customers" not in sign_in(ada).get(f"/w/{workspace.id}/segments/new").text
