"""Those who differ compared with the ledger's rows of them, by a digest of the clean fields.

Only what a channel takes and what really differs is normalised and hashed.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import reduce

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from connectors.contract import Shape
from segsync.audience.differing import Differing
from segsync.audience.identified import VERSION, Identify, keyed_rows
from segsync.audience.ledger import Held
from segsync.audience.packing import together
from segsync.audience.plan import DROP
from segsync.audience.rolls import in_key_order

Fetch = Callable[[pa.Array], pa.Table]
"""Reads `id`, `change_no` and the shape's fields of these members, perhaps of others too.

Members whose own engine has worked it out come with `version` and the shape's columns in place of the fields.
"""


@dataclass(frozen=True)
class Compared:
    """What members come to. Tables are in key order."""

    new: pa.Table
    after: pa.Table
    removals: pa.Table
    notes: pa.Table
    counts: Counter[str]


def compare(bench: duckdb.DuckDBPyConnection, identify: Identify, found: Differing, fetch: Fetch) -> Compared:
    """Compares those who differ. What is left in `bench` is overwritten by the next call."""
    compared = _of_members(bench, identify, found, fetch)
    if not found.gone.num_rows:
        return compared
    may_be_in = np.isin(found.gone.column("state").to_numpy(), (Held.HELD, Held.UNSURE))
    leave, forgotten = found.gone.filter(pa.array(may_be_in)), found.gone.filter(pa.array(~may_be_in))
    keys = ["member", VERSION, *identify.method.shape.key_columns]
    dropped = forgotten.select(["member", VERSION, "change_no"])
    dropped = dropped.add_column(0, "op", pa.repeat(DROP, dropped.num_rows))
    return replace(
        compared, removals=_joined(compared.removals, leave.select(keys)), notes=_joined(compared.notes, dropped)
    )


def _joined(some: pa.Table, more: pa.Table) -> pa.Table:
    return in_key_order(together([table for table in (some, more) if table.num_rows] or [more]))


def _of_members(bench: duckdb.DuckDBPyConnection, identify: Identify, found: Differing, fetch: Fetch) -> Compared:
    shape = identify.method.shape
    if not found.members.num_rows:
        return Compared(_NOTHING, _NOTHING, _NOTHING, _NOTHING, Counter())
    if not found.base.num_rows:
        return _all_new(identify, _values(shape, found, fetch, None))
    bench.register("members", found.members.select(["id", "change_no"]))
    bench.register("base", found.base)
    bench.execute(_SAME if found.same_basis else f"{_SAME} and false")
    values = _values(shape, found, fetch, _column(bench, _NEEDED))
    bench.register("wanted", _versions(identify, values))
    bench.execute(_STAYING)
    sent = _sent(identify, _of(values, "id", _column(bench, _TO_SEND)))
    bench.register("sent", sent)
    additions, without = _by_key(shape, sent)
    known = pc.is_in(additions.column("member"), value_set=_column(bench, _KNOWN))
    unchanged, no_identifier = bench.execute(_COUNTS).fetchall()[0]
    compared = Compared(
        new=additions.filter(pc.invert(known)),
        after=additions.filter(known),
        removals=_removals(bench, shape),
        notes=bench.execute(_notes_sql(shape)).to_arrow_table(),
        counts=Counter(unchanged=unchanged, no_identifier=no_identifier + without.num_rows),
    )
    compared.counts.update(new=compared.new.num_rows, changed=compared.after.num_rows)
    for name in ("members", "base", "wanted", "sent"):
        bench.unregister(name)
    return compared


def whole_rows(bench: duckdb.DuckDBPyConnection, identify: Identify, rows: pa.Table, values: pa.Table) -> pa.Table:
    """The whole rows of members who stay: `rows` has member, version and keys, `values` their fields as they are now.

    Where the fields changed meanwhile, the keys go as the ledger has them and without qualifiers: the next run sees the change.
    """
    shape = identify.method.shape
    bench.register("again", rows)
    bench.register("sent", _sent(identify, values))
    keys = ", ".join(f'a."{column}"' for column in shape.key_columns)
    qualifiers = "".join(f', s."{q.column}"' for q in shape.qualifiers)
    return bench.execute(
        f"select a.member, a.version, coalesce(s.change_no, 0) as change_no, {keys}{qualifiers} "
        "from again a left join sent s using (member, version) order by a.member, a.version"
    ).to_arrow_table()


_NOTHING = pa.table({})


def _values(shape: Shape, found: Differing, fetch: Fetch, needed: pa.Array | None) -> pa.Table:
    """Members with their fields: those they came with, or fetched. `needed` is None where all of them are."""
    members = found.members
    if set(shape.fields) <= set(members.column_names):
        return members if needed is None else _of(members, "id", needed)
    needed = members.column("id").combine_chunks() if needed is None else needed
    # who joined between the two reads is nobody of those who were asked for
    return in_key_order(_of(fetch(needed), "id", needed), "id")


def _versions(identify: Identify, values: pa.Table) -> pa.Table:
    return keyed_rows(values, ()) if VERSION in values.column_names else identify.versions(values)


def _sent(identify: Identify, values: pa.Table) -> pa.Table:
    """What the channel is sent of members; where it came with them, it is taken as it is."""
    if VERSION in values.column_names:
        return keyed_rows(values, identify.method.shape.columns)
    return identify.rows(values)


def _all_new(identify: Identify, values: pa.Table) -> Compared:
    """Nobody is joined with anything: digests may stay as they lie in files."""
    there = VERSION in values.column_names
    new, without = _by_key(identify.method.shape, _sent(identify, values) if there else identify.packed(values))
    notes = without.select(["member", VERSION, "change_no"])
    notes = notes.add_column(0, "op", pa.array(["skip"] * notes.num_rows, pa.string()))
    counts = Counter[str](new=new.num_rows, no_identifier=without.num_rows)
    return Compared(new, _NOTHING, _NOTHING, notes, counts)


def _by_key(shape: Shape, sent: pa.Table) -> tuple[pa.Table, pa.Table]:
    """Rows that have a key, and the others."""
    has_key = reduce(pc.or_, (sent.column(name).is_valid() for name in shape.key_columns))
    if pc.all(has_key).as_py() is not False:
        return sent, sent.slice(0, 0)
    return sent.filter(has_key), sent.filter(pc.invert(has_key))


def _of(rows: pa.Table, key: str, members: pa.Array) -> pa.Table:
    return rows.filter(pc.is_in(rows.column(key), value_set=members))


def _column(bench: duckdb.DuckDBPyConnection, sql: str) -> pa.Array:
    return bench.execute(sql).to_arrow_table().column(0).combine_chunks()


_SAME = f"""
    create or replace temp table same as
    select b.member, b.version, b.state from base b join members m on m.id = b.member
    where b.state <> {int(Held.UNSURE)} and b.change_no = m.change_no
"""
_NEEDED = "select id from members where id not in (select member from same) order by id"
_STAYING = f"""
    create or replace temp table staying as
    select member, version, null::bigint as change_no, state from same
    union all
    select w.member, w.version, w.change_no, b.state from wanted w join base b using (member, version)
    where b.state <> {int(Held.UNSURE)}
"""
_TO_SEND = "select member from wanted anti join staying using (member)"
_KNOWN = f"select distinct member from base where state in ({int(Held.HELD)}, {int(Held.UNSURE)})"
_COUNTS = f"""
    select count(*) filter (where state in ({int(Held.HELD)}, {int(Held.REFUSED)})), count(*) filter (where state = {int(Held.SKIPPED)})
    from staying
"""
_LEAVING = f"""
    select * from base b where b.state in ({int(Held.HELD)}, {int(Held.UNSURE)})
      and not exists (select 1 from staying s where s.member = b.member and s.version = b.version)
      and not exists (select 1 from sent t where t.member = b.member and t.version = b.version)
"""


def _removals(bench: duckdb.DuckDBPyConnection, shape: Shape) -> pa.Table:
    keys = ", ".join(f'"{column}"' for column in shape.key_columns)
    return bench.execute(f"select member, version, {keys} from ({_LEAVING}) order by member").to_arrow_table()


def _notes_sql(shape: Shape) -> str:
    no_key: Sequence[str] = [f'"{column}" is null' for column in shape.key_columns]
    return f"""
        select 'note' as op, member, version, change_no from staying where change_no is not null
        union all
        select 'skip', member, version, change_no from sent where {" and ".join(no_key)}
        union all
        select 'drop', b.member, b.version, b.change_no from base b
        where b.state in ({int(Held.REFUSED)}, {int(Held.SKIPPED)})
          and not exists (select 1 from staying s where s.member = b.member and s.version = b.version)
        order by 2
    """
