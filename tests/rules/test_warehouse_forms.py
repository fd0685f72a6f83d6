"""Which column of a warehouse is what, and which addresses of warehouses can be used."""

from __future__ import annotations

import pytest

from segsync.rules.warehouse_forms import BadMapping, guess, kept, mapped
from segsync.rules.warehouse_urls import BadAddress, read

COLUMNS = ["id", "mail", "tel", "opted_in"]
SAID = {"id": "key", "mail": "email", "tel": "phone", "opted_in": "subscription"}
DECLARED = {"mail": "clean", "tel": "e164"}


def test_a_mapping_is_kept_as_it_was_said():
    """Key, fields and consent are known again after they were kept (B6)."""
    columns = mapped(COLUMNS, SAID, DECLARED)
    assert columns.keys == ("id",)
    assert columns.fields == {"email": "mail", "phone": "tel"}
    assert columns.consents == {"subscription": "opted_in"}
    assert kept(columns.as_json()) == columns


@pytest.mark.parametrize(
    ("targets", "forms", "column"),
    [
        ({**SAID, "id": ""}, DECLARED, ""),
        ({"id": "key", "opted_in": "subscription"}, {}, ""),
        (SAID, {**DECLARED, "mail": "raw"}, "mail"),
        (SAID, {**DECLARED, "mail": ""}, "mail"),
        (SAID, {**DECLARED, "tel": "clean"}, "tel"),
        ({**SAID, "tel": "email"}, {"mail": "clean", "tel": "clean"}, "tel"),
    ],
    ids=["no key", "nobody to find", "raw", "not declared", "phones are E.164", "twice"],
)
def test_a_mapping_that_cannot_be_used_says_where(targets, forms, column):
    """Raw columns, undeclared ones, doubles and a missing key are refused beside the column (B6)."""
    with pytest.raises(BadMapping) as refused:
        mapped(COLUMNS, targets, forms)
    assert refused.value.column == column


def test_columns_are_guessed_by_their_names():
    """Whoever names columns as everybody does has little to choose (B6)."""
    assert guess(["customer_id", "E-mail", "first_name", "whatever"]) == ["key", "email", "first_name", ""]


@pytest.mark.parametrize(
    ("url", "engine", "place"),
    [
        ("postgresql://reader:p%40ss@db.example.com/shop?sslmode=require", "postgres", "db.example.com/shop"),
        ("duckdb:///srv/exports/shop.duckdb", "duckdb", "/srv/exports/shop.duckdb"),
        ("pyspark://?spark.master=spark://spark.example.com:7077", "spark", "spark://spark.example.com:7077"),
    ],
)
def test_an_address_says_where_and_not_who(url, engine, place):
    """What people see of a connection holds neither user nor password (B6)."""
    address = read(url)
    assert (address.engine, address.place) == (engine, place)
    assert "p@ss" not in repr(address)


@pytest.mark.parametrize(
    "url",
    [
        "mysql://user@host/shop",
        "postgresql://db.example.com",
        "postgresql://reader@one,two/shop",
        "postgresql://reader@host/shop?passfile=/etc/passwd",
        "postgresql://reader@host/shop?options=-crole%3Dadmin",
        "duckdb://shop.duckdb",
        "duckdb:///srv/shop.duckdb?allow_unsigned_extensions=true",
        "pyspark://?spark.master=spark://h:7077&spark.jars=http://elsewhere/a.jar",
        "pyspark://",
        "no address",
    ],
)
def test_an_address_that_says_too_much_or_too_little_is_refused(url):
    """What would read files of this machine, load code or turn safeguards off is not an address (B6)."""
    with pytest.raises(BadAddress):
        read(url)
