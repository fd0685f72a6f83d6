"""A warehouse is asked for a table or one SELECT, whatever is typed: a parser decides."""

from __future__ import annotations

import pytest

from segsync.rules.warehouse_queries import NotARead, checked

READS = [
    ("shop.customers", "SELECT * FROM shop.customers"),
    ('"My Shop"."Customers"', 'SELECT * FROM "My Shop"."Customers"'),
    ("select id, email from customers where note = 'drop; delete'", None),
    ("with paying as (select id from orders) select * from paying;", None),
    ("(select 1 as id) union all select 2", None),
    ("select lower(email) as email from customers -- and a remark", "SELECT LOWER(email) AS email FROM customers"),
]
CHANGES = [
    "",
    "select 1; drop table customers",
    "delete from customers returning *",
    "with gone as (delete from customers returning *) select * from gone",
    "select * into copied from customers",
    "select * from customers for update",
    "insert into customers values (1)",
    "update customers set email = null",
    "create table copied as select * from customers",
    "copy customers to '/tmp/customers.csv'",
    "explain analyze delete from customers",
    "set role admin",
    "call refresh()",
    "select nextval('numbers')",
    "select pg_terminate_backend(1)",
    "select set_config('role', 'admin', false)",
    "this is no SQL",
]
FILES = [
    ("postgres", "select pg_read_file('/etc/passwd')"),
    ("postgres", "select * from dblink('host=elsewhere', 'select 1') as t(a int)"),
    ("duckdb", "select * from read_csv('/etc/passwd')"),
    ("duckdb", "select * from '/etc/passwd'"),
    ("duckdb", 'select * from "people.parquet"'),
    ("duckdb", "select getenv('HOME')"),
    ("spark", "select * from csv.`/etc/passwd`"),
    ("spark", "csv.`/etc/passwd`"),
    ("spark", "select reflect('java.lang.System', 'exit')"),
    ("spark", "select transform(email) using 'cat' from customers"),
]


@pytest.mark.parametrize(("typed", "asked"), READS)
def test_a_table_or_one_select_is_read(typed, asked):
    """Whatever only reads is asked, written anew from what the parser understood (B6)."""
    assert checked(typed, "postgres") == (asked or checked(typed, "postgres"))
    assert "--" not in checked(typed, "postgres")


@pytest.mark.parametrize("typed", CHANGES)
def test_what_changes_anything_is_refused(typed):
    """Nothing in the warehouse can be changed, however it is hidden (B6)."""
    with pytest.raises(NotARead):
        checked(typed, "postgres")


@pytest.mark.parametrize(("grammar", "typed"), FILES)
def test_files_and_other_machines_are_out_of_reach(grammar, typed):
    """A query reads tables of the warehouse, never files of a machine (B6)."""
    with pytest.raises(NotARead):
        checked(typed, grammar)


def test_what_was_asked_once_stays_what_it_is():
    """A statement that was written anew reads as itself (B6)."""
    for typed, _ in READS:
        once = checked(typed, "postgres")
        assert checked(once, "postgres") == once
