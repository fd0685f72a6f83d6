"""Members as a channel takes them: its expression planned once and then fed, table by table, on every core at once.

Planning an expression takes as long as carrying it out over thousands of members, and an engine works on a window with one core.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from threading import Lock
from typing import cast

import duckdb
import ibis
import ibis.expr.operations as ops
import ibis.expr.types as ir
import pyarrow as pa

from connectors.contract import Kind, Shape
from connectors.protocols import Connector
from segsync.audience.engines import ENGINES, Engine, in_words
from segsync.audience.packing import pack, together
from segsync.audience.recurring import Groups, Recurring, groups_of, same_order
from segsync.audience.workbench import Fed

TO_SEND = "to_send"
"""The table whose members become rows."""
VERSION = "version"
CORES = 2
WORTH_SHARING = 5_000
"""Members, from which on the cores share them."""
WORTH_KEEPING = 20_000
"""Members at once, from which on what recurs is worked out once for each value: there will be more windows."""


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
        for columns in _own_and_recurring(connector, kind):
            identifiers_sql(connector, kind, TO_SEND, columns=columns)


def identifiers_sql(
    connector: Connector,
    kind: Kind,
    source: str,
    engine: Engine = ENGINES["duckdb"],
    columns: tuple[str, ...] | None = None,
) -> str:
    """SQL of an engine: member, version, change_no and the channel's columns, or some of these, from a table or view called `source`.

    Put into words once in a process: that takes longer than all else in a small run.
    """
    capabilities = connector.capabilities
    wanted = capabilities.shapes[kind].columns if columns is None else columns
    # a shape names its expression, and has another name when that changes
    known = (capabilities.name, kind, capabilities.shapes[kind], source, engine, wanted)
    if known not in _SAID:
        expression = _expression(connector, kind, source, engine)
        kept = ("member", VERSION, "change_no", *wanted)
        if columns is not None:
            expression = _only(expression, kept)
        _SAID[known] = in_words(engine, expression, capabilities.shapes[kind].fields, kept)
    return _SAID[known]


_SAID: dict[tuple[str, Kind, Shape, str, Engine, tuple[str, ...]], str] = {}
"""Expressions in SQL."""


def _expression(connector: Connector, kind: Kind, source: str, engine: Engine) -> ir.Table:
    fields = dict.fromkeys(connector.capabilities.shapes[kind].fields, "string")
    table = ibis.table({"member": "int64", VERSION: "string", "change_no": "int64", **fields}, name=source)
    return connector.identifiers(table, kind, engine.words)


def _only(expression: ir.Table, columns: Sequence[str]) -> ir.Table:
    """Some of its columns, beside each other in one `select`: inside another one "email" and "EMAIL" were one name."""
    project = cast("ops.Project", expression.op())
    return ops.Project(project.parent, {name: project.values[name] for name in columns}).to_expr()


def _groups(connector: Connector, kind: Kind) -> Groups:
    capabilities = connector.capabilities
    known = (capabilities.name, kind, capabilities.shapes[kind])
    if known not in _GROUPS:
        expression = _expression(connector, kind, TO_SEND, ENGINES["duckdb"])
        _GROUPS[known] = groups_of(capabilities.shapes[kind], expression)
    return _GROUPS[known]


_GROUPS: dict[tuple[str, Kind, Shape], Groups] = {}
"""Columns that recur, by what they are made of."""


def _own_and_recurring(connector: Connector, kind: Kind) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The columns that are each member's own, and those that many share."""
    recurring = tuple(column for columns in _groups(connector, kind).values() for column in columns)
    shape = connector.capabilities.shapes[kind]
    return tuple(column for column in shape.columns if column not in recurring), recurring


class Identify:
    """Gives members their versions and their rows, again and again, inside one workbench. See `identifying`.

    Digests come as bytes where all of a column are ones.
    """

    def __init__(self, bench: duckdb.DuckDBPyConnection, method: Method) -> None:
        """Nothing is planned before it is asked for."""
        self._bench, self.method = bench, method
        self._lines: list[_Line] = []
        self._recurring: Recurring | None = None
        self._threads = ThreadPoolExecutor(CORES, "identify")

    def versions(self, members: pa.Table) -> pa.Table:
        """`member`, `version` and `change_no` of members with `id`, `change_no` and the shape's fields."""
        return together(list(self._shares("versions", members)))

    def rows(self, members: pa.Table) -> pa.Table:
        """The same with the columns that the channel takes, in the order of the members."""
        if members.num_rows >= WORTH_KEEPING:
            self._keep_what_recurs()
        if self._recurring is None:
            return together(list(self._shares("rows", members)))
        own = self._shares("own", members)
        shared = self._recurring.columns(members)
        rows = together(list(own))
        same_order(members, rows)
        for name, column in shared.items():
            rows = rows.append_column(name, column)
        return rows.select(["member", VERSION, "change_no", *self.method.shape.columns])

    def forget(self) -> None:
        """Lets go of the values that were met."""
        self._recurring = None

    def close(self) -> None:
        """Lets go of the connections, without which the workbench stays open, and of what was met."""
        self.forget()
        self._threads.shutdown()
        for line in self._lines:
            line.close()

    def _shares(self, what: str, members: pa.Table) -> Iterator[pa.Table]:
        """A statement's answers, on which every core has begun."""
        lines = CORES if members.num_rows >= WORTH_SHARING else 1
        while len(self._lines) < lines:
            self._lines.append(_Line(self._bench.cursor(), self.method))
        share = -(-members.num_rows // lines)
        shares = [members.slice(place * share, share) for place in range(lines)]
        return self._threads.map(lambda line, part: line.answer(what, part), self._lines, shares)

    def _keep_what_recurs(self) -> None:
        groups = _groups(self.method.connector, self.method.kind)
        if groups and self._recurring is None:
            work = lambda members: together(list(self._shares("recurring", members)))  # noqa: E731 - one of a kind
            self._recurring = Recurring(self.method.shape, groups, work)


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

    def __init__(self, connection: duckdb.DuckDBPyConnection, method: Method) -> None:
        shape = method.shape
        numbers = [("id", pa.int64()), ("change_no", pa.int64())]
        self._connection, self._method = connection, method
        self._fed = Fed(pa.schema([*numbers, *((name, pa.string()) for name in shape.fields)]))
        self._planned: set[str] = set()
        self._free = Lock()
        texts = ", ".join(f"coalesce(\"{name}\", '')" for name in shape.fields)
        fields = ", ".join(f'"{name}"' for name in shape.fields)
        digest = f"md5(concat_ws(chr(31), getvariable('secret'), getvariable('basis'), {texts}))"
        connection.register("fed", self._fed)
        for name, value in (("secret", method.secret), ("basis", method.basis)):
            connection.execute(f"set variable {name} = $1", [value])
        connection.execute(
            f"create temp view {TO_SEND} as select id as member, {digest} as {VERSION}, change_no, {fields} from fed"
        )

    def answer(self, what: str, members: pa.Table) -> pa.Table:
        """The answer to one of the statements, of these members."""
        with self._free:
            if what not in self._planned:
                self._connection.execute(f"prepare {what} as {self._statement(what)}")
                self._planned.add(what)
            self._fed.put(members)
            try:
                return pack(self._connection.execute(f"execute {what}").to_arrow_table())
            finally:
                self._fed.clear()

    def _statement(self, what: str) -> str:
        if what == "versions":
            return f"select member, {VERSION}, change_no from {TO_SEND}"
        connector, kind = self._method.connector, self._method.kind
        own, recurring = _own_and_recurring(connector, kind)
        columns = {"rows": None, "own": own, "recurring": recurring}[what]
        return identifiers_sql(connector, kind, TO_SEND, columns=columns)

    def close(self) -> None:
        """Ends the connection."""
        self._connection.close()


def keyed_rows(members: pa.Table, columns: Sequence[str]) -> pa.Table:
    """The rows of members whose own engine has worked them out: they came with them. Digests as `Identify` gives them."""
    rows = members.select(["id", VERSION, "change_no", *columns])
    return pack(rows.rename_columns(["member", VERSION, "change_no", *columns]))
