"""The engines that are read: opened for reading, or with the one schema that may be written, and answering in Arrow."""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol
from urllib.parse import urlencode

import adbc_driver_manager as manager
import adbc_driver_postgresql.dbapi as adbc
import duckdb
import pyarrow as pa

from segsync.audience import addresses
from segsync.rules.warehouse_urls import Address

ROWS: Final = 20_000
CONNECT_SECONDS: Final = 15
NOT_OURS: Final = "warehouse.schema"
"""The code of whatever keeps us from laying down tables there."""


class WarehouseProblem(Exception):  # noqa: N818 - read aloud as "warehouse problem"
    """What a warehouse could not do: a code of the catalogue and its facts, never a value. `raw` are the engine's own words."""

    def __init__(self, code: str, raw: str = "", **facts: str) -> None:
        super().__init__(code)
        self.code = code
        self.raw = raw
        self.facts = facts


@dataclass(frozen=True)
class Limits:
    """What may be reached, and how long an engine may take. `keep` is called every few seconds while it works."""

    hosts: Sequence[str]
    folders: Sequence[str]
    seconds: float
    engines: Sequence[str]
    keep: Callable[[], object] = lambda: None
    spill: str = ""
    """Where DuckDB puts what does not fit into memory; beside the file where it is empty."""
    around: Callable[[str], AbstractContextManager[None]] = lambda _what: nullcontext()
    """Stands around whatever is left in an engine: see `segsync.effects`."""


class Reader(Protocol):
    """One engine that is open."""

    def schema(self, sql: str) -> pa.Schema:
        """The columns of a statement."""

    def batches(self, sql: str) -> Generator[pa.Table, None, None]:
        """Its rows, some at a time."""

    def put(self, name: str, rows: pa.Table) -> None:
        """A table of ours that ends with this connection, of rows from here."""

    def lay(self, name: str, columns: Mapping[str, str], sql: str) -> None:
        """The same of what a statement gives, which may only read."""

    def tables(self, schema: str) -> list[str]:
        """The names of all tables in a schema."""

    def keep(self, table: str, sql: str) -> None:
        """A table that stays, whole or not at all. Only where the engine was opened for writing; so is the next."""

    def drop(self, table: str) -> None:
        """Takes a table away."""

    def cancel(self) -> None:
        """Breaks off what it is doing, from another thread."""

    def close(self) -> None:
        """Lets go of it."""


def called(address: Address, limits: Limits) -> str:
    """The number of the machine, where it may be called. Raises WarehouseProblem."""
    try:
        return addresses.resolved(address.host, address.port, limits.hosts)
    except addresses.OffLimits:
        raise WarehouseProblem("warehouse.off_limits") from None
    except addresses.NotFound:
        raise WarehouseProblem("warehouse.unreachable") from None


def words_of(error: Exception) -> str:
    """The first line of what an engine says."""
    return (str(error).strip().splitlines() or [""])[0][:300]


# -- DuckDB ----------------------------------------------------------------------------------------------------


class DuckDBReader:
    """A file. Nothing but the file can be read, and nothing is written unless it is opened for that: then nobody else has it open."""

    def __init__(self, address: Address, limits: Limits, *, writing: bool) -> None:
        path = Path(address.path).resolve()
        if not any(path.is_relative_to(Path(folder).resolve()) for folder in limits.folders):
            raise WarehouseProblem("warehouse.off_limits")
        if not path.is_file():
            raise WarehouseProblem("warehouse.unreachable")
        config: dict[str, str | bool | int | float | list[str]] = {
            "enable_external_access": False,
            "memory_limit": "400MB",
            "threads": 2,
            "lock_configuration": True,
        }
        if limits.spill:
            config["temp_directory"] = limits.spill
        try:
            self._connection = duckdb.connect(path, read_only=not writing, config=config)
        except duckdb.Error as error:
            raise WarehouseProblem(NOT_OURS if writing else "warehouse.unreachable", words_of(error)) from None

    def schema(self, sql: str) -> pa.Schema:
        """See Reader."""
        try:
            return self._connection.execute(sql).to_arrow_table().schema
        except duckdb.Error as error:
            raise WarehouseProblem("warehouse.query", words_of(error)) from None

    def batches(self, sql: str) -> Generator[pa.Table, None, None]:
        """See Reader."""
        try:
            with self._connection.execute(sql).to_arrow_reader(ROWS) as reader:
                yield reader.schema.empty_table()
                for batch in reader:
                    yield pa.Table.from_batches([batch])
        except (duckdb.Error, pa.ArrowException, OSError):
            raise WarehouseProblem("warehouse.broke") from None

    def put(self, name: str, rows: pa.Table) -> None:
        """See Reader."""
        self._connection.register("coming", rows)
        self._ours(f"create or replace temp table {name} as select * from coming")
        self._connection.unregister("coming")

    def lay(self, name: str, columns: Mapping[str, str], sql: str) -> None:
        """See Reader."""
        try:
            self._connection.execute(f"create temp table {name} as select {', '.join(columns)} from ({sql}) as given")
        except duckdb.Error:
            raise WarehouseProblem("warehouse.broke") from None

    def tables(self, schema: str) -> list[str]:
        """See Reader."""
        asked = "select table_name from information_schema.tables where table_schema = ?"
        return [row[0] for row in self._connection.execute(asked, [schema]).fetchall()]

    def keep(self, table: str, sql: str) -> None:
        """See Reader."""
        self._ours(f"create table {table} as {sql}")

    def drop(self, table: str) -> None:
        """See Reader."""
        self._ours(f"drop table {table}")

    def _ours(self, sql: str) -> None:
        try:
            self._connection.execute(sql)
        except duckdb.Error as error:
            raise WarehouseProblem(NOT_OURS, words_of(error)) from None

    def cancel(self) -> None:
        """See Reader."""
        self._connection.interrupt()

    def close(self) -> None:
        """See Reader."""
        self._connection.close()


# -- PostgreSQL ------------------------------------------------------------------------------------------------


_TOO_LONG: Final = "57014"


class PostgresReader:
    """A database. Whatever people ask runs in a transaction that can only read; what we lay down ourselves is in others."""

    def __init__(self, address: Address, limits: Limits, *, writing: bool) -> None:
        self._writing = writing
        try:
            self._connection = adbc.connect(_uri(address, called(address, limits)))
        except manager.Error as error:
            raise _refused(error) from None
        try:
            self._say("set datestyle to iso", f"set statement_timeout to {int(limits.seconds * 1000)}")
            self._only_read()
        except manager.Error as error:
            self._connection.close()
            raise _refused(error) from None

    def schema(self, sql: str) -> pa.Schema:
        """See Reader."""
        try:
            with self._connection.cursor() as cursor:
                cursor.execute(sql)
                return cursor.fetch_arrow_table().schema
        except manager.Error as error:
            raise self._said(error) from None

    def batches(self, sql: str) -> Generator[pa.Table, None, None]:
        """See Reader."""
        try:
            with self._connection.cursor() as cursor:
                cursor.execute(sql)
                with cursor.fetch_record_batch() as reader:
                    yield reader.schema.empty_table()
                    for batch in reader:
                        yield pa.Table.from_batches([batch])
        except (manager.Error, pa.ArrowException, OSError):
            # its words may hold values
            raise WarehouseProblem("warehouse.broke") from None

    def put(self, name: str, rows: pa.Table) -> None:
        """See Reader."""

        def ingest() -> None:
            self._say(f"drop table if exists pg_temp.{name}")
            with self._connection.cursor() as cursor:
                cursor.adbc_ingest(name, rows, mode="create", temporary=True)
            self._say(f"analyze {name}")

        self._ours(ingest)

    def lay(self, name: str, columns: Mapping[str, str], sql: str) -> None:
        """See Reader. In a transaction that only reads, only tables that end with the connection can be filled."""
        made = ", ".join(f"{column} {kind}" for column, kind in columns.items())
        self._ours(lambda: self._say(f"create temporary table {name} ({made})"))
        try:
            self._say(f"insert into {name} select {', '.join(columns)} from ({sql}) as given")
        except manager.Error as error:
            slow = error.sqlstate == _TOO_LONG
            raise WarehouseProblem("warehouse.slow" if slow else "warehouse.broke") from None
        self._ours(lambda: self._say(f"analyze {name}"))

    def tables(self, schema: str) -> list[str]:
        """See Reader."""
        with self._connection.cursor() as cursor:
            cursor.execute("select tablename::text from pg_catalog.pg_tables where schemaname = $1", [schema])
            return [str(row[0]) for row in cursor.fetchall()]

    def keep(self, table: str, sql: str) -> None:
        """See Reader."""
        self._ours(lambda: self._say(f"create table {table} as {sql}"))

    def drop(self, table: str) -> None:
        """See Reader."""
        self._ours(lambda: self._say(f"drop table {table}"))

    def _ours(self, work: Callable[[], None]) -> None:
        """Does something of our own in a transaction that may write, and nothing that people wrote."""
        try:
            self._connection.commit()
            work()
            self._connection.commit()
            self._only_read()
        except manager.Error as error:
            with suppress(manager.Error):
                self._connection.rollback()
                self._only_read()
            raise WarehouseProblem(NOT_OURS, words_of(error)) from None

    def _only_read(self) -> None:
        self._connection.commit()
        self._say("set transaction read only")

    def _say(self, *statements: str) -> None:
        with self._connection.cursor() as cursor:
            for statement in statements:
                cursor.execute(statement)

    def cancel(self) -> None:
        """See Reader."""
        self._connection.adbc_cancel()

    def close(self) -> None:
        """See Reader."""
        self._connection.close()

    @staticmethod
    def _said(error: manager.Error) -> WarehouseProblem:
        state = error.sqlstate or ""
        if state == _TOO_LONG:
            return WarehouseProblem("warehouse.slow")
        # 42: names and rights; the query holds no member's values, so its words can be shown
        return WarehouseProblem(
            "warehouse.query" if state[:2] in {"42", "22", "3F"} else "warehouse.broke", words_of(error)
        )


def _uri(address: Address, number: str) -> str:
    says = {"connect_timeout": str(CONNECT_SECONDS)} | address.says | {"host": address.host}
    if not number.startswith("/"):
        says["hostaddr"] = number
    # all of it as parameters: a password may hold any letter
    signs = {
        "user": address.user or address.says.get("user", ""),
        "password": address.password,
        "port": str(address.port),
    }
    says |= {name: value for name, value in signs.items() if value}
    return f"postgresql:///{address.path.strip('/')}?{urlencode(says).replace('+', '%20')}"


def _refused(error: manager.Error) -> WarehouseProblem:
    words = str(error).lower()
    if "password" in words or "authentication" in words or "role" in words or "pg_hba" in words:
        return WarehouseProblem("warehouse.signin")
    return WarehouseProblem("warehouse.unreachable")
