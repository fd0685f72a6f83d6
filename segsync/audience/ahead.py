"""Reading ahead: the next statement is carried out by PostgreSQL while the answer to this one is worked on."""

from __future__ import annotations

from concurrent.futures import Future, ThreadPoolExecutor

import adbc_driver_postgresql.dbapi as adbc
import pyarrow as pa


class Ahead:
    """Reads statements one after the other, on one connection and in one thread of its own."""

    def __init__(self, uri: str) -> None:
        """Connects when it is asked first: opening a connection takes longer than reading a small window."""
        self._uri, self._thread = uri, ThreadPoolExecutor(1, "ahead")
        self._connection: adbc.Connection | None = None
        self._coming: tuple[str, Future[pa.Table]] | None = None

    def begin(self, sql: str) -> None:
        """Begins to read what will probably be asked for next."""
        self._coming = (sql, self._thread.submit(self._answer, sql))

    def read(self, sql: str) -> pa.Table:
        """The answer, which was perhaps begun already. Raises adbc.Error."""
        if self._coming is not None and self._coming[0] == sql:
            (_, begun), self._coming = self._coming, None
            return begun.result()
        return self._thread.submit(self._answer, sql).result()

    def answers(self) -> bool:
        """Whether it can be used again: whether its connection, if it has one, still stands."""
        try:
            return self._connection is None or self._thread.submit(self._answer, "select 1").result().num_rows == 1
        except adbc.Error:
            return False

    def forget(self) -> None:
        """What was begun is wanted by nobody any more, whoever asks for the same: it would be told as of then."""
        self._coming = None

    def close(self) -> None:
        """Waits for what was begun, whose answer nobody wants any more."""
        self._thread.shutdown(cancel_futures=True)
        if self._connection is not None:
            self._connection.close()

    def _answer(self, sql: str) -> pa.Table:
        if self._connection is None:
            self._connection = adbc.connect(self._uri, autocommit=True)
        with self._connection.cursor() as cursor:
            cursor.execute(sql)
            return cursor.fetch_arrow_table()
