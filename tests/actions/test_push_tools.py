"""What a worker works with from one run to the next: nothing of one is found by another, and what broke is opened anew."""

from __future__ import annotations

import adbc_driver_postgresql.dbapi as adbc
import duckdb
import pytest
from sqlalchemy import text

from segsync.actions.push.tools import Tools, tools_of


@pytest.fixture
def tools(runtime):
    with tools_of(runtime) as opened:
        yield opened


def answer(tools: Tools, uri: str, sql: str) -> list[int]:
    with tools.reader(uri) as reader:
        return reader.read(sql).column(0).to_pylist()


def test_what_is_made_for_one_run_is_gone_in_the_next(tools):
    """Members of one sync are never found by the run of another in the same process (promise 4)."""
    with tools.workbench() as bench:
        bench.execute("create temp table members as select 1 as id")
    with tools.workbench(threads=1) as bench, pytest.raises(duckdb.CatalogException):
        bench.execute("select * from members")


def test_spilled_members_go_with_the_worker(runtime):
    """What did not fit into memory is deleted when the worker is through (B19)."""
    with tools_of(runtime) as tools, tools.workbench():
        pass
    assert list((runtime.settings.data / "spill").iterdir()) == []


def test_what_was_read_ahead_is_forgotten(runtime, tools):
    """A run that is worked on again reads its segment anew, although it asks the same as before (S13)."""
    with tools.reader(runtime.database_uri) as reader:
        reader.read("select 1")
        reader.begin("select count(*) from pg_class")
    with runtime.sessions.begin() as session:
        session.execute(text("create table one_more (id bigint)"))
    with runtime.sessions() as session:
        now = session.scalar(text("select count(*) from pg_class"))
    assert answer(tools, runtime.database_uri, "select count(*) from pg_class") == [now]


def test_a_reader_that_failed_is_not_used_again(runtime, tools):
    """After a statement that PostgreSQL refuses the next run reads on a connection of its own (S15)."""
    with pytest.raises(adbc.Error):
        answer(tools, runtime.database_uri, "select no_such_thing")
    assert answer(tools, runtime.database_uri, "select 7") == [7]


def test_a_connection_that_the_database_ended_is_opened_anew(runtime, tools):
    """A restart of PostgreSQL between two runs fails neither of them (B1)."""
    (pid,) = answer(tools, runtime.database_uri, "select pg_backend_pid()")
    with runtime.sessions.begin() as session:
        session.execute(text("select pg_terminate_backend(:pid, 5000)"), {"pid": pid})
    assert answer(tools, runtime.database_uri, "select 7") == [7]
