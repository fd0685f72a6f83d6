"""The ledger of a sync: what may be in the audience because of us, and the fold that brings it up to date.

A row is one version of one member: its keys exactly as sent, and whether the channel has it. `fold` is pure: the same base,
plan and acknowledgements always give the same ledger, so that sending needs to store nothing but "batch n acknowledged".
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import IntEnum
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.compute as pc

from connectors.contract import Shape
from segsync.audience.plan import Acknowledgements, Plan


class Held(IntEnum):
    """What is known of a row."""

    HELD = 0
    UNSURE = 1
    """Part of a recorded plan whose batch was not acknowledged: neither held nor gone."""
    REFUSED = 2
    """The channel did not take it; tried again after a change."""
    SKIPPED = 3
    """Nothing in it can be sent to this channel."""


def ledger_schema(shape: Shape) -> pa.Schema:
    """The columns of a ledger file."""
    return pa.schema(
        [
            ("member", pa.int64()),
            ("version", pa.string()),
            ("change_no", pa.int64()),
            ("state", pa.int8()),
            ("reason", pa.string()),
            ("first_sent", pa.int64()),
            ("last_sent", pa.int64()),
            *[(column, pa.string()) for column in shape.key_columns],
        ]
    )


@dataclass(frozen=True)
class Books:
    """The files to read: the ledger as it was, and a recorded plan."""

    base: Sequence[Path]
    plan: Plan
    acknowledged: Acknowledgements


def fold(bench: duckdb.DuckDBPyConnection, shape: Shape, books: Books, *, now: int, window: int) -> Iterator[pa.Table]:
    """The ledger after a plan, in key order, in windows of about `window` rows. `now` is unix seconds.

    A removal that was acknowledged is gone; one that was not, or whose row the channel refused, is unsure. An addition that was
    acknowledged is held, or refused where the channel named the row every time it was sent; else it is unsure. Everything else stays.
    """
    _views(bench, shape, books)
    statement = _fold_sql(shape, once=books.plan.sends_once)
    for _ in windows(bench, _KEYS, window):
        yield bench.execute(statement, [now]).to_arrow_table().cast(ledger_schema(shape))


def windows(bench: duckdb.DuckDBPyConnection, keys: str, rows: int) -> Iterator[None]:
    """Goes through the members that `keys` selects, some `rows` at a time: above variable `low`, up to and with `high`."""
    edges = bench.execute(
        f"with keys as ({keys}), numbered as (select member, row_number() over (order by member) as n from keys) "
        "select distinct member from numbered where n % ? = 0 order by member",
        [rows],
    ).fetchall()
    low = -1
    for (high,) in [*edges, (2**62,)]:
        bench.execute("set variable low = ?::bigint", [low])
        bench.execute("set variable high = ?::bigint", [high])
        yield
        low = high


@dataclass(frozen=True)
class Sums:
    """What a ledger comes to: members in the audience by our books, when the oldest of them was last sent, as unix seconds, and members refused."""

    held: int = 0
    oldest: int | None = None
    refused: int = 0

    def plus(self, table: pa.Table) -> Sums:
        """With another window of the ledger."""
        rows = table.filter(pc.equal(table.column("state"), int(Held.HELD)))
        held = self.held + int(pc.count_distinct(rows.column("member")).as_py())
        seen = [moment for moment in (self.oldest, pc.min(rows.column("last_sent")).as_py()) if moment is not None]
        refused = pc.sum(pc.equal(table.column("state"), int(Held.REFUSED))).as_py() or 0
        return Sums(held, min(seen, default=None), self.refused + int(refused))


def view_base(bench: duckdb.DuckDBPyConnection, shape: Shape, files: Sequence[Path]) -> None:
    """The ledger's files as `books_base`."""
    bench.execute(f"create or replace temp view books_base as {base_sql(shape, files)}")


def base_sql(shape: Shape, files: Sequence[Path]) -> str:
    """DuckDB: the rows of the ledger's files. A key that the version of ours that wrote them did not know is empty."""
    schema = ledger_schema(shape)
    if not files:
        return _nothing(schema)
    columns = ", ".join(f'"{name}"' for name in schema.names)
    return f"select {columns} from ({_nothing(schema)} union all by name select * from read_parquet({_files(files)})) as known"


def _views(bench: duckdb.DuckDBPyConnection, shape: Shape, books: Books) -> None:
    plan, acked = books.plan, books.acknowledged
    bench.register("acked", pa.table({"number": pa.array(sorted(acked.numbers), pa.int64())}))
    bench.register(
        "refused",
        pa.table(
            {
                "number": pa.array([r[0] for r in acked.refused], pa.int64()),
                "position": pa.array([r[1] for r in acked.refused], pa.int64()),
                "code": pa.array([r[2] for r in acked.refused], pa.string()),
            }
        ),
    )
    view_base(bench, shape, books.base)
    bench.execute(f"create or replace temp view removals as {plan.rows_sql('remove', ('member', 'version'))}")
    bench.execute(
        f"create or replace temp view additions as {plan.rows_sql('add', ('member', 'version', 'change_no', *shape.key_columns))}"
    )
    bench.execute(f"create or replace temp view notes as {plan.notes_sql()}")


SPAN = "member > getvariable('low') and member <= getvariable('high')"
"""The members of a window."""
_KEYS = (
    "select member from books_base union all select member from additions "
    "union all select member from notes where op = 'skip'"
)


def _additions_sql(shape: Shape, *, once: bool) -> str:
    """Each row added, whether all of its batches were acknowledged, and what the channel said of it. `once` where none is sent twice."""
    keys = "".join(f', "{c}"' for c in shape.key_columns)
    first_keys = "".join(f', any_value("{c}") as "{c}"' for c in shape.key_columns)
    sent = f"""
        from additions x left join acked k using (number)
        left join refused f on f.number = x.number and f.position = x.position
        where {SPAN}
    """
    if once:
        return f"select member, version, change_no, k.number is not null as acked, f.code, f.code is not null as every_time{keys} {sent}"
    return f"""
        select member, version, any_value(change_no) as change_no, bool_and(k.number is not null) as acked,
               any_value(f.code) as code, bool_and(f.code is not null) as every_time{first_keys}
        {sent} group by member, version
    """


def _fold_sql(shape: Shape, *, once: bool) -> str:
    keys = "".join(f', "{c}"' for c in shape.key_columns)
    no_keys = "".join(f', null as "{c}"' for c in shape.key_columns)
    return f"""
    with b as (select * from books_base where {SPAN}),
    r as (
        select member, version, bool_and(k.number is not null and f.code is null) as gone
        from removals x left join acked k using (number)
        left join refused f on f.number = x.number and f.position = x.position
        where {SPAN} group by member, version
    ),
    a as ({_additions_sql(shape, once=once)}),
    n as (select op, member, version, change_no from notes where {SPAN})
    select b.member, b.version, coalesce(t.change_no, b.change_no) as change_no,
           case when r.member is not null then 1 else b.state end as state, b.reason, b.first_sent, b.last_sent{keys}
    from b left join r using (member, version)
    left join n t on t.op = 'note' and t.member = b.member and t.version = b.version
    where not coalesce(r.gone, false)
      and not exists (select 1 from a where a.member = b.member and a.version = b.version)
      and not exists (select 1 from n where n.op in ('drop', 'skip') and n.member = b.member and n.version = b.version)
    union all
    select a.member, a.version, a.change_no,
           case when not a.acked then 1 when a.code is null then 0
                when a.every_time and a.code not like 'wait.%' and coalesce(b.state, 2) in (2, 3) then 2 else 1 end as state,
           coalesce(a.code, '') as reason,
           coalesce(b.first_sent, case when a.acked and a.code is null then $1 end) as first_sent,
           case when a.acked and a.code is null then $1 else b.last_sent end as last_sent{keys.replace(', "', ', a."')}
    from a left join b using (member, version)
    union all
    select member, version, change_no, 3, '', null, null{no_keys} from n where op = 'skip'
    order by member, version
    """


def _files(paths: Sequence[Path]) -> str:
    return "[" + ", ".join("'" + str(path).replace("'", "''") + "'" for path in paths) + "]"


def _nothing(schema: pa.Schema) -> str:
    kinds = {pa.int64(): "bigint", pa.int8(): "tinyint", pa.string(): "varchar", pa.bool_(): "boolean"}
    return "select " + ", ".join(f'null::{kinds[f.type]} as "{f.name}"' for f in schema) + " where false"
