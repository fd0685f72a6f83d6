"""Spark, as a warehouse: PySpark is an extra, so it is loaded only where somebody has one."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Mapping
from contextlib import contextmanager, suppress
from importlib import import_module
from itertools import islice
from typing import Final

import pyarrow as pa

from segsync.audience.warehouse_readers import NOT_OURS, ROWS, Limits, WarehouseProblem, called, words_of
from segsync.rules.warehouse_urls import Address

BROADCAST: Final = "spark.sql.autoBroadcastJoinThreshold"


class SparkReader:
    """A cluster. Rows come partition by partition, so that this process never holds more than one."""

    def __init__(self, address: Address, limits: Limits, *, writing: bool) -> None:
        del writing  # the sign-in alone decides
        if address.port:
            called(address, limits)
        elif address.host not in limits.hosts:
            raise WarehouseProblem("warehouse.off_limits")
        sql = import_module("pyspark.sql")
        builder = sql.SparkSession.builder
        for name, value in address.says.items():
            builder = builder.config(name, value)
        try:
            self._session = builder.config("spark.ui.enabled", "false").getOrCreate()
            # plans, which it would warn of, hold what our digests are keyed with
            self._session.sparkContext.setLogLevel("ERROR")
        except Exception:  # noqa: BLE001 - Java's own, whatever it is
            raise WarehouseProblem("warehouse.unreachable") from None
        self._errors = import_module("pyspark.errors").PySparkException
        self._made: list[str] = []
        self._broadcast = str(self._session.conf.get(BROADCAST))

    def schema(self, sql: str) -> pa.Schema:
        """See Reader."""
        try:
            return self._session.sql(sql).toArrow().schema
        except self._errors as error:
            raise WarehouseProblem("warehouse.query", words_of(error)) from None

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

    def put(self, name: str, rows: pa.Table) -> None:
        """See Reader."""
        with self._problems(NOT_OURS):
            self._session.createDataFrame(rows).createOrReplaceTempView(name)
        self._made.append(name)

    def lay(self, name: str, columns: Mapping[str, str], sql: str) -> None:
        """See Reader. What an executor loses that dies is asked for again."""
        with self._problems("warehouse.broke"):
            self._session.sql(f"cache table {name} as select {', '.join(columns)} from ({sql}) as given")
        self._made.append(name)
        # a table that is broadcast travels through this process
        self._session.conf.set(BROADCAST, "-1")

    def tables(self, schema: str) -> list[str]:
        """See Reader."""
        with self._problems(NOT_OURS):
            found = self._session.sql(f"show tables in {schema}").collect()
        return [row["tableName"] for row in found if not row["isTemporary"]]

    def keep(self, table: str, sql: str) -> None:
        """See Reader. The catalog learns of it when all of it is there."""
        with self._problems(NOT_OURS):
            self._session.sql(f"create table {table} using parquet as {sql}")

    def drop(self, table: str) -> None:
        """See Reader."""
        with self._problems(NOT_OURS):
            self._session.sql(f"drop table {table}")

    @contextmanager
    def _problems(self, code: str) -> Iterator[None]:
        try:
            yield
        except Exception as error:  # noqa: BLE001 - of Java, of its sockets, or of PySpark: its words may hold values
            raise WarehouseProblem(code, words_of(error) if code == NOT_OURS else "") from None

    def cancel(self) -> None:
        """See Reader."""
        self._session.sparkContext.cancelAllJobs()

    def close(self) -> None:
        """The session stays: it belongs to the process, and ends with it. What was laid down goes."""
        with suppress(Exception):
            self._session.conf.set(BROADCAST, self._broadcast)
        for name in self._made:
            with suppress(Exception):
                self._session.sql(f"uncache table if exists {name}")
                self._session.catalog.dropTempView(name)
