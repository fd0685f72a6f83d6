"""Those who stay and are sent again before the channel forgets them: chosen from the ledger by when they were last sent."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import duckdb
import pyarrow as pa

from connectors.contract import Shape
from segsync.audience.ledger import Held, base_sql
from segsync.audience.packing import rows_sql
from segsync.rules.renewal import AHEAD, PLACES, STEP, Turns


@dataclass(frozen=True)
class Staying:
    """Files of the ledger, and of rows of it that this run touches in another way: removals, and additions that follow them."""

    base: Sequence[Path]
    touched: Sequence[Path]


def choose(bench: duckdb.DuckDBPyConnection, shape: Shape, staying: Staying, turns: Turns, now: datetime) -> int:
    """Finds, inside `bench`, those whose turn has come or is near. Returns how many are due."""
    bench.execute(f"create or replace temp view renewing_base as {base_sql(shape, staying.base)}")
    touched = f"select member, version from ({rows_sql(staying.touched)}) as rows" if staying.touched else _NOBODY
    # the rest first: a member of a warehouse may have a number too large to be multiplied
    place = f"(member % {PLACES})"
    values = {
        "now": round(now.timestamp()),
        "latest": round(turns.latest.total_seconds()),
        "ahead": round(AHEAD.total_seconds()),
        "spread": round(turns.spread.total_seconds()),
    }
    bench.execute(
        f"""
        create or replace temp table turns as
        with sent as (
            select member, version, if(last_sent <= $now + $ahead, last_sent, 0) + $latest - ($spread * (({place} * {STEP}) % {PLACES})) // {PLACES} as due
            from renewing_base where state = {int(Held.HELD)}
        )
        select member, version, due, due <= $now as come from sent anti join ({touched}) using (member, version)
        where due - $spread <= $now
        """,
        values,
    )
    return int(bench.execute("select count(*) from turns where come").fetchall()[0][0])


def renewed(bench: duckdb.DuckDBPyConnection, shape: Shape, most: int, rows: int) -> Iterator[pa.Table]:
    """Member, version and keys of those who are sent again, `most` of those chosen, in key order and windows of `rows`.

    `bench` may be used between two tables.
    """
    keys = ", ".join(f'"{c}"' for c in shape.key_columns)
    bench.execute(
        f"create or replace temp table renewed as select member, version, {keys}, row_number() over (order by member, version) as place "
        "from renewing_base semi join (select member, version from turns order by due, member limit $most) using (member, version)",
        {"most": most},
    )
    count = bench.execute("select count(*) from renewed").fetchall()[0][0]
    for start in range(0, count, rows):
        piece = "select * exclude (place) from renewed where place > $low and place <= $high order by place"
        yield bench.execute(piece, {"low": start, "high": start + rows}).to_arrow_table()


_NOBODY = "select null::bigint as member, null::varchar as version where false"
