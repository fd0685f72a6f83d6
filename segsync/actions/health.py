"""Signs of life of workers and schedulers, and whether this installation is healthy."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

import redis
from sqlalchemy import delete, func, or_, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.exc import SQLAlchemyError

from segsync import migrate
from segsync.actions import timing
from segsync.models import Installation, Sync
from segsync.runtime import Runtime, WrongFolder, check_ledgers
from segsync.vault import VaultLocked

WORKERS_SILENT: Final = timedelta(seconds=45)
SCHEDULER_SILENT: Final = timedelta(seconds=45)
FORGOTTEN: Final = timedelta(days=1)
CLOCK_APART: Final = timedelta(seconds=5)
OLDEST_POSTGRES: Final = 15
OLDEST_REDIS: Final = (6, 2)
FREE_BYTES: Final = 1_000_000_000


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at."""

    name: str
    healthy: bool
    text: str


def beat(runtime: Runtime, part: str, **facts: int) -> None:
    """Writes that a part is alive. `part` begins with 'worker ' or 'scheduler ', then names the process."""
    statement = insert(Installation).values(key=part, value=facts, at=func.clock_timestamp())
    with runtime.sessions.begin() as session:
        session.execute(
            statement.on_conflict_do_update(
                index_elements=["key"], set_={"value": statement.excluded.value, "at": statement.excluded.at}
            )
        )
        session.execute(
            delete(Installation).where(
                or_(Installation.key.startswith("worker "), Installation.key.startswith("scheduler ")),
                Installation.at < func.clock_timestamp() - FORGOTTEN,
            )
        )


def gone(runtime: Runtime, part: str) -> None:
    """A part ended as it should."""
    with runtime.sessions.begin() as session:
        session.execute(delete(Installation).where(Installation.key == part))


def examine(runtime: Runtime) -> Iterator[Finding]:
    """Everything that can be wrong with an installation, looked at one by one."""
    yield (database := _database(runtime))
    if database.healthy:
        yield from (look(runtime) for look in _IN_DATABASE)
    yield from (look(runtime) for look in _BESIDE)


def _database(runtime: Runtime) -> Finding:
    try:
        with runtime.engine.connect() as connection:
            version = int(connection.scalar(select(func.current_setting("server_version_num"))) or 0) // 10_000
    except SQLAlchemyError as problem:
        return Finding("database", False, f"PostgreSQL does not answer ({type(problem).__name__}).")
    if version < OLDEST_POSTGRES:
        return Finding("database", False, f"PostgreSQL {version} is too old; {OLDEST_POSTGRES} or newer is needed.")
    return Finding("database", True, f"PostgreSQL {version} answers.")


def _migrations(runtime: Runtime) -> Finding:
    found, wanted = migrate.current(runtime.engine), migrate.newest()
    if found == wanted:
        return Finding("migrations", True, f"The tables are those of this release ({wanted}).")
    return Finding(
        "migrations",
        False,
        f"The tables are at {found or 'nothing'}, this release needs {wanted}: `segsync db upgrade`.",
    )


def _clock(runtime: Runtime) -> Finding:
    with runtime.engine.connect() as connection:
        theirs = connection.scalar(select(func.clock_timestamp()))
    apart = abs(runtime.machine() - theirs) if theirs else timedelta.max
    if apart > CLOCK_APART:
        return Finding(
            "clock", False, f"This machine and the database are {apart.total_seconds():.0f} s apart: set the clocks."
        )
    return Finding("clock", True, f"This machine and the database are {apart.total_seconds():.1f} s apart.")


def _tables(look: Callable[[Runtime], Finding]) -> Callable[[Runtime], Finding]:
    def looked(runtime: Runtime) -> Finding:
        if migrate.current(runtime.engine) is None:
            return Finding(look.__name__.strip("_"), False, "Not known: the database has no tables yet.")
        return look(runtime)

    return looked


@_tables
def _ledgers(runtime: Runtime) -> Finding:
    try:
        check_ledgers(runtime)
    except WrongFolder as problem:
        return Finding("ledgers", False, str(problem))
    return Finding("ledgers", True, "The folder of ledgers is the one that the database knows.")


@_tables
def _vault(runtime: Runtime) -> Finding:
    try:
        runtime.vault.digest_secret()
    except VaultLocked as problem:
        return Finding("vault", False, str(problem))
    return Finding("vault", True, "Stored secrets can be opened.")


@_tables
def _workers(runtime: Runtime) -> Finding:
    running = sum(int(facts.get("workers", 0)) for facts in _alive(runtime, "worker ", WORKERS_SILENT))
    if running == 0:
        return Finding("workers", False, "No worker is running: start `segsync worker`.")
    return Finding("workers", True, f"{running} workers are running.")


@_tables
def _scheduler(runtime: Runtime) -> Finding:
    if not _alive(runtime, "scheduler ", SCHEDULER_SILENT):
        return Finding("scheduler", False, "No scheduler is running: start `segsync scheduler`.")
    return Finding("scheduler", True, "A scheduler is running.")


def _overdue(runtime: Runtime) -> Finding:
    if migrate.current(runtime.engine) != migrate.newest():
        return Finding("syncs", False, "Not known: the tables are not those of this release.")
    with runtime.sessions() as session:
        late = session.scalar(select(func.count()).select_from(Sync).where(timing.overdue(runtime.clock()))) or 0
    if late:
        told = "1 sync is" if late == 1 else f"{late:,} syncs are"
        return Finding("syncs", False, f"{told} overdue by a whole interval: the alert on Segment Syncs names them.")
    return Finding("syncs", True, "No sync is overdue.")


def _alive(runtime: Runtime, prefix: str, silent: timedelta) -> list[dict[str, int]]:
    with runtime.sessions() as session:
        return list(
            session.scalars(
                select(Installation.value).where(
                    Installation.key.startswith(prefix), Installation.at > func.clock_timestamp() - silent
                )
            )
        )


def _redis(runtime: Runtime) -> Finding:
    try:
        version = str(runtime.queue.client.info("server")["redis_version"])
    except redis.RedisError as problem:
        return Finding("redis", False, f"Redis does not answer ({type(problem).__name__}): nothing is woken.")
    if tuple(int(part) for part in version.split(".")[:2]) < OLDEST_REDIS:
        return Finding("redis", False, f"Redis {version} is too old; 6.2 or newer is needed.")
    return Finding("redis", True, f"Redis {version} answers.")


def _channels(runtime: Runtime) -> Finding:
    ready, broken = [], []
    for name, channel in runtime.settings.channels.items():
        if channel.client_id and not channel.client_secret.get_secret_value():
            broken.append(f"SEGSYNC_{name.upper()}_CLIENT_SECRET")
        elif channel.client_id:
            ready.append(f"{name} (simulated)" if channel.application.simulated else name)
    if broken:
        return Finding("channels", False, f"Not set: {', '.join(broken)}.")
    if not ready:
        return Finding("channels", False, "No channel is set up: see docs/channels.md.")
    return Finding("channels", True, f"Set up: {', '.join(ready)}.")


def _disk(runtime: Runtime) -> Finding:
    free = shutil.disk_usage(runtime.settings.data).free
    return Finding("disk", free >= FREE_BYTES, f"{free / 1e9:.1f} GB are free for {runtime.settings.data}.")


_IN_DATABASE = (_migrations, _clock, _ledgers, _vault, _workers, _scheduler, _overdue)
_BESIDE = (_redis, _channels, _disk)
