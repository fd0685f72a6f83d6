"""The mirror of a sync's ledger in the schema that a warehouse has for us: numbers only, by which changes are told where the members are.

Our ledger stays the truth. A mirror is a table that is written whole and never changed; its name says of which sync, of which
generation of its ledger, and under which claim it was written. It counts only where it sums to what that ledger sums to.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import duckdb
import pyarrow as pa

from connectors.contract import Shape
from segsync.audience.ledger import base_sql
from segsync.audience.warehouse_readers import NOT_OURS, WarehouseProblem
from segsync.audience.warehouses import Warehouse

COMING, GOING = "segsync_coming", "segsync_going"
_NAME: Final = re.compile(r"segsync_(.+)_g(\d+)_r(\d+)_f(\d+)")
NEVER: Final = -1
"""In place of a change number, where a member has to be looked at in any case."""


@dataclass(frozen=True, order=True)
class Mirror:
    """A mirror by its name. Newer ones are greater."""

    ledger: int
    run: int
    fence: int
    sync: str

    @property
    def name(self) -> str:
        """The table."""
        return f"segsync_{self.sync}_g{self.ledger}_r{self.run}_f{self.fence}"


@dataclass(frozen=True)
class Sums:
    """What a ledger comes to, as its mirror has to."""

    rows: int
    members: int
    changes: int
    states: int


def plain(sync: str) -> str:
    """A sync's public id as it stands in names of tables."""
    return re.sub(r"[^a-z0-9]+", "_", sync.lower())


def found(names: Iterable[str]) -> list[Mirror]:
    """The mirrors among the tables of a schema, newest first."""
    read = [match.groups() for name in names if (match := _NAME.fullmatch(name))]
    return sorted((Mirror(int(ledger), int(run), int(fence), sync) for sync, ledger, run, fence in read), reverse=True)


def mirrored(shape: Shape, files: Sequence[Path]) -> str:
    """DuckDB: what a mirror has of a ledger's files. Whoever has several rows, or one that is unsure, is never as before."""
    one = "count(*) = 1 and min(state) in (0, 2, 3)"
    return (
        f"select member, case when {one} then coalesce(min(change_no), {NEVER}) else {NEVER} end as change_no, "
        f"case when {one} then min(state)::bigint else 1 end as state from ({base_sql(shape, files)}) group by member"
    )


def sums(bench: duckdb.DuckDBPyConnection, shape: Shape, files: Sequence[Path]) -> Sums:
    """What a ledger comes to."""
    return Sums(*(int(cell) for cell in bench.execute(_summed(mirrored(shape, files))).fetchall()[0]))


def fits(warehouse: Warehouse, schema: str, mirror: Mirror, holds: Sums) -> bool:
    """Whether a mirror has what its ledger has."""
    text = warehouse.engine.text
    rows = warehouse.rows(_summed(f"select * from {warehouse.place(schema, mirror.name)}", text))
    return Sums(*(int(cell) for cell in rows.to_pylist()[0].values())) == holds


@dataclass(frozen=True)
class Writing:
    """What a new mirror is made of: our ledger, and an older mirror with the ledger that it has, so that only the difference travels."""

    shape: Shape
    files: Sequence[Path]
    older: Mirror | None = None
    older_files: Sequence[Path] = ()

    def write(self, warehouse: Warehouse, bench: duckdb.DuckDBPyConnection, schema: str, mirror: Mirror) -> None:
        """Writes it. Raises WarehouseProblem where it is not allowed, or where something else is there then."""
        now = mirrored(self.shape, self.files)
        if self.older is None:
            warehouse.put(COMING, _table(bench, now))
            made = f"select member, change_no, state from {COMING}"
        else:
            before = mirrored(self.shape, self.older_files)
            warehouse.put(COMING, _table(bench, f"({now}) except ({before})"))
            warehouse.put(GOING, _table(bench, f"select member from (({before}) except ({now}))"))
            old = warehouse.place(schema, self.older.name)
            made = (
                f"select k.member, k.change_no, k.state from {old} k left join {GOING} g on g.member = k.member "
                f"where g.member is null union all select member, change_no, state from {COMING}"
            )
        warehouse.keep(schema, mirror.name, made)
        if not fits(warehouse, schema, mirror, sums(bench, self.shape, self.files)):
            raise WarehouseProblem(NOT_OURS)


def clear(warehouse: Warehouse, schema: str, mirrors: Iterable[Mirror]) -> None:
    """Takes away what is not needed any more. A run that went on too long takes away nothing of one that came after it."""
    for mirror in mirrors:
        warehouse.drop(schema, mirror.name)


def _table(bench: duckdb.DuckDBPyConnection, sql: str) -> pa.Table:
    return bench.execute(sql).to_arrow_table()


def _summed(rows: str, text: str = "varchar") -> str:
    sums = [
        "count(*)",
        *(f"coalesce(sum(cast({name} as decimal(38, 0))), 0)" for name in ("member", "change_no", "state")),
    ]
    told = ", ".join(f"cast({each} as {text}) as s{place}" for place, each in enumerate(sums))
    return f"select {told} from ({rows}) as held"
