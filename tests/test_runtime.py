"""What every process opens first: servers, database, secrets, and the right folder."""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import text

from segsync import migrate
from segsync.clock import DatabaseClock
from segsync.config import read_settings
from segsync.db import make_engine
from segsync.models import Installation
from segsync.processes import fork
from segsync.runtime import WrongFolder, check_ledgers, libpq, make_runtime, open_runtime
from tests.builders import NOW


def test_an_empty_folder_becomes_a_whole_installation(tmp_path):
    """Without settings a command starts its own servers, and what it stored is there the next time."""
    for expected in (0, 1):
        with open_runtime(read_settings(data=tmp_path, database_url="", redis_url="")) as runtime:
            migrate.upgrade(runtime.engine)
            with runtime.sessions.begin() as session:
                assert session.query(Installation).count() == expected
                session.merge(Installation(key="mark", value={}))
            assert runtime.queue.client.ping()


def test_a_child_has_connections_of_its_own(runtime):
    """After a fork the parent's connections stay whole."""
    with runtime.engine.connect() as connection:
        mine = connection.scalar(text("select pg_backend_pid()"))

    def child() -> None:
        runtime.after_fork()
        with runtime.engine.connect() as own:
            assert own.scalar(text("select pg_backend_pid()")) != mine

    assert os.waitpid(fork(child), 0)[1] == 0
    with runtime.engine.connect() as connection:
        assert connection.scalar(text("select pg_backend_pid()")) == mine


def test_the_folder_of_ledgers_and_the_database_know_each_other(runtime):
    """The first check makes the id, every later one finds it."""
    assert check_ledgers(runtime) == check_ledgers(runtime)
    assert (runtime.ledgers / "folder-id").read_text().strip() == check_ledgers(runtime)


def test_another_folder_is_refused(runtime):
    """Pointing a worker at another folder would fill every audience from nothing: it does not start."""
    check_ledgers(runtime)
    (runtime.ledgers / "folder-id").write_text("of another installation")
    with pytest.raises(WrongFolder, match="SEGSYNC_DATA"):
        check_ledgers(runtime)


def test_a_folder_with_files_of_nobody_is_refused(runtime):
    """A fresh database does not take over the ledgers of another one."""
    runtime.ledgers.mkdir(parents=True)
    (runtime.ledgers / "1.parquet").write_bytes(b"")
    with pytest.raises(WrongFolder, match="not of this database"):
        check_ledgers(runtime)


def test_an_unknown_channel_is_a_key_error(runtime):
    """Names of channels come from our own tables; a wrong one is a mistake in the program."""
    with pytest.raises(KeyError):
        runtime.application("myspace")
    assert runtime.application("google").client_id == ""


def test_a_connector_is_made_once(runtime):
    """Vendors' SDKs are slow to load: one connector serves a process."""
    assert runtime.connector("linkedin").channel is runtime.connector("linkedin").channel
    assert runtime.oauth("linkedin").scopes


def test_the_drivers_name_is_not_for_libpq():
    """ADBC takes the address that any PostgreSQL tool takes."""
    assert libpq("postgresql+psycopg://app@db/segsync?x=1") == "postgresql://app@db/segsync?x=1"
    assert libpq("postgresql://app@/segsync?host=%2Frun") == "postgresql://app@/segsync?host=%2Frun"


def test_every_machine_goes_by_the_clock_of_the_database(runtime):
    """A worker's machine is a year ahead: what it writes down carries the same time as everybody else's (B1)."""
    ahead = DatabaseClock(runtime.engine, machine=lambda: datetime.now(UTC) + timedelta(days=365))
    assert abs(ahead() - datetime.now(UTC)) < timedelta(hours=1)


def test_every_process_has_that_clock(settings, servers):
    """Nobody has to think of it (B1)."""
    opened = make_runtime(settings, settings.database_url.get_secret_value(), servers.redis.url)
    assert isinstance(opened.clock, DatabaseClock)
    opened.close()


def test_without_the_database_a_machine_goes_by_its_own_clock():
    """While the database is away nobody waits for it to tell the time."""
    nowhere = make_engine("postgresql:///nowhere?host=/nowhere")
    assert DatabaseClock(nowhere, machine=lambda: NOW)() == NOW
