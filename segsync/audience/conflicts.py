"""The check that nothing is taken from somebody who stays: over all windows, before the plan is recorded.

A removal carries only keys that no wanted row has. Everybody who stays and shares a key with a row touched by a removal is
added again, whole, after it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import duckdb
import pyarrow as pa

from connectors.contract import Shape
from segsync.audience.ledger import ledger_schema


@dataclass(frozen=True)
class Draft:
    """What the windows came to, before the check: files of the ledger, of removals, and of additions."""

    base: Sequence[Path]
    removals: Sequence[Path]
    additions: Sequence[Path]
    additions_too: bool
    """Whether new members who share a touched key are sent again as well: where the channel applies batches in its own order."""


def check(bench: duckdb.DuckDBPyConnection, shape: Shape, draft: Draft) -> None:
    """Works out, inside `bench`, the tables that the functions below read."""
    _view(bench, "draft_removals", draft.removals)
    _view(bench, "draft_additions", draft.additions)
    _view(bench, "draft_base", draft.base)
    if not draft.base:
        bench.register("no_base", ledger_schema(shape).empty_table())
        bench.execute("create or replace temp view draft_base as select * from no_base")
    if not draft.additions:
        columns = ", ".join(f'null::varchar as "{c}"' for c in shape.key_columns)
        bench.execute(
            f"create or replace temp view draft_additions as select null::bigint as member, null::varchar as version, {columns} where false"
        )
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
            f"create or replace temp table wanted_{number} as select distinct {named} from ("
            f"select {named} from untouched where {filled} union all select {named} from draft_additions where {filled}"
            f") semi join taken_{number} using ({named})"
        )


def removals(bench: duckdb.DuckDBPyConnection, shape: Shape, rows: int) -> Iterator[pa.Table]:
    """The removals to send: only keys that no wanted row has; rows without any such key are left out."""
    sql = f"select member, version, {_cut(shape)} from draft_removals r"
    has_key = " or ".join(f'"{c}" is not null' for c in shape.key_columns)
    return _tables(bench, f"select * from ({sql}) where {has_key} order by member, version", rows)


def forgotten(bench: duckdb.DuckDBPyConnection, shape: Shape, rows: int) -> Iterator[pa.Table]:
    """Notes for the removals that need not be sent, because every key of theirs belongs to somebody who is wanted."""
    sql = f"select member, version, {_cut(shape)} from draft_removals r"
    no_key = " and ".join(f'"{c}" is null' for c in shape.key_columns)
    return _tables(
        bench,
        f"select 'drop' as op, member, version, 0::bigint as change_no from ({sql}) where {no_key} order by member",
        rows,
    )


def sharing(bench: duckdb.DuckDBPyConnection, shape: Shape, *, additions_too: bool) -> pa.Table:
    """Member, version and keys of everybody who stays and shares a key with a removal that is sent."""
    sent = f"select member, version from ({_sent_sql(shape)})"
    keys = ", ".join(f'"{c}"' for c in shape.key_columns)
    pools = [f"select member, version, {keys}, true as staying from untouched"]
    if additions_too:
        pools.append(f"select member, version, {keys}, false as staying from draft_additions")
    hits = " union ".join(_hits(shape, number, sent) for number in range(len(shape.keys)))
    return bench.execute(
        f"with pool as ({' union all '.join(pools)}) select * from pool p where exists "
        f"(select 1 from ({hits}) h where h.member = p.member and h.version = p.version) order by member, version"
    ).to_arrow_table()


def _hits(shape: Shape, number: int, sent: str) -> str:
    key = shape.keys[number]
    named = ", ".join(f'"{c}"' for c in key.columns)
    filled = " and ".join(f'"{c}" is not null' for c in key.columns)
    touched = f"select distinct {named} from draft_removals semi join ({sent}) using (member, version) where {filled}"
    return f"select p.member, p.version from pool p semi join ({touched}) using ({named})"


def _sent_sql(shape: Shape) -> str:
    has_key = " or ".join(f'"{c}" is not null' for c in shape.key_columns)
    return f"select * from (select member, version, {_cut(shape)} from draft_removals r) where {has_key}"


def _cut(shape: Shape) -> str:
    """The key columns of a removal, null where somebody wanted has the same key."""
    pieces = []
    for number, key in enumerate(shape.keys):
        same = " and ".join(f'w."{c}" = r."{c}"' for c in key.columns)
        free = f"not exists (select 1 from wanted_{number} w where {same})"
        pieces += [f'case when {free} then r."{c}" end as "{c}"' for c in key.columns]
    return ", ".join(pieces)


def _tables(bench: duckdb.DuckDBPyConnection, sql: str, rows: int) -> Iterator[pa.Table]:
    reader = bench.execute(sql).to_arrow_reader(rows)
    for batch in reader:
        yield pa.Table.from_batches([batch])


def _view(bench: duckdb.DuckDBPyConnection, name: str, files: Sequence[Path]) -> None:
    if files:
        named = ", ".join("'" + str(path).replace("'", "''") + "'" for path in files)
        bench.execute(f"create or replace temp view {name} as select * from read_parquet([{named}])")
