"""What a process needs to act: settings, database, queue, vault, clock and channels, opened together and closed together."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path

from sqlalchemy import Engine, func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session, sessionmaker

from connectors import registry
from connectors.contract import Application
from connectors.protocols import Connector, OAuth
from segsync.clock import DatabaseClock, utc_now
from segsync.config import Settings
from segsync.db import make_engine, make_sessions
from segsync.effects import NOTHING, Effects, Sort
from segsync.limited import Limited
from segsync.limiter import Limiter
from segsync.models import DataFile, Installation
from segsync.postgres_server import EmbeddedPostgres
from segsync.queue import Queue, connect
from segsync.servers import EmbeddedRedis, make_data_folder
from segsync.vault import Vault, kept, session_secret, vault_keys

LEDGERS = "ledgers"
DIGESTS = "digests"
"""The installation's secret for digests stands under this key, sealed."""


class WrongFolder(Exception):  # noqa: N818 - read aloud as "wrong folder"
    """The folder of ledgers does not belong to this database."""


@dataclass(frozen=True)
class Runtime:
    """Everything that actions, workers and pages act through. `database_uri` is for libpq (ADBC)."""

    settings: Settings
    engine: Engine
    sessions: sessionmaker[Session]
    vault: Vault
    queue: Queue
    database_uri: str
    ledgers: Path
    clock: Callable[[], datetime] = utc_now
    """The database's, in a process that `make_runtime` set up."""
    machine: Callable[[], datetime] = utc_now
    """This machine's own, for whoever compares the two."""
    stopwatch: Callable[[], float] = time.monotonic
    """Measures how long a slice lasts, whatever becomes of the clock."""
    effects: Effects = NOTHING
    """Everything that is left outside this process passes it."""
    _connectors: dict[str, Connector] = field(default_factory=dict, repr=False, compare=False)

    def application(self, name: str) -> Application:
        """The application registered at a channel. Raises KeyError for an unknown channel."""
        return replace(self.settings.application(name), around=self._around_request)

    def oauth(self, name: str) -> OAuth:
        """The sign-in of a channel."""
        return registry.CHANNELS[name].oauth

    def connector(self, name: str, *, asked: bool = False) -> Connector:
        """The connector of a channel, made once, behind the limiter that all workers share. Loads the vendor's SDK: for workers only.

        `asked` says that a person waits for the answer: it comes before others where a limit is nearly used up.
        """
        if name not in self._connectors:
            self._connectors[name] = registry.load(name, self.application(name))
        limiter = Limiter(self.queue.client)
        return Limited(self._connectors[name], limiter, name, self.settings.channels[name].client_id, asked)

    def _around_request(self, what: str) -> AbstractContextManager[object]:
        return self.effects.around(Sort.REQUEST, what)

    def after_fork(self) -> None:
        """Called first thing in a child: connections belong to the parent and must not be used, nor closed, here."""
        self.engine.dispose(close=False)

    def close(self) -> None:
        """Lets go of the database and of Redis."""
        self.queue.client.close()
        self.engine.dispose()

    @property
    def session_secret(self) -> str:
        """What signs the sessions of people."""
        return session_secret(self.settings.secret_key.get_secret_value(), self.settings.data)


@contextmanager
def open_runtime(settings: Settings) -> Iterator[Runtime]:
    """Starts or finds the embedded servers where none are configured, and opens everything."""
    with ExitStack() as stack:
        make_data_folder(settings.data)
        url = settings.database_url.get_secret_value() or stack.enter_context(EmbeddedPostgres(settings.data)).url
        redis_url = settings.redis_url.get_secret_value() or stack.enter_context(EmbeddedRedis(settings.data)).url
        runtime = make_runtime(settings, url, redis_url)
        stack.callback(runtime.close)
        yield runtime


def make_runtime(
    settings: Settings,
    url: str,
    redis_url: str,
    *,
    clock: Callable[[], datetime] | None = None,
    stopwatch: Callable[[], float] = time.monotonic,
    effects: Effects = NOTHING,
) -> Runtime:
    """Opens everything at these addresses of PostgreSQL and Redis."""
    engine = make_engine(url)
    sessions = make_sessions(engine, effects)
    return Runtime(
        settings=settings,
        engine=engine,
        sessions=sessions,
        vault=make_vault(settings, sessions),
        queue=Queue(connect(redis_url), effects),
        database_uri=libpq(url),
        ledgers=settings.data.absolute() / LEDGERS,
        clock=clock or DatabaseClock(engine),
        stopwatch=stopwatch,
        effects=effects,
    )


def libpq(url: str) -> str:
    """A database's address without the name of a Python driver."""
    scheme, mark, rest = url.partition("://")
    return scheme.partition("+")[0] + mark + rest


def make_vault(settings: Settings, sessions: sessionmaker[Session]) -> Vault:
    """A vault whose secret for digests is kept, sealed, in the database: every machine must make the same digests."""

    def root() -> str:
        with sessions.begin() as session:
            sealed = _settled(session, DIGESTS, {"sealed": vault.seal(secrets.token_hex(32))})["sealed"]
        return vault.open(str(sealed))

    vault = Vault(lambda: vault_keys(settings.vault_keys.get_secret_value(), settings.data), root)
    return vault


def check_ledgers(runtime: Runtime) -> str:
    """The id of the folder of ledgers, which is also in the database. Raises WrongFolder where they differ."""
    folder = runtime.ledgers
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    mark = folder / "folder-id"
    with runtime.sessions.begin() as session:
        known = session.get(Installation, LEDGERS)
        if known is None:
            if not mark.exists() and any(folder.iterdir()):
                raise WrongFolder(f"{folder} holds files that are not of this database. Choose another SEGSYNC_DATA.")
            return str(_settled(session, LEDGERS, {"id": kept(mark, lambda: secrets.token_hex(16))})["id"])
        files = session.scalar(select(func.count()).select_from(DataFile)) or 0
        wanted = str(known.value["id"])
    if not mark.exists() and files == 0:
        kept(mark, lambda: wanted)
    if not mark.exists() or mark.read_text(encoding="utf-8").strip() != wanted:
        raise WrongFolder(
            f"{folder} is not the folder of ledgers that this database knows. Give the right one with SEGSYNC_DATA: "
            "with another folder every audience would be filled from nothing."
        )
    return wanted


def _settled(session: Session, key: str, value: dict[str, str]) -> dict[str, object]:
    """The value that the installation has under a key; this one, if it has none yet."""
    session.execute(insert(Installation).values(key=key, value=value).on_conflict_do_nothing())
    found: dict[str, object] = session.execute(select(Installation.value).where(Installation.key == key)).scalar_one()
    return found
