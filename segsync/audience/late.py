"""What a channel says of a row after its plan was folded: refused after all. The ledger learns it before the next plan is made."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import duckdb
import pyarrow as pa

from connectors.contract import Action, Shape
from segsync.audience.ledger import SPAN, ledger_schema, view_base, windows


def begin(bench: duckdb.DuckDBPyConnection, shape: Shape) -> None:
    """Makes room for late refusals."""
    keys = "".join(f', "{column}" varchar' for column in shape.key_columns)
    bench.execute(
        "create or replace temp table late "
        f"(action varchar, member bigint, version varchar, code varchar, for_good boolean{keys})"
    )


def note(bench: duckdb.DuckDBPyConnection, shape: Shape, action: Action, rows: pa.Table, *, for_good: bool) -> None:
    """Takes refused rows: `member`, `version`, `code` and the keys as sent. `for_good`: the channel cannot hold them all the same."""
    keys = "".join(f', "{column}"' for column in shape.key_columns)
    bench.register("told", rows)
    bench.execute(f"insert into late select ?, member, version, code, ?{keys} from told", [action.value, for_good])
    bench.unregister("told")


def mend(bench: duckdb.DuckDBPyConnection, shape: Shape, base: Sequence[Path], window: int) -> Iterator[pa.Table]:
    """The ledger with what was noted, in key order, in windows. Noting the same again changes nothing.

    An addition that was refused is held no longer: refused where it was sent once and for good, else unsure. A removal that
    was refused is unsure, unless its member came back.
    """
    view_base(bench, shape, base)
    for _ in windows(bench, "select member from books_base union all select member from late", window):
        yield bench.execute(_mend_sql(shape)).to_arrow_table().cast(ledger_schema(shape))


def _mend_sql(shape: Shape) -> str:
    keys = "".join(f', "{c}"' for c in shape.key_columns)
    first_keys = "".join(f', any_value("{c}") as "{c}"' for c in shape.key_columns)
    return f"""
    with b as (select * from books_base where {SPAN}),
    a as (
        select member, version, any_value(code) as code, bool_and(for_good) as for_good
        from late where action = 'add' and {SPAN} group by member, version
    ),
    r as (
        select member, version, any_value(code) as code{first_keys}
        from late where action = 'remove' and {SPAN} group by member, version
    )
    select b.member, b.version, b.change_no,
           case when b.state <> 0 or a.member is null then b.state
                when a.for_good and a.code not like 'wait.%' and b.first_sent = b.last_sent then 2 else 1 end as state,
           case when b.state <> 0 or a.member is null then b.reason else a.code end as reason,
           b.first_sent, b.last_sent{keys.replace(', "', ', b."')}
    from b left join a using (member, version)
    union all
    select member, version, 0, 1, code, null, null{keys} from r
    where not exists (select 1 from b where b.member = r.member and b.version = r.version)
    order by member, version
    """
