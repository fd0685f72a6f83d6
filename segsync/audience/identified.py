"""Members as a channel takes them: its expression planned once and then fed, table by table, on every core at once.

Planning an expression takes as long as carrying it out over thousands of members, and an engine works on a window with one core.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field

import duckdb
import ibis
import pyarrow as pa

from connectors.contract import Kind, Shape
from connectors.protocols import Connector
from segsync.audience.engines import ENGINES, Engine, in_words
from segsync.audience.workbench import Fed

TO_SEND = "to_send"
"""The table whose members become rows."""
VERSION = "version"
CORES = 2
WORTH_SHARING = 5_000
"""Members, from which on the cores share them."""


@dataclass(frozen=True)
class Method:
    """How this sync's members become rows: the channel's expression, and what the digest is made with.

    `basis` names the rules; a ledger of another basis is compared in full. `secret` keys the digest.
    """

    connector: Connector
    kind: Kind
    basis: str
    secret: str

    @property
    def shape(self) -> Shape:
        """The columns that the channel takes."""
        return self.connector.capabilities.shapes[self.kind]


def learn(connector: Connector) -> None:
    """Puts all that a channel's expression is asked for into words. Before a worker forks: each child would do it anew."""
    for kind in connector.capabilities.shapes:
        identifiers_sql(connector, kind, TO_SEND)


def identifiers_sql(connector: Connector, kind: Kind, source: str, engine: Engine = ENGINES["duckdb"]) -> str:
    """SQL of an engine: member, version, change_no and the channel's columns, from a table or view called `source`.

    Put into words once in a process: that takes longer than all else in a small run.
    """
    capabilities = connector.capabilities
    # a shape names its expression, and has another name when that changes
    known = (capabilities.name, kind, capabilities.shapes[kind], source, engine)
    if known not in _SAID:
        _SAID[known] = _in_words(connector, kind, source, engine)
    return _SAID[known]


_SAID: dict[tuple[str, Kind, Shape, str, Engine], str] = {}
"""Expressions in SQL."""


def _in_words(connector: Connector, kind: Kind, source: str, engine: Engine) -> str:
    shape = connector.capabilities.shapes[kind]
    fields = dict.fromkeys(shape.fields, "string")
    schema = {"member": "int64", VERSION: "string", "change_no": "int64", **fields}
    table = ibis.table(schema, name=source)
    expression = connector.identifiers(table, kind, engine.words)
    return in_words(engine, expression, fields, ("member", VERSION, "change_no", *shape.columns))


@dataclass
class Identify:
    """Gives members their versions and their rows, again and again, inside one workbench. See `identifying`."""

    bench: duckdb.DuckDBPyConnection
    method: Method
    _lines: list[_Line] = field(default_factory=list)

    def versions(self, members: pa.Table) -> pa.Table:
        """`member`, `version` and `change_no` of members with `id`, `change_no` and the shape's fields."""
        return self._all("versions", members)

    def rows(self, members: pa.Table) -> pa.Table:
        """The same with the columns that the channel takes, in the order of the members."""
        return self._all("rows", members)

    def _all(self, what: str, members: pa.Table) -> pa.Table:
        schema = pa.schema(
            [("id", pa.int64()), ("change_no", pa.int64()), *((name, pa.string()) for name in self.method.shape.fields)]
        )
        lines = CORES if members.num_rows >= WORTH_SHARING else 1
        while len(self._lines) < lines:
            self._lines.append(_Line(self.bench.cursor(), self.method, schema))
        share = -(-members.num_rows // lines)
        with ThreadPoolExecutor(lines) as threads:
            shares = [members.slice(place * share, share) for place in range(lines)]
            done = threads.map(lambda line, part: line.answer(what, part), self._lines, shares)
            return pa.concat_tables(done)

    def close(self) -> None:
        """Lets go of the connections, without which the workbench stays open."""
        for line in self._lines:
            line.close()


@contextmanager
def identifying(bench: duckdb.DuckDBPyConnection, method: Method) -> Iterator[Identify]:
    """For as long as a workbench is open. One whose engine has one thread leaves the cores to this."""
    identify = Identify(bench, method)
    try:
        yield identify
    finally:
        identify.close()


class _Line:
    """One core's connection, with the statements that were planned on it. Nothing else is made there, or they were planned anew."""

    def __init__(self, connection: duckdb.DuckDBPyConnection, method: Method, schema: pa.Schema) -> None:
        self._connection, self._fed = connection, Fed(schema)
        self._planned: set[str] = set()
        shape = method.shape
        texts = ", ".join(f"coalesce(\"{name}\", '')" for name in shape.fields)
        fields = ", ".join(f'"{name}"' for name in shape.fields)
        digest = f"md5(concat_ws(chr(31), getvariable('secret'), getvariable('basis'), {texts}))"
        connection.register("fed", self._fed)
        for name, value in (("secret", method.secret), ("basis", method.basis)):
            connection.execute(f"set variable {name} = $1", [value])
        connection.execute(
            f"create temp view {TO_SEND} as select id as member, {digest} as {VERSION}, change_no, {fields} from fed"
        )
        self._statements = {
            "versions": f"select member, {VERSION}, change_no from {TO_SEND}",
            "rows": identifiers_sql(method.connector, method.kind, TO_SEND),
        }

    def answer(self, what: str, members: pa.Table) -> pa.Table:
        """The answer to one of the two statements, of these members."""
        if what not in self._planned:
            self._connection.execute(f"prepare {what} as {self._statements[what]}")
            self._planned.add(what)
        self._fed.put(members)
        try:
            return self._connection.execute(f"execute {what}").to_arrow_table()
        finally:
            self._fed.clear()

    def close(self) -> None:
        """Ends the connection."""
        self._connection.close()


def keyed_rows(members: pa.Table, columns: Sequence[str]) -> pa.Table:
    """The rows of members whose own engine has worked them out: they came with them."""
    return members.select(["id", VERSION, "change_no", *columns]).rename_columns(
        ["member", VERSION, "change_no", *columns]
    )
