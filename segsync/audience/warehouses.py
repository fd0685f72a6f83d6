"""The customer's own engines: asked for their columns, streamed as Arrow, and given tables of ours where a schema is. All within a time."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Generator, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import contextmanager
from typing import Final, TypeVar

import pyarrow as pa

from segsync.audience.engines import ENGINES, Engine
from segsync.audience.warehouse_readers import DuckDBReader, Limits, PostgresReader, Reader, WarehouseProblem
from segsync.audience.warehouse_spark import SparkReader
from segsync.rules.warehouse_urls import Address

T = TypeVar("T")

SIGN_OF_LIFE: Final = 5.0
"""Seconds between two signs of life while an engine works."""


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
        self.came = Counter[str]()
        """Rows and bytes that it gave."""
        self.went = Counter[str]()
        """Rows and bytes that were laid down there."""

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
            self.came.update(rows=table.num_rows, bytes=table.nbytes)
            yield table

    def put(self, name: str, rows: pa.Table) -> None:
        """A table of rows from here that ends with this connection."""
        self._patiently(lambda: self._reader.put(name, rows))
        self.went.update(rows=rows.num_rows, bytes=rows.nbytes)

    def lay(self, name: str, columns: Mapping[str, str], sql: str) -> None:
        """A table of what a statement gives that ends with this connection. `columns` have their types in `text` and `bigint`."""
        self._patiently(lambda: self._reader.lay(name, columns, sql))

    def tables(self, schema: str) -> list[str]:
        """The names of the tables in a schema."""
        return self._patiently(lambda: self._reader.tables(schema))

    def keep(self, schema: str, name: str, sql: str) -> None:
        """A table in a schema that stays, whole or not at all."""
        with self._limits.around("table"):
            self._patiently(lambda: self._reader.keep(self.place(schema, name), sql))

    def drop(self, schema: str, name: str) -> None:
        """Takes a table of ours away."""
        with self._limits.around("table"):
            self._patiently(lambda: self._reader.drop(self.place(schema, name)))

    def place(self, schema: str, name: str) -> str:
        """A table of a schema as statements name it. The schema of a catalogue is named with a point."""
        return ".".join(self.engine.named(part) for part in (*schema.split("."), name))

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
def opened(address: Address, limits: Limits, *, writing: bool = False) -> Iterator[Warehouse]:
    """A warehouse, open for reading; `writing` lets `keep` and `drop` tables too. Raises WarehouseProblem."""
    if address.engine not in limits.engines:
        raise WarehouseProblem("warehouse.not_offered", engine=ENGINES[address.engine].label)
    warehouse = Warehouse(_OPEN[address.engine](address, limits, writing=writing), ENGINES[address.engine], limits)
    try:
        yield warehouse
    finally:
        warehouse.close()


_OPEN: Final[Mapping[str, Callable[..., Reader]]] = {
    "duckdb": DuckDBReader,
    "postgres": PostgresReader,
    "spark": SparkReader,
}
