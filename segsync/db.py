"""The database: the declarative base, the engine, and sessions. Tables are in `segsync.models`."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime
from typing import Annotated, Any, Final

import psycopg
from psycopg.pq import TransactionStatus
from sqlalchemy import BigInteger, Connection, DateTime, Engine, Identity, MetaData, Text, create_engine, event, func
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import DeclarativeBase, Session, mapped_column, sessionmaker

from segsync.effects import NOTHING, Effect, Effects, Sort

Sessions = Callable[[], Session]

Id = Annotated[int, mapped_column(BigInteger, Identity(), primary_key=True)]
When = Annotated[datetime, mapped_column(DateTime(timezone=True))]
Created = Annotated[datetime, mapped_column(DateTime(timezone=True), server_default=func.now())]


class Base(DeclarativeBase):
    """All tables. Constraint names follow a convention, so that migrations stay stable."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_N_name)s",
            "pk": "pk_%(table_name)s",
        }
    )
    type_annotation_map = {  # noqa: RUF012 - SQLAlchemy's own form
        str: Text,
        int: BigInteger,
        dict[str, Any]: JSONB,
        list[Any]: JSONB,
        datetime: DateTime(timezone=True),
    }


def make_engine(url: str, *, pool_size: int = 5) -> Engine:
    """An engine for PostgreSQL through psycopg. Connections are checked before use, so that a restart is survived."""
    address = url.replace("postgres://", "postgresql://", 1).replace("postgresql://", "postgresql+psycopg://", 1)
    return create_engine(
        address,
        pool_pre_ping=True,
        pool_size=pool_size,
        max_overflow=pool_size,
        pool_recycle=1800,
        connect_args={"options": "-c timezone=UTC -c statement_timeout=120000", "connect_timeout": 10},
        hide_parameters=True,
    )


def make_sessions(engine: Engine, effects: Effects = NOTHING) -> sessionmaker[Session]:
    """A maker of sessions. Objects stay readable after a commit. Every transaction that wrote something passes `effects`."""
    sessions = sessionmaker(engine, expire_on_commit=False)
    if effects is not NOTHING:
        _watch(engine, sessions, effects)
    return sessions


def let_go(session: Session) -> None:
    """Closes a session: what was written in it and not committed is undone.

    Where nothing was written, its transaction ends with a commit: at a rollback psycopg lets go of all prepared statements, and the
    database would read and plan every statement of the next page anew.
    """
    if session.in_transaction() and session.is_active:
        raw: psycopg.Connection[Any] = session.connection().connection.driver_connection  # type: ignore[assignment]
        try:
            if raw.info.transaction_status is TransactionStatus.INTRANS and _only_read(raw):
                raw.commit()
        except psycopg.Error:
            session.invalidate()  # a connection that broke off has nothing to end
    session.close()


def _only_read(raw: psycopg.Connection[Any]) -> bool:
    # the database itself says it, whatever the statements were and whoever sent them
    return raw.execute("select pg_current_xact_id_if_assigned() is null").fetchone() == (True,)


_WRITES: Final = re.compile(r"\s*(?:insert into|update|delete from)\s+(\w+)", re.IGNORECASE)
_WRITTEN: Final = "tables written"


def _watch(engine: Engine, sessions: sessionmaker[Session], effects: Effects) -> None:
    """Notes the tables that a transaction writes, and tells of its end."""

    def begin(connection: Connection) -> None:
        connection.info[_WRITTEN] = []

    def execute(connection: Connection, _cursor: Any, statement: str, *_: Any) -> None:
        if found := _WRITES.match(statement):
            connection.info.setdefault(_WRITTEN, []).append(found[1])

    def before_commit(session: Session) -> None:
        session.flush()
        tables = session.connection().info.get(_WRITTEN)
        if tables and not session.in_nested_transaction():
            session.info[Effect] = Effect(Sort.COMMIT, " ".join(dict.fromkeys(tables)))
            effects.before(session.info[Effect])

    def after_commit(session: Session) -> None:
        if effect := session.info.pop(Effect, None):
            effects.after(effect)

    event.listen(engine, "begin", begin)
    event.listen(engine, "before_cursor_execute", execute)
    event.listen(sessions, "before_commit", before_commit)
    event.listen(sessions, "after_commit", after_commit)
