"""The ledger of a sync: what may be in the audience because of us, and the fold that brings it up to date.

A row is one version of one member: its keys exactly as sent, and whether the channel has it. `fold` is pure: the same base,
plan and acknowledgements always give the same ledger, so that sending needs to store nothing but "batch n acknowledged".
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import IntEnum
from itertools import pairwise
from pathlib import Path

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from connectors.contract import Shape
from connectors.digests import texts
from segsync.audience.packing import pack, rows_sql, together
from segsync.audience.plan import ADDITIONS, NEW, REMOVALS, Acknowledgements, Plan
from segsync.audience.rolls import NOBODY, Roll, Sheet, inside, windows_of
from segsync.audience.workbench import Fed


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


def in_state(rows: pa.Table, *states: Held) -> np.ndarray:
    """Which rows of a ledger are in one of these states."""
    return np.isin(rows.column("state").to_numpy(), states)


def some_of(shape: Shape, *names: str) -> pa.Schema:
    """Some columns of a ledger file, and its keys: what files of plans have too."""
    return pa.schema([ledger_schema(shape).field(name) for name in (*names, *shape.key_columns)])


@dataclass(frozen=True)
class Books:
    """The files to read: the ledger as it was, and a recorded plan."""

    base: Sequence[Path]
    plan: Plan
    acknowledged: Acknowledgements


def fold(bench: duckdb.DuckDBPyConnection, shape: Shape, books: Books, *, now: int, window: int) -> Iterator[pa.Table]:
    """The ledger after a plan, in key order, in windows of about `window` rows. `now` is unix seconds.

    Digests are as they lie in files, or as text.

    A removal that was acknowledged is gone; one that was not, or whose row the channel refused, is unsure. An addition that was
    acknowledged is held, or refused where the channel named the row every time it was sent; else it is unsure. Everything else stays.

    Whoever the plan does not touch passes through as they are, and whoever is simply new is held: nothing has to be worked out for them.
    """
    rolls = _Rolls.of(shape, books)
    _register_answers(bench, books.acknowledged)
    fed = {name: Fed(schema) for name, schema in rolls.schemas.items()}
    for name, table in fed.items():
        bench.register(name, table)
    bench.execute(f"prepare folded as {_fold_sql(shape)}")
    for low, high in windows_of(rolls.all, window):
        base, new, odd = rolls.between(low, high)
        pieces = [base, _held(shape, new, now)]
        for some in _cut(odd, window):
            for name, rows in some.items():
                fed[name].put(texts(rows))
            folded = bench.execute(f"execute folded({now})").to_arrow_table().cast(ledger_schema(shape))
            pieces.append(pack(folded))
        yield _in_key_order([piece for piece in pieces if piece.num_rows], shape)


@dataclass(frozen=True)
class _Rolls:
    """What a fold reads, in key order."""

    books: Books
    base: Roll
    removals: Roll
    new: Roll
    others: Roll
    notes: Roll

    @classmethod
    def of(cls, shape: Shape, books: Books) -> _Rolls:
        ledger = ledger_schema(shape)
        added = some_of(shape, "member", "version", "change_no")
        notes = pa.schema([("op", pa.string()), *(ledger.field(name) for name in ("member", "version", "change_no"))])
        plan = books.plan
        return cls(
            books,
            Roll([Sheet(path) for path in books.base], ledger),
            Roll(plan.numbered([REMOVALS]), pa.schema([added.field("member"), added.field("version")]), numbered=True),
            Roll(plan.numbered([NEW]), added, numbered=True),
            Roll(plan.numbered([section for section in ADDITIONS if section != NEW]), added, numbered=True),
            Roll([Sheet(path) for path in plan.notes], notes),
        )

    @property
    def schemas(self) -> dict[str, pa.Schema]:
        """Of what `between` tells of those whom the plan touches."""
        return {
            "base": self.base.all,
            "removals": self.removals.all,
            "additions": self.new.all,
            "notes": self.notes.all,
        }

    @property
    def all(self) -> tuple[Roll, ...]:
        """Every one of them."""
        return (self.base, self.removals, self.new, self.others, self.notes)

    def between(self, low: int, high: int) -> tuple[pa.Table, pa.Table, dict[str, pa.Table]]:
        """The rows of a window that pass through, those who are simply new, and all that is known of the others."""
        base, new = self.base.between(low, high), self.new.between(low, high)
        removals, others, notes = (roll.between(low, high) for roll in (self.removals, self.others, self.notes))
        odd = [removals.column("member"), others.column("member"), notes.column("member")]
        odd += [
            new.column("member").filter(mask) for mask in (self._not_plain(new), _is_in(new, base.column("member")))
        ]
        members = pc.unique(pa.chunked_array([chunk for column in odd for chunk in column.chunks], pa.int64()))
        if not len(members):
            return base, new, {}
        touched, held_back = _is_in(base, members), _is_in(new, members)
        rows = {
            "base": base.filter(touched),
            "removals": removals,
            "additions": together([new.filter(held_back), others]),
            "notes": notes,
        }
        return base.filter(pc.invert(touched)), new.filter(pc.invert(held_back)), rows

    def _not_plain(self, new: pa.Table) -> pa.ChunkedArray:
        """Rows whose batch was not acknowledged, or where the channel said anything of one of its rows."""
        told = self.books.acknowledged
        plain = told.numbers - {number for number, _, _ in told.refused}
        return pc.invert(pc.is_in(new.column("number"), value_set=pa.array(sorted(plain), pa.int64())))


def _cut(kinds: dict[str, pa.Table], most: int) -> Iterator[dict[str, pa.Table]]:
    """Rows of several kinds in pieces of about `most` rows, each with all rows of some members."""
    if not kinds:
        return
    members = np.sort(np.concatenate([rows.column("member").to_numpy() for rows in kinds.values()]))
    edges = np.unique(np.append(members[most::most], members[-1]))
    for low, high in pairwise([NOBODY, *edges.tolist()]):
        yield {name: inside(rows, low, high) for name, rows in kinds.items()}


def _is_in(rows: pa.Table, members: pa.ChunkedArray | pa.Array) -> pa.ChunkedArray:
    return pc.is_in(rows.column("member"), value_set=members)


def _held(shape: Shape, new: pa.Table, now: int) -> pa.Table:
    """Rows of the ledger of those who were not in it and were simply taken."""
    known = {"state": int(Held.HELD), "reason": "", "first_sent": now, "last_sent": now}
    columns = []
    for wanted in ledger_schema(shape):
        if wanted.name in known:
            columns.append(pa.repeat(pa.scalar(known[wanted.name], wanted.type), new.num_rows))
        else:
            columns.append(new.column(wanted.name))
    return pa.table(columns, names=ledger_schema(shape).names)


def _in_key_order(pieces: list[pa.Table], shape: Shape) -> pa.Table:
    """Pieces in key order as one. Each member's rows are of one piece."""
    rows = together(pieces) if pieces else ledger_schema(shape).empty_table()
    if len(pieces) < 2:  # noqa: PLR2004 - two of them have to be merged
        return rows
    return rows.take(pa.array(np.argsort(rows.column("member").to_numpy(), kind="stable")))


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
        """With another window of the ledger, which is in key order."""
        state = table.column("state").to_numpy()
        there = state == Held.HELD
        member = table.column("member").to_numpy()[there]
        sent = pc.min(table.column("last_sent").filter(pa.array(there))).as_py()
        seen = [moment for moment in (self.oldest, sent) if moment is not None]
        members = np.count_nonzero(np.diff(member)) + 1 if len(member) else 0
        refused = np.count_nonzero(state == Held.REFUSED)
        return Sums(self.held + int(members), min(seen, default=None), self.refused + int(refused))


def view_base(bench: duckdb.DuckDBPyConnection, shape: Shape, files: Sequence[Path]) -> None:
    """The ledger's files as `books_base`."""
    bench.execute(f"create or replace temp view books_base as {base_sql(shape, files)}")


def base_sql(shape: Shape, files: Sequence[Path]) -> str:
    """DuckDB: the rows of the ledger's files. A key that the version of ours that wrote them did not know is empty."""
    return known_sql(ledger_schema(shape), files)


def known_sql(schema: pa.Schema, files: Sequence[Path]) -> str:
    """DuckDB: the rows of files with the columns of a schema. One that the version of ours that wrote them did not know is empty."""
    if not files:
        return _nothing(schema)
    columns = ", ".join(f'"{name}"' for name in schema.names)
    return f"select {columns} from ({_nothing(schema)} union all by name {rows_sql(files)}) as known"


def _register_answers(bench: duckdb.DuckDBPyConnection, acked: Acknowledgements) -> None:
    bench.register("acked", pa.table({"number": pa.array(sorted(acked.numbers), pa.int64())}))
    numbers, positions, codes = zip(*acked.refused, strict=True) if acked.refused else ((), (), ())
    refused = {
        "number": pa.array(numbers, pa.int64()),
        "position": pa.array(positions, pa.int64()),
        "code": pa.array(codes, pa.string()),
    }
    bench.register("refused", pa.table(refused))


SPAN = "member > getvariable('low') and member <= getvariable('high')"
"""The members of a window."""


def _fold_sql(shape: Shape) -> str:
    first_keys = "".join(f', any_value("{c}") as "{c}"' for c in shape.key_columns)
    keys = "".join(f', "{c}"' for c in shape.key_columns)
    no_keys = "".join(f', null as "{c}"' for c in shape.key_columns)
    return f"""
    with b as (select * from base),
    r as (
        select member, version, bool_and(k.number is not null and f.code is null) as gone
        from removals x left join acked k using (number)
        left join refused f on f.number = x.number and f.position = x.position
        group by member, version
    ),
    a as (
        select member, version, any_value(change_no) as change_no, bool_and(k.number is not null) as acked,
               min(f.code) as code, bool_or(f.code like 'wait.%') as waits, bool_and(f.code is not null) as every_time{first_keys}
        from additions x left join acked k using (number)
        left join refused f on f.number = x.number and f.position = x.position
        group by member, version
    ),
    n as (select op, member, version, change_no from notes)
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
                when a.every_time and not a.waits and coalesce(b.state, 2) in (2, 3) then 2 else 1 end as state,
           coalesce(a.code, '') as reason,
           coalesce(b.first_sent, case when a.acked and a.code is null then $1 end) as first_sent,
           case when a.acked and a.code is null then $1 else b.last_sent end as last_sent{keys.replace(', "', ', a."')}
    from a left join b using (member, version)
    union all
    select member, version, change_no, 3, '', null, null{no_keys} from n where op = 'skip'
    order by member, version
    """


def _nothing(schema: pa.Schema) -> str:
    kinds = {pa.int64(): "bigint", pa.int8(): "tinyint", pa.string(): "varchar", pa.bool_(): "boolean"}
    return "select " + ", ".join(f'null::{kinds[f.type]} as "{f.name}"' for f in schema) + " where false"
