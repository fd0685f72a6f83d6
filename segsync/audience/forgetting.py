"""One person out of a ledger for good: their rows go, and who shares a key with them is unsure.

An erasure takes the person's keys out of an audience also where somebody else has them. Whoever stays and shares one is no
longer surely there: unsure rows that are wanted are added again, whole, by the next run.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.compute as pc

from connectors.contract import Shape
from connectors.digests import texts
from segsync.audience.ledger import Books, Held, base_sql, fold, ledger_schema, some_of
from segsync.audience.near import Near

Keys = Sequence[Mapping[str, str | None]]
"""Rows of key columns, as a channel was sent them."""
BY_KEYS = -1
"""In place of a member's number, of somebody who is known by their keys alone: rows that have these and no others go."""


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
    shares, theirs = _shares(shape), _theirs(shape, member)
    for folded in fold(bench, shape, books, now=now, window=window):
        table = texts(folded)
        bench.register("folded", table)
        stays = bench.execute(f"select * from folded f where not ({theirs}) order by member, version").to_arrow_table()
        bench.register("stays", stays)
        kept = bench.execute(
            f"select * replace (case when state = {int(Held.HELD)} and ({shares}) then {int(Held.UNSURE)} else state end as state) "
            "from stays f order by member, version"
        ).to_arrow_table()
        yield kept.cast(ledger_schema(shape)), _unsure(kept) - _unsure(stays)


def touches(bench: duckdb.DuckDBPyConnection, shape: Shape, base: Sequence[Path], person: tuple[int, Keys]) -> bool:
    """Whether a ledger holds the person, or somebody who shares a key with them: else it need not be written anew."""
    member, keys = person
    bench.register("their_keys", key_table(shape, keys))
    wanted = f"({_theirs(shape, member)}) or (state = {int(Held.HELD)} and ({_shares(shape)}))"
    return bench.execute(f"select 1 from ({base_sql(shape, base)}) f where {wanted} limit 1").fetchone() is not None


def sharing(
    bench: duckdb.DuckDBPyConnection, shape: Shape, files: Sequence[Path], keys: Keys, *, beside: Sequence[str] = ()
) -> list[dict[str, Any]]:
    """All keys of rows that have one of these, in files of a ledger or a plan, and other columns `beside` them."""
    theirs = key_table(shape, keys)
    bench.register("their_keys", theirs)
    near = Near(
        shape, pa.array([], pa.int64()), {name: theirs.column(name).combine_chunks() for name in shape.key_columns}
    )
    near.lay(bench, "near_them", files, some_of(shape, "member", *beside), lambda: None)
    columns = ", ".join(f'"{column}"' for column in (*shape.key_columns, *beside))
    found = f"select distinct {columns} from near_them f where {_shares(shape)}"
    rows: list[dict[str, Any]] = bench.execute(found).to_arrow_table().to_pylist()
    return rows


def _shares(shape: Shape) -> str:
    """Whether a row has one of their keys."""
    return " or ".join(_has_theirs(key.columns, "=") for key in shape.keys)


def _theirs(shape: Shape, member: int) -> str:
    """Whether a row is the person's own."""
    return _has_theirs(shape.key_columns, "is not distinct from") if member == BY_KEYS else f"member = {member:d}"


def _has_theirs(columns: Sequence[str], same: str) -> str:
    each = " and ".join(f'k."{column}" {same} f."{column}"' for column in columns)
    return f"exists (select 1 from their_keys k where {each})"


def _unsure(table: pa.Table) -> int:
    return int(pc.sum(pc.equal(table.column("state"), int(Held.UNSURE))).as_py() or 0)
