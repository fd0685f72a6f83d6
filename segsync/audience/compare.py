"""Those who differ compared with the ledger's rows of them, by a digest of the clean fields.

Only what a channel takes and what really differs is normalised and hashed. Digests stay bytes, which takes a fraction of the memory.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import reduce

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from connectors.contract import Shape
from connectors.digests import texts, whole
from segsync.audience.differing import Differing
from segsync.audience.identified import VERSION, Identify, keyed_rows
from segsync.audience.keysets import KeySet, versions_of
from segsync.audience.ledger import Held, in_state
from segsync.audience.packing import together
from segsync.audience.plan import DROP, NOTE, SKIP
from segsync.audience.rolls import in_key_order, picked

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


def compare(identify: Identify, found: Differing, fetch: Fetch) -> Compared:
    """Compares those who differ."""
    shape, gone = identify.method.shape, found.gone
    compared = _of_members(identify, found, fetch)
    if not gone.num_rows:
        return compared
    there = _may_be_there(gone)
    return replace(
        compared,
        removals=_joined(compared.removals, _removed(shape, picked(gone, there))),
        notes=_joined(compared.notes, _noted(DROP, picked(gone, ~there))),
    )


def _of_members(identify: Identify, found: Differing, fetch: Fetch) -> Compared:
    shape, base = identify.method.shape, found.base
    if not found.members.num_rows:
        return Compared(_NOTHING, _NOTHING, _NOTHING, _NOTHING, Counter())
    if not base.num_rows:
        return _all_new(identify, _values(shape, found, fetch, None))
    known, sure, there = KeySet(versions_of(base)), ~in_state(base, Held.UNSURE), _may_be_there(base)
    untouched = sure & _same_number(found)
    values = _values(shape, found, fetch, _without(found.members.column("id"), base, untouched))
    wanted = _versions(identify, values)
    places = known.find(versions_of(wanted))
    again = sure & _rows_of(known, places)
    newer = picked(wanted, np.isin(places, known.of[again]))
    staying = _rows_of(known, known.of[untouched | again])
    sent = _sent(identify, _of(values, "id", _without(wanted.column("member"), base, staying)))
    additions, empty = _by_key(shape, sent)
    before = np.isin(additions.column("member").to_numpy(), base.column("member").to_numpy()[there])
    leaving = there & ~staying & ~_rows_of(known, known.find(versions_of(sent)))
    new, after = picked(additions, ~before), picked(additions, before)
    still_empty = np.count_nonzero(staying & in_state(base, Held.SKIPPED))
    return Compared(
        new=new,
        after=after,
        removals=_joined(_removed(shape, picked(base, leaving))),
        notes=_joined(_noted(NOTE, newer), _noted(SKIP, empty), _noted(DROP, picked(base, ~there & ~staying))),
        counts=Counter(
            new=new.num_rows,
            changed=after.num_rows,
            unchanged=int(np.count_nonzero(staying) - still_empty),
            no_identifier=int(still_empty) + empty.num_rows,
        ),
    )


def whole_rows(bench: duckdb.DuckDBPyConnection, identify: Identify, rows: pa.Table, values: pa.Table) -> pa.Table:
    """The whole rows of members who stay: `rows` has member, version and keys, `values` their fields as they are now.

    Where the fields changed meanwhile, the keys go as the ledger has them and without qualifiers: the next run sees the change.
    """
    shape = identify.method.shape
    bench.register("again", rows)
    bench.register("sent", texts(_sent(identify, values)))
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
    new, without = _by_key(identify.method.shape, _sent(identify, values))
    counts = Counter[str](new=new.num_rows, no_identifier=without.num_rows)
    return Compared(new, _NOTHING, _NOTHING, _noted(SKIP, without), counts)


def _by_key(shape: Shape, sent: pa.Table) -> tuple[pa.Table, pa.Table]:
    """Rows that have a key, and the others."""
    has_key = reduce(pc.or_, (sent.column(name).is_valid() for name in shape.key_columns))
    if pc.all(has_key).as_py() is not False:
        return sent, sent.slice(0, 0)
    return sent.filter(has_key), sent.filter(pc.invert(has_key))


def _of(rows: pa.Table, key: str, members: pa.Array) -> pa.Table:
    return rows.filter(pc.is_in(rows.column(key), value_set=members))


def _same_number(found: Differing) -> np.ndarray:
    """Which rows of the ledger have the change number that their member has now."""
    base, ids = found.base, found.members.column("id").to_numpy()
    if not found.same_basis:
        return np.zeros(base.num_rows, np.bool_)
    member = base.column("member").to_numpy()
    place = np.minimum(np.searchsorted(ids, member), len(ids) - 1)
    of_now = whole(found.members.column("change_no")).take(pa.array(place))
    same = pc.fill_null(pc.equal(base.column("change_no"), of_now), fill_value=False)
    there: np.ndarray = (ids[place] == member) & same.to_numpy()
    return there


def _rows_of(known: KeySet, places: np.ndarray) -> np.ndarray:
    """Which of the rows that a set was made of have what stands at some places of it; all of them have something."""
    rows: np.ndarray = np.isin(known.of, places)
    return rows


def _without(members: pa.ChunkedArray, base: pa.Table, chosen: np.ndarray) -> pa.Array:
    """The members of whom no chosen row of the ledger is."""
    ids = members.to_numpy()
    return pa.array(ids[~np.isin(ids, base.column("member").to_numpy()[chosen])])


def _may_be_there(base: pa.Table) -> np.ndarray:
    """Which rows the channel has, or may have."""
    return in_state(base, Held.HELD, Held.UNSURE)


def _removed(shape: Shape, rows: pa.Table) -> pa.Table:
    return rows.select(["member", VERSION, *shape.key_columns])


def _noted(op: str, rows: pa.Table) -> pa.Table:
    return rows.select(["member", VERSION, "change_no"]).add_column(0, "op", pa.repeat(op, rows.num_rows))


def _joined(*tables: pa.Table) -> pa.Table:
    return in_key_order(together([table for table in tables if table.num_rows] or tables[-1:]))
