"""What every test may ask for: a PostgreSQL and a Redis for the whole session, and a fresh database and clock for each test."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path

import hypothesis
import psycopg
import pytest
import redis

from segsync import migrate
from segsync.config import Settings
from segsync.db import make_engine
from segsync.postgres_server import EmbeddedPostgres
from segsync.queue import connect
from segsync.runtime import Runtime, make_runtime
from segsync.servers import EmbeddedRedis
from segsync.vault import new_key
from tests.audience.engines_at_hand import spark_cluster

# a slow machine is no failure
hypothesis.settings.register_profile(
    "any machine", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow]
)
hypothesis.settings.load_profile("any machine")

FORGETFUL = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}
VAULT_KEY = new_key()


@dataclass
class Clock:
    """A clock that stands still until it is told to move."""

    now: datetime = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now

    def forward(self, **by: float) -> datetime:
        """Moves it, by what `timedelta` takes."""
        self.now += timedelta(**by)
        return self.now


@dataclass(frozen=True)
class Servers:
    """The servers of this test session. `template` is a migrated database that others are copied from."""

    postgres: EmbeddedPostgres
    redis: EmbeddedRedis
    template: str = "migrated"

    def administer(self, *statements: str) -> None:
        """Statements that cannot run in a transaction."""
        with psycopg.connect(self.postgres.url_of("postgres"), autocommit=True) as connection:
            for statement in statements:
                connection.execute(statement)


@pytest.fixture(scope="session")
def spark():
    """A Spark of two worker processes."""
    pytest.importorskip("pyspark", reason="the extra `spark` is not installed")
    with spark_cluster() as session:
        yield session


@pytest.fixture(scope="session")
def data_root() -> Iterator[Path]:
    """A folder with a short name: the addresses of unix sockets are short."""
    folder = Path(tempfile.mkdtemp(prefix="segsync-test-"))
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def servers(data_root) -> Iterator[Servers]:
    """PostgreSQL and Redis, started once, and a database with all tables."""
    with EmbeddedPostgres(data_root, FORGETFUL) as postgres, EmbeddedRedis(data_root) as redis_server:
        started = Servers(postgres, redis_server)
        started.administer(f"create database {started.template}")
        engine = make_engine(postgres.url_of(started.template))
        migrate.upgrade(engine)
        engine.dispose()
        yield started


NUMBERS = count(1)
KINDS = ("browser", "spark", "contract", "property", "slow")


@pytest.fixture
def database_url(servers) -> Iterator[str]:
    """A database of this test's own, with all tables, empty."""
    name = f"test_{next(NUMBERS)}"
    servers.administer(f"create database {name} template {servers.template} strategy wal_log")
    yield servers.postgres.url_of(name)
    servers.administer(f"drop database {name} with (force)")


@pytest.fixture
def redis_client(servers) -> Iterator[redis.Redis]:
    """Redis, emptied before the test."""
    with connect(servers.redis.url) as client:
        client.flushall()
        yield client


@pytest.fixture
def clock() -> Clock:
    """Monday, 2 March 2026, 9:00 UTC, until the test moves it."""
    return Clock()


@pytest.fixture
def settings(tmp_path, database_url, servers) -> Settings:
    """Settings as for production, pointing at this session's servers."""
    return Settings(
        data=tmp_path,
        database_url=database_url,
        redis_url=servers.redis.url,
        vault_keys=VAULT_KEY,
        slice_seconds=60,  # on a slow machine a slice should get as far as on a quick one
    )


@pytest.fixture
def runtime(settings, redis_client, clock) -> Iterator[Runtime]:
    """Everything that actions need, over a fresh database and an empty Redis."""
    opened = make_runtime(
        settings, settings.database_url.get_secret_value(), settings.redis_url.get_secret_value(), clock=clock
    )
    yield opened
    opened.close()


@pytest.fixture
def session(runtime):
    """A database session that the test commits itself."""
    with runtime.sessions() as opened:
        yield opened


class Kinds:
    """Counts tests and their time by kind, for the summary of `make test`."""

    def __init__(self, report: Path) -> None:
        self.report = report
        self.found: dict[str, dict[str, float]] = {}

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Each test reports its set-up, its call and its end."""
        kind = next(
            (name for name in KINDS if name in report.keywords), "faults" if "/faults/" in report.nodeid else "unit"
        )
        counted = self.found.setdefault(kind, {"passed": 0, "failed": 0, "skipped": 0, "seconds": 0})
        counted["seconds"] += report.duration
        if report.when == "call" or report.outcome != "passed":
            counted[report.outcome] += 1

    def pytest_sessionfinish(self) -> None:
        """Leaves the figures to whoever started the run."""
        self.report.write_text(json.dumps(self.found))


def pytest_configure(config: pytest.Config) -> None:
    """Counts only when asked to, and where the results of all processes come together."""
    if (path := os.environ.get("SEGSYNC_TEST_REPORT")) and not hasattr(config, "workerinput"):
        config.pluginmanager.register(Kinds(Path(path)))
