"""The three engines for tests, each asked in its own way and answering in Arrow."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import adbc_driver_postgresql.dbapi as adbc
import duckdb
import ibis
import pyarrow as pa

from segsync.audience.engines import ENGINES, Engine


class Answering:
    """An engine that is up: tables can be laid down in it, and expressions asked of it."""

    def __init__(self, name: str) -> None:
        self.engine: Engine = ENGINES[name]

    def lay(self, name: str, table: pa.Table) -> None:
        """Makes a table of these rows."""
        raise NotImplementedError

    def ask(self, sql: str) -> pa.Table:
        """What a statement gives."""
        raise NotImplementedError

    def close(self) -> None:
        """Lets go of it."""

    def say(self, expression: Any) -> pa.Table:
        """What an expression over tables laid down before gives."""
        return self.ask(str(ibis.to_sql(expression, dialect=self.engine.dialect)))


class InDuckDB(Answering):
    """A database in memory."""

    def __init__(self) -> None:
        super().__init__("duckdb")
        self.connection = duckdb.connect()

    def lay(self, name: str, table: pa.Table) -> None:
        self.connection.register("laid", table)
        self.connection.execute(f"create or replace table {name} as select * from laid")

    def ask(self, sql: str) -> pa.Table:
        return self.connection.execute(sql).to_arrow_table()


class InPostgres(Answering):
    """A database of this session's server."""

    def __init__(self, uri: str) -> None:
        super().__init__("postgres")
        self.connection = adbc.connect(uri, autocommit=True)

    def lay(self, name: str, table: pa.Table) -> None:
        with self.connection.cursor() as cursor:
            cursor.adbc_ingest(name, table, mode="replace")

    def ask(self, sql: str) -> pa.Table:
        with self.connection.cursor() as cursor:
            cursor.execute(sql)
            return cursor.fetch_arrow_table()

    def close(self) -> None:
        self.connection.close()


class InSpark(Answering):
    """A cluster on this machine."""

    def __init__(self, session: Any) -> None:
        super().__init__("spark")
        self.session = session

    def lay(self, name: str, table: pa.Table) -> None:
        self.session.createDataFrame(table).createOrReplaceTempView(name)

    def ask(self, sql: str) -> pa.Table:
        return self.session.sql(sql).toArrow()


@contextmanager
def spark_cluster() -> Iterator[Any]:
    """A Spark of two worker processes on this machine, with an event log: `session.conf.get("spark.eventLog.dir")`."""
    from pyspark.sql import SparkSession  # noqa: PLC0415 - an optional extra

    with tempfile.TemporaryDirectory(prefix="segsync-spark-") as folder:
        events = Path(folder) / "events"
        events.mkdir()
        session = (
            SparkSession.builder.master("local-cluster[2,1,768]")
            .config("spark.executor.memory", "768m")
            .config("spark.driver.memory", "768m")
            .config("spark.driver.bindAddress", "127.0.0.1")
            .config("spark.driver.host", "127.0.0.1")
            .config("spark.ui.enabled", "false")
            .config("spark.sql.shuffle.partitions", "2")
            .config("spark.sql.warehouse.dir", f"{folder}/tables")
            .config("spark.eventLog.enabled", "true")
            .config("spark.eventLog.compress", "false")
            .config("spark.eventLog.dir", events.as_uri())
            .getOrCreate()
        )
        try:
            yield session
        finally:
            session.stop()
