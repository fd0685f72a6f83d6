"""The customer's own engines: opened for reading only, asked for their columns, and streamed as Arrow. One reader for each engine."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import import_module
from itertools import islice
from pathlib import Path
from typing import Any, Final, Protocol, TypeVar
from urllib.parse import urlencode

import adbc_driver_manager as manager
import adbc_driver_postgresql.dbapi as adbc
import duckdb
import pyarrow as pa

from segsync.audience import addresses
from segsync.audience.engines import ENGINES, Engine
from segsync.rules.warehouse_urls import Address

T = TypeVar("T")

ROWS: Final = 20_000
SIGN_OF_LIFE: Final = 5.0
"""Seconds between two signs of life while an engine works."""
CONNECT_SECONDS: Final = 15


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


class Reader(Protocol):
    """One engine that is open."""

    def schema(self, sql: str) -> pa.Schema:
        """The columns of a statement."""

    def batches(self, sql: str) -> Generator[pa.Table, None, None]:
        """Its rows, some at a time."""

    def cancel(self) -> None:
        """Breaks off what it is doing, from another thread."""

    def close(self) -> None:
        """Lets go of it."""


class Warehouse:
    """An engine to read from. Whatever it is asked ends within its time, and fails with a WarehouseProblem."""

    def __init__(self, reader: Reader, engine: Engine, limits: Limits) -> None:
        self.engine = engine
        self._reader = reader
        self._limits = limits
        self._told = time.monotonic()
        self._ends = self._told + limits.seconds
        self._hand = ThreadPoolExecutor(1, "warehouse")
        self._asked: list[Generator[pa.Table, None, None]] = []

    def schema(self, query: str) -> dict[str, str]:
        """Each column of a query with its type, as the engine tells them."""
        asked = f"select * from ({query}) as asked limit 0"
        try:
            found = self._patiently(lambda: self._reader.schema(asked))
        except WarehouseProblem as problem:
            if problem.code == "warehouse.broke":
                raise WarehouseProblem("warehouse.query", problem.raw) from None
            raise
        return {field.name: str(field.type) for field in found}

    def rows(self, sql: str) -> pa.Table:
        """A small answer."""
        return pa.concat_tables(list(self.stream(sql)))

    def stream(self, sql: str) -> Iterator[pa.Table]:
        """The rows of a statement, some at a time; at least one table, which may be empty."""
        rows = self._reader.batches(sql)
        self._asked.append(rows)
        while (table := self._patiently(lambda: next(rows, None))) is not None:
            yield table

    def close(self) -> None:
        """Lets go of the engine."""
        self._hand.shutdown(wait=True, cancel_futures=True)
        for rows in self._asked:
            rows.close()  # an answer that was not read to its end keeps a file of DuckDB open
        self._reader.close()

    def _patiently(self, work: Callable[[], T]) -> T:
        """Does something in the engine, giving signs of life meanwhile, and breaks it off when its time is up."""
        doing = self._hand.submit(work)
        try:
            while not wait([doing], timeout=SIGN_OF_LIFE / 10).done:
                self._sign_of_life()
            self._sign_of_life()
            return doing.result()
        finally:
            if not doing.done():
                self._reader.cancel()

    def _sign_of_life(self) -> None:
        """Says every few seconds that work goes on. Raises WarehouseProblem where the time is up."""
        now = time.monotonic()
        if now >= self._ends:
            raise WarehouseProblem("warehouse.slow")
        if now >= self._told + SIGN_OF_LIFE:
            self._limits.keep()
            self._told = now


@contextmanager
def opened(address: Address, limits: Limits) -> Iterator[Warehouse]:
    """A warehouse, open for reading. Raises WarehouseProblem."""
    if address.engine not in limits.engines:
        raise WarehouseProblem("warehouse.not_offered", engine=ENGINES[address.engine].label)
    warehouse = Warehouse(_OPEN[address.engine](address, limits), ENGINES[address.engine], limits)
    try:
        yield warehouse
    finally:
        warehouse.close()


def _called(address: Address, limits: Limits) -> str:
    """The number of the machine, where it may be called. Raises WarehouseProblem."""
    try:
        return addresses.resolved(address.host, address.port, limits.hosts)
    except addresses.OffLimits:
        raise WarehouseProblem("warehouse.off_limits") from None
    except addresses.NotFound:
        raise WarehouseProblem("warehouse.unreachable") from None


# -- DuckDB ----------------------------------------------------------------------------------------------------


class DuckDBReader:
    """A file. Nothing but the file can be read, and nothing is written."""

    def __init__(self, address: Address, limits: Limits) -> None:
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
        try:
            self._connection = duckdb.connect(path, read_only=True, config=config)
        except duckdb.Error as error:
            raise WarehouseProblem("warehouse.unreachable", _words(error)) from None

    def schema(self, sql: str) -> pa.Schema:
        """See Reader."""
        try:
            return self._connection.execute(sql).to_arrow_table().schema
        except duckdb.Error as error:
            raise WarehouseProblem("warehouse.query", _words(error)) from None

    def batches(self, sql: str) -> Generator[pa.Table, None, None]:
        """See Reader."""
        try:
            with self._connection.execute(sql).to_arrow_reader(ROWS) as reader:
                yield reader.schema.empty_table()
                for batch in reader:
                    yield pa.Table.from_batches([batch])
        except (duckdb.Error, pa.ArrowException, OSError):
            raise WarehouseProblem("warehouse.broke") from None

    def cancel(self) -> None:
        """See Reader."""
        self._connection.interrupt()

    def close(self) -> None:
        """See Reader."""
        self._connection.close()


# -- PostgreSQL ------------------------------------------------------------------------------------------------


class PostgresReader:
    """A database, in a transaction that can only read."""

    def __init__(self, address: Address, limits: Limits) -> None:
        try:
            self._connection = adbc.connect(_uri(address, _called(address, limits)))
        except manager.Error as error:
            raise _refused(error) from None
        try:
            with self._connection.cursor() as cursor:
                cursor.execute("set transaction read only")
                cursor.execute("set datestyle to iso")
                cursor.execute(f"set statement_timeout to {int(limits.seconds * 1000)}")
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

    def cancel(self) -> None:
        """See Reader."""
        self._connection.adbc_cancel()

    def close(self) -> None:
        """See Reader."""
        self._connection.close()

    @staticmethod
    def _said(error: manager.Error) -> WarehouseProblem:
        state = error.sqlstate or ""
        if state == "57014":
            return WarehouseProblem("warehouse.slow")
        # 42: names and rights; the query holds no member's values, so its words can be shown
        return WarehouseProblem(
            "warehouse.query" if state[:2] in {"42", "22", "3F"} else "warehouse.broke", _words(error)
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


# -- Spark -----------------------------------------------------------------------------------------------------


class SparkReader:
    """A cluster. Rows come partition by partition, so that this process never holds more than one."""

    def __init__(self, address: Address, limits: Limits) -> None:
        if address.port:
            _called(address, limits)
        elif address.host not in limits.hosts:
            raise WarehouseProblem("warehouse.off_limits")
        sql = import_module("pyspark.sql")
        builder = sql.SparkSession.builder
        for name, value in address.says.items():
            builder = builder.config(name, value)
        try:
            self._session = builder.config("spark.ui.enabled", "false").getOrCreate()
        except Exception:  # noqa: BLE001 - Java's own, whatever it is
            raise WarehouseProblem("warehouse.unreachable") from None
        self._errors = import_module("pyspark.errors").PySparkException

    def schema(self, sql: str) -> pa.Schema:
        """See Reader."""
        try:
            return self._session.sql(sql).toArrow().schema
        except self._errors as error:
            raise WarehouseProblem("warehouse.query", _words(error)) from None

    def batches(self, sql: str) -> Generator[pa.Table, None, None]:
        """See Reader."""
        try:
            frame = self._session.sql(sql)
            names = frame.columns
            yield pa.table({name: pa.array([], pa.string()) for name in names})
            rows = frame.toLocalIterator()
            while some := list(islice(rows, ROWS)):
                yield pa.table(
                    {
                        name: pa.array(cells, pa.string())
                        for name, cells in zip(names, zip(*some, strict=True), strict=True)
                    }
                )
        except Exception:  # noqa: BLE001 - of Java, of its sockets, or of PySpark: its words may hold values
            raise WarehouseProblem("warehouse.broke") from None

    def cancel(self) -> None:
        """See Reader."""
        self._session.sparkContext.cancelAllJobs()

    def close(self) -> None:
        """The session stays: it belongs to the process, and ends with it."""


_OPEN: Final[dict[str, Callable[[Address, Limits], Any]]] = {
    "duckdb": DuckDBReader,
    "postgres": PostgresReader,
    "spark": SparkReader,
}


def _words(error: Exception) -> str:
    """The first line of what an engine says."""
    return (str(error).strip().splitlines() or [""])[0][:300]
