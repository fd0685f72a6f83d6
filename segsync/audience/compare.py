"""One window compared: the members wanted now against the ledger, by change number first, then by a digest of the clean fields.

Only what a channel takes and what really differs is normalised and hashed.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import duckdb
import ibis
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from connectors.contract import Kind, Shape
from connectors.protocols import Connector
from segsync.audience.engines import ENGINES, Engine, in_words
from segsync.audience.ledger import Held, base_sql

TO_SEND, WANTED = "to_send", "wanted"
"""The tables whose members become rows."""
VERSION = "version"
Fetch = Callable[[pa.Array | None], pa.Table]
"""Reads `id`, `change_no` and the shape's fields of these members; None means all of the window.

Members whose own engine has worked it out come with `version` and the shape's columns in place of the fields.
"""


@dataclass(frozen=True)
class Method:
    """How this sync's members become rows: the channel's expression, and what the digest is made with.

    `basis` names the rules; a ledger of another basis is compared in full. `secret` keys the digest.
    """

    connector: Connector
    kind: Kind
    basis: str
    secret: str

    @property
    def shape(self) -> Shape:
        """The columns that the channel takes."""
        return self.connector.capabilities.shapes[self.kind]


@dataclass(frozen=True)
class Window:
    """Members (`id`, `change_no`, `barred`; 0 = may be sent) and the ledger's files whose keys touch `span` (low, high].

    Where everybody is compared in full anyway, the members may bring the shape's fields along. `touched` has every `member` who is not
    as the ledger has them, where their own engine has compared already: the others are left alone.
    """

    members: pa.Table
    base: Sequence[Path]
    span: tuple[int, int]
    same_basis: bool
    touched: pa.Table | None = None


@dataclass(frozen=True)
class Compared:
    """What a window comes to. Tables are in key order."""

    new: pa.Table
    after: pa.Table
    removals: pa.Table
    notes: pa.Table
    counts: dict[str, int]


def learn(connector: Connector) -> None:
    """Puts all that a channel's expression is asked for into words. Before a worker forks: each child would do it anew."""
    for kind in connector.capabilities.shapes:
        for source in (TO_SEND, WANTED):
            identifiers_sql(connector, kind, source)


def identifiers_sql(connector: Connector, kind: Kind, source: str, engine: Engine = ENGINES["duckdb"]) -> str:
    """SQL of an engine: member, version, change_no and the channel's columns, from a table or view called `source`.

    Put into words once in a process: that takes longer than all else in a small run.
    """
    capabilities = connector.capabilities
    # a shape names its expression, and has another name when that changes
    known = (capabilities.name, kind, capabilities.shapes[kind], source, engine)
    if known not in _SAID:
        _SAID[known] = _in_words(connector, kind, source, engine)
    return _SAID[known]


_SAID: dict[tuple[str, Kind, Shape, str, Engine], str] = {}
"""Expressions in SQL."""


def _in_words(connector: Connector, kind: Kind, source: str, engine: Engine) -> str:
    shape = connector.capabilities.shapes[kind]
    fields = dict.fromkeys(shape.fields, "string")
    schema = {"member": "int64", "version": "string", "change_no": "int64", **fields}
    table = ibis.table(schema, name=source)
    expression = connector.identifiers(table, kind, engine.words)
    return in_words(engine, expression, fields, ("member", "version", "change_no", *shape.columns))


def compare(bench: duckdb.DuckDBPyConnection, method: Method, window: Window, fetch: Fetch) -> Compared:
    """Compares one window. What is left in `bench` is overwritten by the next call."""
    if (counts := _nothing_new(window)) is not None:
        nothing = pa.table({})
        return Compared(nothing, nothing, nothing, nothing, counts)
    shape = method.shape
    bench.register("members", window.members)
    _load_base(bench, shape, window)
    bench.execute(_SAME if window.same_basis else _SAME + " and false")
    keyed = _load_wanted(bench, method, window, fetch)
    if window.base:
        bench.execute("create or replace temp table wanted as from versioned")
        bench.execute(_STAYING)
        bench.execute(f"create or replace temp view to_send as {_TO_SEND}")
    else:
        bench.execute(f"create or replace temp table staying as {_SAME_STAY}")
        bench.execute("create or replace temp view to_send as from versioned")
    _identify(bench, method, TO_SEND, keyed=keyed)
    has_key = " or ".join(f'"{column}" is not null' for column in shape.key_columns)
    columns = ", ".join(f'"{column}"' for column in shape.columns)
    additions = f"select member, version, change_no, {columns} from sent where ({has_key})"
    known = "member in (select member from base where state in (0, 1))"
    compared = Compared(
        new=_in_key_order(bench.execute(f"{additions} and not {known}").to_arrow_table()),
        after=_in_key_order(bench.execute(f"{additions} and {known}").to_arrow_table()),
        removals=_removals(bench, shape, window),
        notes=bench.execute(_notes_sql(has_key)).to_arrow_table(),
        counts=_counts(bench, has_key),
    )
    bench.execute("drop table sent")  # else it is there twice while the next window is worked on
    return compared


def _in_key_order(rows: pa.Table) -> pa.Table:
    """By member. Mostly they come so, as nothing was joined, and the engine would copy all of them to sort them."""
    members = rows.column("member").to_numpy()
    return rows if (members[1:] >= members[:-1]).all() else rows.sort_by("member")


def whole_rows(bench: duckdb.DuckDBPyConnection, method: Method, rows: pa.Table, values: pa.Table) -> pa.Table:
    """The whole rows of members who stay: `rows` has member, version and keys, `values` their fields as they are now.

    Where the fields changed meanwhile, the keys go as the ledger has them and without qualifiers: the next run sees the change.
    """
    bench.register("again", rows)
    bench.register("fetched", values)
    keyed = VERSION in values.column_names
    _version(bench, method, "fetched", keyed=keyed)
    bench.execute("create or replace temp table wanted as from versioned")
    _identify(bench, method, WANTED, keyed=keyed)
    keys = ", ".join(f'a."{column}"' for column in method.shape.key_columns)
    qualifiers = "".join(f', s."{q.column}"' for q in method.shape.qualifiers)
    return bench.execute(
        f"select a.member, a.version, coalesce(s.change_no, 0) as change_no, {keys}{qualifiers} "
        "from again a left join sent s using (member, version) order by a.member, a.version"
    ).to_arrow_table()


def _identify(bench: duckdb.DuckDBPyConnection, method: Method, source: str, *, keyed: bool) -> None:
    """What the channel is sent of those in a table; where it came with them, it is taken as it is."""
    said = f"select * from {source}" if keyed else identifiers_sql(method.connector, method.kind, source)
    bench.execute(f"create or replace temp table sent as {said}")


def _version(bench: duckdb.DuckDBPyConnection, method: Method, source: str, *, keyed: bool = False) -> None:
    """The members of `source` with their versions, as `versioned`: worked out whenever it is read, or as they came."""
    if keyed:
        columns = ", ".join(f'"{column}"' for column in method.shape.columns)
        view = f"select id as member, version, change_no, {columns} from {source}"
        bench.execute(f"create or replace temp view versioned as {view}")
        return
    texts = ", ".join(f"coalesce(\"{field}\", '')" for field in method.shape.fields)
    fields = ", ".join(f'"{field}"' for field in method.shape.fields)
    bench.execute("set variable secret = $1", [method.secret])
    bench.execute("set variable basis = $1", [method.basis])
    bench.execute(
        "create or replace temp view versioned as select id as member, "
        f"md5(concat_ws(chr(31), getvariable('secret'), getvariable('basis'), {texts})) as version, change_no, {fields} from {source}"
    )


def _load_base(bench: duckdb.DuckDBPyConnection, shape: Shape, window: Window) -> None:
    """Without the keys: they are most of the ledger, and only removals need them."""
    only = ""
    if window.touched is not None:
        bench.register("touched", window.touched)
        only = " and member in (select member from touched)"
    bench.execute(
        "create or replace temp table base as select member, version, change_no, state "
        f"from ({base_sql(shape, window.base)}) where member > $low and member <= $high{only}",
        {"low": window.span[0], "high": window.span[1]},
    )


def _nothing_new(window: Window) -> dict[str, int] | None:
    """The counts of a window in which everybody who may be sent, and nobody else, is in the ledger as they are; None of any other.

    Told by their numbers alone, which stand in the same order here and there: that takes a tenth of what a join takes.
    """
    if window.touched is not None:
        return None if window.touched.num_rows else dict.fromkeys(_COUNTED, 0)
    if not window.same_basis or not window.base:
        return None
    known = pa.concat_tables(
        pq.ParquetFile(path).read(columns=list(_NUMBERS), use_threads=False) for path in window.base
    )
    low, high = window.span
    member = known.column("member")
    known = known.filter(pc.and_(pc.greater(member, low), pc.less_equal(member, high)))
    allowed = window.members.filter(pc.equal(window.members.column("barred"), 0))
    if known.num_rows != allowed.num_rows:
        return None
    pairs = (
        (known.column(theirs), allowed.column(ours)) for theirs, ours in (("member", "id"), ("change_no", "change_no"))
    )
    if not all(pc.all(pc.equal(theirs, ours), skip_nulls=False).as_py() for theirs, ours in pairs):
        return None
    states = _tally(known.column("state"))
    if set(states) - {Held.HELD, Held.REFUSED, Held.SKIPPED}:
        return None
    none = {"members": window.members.num_rows, "new": 0, "changed": 0}
    unchanged = states.get(Held.HELD, 0) + states.get(Held.REFUSED, 0)
    barred = {f"barred_{reason}": count for reason, count in _tally(window.members.column("barred")).items() if reason}
    return none | {"unchanged": unchanged, "no_identifier": states.get(Held.SKIPPED, 0)} | barred


def _tally(column: pa.ChunkedArray) -> dict[int, int]:
    return {row["values"]: row["counts"] for row in pc.value_counts(column).to_pylist()}


_NUMBERS = ("member", "change_no", "state")
_COUNTED = ("members", "new", "changed", "unchanged", "no_identifier")


def _load_wanted(bench: duckdb.DuckDBPyConnection, method: Method, window: Window, fetch: Fetch) -> bool:
    """Takes the fields of those whose change number differs, and gives each its version. Whether they came with it."""
    if set(method.shape.fields) <= set(window.members.column_names):
        _version(bench, method, "(from members where barred = 0)")
        return False
    total, same = bench.execute(_HOW_MANY).fetchall()[0]
    needed = bench.execute(_NEEDED).to_arrow_table().column("id").combine_chunks()
    rows = fetch(None if same == 0 and total else needed)
    bench.register("fetched", rows)
    # who joined between the two reads is not of this window
    bench.execute(
        "create or replace temp view allowed as select * from fetched where id in (select id from members where barred = 0)"
    )
    keyed = VERSION in rows.column_names
    _version(bench, method, "allowed", keyed=keyed)
    return keyed


_SAME = """
    create or replace temp table same as
    select b.member, b.version, b.state from base b join members m on m.id = b.member
    where m.barred = 0 and b.state in (0, 2, 3) and b.change_no = m.change_no
"""
_HOW_MANY = "select (select count(*) from members where barred = 0), (select count(*) from same)"
_NEEDED = "select id from members where barred = 0 and id not in (select member from same) order by id"
_SAME_STAY = "select member, version, null::bigint as change_no, state from same"
_STAYING = f"""
    create or replace temp table staying as
    {_SAME_STAY}
    union all
    select w.member, w.version, w.change_no, b.state from wanted w join base b using (member, version) where b.state in (0, 2, 3)
      and w.member not in (select member from same)
"""
_TO_SEND = """
    select w.* from wanted w anti join staying s using (member)
"""


def _removals(bench: duckdb.DuckDBPyConnection, shape: Shape, window: Window) -> pa.Table:
    bench.execute(_LEAVING)
    if not bench.execute("select count(*) from leaving").fetchall()[0][0]:
        return pa.table({})
    keys = ", ".join(f'b."{column}"' for column in shape.key_columns)
    return bench.execute(
        f"select b.member, b.version, {keys}, b.member not in (select id from members where barred = 0) as gone "
        f"from ({base_sql(shape, window.base)}) b semi join leaving using (member, version) "
        "where b.member > $low and b.member <= $high order by b.member",
        {"low": window.span[0], "high": window.span[1]},
    ).to_arrow_table()


_LEAVING = """
    create or replace temp table leaving as
    select b.member, b.version from base b where b.state in (0, 1)
      and not exists (select 1 from staying s where s.member = b.member and s.version = b.version)
      and not exists (select 1 from to_send t where t.member = b.member and t.version = b.version)
"""


def _notes_sql(has_key: str) -> str:
    return f"""
        select 'note' as op, member, version, change_no from staying where change_no is not null
        union all
        select 'skip', member, version, change_no from sent where not ({has_key})
        union all
        select 'drop', b.member, b.version, b.change_no from base b where b.state in (2, 3)
          and not exists (select 1 from staying s where s.member = b.member and s.version = b.version)
        order by 2
    """


def _counts(bench: duckdb.DuckDBPyConnection, has_key: str) -> dict[str, int]:
    known = "member in (select member from base where state in (0, 1))"
    row = bench.execute(f"""
        select (select count(*) from members) as members,
               (select count(*) from sent where ({has_key}) and not {known}) as new,
               (select count(*) from sent where ({has_key}) and {known}) as changed,
               (select count(*) from staying where state in (0, 2)) as unchanged,
               (select count(*) from sent where not ({has_key})) + (select count(*) from staying where state = 3) as no_identifier
    """).fetchall()[0]
    return dict(zip(_COUNTED, row, strict=True)) | _barred(bench)


def _barred(bench: duckdb.DuckDBPyConnection) -> dict[str, int]:
    barred = bench.execute("select barred, count(*) from members where barred <> 0 group by 1").fetchall()
    return {f"barred_{reason}": count for reason, count in barred}
