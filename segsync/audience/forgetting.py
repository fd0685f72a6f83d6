"""One person out of a ledger for good: their rows go, and who shares a key with them is unsure.

An erasure takes the person's keys out of an audience also where somebody else has them. Whoever stays and shares one is no
longer surely there: unsure rows that are wanted are added again, whole, by the next run.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.compute as pc

from connectors.contract import Shape
from segsync.audience.ledger import Books, Held, base_sql, fold, ledger_schema

Keys = Sequence[Mapping[str, str | None]]
"""Rows of key columns, as a channel was sent them."""


def key_table(shape: Shape, keys: Keys) -> pa.Table:
    """The rows with the shape's key columns, as a batch takes them."""
    columns = {name: pa.array([row.get(name) for row in keys], pa.string()) for name in shape.key_columns}
    return pa.table(columns)


def forget(
    bench: duckdb.DuckDBPyConnection, shape: Shape, books: Books, person: tuple[int, Keys], *, now: int, window: int
) -> Iterator[tuple[pa.Table, int]]:
    """The ledger without the person, window by window, each with how many rows became unsure.

    `books` may hold a plan that was left behind: it is folded in the same go.
    """
    member, keys = person
    bench.register("their_keys", key_table(shape, keys))
    shares = " or ".join(_shares(shape, number) for number in range(len(shape.keys)))
    for table in fold(bench, shape, books, now=now, window=window):
        bench.register("folded", table)
        kept = bench.execute(
            f"select * replace (case when state = {int(Held.HELD)} and ({shares}) then {int(Held.UNSURE)} else state end as state) "
            "from folded f where member <> $member order by member, version",
            {"member": member},
        ).to_arrow_table()
        kept = kept.cast(ledger_schema(shape))
        unsure = _unsure(kept) - _unsure(table.filter(pc.not_equal(table.column("member"), member)))
        yield kept, unsure


def touches(bench: duckdb.DuckDBPyConnection, shape: Shape, base: Sequence[Path], person: tuple[int, Keys]) -> bool:
    """Whether a ledger holds the person, or somebody who shares a key with them: else it need not be written anew."""
    member, keys = person
    bench.register("their_keys", key_table(shape, keys))
    shares = " or ".join(_shares(shape, number) for number in range(len(shape.keys)))
    found = bench.execute(
        f"select 1 from ({base_sql(shape, base)}) f where member = $member or (state = {int(Held.HELD)} and ({shares})) limit 1",
        {"member": member},
    )
    return found.fetchone() is not None


def _shares(shape: Shape, number: int) -> str:
    columns = shape.keys[number].columns
    same = " and ".join(f'k."{column}" = f."{column}"' for column in columns)
    return f"exists (select 1 from their_keys k where {same})"


def _unsure(table: pa.Table) -> int:
    return int(pc.sum(pc.equal(table.column("state"), int(Held.UNSURE))).as_py() or 0)
