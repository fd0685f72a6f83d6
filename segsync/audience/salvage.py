"""A ledger put together from whatever files can still be read. Nothing in it is certain, so that all of it is removed or added again."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import duckdb
import pyarrow as pa

from connectors.contract import Shape
from segsync.audience.ledger import SPAN, Held, known_sql, ledger_schema, some_of, windows


def unsure(bench: duckdb.DuckDBPyConnection, shape: Shape, files: Sequence[Path], rows: int) -> Iterator[pa.Table]:
    """Every version of every member with a key in `files` (of a ledger, or additions of plans), in key order, each once and unsure."""
    if not files:
        return
    known = known_sql(some_of(shape, "member", "version"), files)
    bench.execute(f"create or replace temp view found as {known}")
    has_key = " or ".join(f'"{c}" is not null' for c in shape.key_columns)
    first_keys = "".join(f', any_value("{c}") as "{c}"' for c in shape.key_columns)
    for _ in windows(bench, "select distinct member from found", rows):
        yield (
            bench.execute(
                f"select member, version, 0 as change_no, {int(Held.UNSURE)} as state, '' as reason, "
                f"null as first_sent, null as last_sent{first_keys} from found where {SPAN} and ({has_key}) "
                "group by member, version order by member, version"
            )
            .to_arrow_table()
            .cast(ledger_schema(shape))
        )
