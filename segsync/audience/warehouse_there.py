"""Members compared in the warehouse itself: made and laid down there, held against the mirror of our ledger, and only what differs travels."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

import duckdb
import pyarrow as pa

from connectors.contract import Kind
from connectors.protocols import Connector
from segsync.audience.engines import ENGINES, Engine
from segsync.audience.sources import BARRED, MAY_BE_SENT
from segsync.audience.warehouse_members import Making, check, figures_sql
from segsync.audience.warehouse_readers import WarehouseProblem
from segsync.audience.warehouses import Warehouse

LAID, THESE, TRIED, OUT = "segsync_laid", "segsync_these", "segsync_tried", "segsync_out"
"""Tables that end with the connection."""
OTHER_WORDS: Final = "warehouse.words"
ODD: Final = (
    "ada@example.com", "ÄÉŁ@müller.de", "Ada@Müller.de", "jos\u0301e.o'neil+x@mail.example.co.uk", "IıİσΣς@x.de", " a@b.cd", "a..b@c.de",
    "+4915112345678", "+0151", "José Ñandú", "Straße ", "山田 太郎", "Ж\u00a0Ω", "O'Brien-Łaski", "DE", "Us", "female", "2000-02-29",
    "1900-02-29", "2999-01-01", "aebe52e7-03ee-455a-b3c4-e57283966239", "10115", "12345-6789", "x" * 256, '\\"`$%&/()[]{}|^', "",
)  # fmt: skip
"""Cells on which an engine shows whether it means by our words what DuckDB means. Each stands in every column once."""


@dataclass
class There:
    """A segment laid down in its own engine, as long as the warehouse is open."""

    warehouse: Warehouse
    making: Making
    connector: Connector
    kind: Kind
    unclean: dict[str, int] = field(default_factory=dict)
    members: int = 0
    known: int = 0
    """Of those who may be sent, how many the mirror has."""

    def lay(self, query: str, kept_out: pa.Table) -> None:
        """Makes members of everybody that a query gives. Raises WarehouseProblem, also where the engine has other words than we."""
        engine = self.warehouse.engine
        self._try_words()
        if kept_out.num_rows:
            self.warehouse.put(OUT, kept_out)
        out = f"select digest, why from {OUT}" if kept_out.num_rows else ""
        cells = self.making.wanted.sql(engine, query)
        self.warehouse.lay(LAID, self.making.columns, self.making.laid(engine, cells, kept_out=out))
        figures = self.warehouse.rows(figures_sql(engine, self.making, LAID)).to_pylist()[0]
        self.unclean, self.members = check(figures), int(figures["members"])

    def counted(self, mirror: str) -> Counter[str]:
        """How many are as the mirror has them or may not be sent, none of whom travels."""
        text = self.warehouse.engine.text
        same = "case when l.barred = 0 and k.change_no = l.change_no then k.state end"
        rows = self.warehouse.rows(
            f"select cast(barred as {text}) as barred, cast(state as {text}) as state, cast(count(*) as {text}) as members, "
            f"cast(count(member) as {text}) as known from (select l.barred, {same} as state, k.member from {LAID} l "
            f"left join {mirror} k on k.member = l.id) as held group by barred, state"
        )
        found = [{name: int(cell) for name, cell in row.items() if cell is not None} for row in rows.to_pylist()]
        self.known = sum(row["known"] for row in found if row["barred"] == MAY_BE_SENT)
        return _counts(found)

    def everybody(self) -> Counter[str]:
        """The same where nothing can be compared: only those who may not be sent stay there."""
        text = self.warehouse.engine.text
        rows = self.warehouse.rows(
            f"select cast(barred as {text}) as barred, cast(count(*) as {text}) as members from {LAID} group by barred"
        )
        return _counts([{name: int(cell) for name, cell in row.items()} for row in rows.to_pylist()])

    def changed(self, mirror: str | None) -> Iterator[pa.Table]:
        """Everybody who may be sent and is not as the mirror has them, as the channel takes them; see `Making.keyed`."""
        differs = f"left join {mirror} k on k.member = l.id where (k.member is null or k.change_no <> l.change_no) and"
        return self._keyed(f"{differs if mirror else 'where'} l.barred = 0")

    def gone(self, mirror: str) -> Iterator[pa.Table]:
        """`member` of everybody whom the mirror has and who may not be sent any more."""
        text = self.warehouse.engine.text
        return self.warehouse.stream(f"select cast(member as {text}) as member from ({self._gone(mirror)}) as gone")

    def values(self, _low: int, _high: int, ids: pa.Array | None) -> pa.Table:
        """See Source; only of members who are named."""
        self.warehouse.put(THESE, pa.table({"member": pa.array(ids, pa.int64())}))
        rows = pa.concat_tables(list(self._keyed(f"join {THESE} these on these.member = l.id")))
        numbers = {name: rows.column(name).cast(pa.int64()) for name in ("member", "change_no")}
        rest = {name: rows.column(name) for name in rows.column_names if name not in numbers}
        return pa.table({"id": numbers["member"], "change_no": numbers["change_no"], **rest})

    def _keyed(self, which: str) -> Iterator[pa.Table]:
        engine = self.warehouse.engine
        return self.warehouse.stream(
            self.making.keyed(engine, self.connector, self.kind, f"select l.* from {LAID} l {which}")
        )

    def _gone(self, mirror: str) -> str:
        allowed = f"select id from {LAID} where barred = 0"
        return f"select k.member from {mirror} k left join ({allowed}) as l on l.id = k.member where l.id is null"

    def _try_words(self) -> None:
        """An engine may be set up so that it lowers, splits or hashes otherwise than the golden vectors say: then nothing is made there."""
        tried = pa.table(
            {
                name: pa.array([ODD[(row + place) % len(ODD)] for row in range(len(ODD))])
                for place, name in enumerate(self.making.wanted.cells)
            }
        )
        self.warehouse.put(TRIED, tried)
        there = self.warehouse.rows(self._tried(self.warehouse.engine, TRIED))
        with duckdb.connect() as here:
            here.register("tried", tried)
            meant = here.execute(self._tried(ENGINES["duckdb"], "tried")).to_arrow_table()
        if _rows(there) != _rows(meant):
            raise WarehouseProblem(OTHER_WORDS)
        self.warehouse.came.clear()
        self.warehouse.went.clear()

    def _tried(self, engine: Engine, table: str) -> str:
        laid = self.making.laid(engine, f"select * from {table}")
        return self.making.keyed(engine, self.connector, self.kind, laid)


def _rows(table: pa.Table) -> list[tuple[str, ...]]:
    return sorted(tuple(str(cell) for cell in row.values()) for row in table.to_pylist())


def _counts(rows: list[dict[str, int]]) -> Counter[str]:
    """As `compare` counts them, of those who did not travel."""
    counts = Counter[str]()
    for row in rows:
        if row["barred"] in BARRED:
            counts.update({"members": row["members"], f"barred_{row['barred']}": row["members"]})
        elif "state" in row:
            counts.update({"members": row["members"], _SAME[row["state"]]: row["members"]})
    return counts


_SAME: Final = {0: "unchanged", 2: "unchanged", 3: "no_identifier"}
"""What a member counts as who is as the ledger has them, by the state of the row."""
