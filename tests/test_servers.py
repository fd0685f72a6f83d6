"""The embedded servers: started once, found again, stopped by whoever started them, and none the worse for a crash."""

from __future__ import annotations

import os
import signal
import stat
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psycopg
import pytest

from segsync.postgres_server import EmbeddedPostgres
from segsync.queue import connect
from segsync.servers import (
    EmbeddedRedis,
    Server,
    ServerProblem,
    alive,
    ends_with_parent,
    make_private,
    socket_folder,
    wait_until,
)

FORGETFUL = {"fsync": "off"}


@pytest.fixture(scope="module")
def data(tmp_path_factory) -> Path:
    """A data folder whose cluster is made once and started anew by each test."""
    folder = tmp_path_factory.mktemp("data")
    with EmbeddedPostgres(folder, FORGETFUL):
        pass
    return folder


def postgres(data: Path) -> EmbeddedPostgres:
    return EmbeddedPostgres(data, FORGETFUL)


def forget(server: Server) -> None:
    """What a starter leaves when it is killed and the system does not end its children: a server without a holder."""
    assert server._lock is not None
    server._lock.close()
    server._lock = None


def answer(server: EmbeddedPostgres, statement: str):
    with psycopg.connect(server.url, autocommit=True) as connection:
        return connection.execute(statement).fetchone()


def test_data_survive_a_restart(data):
    """What was stored is there after the servers were stopped and started."""
    with postgres(data) as server, psycopg.connect(server.url) as connection:
        connection.execute("create table kept as select 42 as number")
    with postgres(data) as server:
        assert answer(server, "select number from kept") == (42,)


def test_a_second_command_attaches_and_only_the_starter_stops(data):
    """`segsync user create` beside a running demo uses its servers and leaves them running."""
    with postgres(data) as first:
        with postgres(data) as second:
            assert (first.starter, second.starter) == (True, False)
            assert first.pid() == second.pid()
        assert first.answers()
    assert not first.answers()


@pytest.mark.parametrize("kind", [EmbeddedPostgres, EmbeddedRedis])
def test_commands_that_start_at_once_share_one_server(data, kind):
    """However many commands start together, one server runs and one of them holds it."""
    servers = [kind(data) for _ in range(6)]
    with ThreadPoolExecutor(6) as pool:
        list(pool.map(lambda server: server.ensure(), servers))
        assert len({server.pid() for server in servers}) == 1
        assert [server.starter for server in servers].count(True) == 1
        for server in servers:
            server.stop()
    assert servers[0].pid() is None


@pytest.mark.parametrize("kind", [EmbeddedPostgres, EmbeddedRedis])
def test_a_server_without_a_holder_is_taken_over(data, kind):
    """Where a killed command left its server running, the next command takes it over and stops it in the end."""
    first = kind(data)
    first.ensure()
    pid = first.pid()
    forget(first)
    with kind(data) as second:
        assert (second.pid(), second.starter) == (pid, True)
    first._process.wait(60)
    assert second.pid() is None


@pytest.mark.parametrize("kind", [EmbeddedPostgres, EmbeddedRedis])
def test_a_server_that_died_is_started_again(data, kind):
    """A supervisor that asks again mends what was killed, crash recovery included."""
    with kind(data) as server:
        dead = server.pid()
        os.kill(dead, signal.SIGKILL)
        server._process.wait(60)
        assert not server.answers()
        server.ensure()
        assert server.answers()
        assert server.pid() != dead


@pytest.mark.parametrize(
    "written",
    ["", "12", "not a number\n/somewhere\n", pytest.param(f"{os.getpid()}\n/somewhere\n", id="a living process")],
)
def test_a_misleading_pid_file_stops_nothing(data, written):
    """A half-written file, or the number of a process that is now somebody else's, does not keep the database down."""
    (data / "postgres" / "postmaster.pid").write_text(written)
    with postgres(data) as server:
        assert answer(server, "select 1") == (1,)


@pytest.mark.skipif(not ends_with_parent(signal.SIGINT), reason="only Linux ends a child with its parent")
def test_killing_the_starter_leaves_nothing_running(data):
    """Killing a command with -9 takes its database with it, and the next start finds the data whole."""
    script = (
        "import sys, time; from pathlib import Path; from segsync.postgres_server import EmbeddedPostgres as P\n"
        "p = P(Path(sys.argv[1])); p.ensure(); print(p.pid(), flush=True); time.sleep(600)"
    )
    starter = subprocess.Popen([sys.executable, "-c", script, str(data)], stdout=subprocess.PIPE, text=True)
    with starter:
        pid = int(starter.stdout.readline())
        starter.kill()
    assert wait_until(lambda: not alive(pid) or not postgres(data).answers(), 60)
    with postgres(data) as server:
        assert server.pid() != pid


def test_nobody_else_can_come_near(data):
    """Sockets, data and logs are closed to other people of the machine, and nothing listens on the network."""
    with postgres(data) as server, EmbeddedRedis(data) as redis_server:
        assert answer(server, "show listen_addresses") == ("",)
        for folder in (server.sockets, server.cluster):
            assert stat.S_IMODE(folder.stat().st_mode) == 0o700
        assert stat.S_IMODE(redis_server.log_file.stat().st_mode) == 0o600


def test_the_servers_log_holds_no_values(data):
    """An error of the database does not write people's values into its log."""
    with postgres(data) as server, psycopg.connect(server.url, autocommit=True) as connection:
        connection.execute("create temp table person (email text unique)")
        insert = "insert into person values ('ada@northwind.example')"
        connection.execute(insert)
        with pytest.raises(psycopg.errors.UniqueViolation):
            connection.execute(insert)
    assert "ada@" not in server.log_file.read_text()
    assert "duplicate key" in server.log_file.read_text()


def test_a_long_path_gets_short_sockets():
    """Unix sockets have short addresses: a deep data folder uses a private folder in /tmp."""
    deep = Path("/srv") / ("x" * 90)
    assert len(str(socket_folder(deep, "redis"))) < 60
    assert socket_folder(deep, "redis") != socket_folder(deep / "other", "redis")
    assert socket_folder(Path("/srv/data"), "redis") == Path("/srv/data/run-redis")


@pytest.mark.skipif(os.getuid() != 0, reason="only root can make a folder of somebody else")
def test_a_folder_that_somebody_else_prepared_is_not_used(tmp_path):
    """Who makes our folder in /tmp before us gets a refusal, not our sockets."""
    (tmp_path / "theirs").mkdir()
    os.chown(tmp_path / "theirs", 12345, -1)
    with pytest.raises(ServerProblem, match="belongs to somebody else"):
        make_private(tmp_path / "theirs")


def test_any_name_of_a_folder_will_do(tmp_path_factory):
    """Spaces, commas, quotes and percent signs in the data folder's name are no trouble."""
    folder = tmp_path_factory.mktemp("a b,%41'\"c")
    with EmbeddedPostgres(folder, FORGETFUL) as server, EmbeddedRedis(folder) as redis_server:
        assert answer(server, "select 1") == (1,)
        with connect(redis_server.url) as client:
            assert client.ping()


def test_other_versions_data_are_told_in_a_sentence(tmp_path):
    """Data of a PostgreSQL that this release does not bring are left alone, and the message says what to do."""
    (tmp_path / "postgres").mkdir()
    (tmp_path / "postgres" / "PG_VERSION").write_text("9\n")
    with pytest.raises(ServerProblem, match=r"PostgreSQL 9.*pg_upgrade"):
        EmbeddedPostgres(tmp_path).ensure()
    assert (tmp_path / "postgres" / "PG_VERSION").read_text() == "9\n"


def test_a_server_that_cannot_start_says_where_to_look(data):
    """A setting that PostgreSQL refuses ends in its own last words and the path of the log."""
    with pytest.raises(ServerProblem, match=r"postgres\.log.*max_connections"):
        EmbeddedPostgres(data, {"max_connections": "none"}).ensure()
    with postgres(data) as server:
        assert server.starter
