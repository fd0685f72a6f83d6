"""Brings the database to the tables of this release, and writes new migrations for developers."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine, text

LOCK = 7_315_024_001
"""Names our advisory lock: two commands that migrate at once wait for one another."""


def upgrade(engine: Engine) -> None:
    """Runs what is missing, in one transaction, however many commands try at once."""
    with _migrating(engine) as connection:
        command.upgrade(_config(connection), "head")


def current(engine: Engine) -> str | None:
    """The release of the tables in the database; None where there are none."""
    with engine.connect() as connection:
        return MigrationContext.configure(connection).get_current_revision()


def newest() -> str | None:
    """The release of the tables that this program needs."""
    return ScriptDirectory.from_config(_config()).get_current_head()


def write(engine: Engine, message: str) -> None:
    """Writes a migration from the difference between the models and the database."""
    with _migrating(engine) as connection:
        command.revision(_config(connection), message, autogenerate=True)


def differences(engine: Engine) -> None:
    """Raises alembic.util.CommandError where models and database differ."""
    with _migrating(engine) as connection:
        command.check(_config(connection))


@contextmanager
def _migrating(engine: Engine) -> Iterator[Connection]:
    with engine.begin() as connection:
        connection.execute(text("set local statement_timeout = 0"))
        connection.execute(text("select pg_advisory_xact_lock(:lock)"), {"lock": LOCK})
        yield connection


def _config(connection: Connection | None = None) -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations").replace("%", "%%"))
    config.attributes["connection"] = connection
    return config
