"""How the session of a request ends: what was only read is read cheaply again, what was written and not committed is undone."""

import pytest
from sqlalchemy import func, select, text

from segsync.db import let_go
from segsync.models import Installation

PREPARED = text("select count(*) from pg_prepared_statements")


def test_the_next_page_finds_its_statements_planned(runtime):
    """Statements that pages send again and again are planned once for a connection, not once for each page."""
    for _ in range(10):
        session = runtime.sessions()
        session.scalar(select(func.count()).select_from(Installation))
        let_go(session)
    with runtime.engine.connect() as connection:
        assert connection.scalar(PREPARED) > 0


@pytest.mark.parametrize("raw", [False, True])
def test_what_was_not_committed_is_undone(runtime, raw):
    """Whatever a request wrote and did not commit is undone, also where it was written past the session."""
    session = runtime.sessions()
    if raw:
        session.connection().connection.driver_connection.execute("insert into installation values ('mark', '{}')")
    else:
        session.add(Installation(key="mark", value={}))
        session.flush()
    let_go(session)
    with runtime.sessions() as after:
        assert after.get(Installation, "mark") is None


def test_a_session_whose_statement_failed_is_let_go_of(runtime):
    """After an error the connection goes back whole."""
    session = runtime.sessions()
    with pytest.raises(Exception, match="nothing_of_the_kind"):
        session.execute(text("select nothing_of_the_kind"))
    let_go(session)
    with runtime.engine.connect() as connection:
        assert connection.scalar(text("select 1")) == 1


def test_a_session_whose_connection_broke_off_is_let_go_of(runtime):
    """A database that was restarted in the middle of a page does not break the end of that page."""
    session = runtime.sessions()
    mine = session.scalar(text("select pg_backend_pid()"))
    with runtime.engine.connect() as other:
        other.execute(text("select pg_terminate_backend(:pid, 5000)"), {"pid": mine})
    let_go(session)
