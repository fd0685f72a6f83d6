"""Members of a warehouse as they were at one moment, laid down here for one run alone: all of them, or those who changed.

What is read of a warehouse as cells is made into members here; what comes from an engine that compared by itself are members already.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

import duckdb
import pyarrow as pa

from segsync.audience.engines import ENGINES
from segsync.audience.warehouse_members import Making, check, figures_sql, keyed_columns
from segsync.audience.workbench import private

HERE: Final = ENGINES["duckdb"]


@dataclass
class Stage:
    """The file, open. `unclean` counts the cells that were left out, by field. `columns` are what is known of each member."""

    bench: duckdb.DuckDBPyConnection
    columns: tuple[str, ...] = ()
    unclean: dict[str, int] = field(default_factory=dict)
    changes_only: bool = False
    rows: int = 0
    """Members whom their own engine named."""
    gone: int = 0
    """Those among them who are gone."""

    def lay(self, tables: Iterable[pa.Table], making: Making, kept_out: pa.Table) -> None:
        """Takes everybody's cells, whole or not at all. `kept_out` has `digest` of an e-mail or phone and `why` its owner is not sent.

        Raises WarehouseProblem where the key does not tell members apart.
        """
        self._take("cells", list(making.wanted.cells), tables)
        self.bench.register("out", kept_out)
        out = "select * from out" if kept_out.num_rows else ""
        made = making.laid(HERE, "select * from cells", kept_out=out)
        self.bench.execute(f"create table members as select * from ({made}) as made order by id")
        self.bench.execute("drop table cells")
        counted = self.bench.execute(figures_sql(HERE, making, "members")).to_arrow_table()
        self.unclean = check(counted.to_pylist()[0])
        self.columns = making.wanted.fields

    def lay_changes(
        self, changed: Iterable[pa.Table], gone: Iterable[pa.Table] | None, columns: tuple[str, ...]
    ) -> None:
        """Takes those whom their own engine found to be new or changed, as it made them for the channel, and whom it found gone.

        `gone` is None where it had nothing to compare with: then all of them came.
        """
        self.columns, self.changes_only = ("version", *columns), gone is not None
        self._take("came", list(keyed_columns(columns)), changed)
        self.bench.execute(
            "create table members as select member::bigint as id, change_no::bigint as change_no, 0::tinyint as barred, "
            "* exclude (member, change_no) from came order by 1"
        )
        self._take("left_there", ["member"], gone or ())
        self.bench.execute(
            "create table touched as select member::bigint as member from left_there union select id from members"
        )
        asked = "select (select count(*) from touched), (select count(*) from left_there)"
        self.rows, self.gone = self.bench.execute(asked).fetchall()[0]

    def window(self, low: int, rows: int) -> pa.Table:
        """Up to `rows` members with keys above `low`: `id`, `change_no`, `barred`, in key order."""
        asked = "select id, change_no, barred from members where id > ? order by id limit ?"
        return self.bench.execute(asked, [low, rows]).to_arrow_table()

    def values(self, low: int, high: int, ids: pa.Array | None) -> pa.Table:
        """`id`, `change_no` and `columns` of these members; where `ids` is None, of all with keys above `low` up to `high`."""
        fields = ", ".join(f'"{name}"' for name in self.columns)
        asked = f"select id, change_no, {fields} from members"
        if ids is None:
            return self.bench.execute(f"{asked} where id > ? and id <= ? order by id", [low, high]).to_arrow_table()
        self.bench.register("these", pa.table({"id": ids}))
        return self.bench.execute(f"{asked} semi join these using (id) order by id").to_arrow_table()

    def touched(self, low: int, high: int) -> pa.Table | None:
        """`member` of everybody with keys above `low` up to `high` who is not as the ledger has them; None where anybody may not be."""
        if not self.changes_only:
            return None
        asked = "select member from touched where member > ? and member <= ?"
        return self.bench.execute(asked, [low, high]).to_arrow_table()

    def _take(self, name: str, columns: list[str], tables: Iterable[pa.Table]) -> None:
        named = ", ".join(f'"{column}" varchar' for column in columns)
        self.bench.execute(f"create table {name} ({named})")
        for table in tables:
            self.bench.register("coming", table.rename_columns(columns))
            self.bench.execute(f"insert into {name} select * from coming")


@contextmanager
def stage(folder: Path) -> Iterator[Stage]:
    """A stage of its own, gone at the end: it holds people's values."""
    with TemporaryDirectory(prefix="spill-", dir=private(folder)) as place:
        config: dict[str, str | bool | int | float | list[str]] = {
            "memory_limit": "200MB",
            "temp_directory": place,
            "threads": 2,
            "autoinstall_known_extensions": False,
            "autoload_known_extensions": False,
        }
        bench = duckdb.connect(str(Path(place) / "members.duckdb"), config=config)
        try:
            yield Stage(bench)
        finally:
            bench.close()
