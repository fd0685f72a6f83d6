"""Who of a window has to be looked at: told by change numbers alone, which stand in the same order here and in the ledger.

That takes a tenth of what a join takes, and nobody who is as the ledger has them is touched by anything that follows.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from connectors.contract import Shape
from segsync.audience import packing
from segsync.audience.ledger import Held, ledger_schema
from segsync.audience.packing import read_rows
from segsync.audience.rolls import inside, picked

NUMBERS = ("member", "change_no", "state")
OF_THE_BOOKS = ("reason", "first_sent", "last_sent")
"""Columns of the ledger that nobody compares."""
WORTH_CUTTING = 1.5
"""Times as many rows as were wanted. What was gathered is nearly always a little more."""
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
    """Members who may be sent and have to be looked at, and the ledger's rows of them. `counts` tells the rest.

    `gone` has the ledger's rows of whoever may not be sent any more. Digests are as they lie in the ledger.
    """

    members: pa.Table
    base: pa.Table
    gone: pa.Table
    same_basis: bool
    counts: Counter[str] = field(default_factory=Counter)

    @property
    def rows(self) -> int:
        """How much there is to look at."""
        return int(self.members.num_rows + self.base.num_rows + self.gone.num_rows)


def together(found: Sequence[Differing]) -> Differing:
    """Several windows, one after the other, as one, without what was counted."""
    if not found:
        return Differing(_NOBODY, _NOBODY, _NOBODY, same_basis=True)
    base, gone = (packing.together([getattr(one, name) for one in found]) for name in ("base", "gone"))
    return Differing(pa.concat_tables([one.members for one in found]), base, gone, all(one.same_basis for one in found))


_NOBODY = pa.table({})


def pieces(found: Differing, span: tuple[int, int], rows: int) -> Iterator[tuple[Differing, tuple[int, int]]]:
    """What differs in a span, in pieces of about `rows` rows in key order, each with its own span."""
    count = -(-found.rows // rows)
    if found.rows < rows * WORTH_CUTTING or found.members.num_rows < count:
        yield found, span
        return
    ids = found.members.column("id").to_numpy()
    edges = [span[0], *(int(ids[len(ids) * number // count - 1]) for number in range(1, count)), span[1]]
    for part in pairwise(edges):
        members, base, gone = (
            inside(table, *part, key=key)
            for table, key in ((found.members, "id"), (found.base, "member"), (found.gone, "member"))
        )
        yield Differing(members, base, gone, found.same_basis), part


def differing(shape: Shape, window: Window) -> Differing:
    """What has to be looked at in a window."""
    counts = Counter[str](members=window.members.num_rows)
    counts.update({f"barred_{reason}": count for reason, count in _tally(window.members, "barred").items() if reason})
    allowed = window.members.filter(pc.equal(window.members.column("barred"), 0))
    known = [_numbers(path, window.span) for path in window.base]
    if window.touched is not None:
        told = window.touched.column("member").combine_chunks()
        chosen = [pc.is_in(numbers.column("member"), value_set=told).to_numpy() for _, numbers, _ in known]
        return Differing(allowed, *_split(known, chosen, allowed, shape), window.same_basis, counts)
    staying, stays = _staying(allowed, [numbers for _, numbers, _ in known], same_basis=window.same_basis)
    masks, start = [], 0
    for _, numbers, _ in known:
        masks.append(~stays[start : start + numbers.num_rows])
        states = _tally(picked(numbers, ~masks[-1]), "state")
        counts["unchanged"] += states.get(Held.HELD, 0) + states.get(Held.REFUSED, 0)
        counts["no_identifier"] += states.get(Held.SKIPPED, 0)
        start += numbers.num_rows
    base, gone = _split(known, masks, allowed, shape)
    return Differing(picked(allowed, ~staying), base, gone, window.same_basis, counts)


Numbers = tuple[Path, pa.Table, slice]
"""A file of the ledger, the numbers of its rows inside the window, and which rows these are."""


def _numbers(path: Path, span: tuple[int, int]) -> Numbers:
    numbers = read_rows(path, NUMBERS)
    member = numbers.column("member").to_numpy()
    place = slice(*(int(np.searchsorted(member, edge, side="right")) for edge in span))
    return path, numbers.slice(place.start, place.stop - place.start), place


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


def _split(
    known: Sequence[Numbers], masks: Sequence[np.ndarray], allowed: pa.Table, shape: Shape
) -> tuple[pa.Table, pa.Table]:
    """The chosen rows of files: those of members, and those of nobody who may be sent.

    A key that the version of ours that wrote them did not know is empty.
    """
    schema, ids = ledger_schema(shape), allowed.column("id").to_numpy()
    compared = [name for name in schema.names if name not in OF_THE_BOOKS]
    theirs, gone = [schema.empty_table().select(compared)], [schema.empty_table().select(compared)]
    for (path, _, place), mask in zip(known, masks, strict=True):
        if not mask.any():
            continue
        # a copy, even of all of them: the rest of the file is let go of
        rows = read_rows(path, compared).slice(place.start, place.stop - place.start).filter(pa.array(mask))
        there = np.isin(rows.column("member").to_numpy(), ids)
        theirs.append(picked(rows, there))
        gone.append(picked(rows, ~there))
    return packing.together(theirs), packing.together(gone)


def _tally(table: pa.Table, column: str) -> dict[int, int]:
    return {row["values"]: row["counts"] for row in pc.value_counts(table.column(column)).to_pylist()}
