"""The check that nothing is taken from somebody who stays: over all windows, before the plan is recorded.

A removal carries only keys that no wanted row has. Everybody who stays and shares a key with a row touched by a removal is
added again, whole, after it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import duckdb
import pyarrow as pa

from connectors.contract import Shape
from segsync.audience.headcount import headcount
from segsync.audience.ledger import known_sql, some_of
from segsync.audience.near import Near, rows_in
from segsync.rules.removals import Removals

FEW = 100_000
"""Removals whose keys fit into memory. Of more of them, most of the segment is near."""


@dataclass(frozen=True)
class Draft:
    """What the windows came to, before the check: files of the ledger, of removals, and of additions."""

    base: Sequence[Path]
    removals: Sequence[Path]
    additions: Sequence[Path]
    unordered: Sequence[Path] = ()
    """Those of the additions that the channel may apply before the removals, in an order of its own. They are repeated too."""

    @cached_property
    def touched(self) -> int:
        """Rows that the removals have."""
        return rows_in(self.removals)


def check(
    bench: duckdb.DuckDBPyConnection, shape: Shape, draft: Draft, *, keep: Callable[[], None], few: int = FEW
) -> None:
    """Works out, inside `bench`, the tables that the functions below read. Up to `few` removals, of what is near them alone.

    `keep` is called again and again meanwhile.
    """
    rows, of_ledger = some_of(shape, "member", "version"), some_of(shape, "member", "version", "state")
    _view(bench, "draft_removals", draft.removals, rows)
    near = Near.of(bench, shape) if draft.touched <= few else None
    for name, files, schema in (
        ("draft_base", draft.base, of_ledger),
        ("draft_additions", draft.additions, rows),
        ("draft_unordered", draft.unordered, rows),
    ):
        if near is None:
            _view(bench, name, files, schema)
        else:
            near.lay(bench, name, files, schema, keep)
    del near
    bench.execute("create or replace temp table touched as select distinct member, version from draft_removals")
    bench.execute(
        "create or replace temp view untouched as select * from draft_base b where b.state = 0 "
        "and not exists (select 1 from touched t where t.member = b.member and t.version = b.version)"
    )
    for number, key in enumerate(shape.keys):
        named = ", ".join(f'"{c}"' for c in key.columns)
        filled = " and ".join(f'"{c}" is not null' for c in key.columns)
        bench.execute(
            f"create or replace temp table taken_{number} as select distinct {named} from draft_removals where {filled}"
        )
        bench.execute(
            f"create or replace temp table wanted_{number} as select distinct {named}, true as hit from ("
            f"select {named} from untouched where {filled} union all select {named} from draft_additions where {filled}"
            f") semi join taken_{number} using ({named})"
        )
    bench.execute(f"create or replace temp table cut as {_cut_sql(shape)}")
    for number in range(len(shape.keys)):
        bench.execute(f"drop table taken_{number}; drop table wanted_{number}")


def removals(bench: duckdb.DuckDBPyConnection, shape: Shape, rows: int) -> Iterator[pa.Table]:
    """The removals to send: only keys that no wanted row has; rows without any such key are left out."""
    keys = ", ".join(f'"{c}"' for c in shape.key_columns)
    return _tables(bench, f"select member, version, {keys} from cut where sent order by member, version", rows)


def forgotten(bench: duckdb.DuckDBPyConnection, rows: int) -> Iterator[pa.Table]:
    """Notes for the removals that need not be sent, because every key of theirs belongs to somebody who is wanted."""
    return _tables(
        bench,
        "select 'drop' as op, member, version, 0::bigint as change_no from cut where not sent order by member",
        rows,
    )


def figures(bench: duckdb.DuckDBPyConnection, draft: Draft, rows: int) -> Removals:
    """What the plan does to the audience, counted in members: a changed one is taken out and put in again, and does not leave.

    Looks at about `rows` rows at a time.
    """
    (leaving,) = bench.execute(f"select count(*) from ({_LEAVING})").fetchall()[0]
    if not leaving:
        return Removals(0, 0, 0)
    counted = headcount(draft.base, draft.removals, draft.additions, window=rows)
    return Removals(leaving, counted.before, counted.after)


def examples(bench: duckdb.DuckDBPyConnection, most: int) -> list[int]:
    """A few of the members who leave."""
    return [member for (member,) in bench.execute(f"{_LEAVING} order by member limit {most}").fetchall()]


_LEAVING = (
    "select distinct c.member from cut c where c.sent and not exists (select 1 from untouched u where u.member = c.member) "
    "and not exists (select 1 from draft_additions a where a.member = c.member)"
)


def sharing(bench: duckdb.DuckDBPyConnection, shape: Shape, draft: Draft, rows: int) -> Iterator[pa.Table]:
    """Member, version and keys of everybody who stays and shares a key with a removal that is sent, in key order.

    `bench` may be used between two tables: a number that everybody of a company shares makes this as large as the segment.
    """
    keys = ", ".join(f'"{c}"' for c in shape.key_columns)
    pools = [f"select member, version, {keys} from untouched"]
    if draft.unordered:
        pools.append(f"select member, version, {keys} from draft_unordered")
    bench.execute(f"create or replace temp view pool as {' union all '.join(pools)}")
    hits = []
    for number, key in enumerate(shape.keys):
        named = ", ".join(f'"{c}"' for c in key.columns)
        whole = ", ".join(f'"whole {c}" as "{c}"' for c in key.columns)
        filled = " and ".join(f'"whole {c}" is not null' for c in key.columns)
        bench.execute(
            f"create or replace temp table touched_{number} as select distinct {whole} from cut where sent and {filled}"
        )
        hits.append(f"select member, version from pool semi join touched_{number} using ({named})")
    bench.execute(f"create or replace temp table hit as {' union '.join(hits)}")
    bench.execute(
        "create or replace temp table shared as select *, row_number() over (order by member, version) as place "
        "from pool semi join hit using (member, version)"
    )
    count = bench.execute("select count(*) from shared").fetchall()[0][0]
    for start in range(0, count, rows):
        piece = "select * exclude (place) from shared where place > $low and place <= $high order by place"
        yield bench.execute(piece, {"low": start, "high": start + rows}).to_arrow_table()
    bench.execute("drop table shared; drop table hit")


def _cut_sql(shape: Shape) -> str:
    """Each removal with its whole keys, and with those keys null that somebody wanted has."""
    columns, joins = [], []
    for number, key in enumerate(shape.keys):
        same = " and ".join(f'w{number}."{c}" = r."{c}"' for c in key.columns)
        joins.append(f"left join wanted_{number} w{number} on {same}")
        columns += [
            f'r."{c}" as "whole {c}", case when w{number}.hit is null then r."{c}" end as "{c}"' for c in key.columns
        ]
    sent = " or ".join(f'"{c}" is not null' for c in shape.key_columns)
    inner = f"select r.member, r.version, {', '.join(columns)} from draft_removals r {' '.join(joins)}"
    return f"select *, ({sent}) as sent from ({inner})"


def _tables(bench: duckdb.DuckDBPyConnection, sql: str, rows: int) -> Iterator[pa.Table]:
    reader = bench.execute(sql).to_arrow_reader(rows)
    for batch in reader:
        yield pa.Table.from_batches([batch])


def _view(bench: duckdb.DuckDBPyConnection, name: str, files: Sequence[Path], schema: pa.Schema) -> None:
    bench.execute(f"create or replace temp view {name} as {known_sql(schema, files)}")
