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
from segsync.audience.keysets import KeySet, keys_of, share_one
from segsync.audience.ledger import Books, Held, fold, ledger_schema
from segsync.audience.packing import read_rows

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


def touches(shape: Shape, base: Sequence[Path], person: tuple[int, Keys]) -> bool:
    """Whether a ledger holds the person, or somebody who shares a key with them: else it need not be written anew."""
    member, keys = person
    near = _Near(shape, keys)
    whole = {tuple(row.get(name) for name in shape.key_columns) for row in keys}
    for path in base:
        rows = read_rows(path, ["member", "state", *shape.key_columns])
        if member != BY_KEYS and pc.any(pc.equal(rows.column("member"), member)).as_py():
            return True
        for row in texts(near.of(rows)).to_pylist():
            if row["state"] == Held.HELD or (
                member == BY_KEYS and tuple(row[name] for name in shape.key_columns) in whole
            ):
                return True
    return False


def sharing(shape: Shape, files: Sequence[Path], keys: Keys, *, beside: Sequence[str] = ()) -> list[dict[str, Any]]:
    """All keys of rows that have one of these, in files of a ledger or a plan, and other columns `beside` them."""
    near, columns = _Near(shape, keys), [*shape.key_columns, *beside]
    found = [row for path in files for row in texts(near.of(read_rows(path, columns))).to_pylist()]
    return list({tuple(row.values()): row for row in found}.values())


class _Near:
    """The keys of one person."""

    def __init__(self, shape: Shape, keys: Keys) -> None:
        self.shape = shape
        theirs = key_table(shape, keys)
        self.sets = [KeySet(keys_of(theirs, key)) for key in shape.keys]

    def of(self, rows: pa.Table) -> pa.Table:
        """The rows that share one of them."""
        return rows.filter(pa.array(share_one(rows, self.shape, self.sets)))


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
