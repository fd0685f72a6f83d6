"""Who of a window has to be looked at: told by change numbers alone, which stand in the same order here and in the ledger.

That takes a tenth of what a join takes, and nobody who is as the ledger has them is touched by anything that follows.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from connectors.contract import Shape
from connectors.digests import texts
from segsync.audience.ledger import Held, ledger_schema
from segsync.audience.packing import read_rows

NUMBERS = ("member", "change_no", "state")
NEVER = -1
"""In place of a change number that a row does not have."""


@dataclass(frozen=True)
class Window:
    """Members (`id`, `change_no`, `barred`; 0 = may be sent) in key order, and the ledger's files whose keys touch `span` (low, high].

    Where everybody is compared in full anyway, the members may bring the shape's fields along. `touched` has every `member` who is not
    as the ledger has them, where their own engine has compared already: the others are left alone.
    """

    members: pa.Table
    base: Sequence[Path]
    span: tuple[int, int]
    same_basis: bool
    touched: pa.Table | None = None


@dataclass(frozen=True)
class Differing:
    """Members who may be sent and have to be looked at, with the ledger's rows of them and of whoever is gone. `counts` tells the rest."""

    members: pa.Table
    base: pa.Table
    same_basis: bool
    counts: Counter[str] = field(default_factory=Counter)

    @property
    def rows(self) -> int:
        """How much there is to look at."""
        return int(self.members.num_rows + self.base.num_rows)


def together(found: Sequence[Differing]) -> Differing:
    """Several windows, one after the other, as one, without what was counted."""
    if not found:
        return Differing(_NOBODY, _NOBODY, same_basis=True)
    members, base = (pa.concat_tables([getattr(one, name) for one in found]) for name in ("members", "base"))
    return Differing(members, base, all(one.same_basis for one in found))


_NOBODY = pa.table({})


def differing(shape: Shape, window: Window) -> Differing:
    """What has to be looked at in a window."""
    counts = Counter[str](members=window.members.num_rows)
    counts.update({f"barred_{reason}": count for reason, count in _tally(window.members, "barred").items() if reason})
    allowed = window.members.filter(pc.equal(window.members.column("barred"), 0))
    known = [_numbers(path, window.span) for path in window.base]
    if window.touched is not None:
        told = window.touched.column("member").combine_chunks()
        chosen = [pc.is_in(numbers.column("member"), value_set=told).to_numpy() for _, numbers, _ in known]
        base = [rows for one, mask in zip(known, chosen, strict=True) if (rows := _rows(one, mask, shape)) is not None]
        return Differing(allowed, _table(base, shape), window.same_basis, counts)
    staying, stays = _staying(allowed, [numbers for _, numbers, _ in known], same_basis=window.same_basis)
    base, start = [], 0
    for one in known:
        rows = one[1].num_rows
        mask = ~stays[start : start + rows]
        states = _tally(one[1].filter(pa.array(~mask)), "state")
        counts["unchanged"] += states.get(Held.HELD, 0) + states.get(Held.REFUSED, 0)
        counts["no_identifier"] += states.get(Held.SKIPPED, 0)
        if (found := _rows(one, mask, shape)) is not None:
            base.append(found)
        start += rows
    return Differing(_without(allowed, staying), _table(base, shape), window.same_basis, counts)


Numbers = tuple[Path, pa.Table, slice]
"""A file of the ledger, the numbers of its rows inside the window, and which rows these are."""


def _numbers(path: Path, span: tuple[int, int]) -> Numbers:
    numbers = read_rows(path, NUMBERS)
    member = numbers.column("member").to_numpy()
    inside = slice(*(int(np.searchsorted(member, edge, side="right")) for edge in span))
    return path, numbers.slice(inside.start, inside.stop - inside.start), inside


def _staying(allowed: pa.Table, known: Sequence[pa.Table], *, same_basis: bool) -> tuple[np.ndarray, np.ndarray]:
    """Who of the members is as the ledger has them, and which rows of the ledger are theirs.

    Whoever has several rows, or one that is unsure, is never as before.
    """
    ids = allowed.column("id").to_numpy()
    rows = sum(table.num_rows for table in known)
    if not rows or not same_basis or not len(ids):
        return np.zeros(len(ids), bool), np.zeros(rows, bool)
    numbers = pa.concat_tables(known)
    member = numbers.column("member").to_numpy()
    change = pc.fill_null(numbers.column("change_no"), NEVER).to_numpy()
    again = member[1:] == member[:-1]
    sure = numbers.column("state").to_numpy() != Held.UNSURE
    sure[1:] &= ~again
    sure[:-1] &= ~again
    place = np.minimum(np.searchsorted(member, ids), rows - 1)
    same = (member[place] == ids) & sure[place] & (change[place] == allowed.column("change_no").to_numpy())
    stays = np.zeros(rows, bool)
    stays[place[same]] = True
    return same, stays


def _rows(one: Numbers, mask: np.ndarray, shape: Shape) -> pa.Table | None:
    """The chosen rows of a file, whole, as text. A key that the version of ours that wrote it did not know is empty."""
    path, _, inside = one
    if not mask.any():
        return None
    schema = ledger_schema(shape)
    rows = read_rows(path, schema.names).slice(inside.start, inside.stop - inside.start)
    return texts(rows.filter(pa.array(mask))).cast(schema)


def _table(pieces: Sequence[pa.Table], shape: Shape) -> pa.Table:
    return pa.concat_tables(pieces) if pieces else ledger_schema(shape).empty_table()


def _without(members: pa.Table, staying: np.ndarray) -> pa.Table:
    return members.filter(pa.array(~staying)) if staying.any() else members


def _tally(table: pa.Table, column: str) -> dict[int, int]:
    return {row["values"]: row["counts"] for row in pc.value_counts(table.column(column)).to_pylist()}
