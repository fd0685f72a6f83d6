"""The rows near a few others: of the same member, or with a key of theirs. Found file by file, without reading keys as text."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import reduce
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from connectors.contract import Key, Shape
from connectors.digests import is_digest, texts
from segsync.audience.ledger import known_sql
from segsync.audience.packing import digests, read_rows


def rows_in(files: Sequence[Path]) -> int:
    """How many rows files have."""
    return sum(pq.read_metadata(path).num_rows for path in files)


@dataclass(frozen=True)
class Near:
    """The members and keys of `draft_removals`."""

    shape: Shape
    members: pa.Array
    texts: dict[str, pa.Array]
    _packed: dict[tuple[str, pa.DataType], pa.Array] = field(default_factory=dict)

    @classmethod
    def of(cls, bench: duckdb.DuckDBPyConnection, shape: Shape) -> Near:
        """What rows have to have in common with a removal."""
        found = bench.execute("select * from draft_removals").to_arrow_table()
        texts = {name: pc.unique(found.column(name)).drop_null() for name in shape.key_columns}
        return cls(shape, pc.unique(found.column("member")), texts)

    def lay(
        self,
        bench: duckdb.DuckDBPyConnection,
        name: str,
        files: Sequence[Path],
        schema: pa.Schema,
        keep: Callable[[], None],
    ) -> None:
        """The rows of files that are near, as a table with the columns of a schema. `keep` is called for each file."""
        bench.execute(f"create or replace temp table {name} as {known_sql(schema, ())}")
        for path in files:
            keep()
            rows = self._in(path, schema.names)
            if rows.num_rows:
                bench.register("near", rows)
                bench.execute(f"insert into {name} by name select * from near")
                bench.unregister("near")

    def _in(self, path: Path, columns: Sequence[str]) -> pa.Table:
        rows = read_rows(path, columns)
        masks = [pc.is_in(rows.column("member"), value_set=self.members)]
        masks += [self._has(rows, key) for key in self.shape.keys]
        return texts(rows.filter(reduce(pc.or_, masks)))

    def _has(self, rows: pa.Table, key: Key) -> pa.ChunkedArray:
        """Rows each of whose columns of a key has a value that a removal has there too."""
        return reduce(pc.and_, (pc.is_in(rows.column(name), value_set=self._like(rows, name)) for name in key.columns))

    def _like(self, rows: pa.Table, name: str) -> pa.Array:
        """The removals' values of a column, as the column of a file has them: nothing but digests is equal to one."""
        kind = rows.schema.field(name).type
        if not is_digest(kind):
            return self.texts[name]
        if (name, kind) not in self._packed:
            self._packed[name, kind] = digests(self.texts[name], kind)
        return self._packed[name, kind]
