"""What runs are worked on with: opened when it is first needed, and used again for the next run by a worker that goes on."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import duckdb

from segsync.audience.ahead import Ahead
from segsync.audience.identified import Identify, Method, identifying
from segsync.audience.workbench import workbench
from segsync.runtime import Runtime


class Tools:
    """An engine, the expressions that were planned in it, and a connection that reads: opening them takes half of a small run.

    Nobody's rows stay here: what is made on a workbench goes with it, and what was read ahead, or recurs among many, is forgotten.
    """

    def __init__(self, spill: Path) -> None:
        self._spill = spill
        self._opened = ExitStack()
        self._engine: duckdb.DuckDBPyConnection | None = None
        self._planned: dict[tuple[str, str], Identify] = {}
        self._reader: Ahead | None = None

    def engine(self) -> duckdb.DuckDBPyConnection:
        """The engine itself: of everybody, so nothing is made on it."""
        if self._engine is None:
            self._engine = self._opened.enter_context(workbench(self._spill))
        return self._engine

    @contextmanager
    def workbench(self, *, threads: int = 2) -> Iterator[duckdb.DuckDBPyConnection]:
        """A workbench like any other, one at a time."""
        bench = self.engine().cursor()
        try:
            bench.execute(f"set threads = {threads}")
            yield bench
        finally:
            bench.close()

    def identify(self, method: Method) -> Identify:
        """How members of this method become rows; the basis names channel, kind and rules."""
        known = (method.basis, method.secret)
        if known not in self._planned:
            self._planned[known] = self._opened.enter_context(identifying(self.engine(), method))
        return self._planned[known]

    @contextmanager
    def reader(self, uri: str) -> Iterator[Ahead]:
        """What reads members, one at a time. One that failed, or whose connection is gone, is not used again."""
        reader, self._reader = self._reader, None
        if reader is not None and not reader.answers():
            reader.close()
            reader = None
        with ExitStack() as failed:
            reader = reader or Ahead(uri)
            failed.callback(reader.close)
            yield reader
            reader.forget()
            failed.pop_all()
        self._reader = reader

    def forget(self) -> None:
        """A run is over: no value of its members stays for the next one, which may be another organization's."""
        for identify in self._planned.values():
            identify.forget()

    def give_back(self) -> None:
        """Lets go of the engine and of what was planned in it, which takes as much memory as a large check needs."""
        self._opened.close()
        self._engine = None
        self._planned.clear()

    def close(self) -> None:
        """Lets go of all of it."""
        if self._reader is not None:
            self._reader.close()
        self._opened.close()


@contextmanager
def tools_of(runtime: Runtime) -> Iterator[Tools]:
    """For one run, or for those that a worker goes through one after the other."""
    tools = Tools(runtime.settings.data / "spill")
    try:
        yield tools
    finally:
        tools.close()
