"""The check that nothing is taken from somebody who stays: over all windows, before the plan is recorded.

A removal carries only keys that no wanted row has. Everybody who stays and shares a key with a row touched by a removal is
added again, whole, after it.

Some removals at a time are held in memory and everybody else passes by them in windows: ten million take no more than one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Generic, TypeVar

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from connectors.contract import Shape
from connectors.digests import texts
from segsync.audience.keysets import KeySet, Names, keys_of, nobody_by, share_one, versions_of
from segsync.audience.ledger import Held, in_state, some_of
from segsync.audience.packing import together
from segsync.audience.plan import DROP
from segsync.audience.rolls import Roll, Sheet, distinct, in_key_order, picked, windows_of
from segsync.rules.removals import Removals

T = TypeVar("T")
EXAMPLES = 10
_NOBODY = np.zeros(0, np.int64)


@dataclass(frozen=True)
class Room:
    """How many rows are held in memory at a time, some hundred bytes each, and as much again while they are looked at."""

    removals: int
    wanted: int
    """Of whoever is wanted, kept after they were read: where nearly everybody leaves, they are not read again for each of many pieces."""


ROOM = Room(removals=200_000, wanted=200_000)


@dataclass(frozen=True)
class Draft:
    """What the windows came to, before the check: files of the ledger, of removals, and of additions."""

    base: Sequence[Path]
    removals: Sequence[Path]
    additions: Sequence[Path]
    unordered: Sequence[Path] = ()
    """More additions, which the channel may apply before the removals, in an order of its own. They are repeated too."""


@dataclass(frozen=True)
class Cut:
    """Removals with the keys that they may carry, and notes for those of which no key is left: they need not be sent."""

    removals: pa.Table
    forgotten: pa.Table


class Check:
    """Of a draft: first all of `cuts` is gone through, then `sharing`. `found` and `leaving` are known after the cuts."""

    def __init__(self, shape: Shape, draft: Draft, *, window: int, keep: Callable[[], None], room: Room = ROOM) -> None:
        """About `window` rows pass by at a time, and `keep` is called again and again meanwhile."""
        self.shape, self.draft = shape, draft
        self.found = Removals(0, 0, 0)
        """What the plan does to the audience, counted in members: a changed one is taken out and put in again, and does not leave."""
        self.leaving: list[int] = []
        """A few of those who leave."""
        self._window, self._keep, self._room = window, keep, room
        self._shared: list[list[Names]] = []
        self._marks: dict[int, np.ndarray] = {}
        self._kept: list[_Passing] | None = None
        self._staying: list[pa.Table] | None = None

    def cuts(self) -> Iterator[Cut]:
        """Every removal, in key order: files of a draft never overlap."""
        removals = Roll(_sheets(self.draft.removals), some_of(self.shape, "member", "version"))
        before = after = leaving = 0
        for place, edges in enumerate(windows_of((removals,), self._room.removals)):
            self._keep()
            piece = _Piece(self.shape, removals.between(*edges))
            for passing in self._meeting(place):
                piece.meet(passing)
                if not place:
                    before, after = before + passing.before, after + passing.after
            cut, members = piece.cut()
            leaving += len(members)
            self.leaving += members[: EXAMPLES - len(self.leaving)].tolist()
            shared = piece.shared()
            del piece  # two of them are never held at once
            self._note(shared)
            yield cut
            del cut, shared
        if leaving:
            self.found = Removals(leaving, before, after)

    def sharing(self) -> Iterator[pa.Table]:
        """Member, version and keys of everybody who stays and shares a key with a removal that is sent, in key order.

        A number that everybody of a company shares makes this as large as the segment.
        """
        shared = self._sets()
        if not self._marks and not any(len(keys) for keys in shared):
            return
        for place, passing in enumerate(self._passing()):
            rows = passing.repeatable
            marks = share_one(rows, self.shape, shared)
            found = rows.filter(pa.array(marks | self._marks.get(place, marks)))
            if found.num_rows:
                yield texts(in_key_order(found.select(["member", "version", *self.shape.key_columns])))

    def _note(self, shared: list[Names]) -> None:
        """Keys whose other owners are added again: when they are many, these are marked, and the keys are let go of."""
        self._shared.append(shared)
        if sum(len(names.filled) for each in self._shared for names in each) > self._room.removals:
            sets = self._sets()
            for place, passing in enumerate(self._passing()):
                marks = share_one(passing.repeatable, self.shape, sets)
                self._marks[place] = marks | self._marks.get(place, marks)
            self._shared.clear()

    def _sets(self) -> list[KeySet]:
        nothing = [KeySet(nobody_by(key)) for key in self.shape.keys]
        return [KeySet(_all(names)) for names in zip(*self._shared, strict=True)] or nothing

    def _meeting(self, place: int) -> Iterator[_Passing]:
        """Whom a piece of the removals has to meet. Where few stay of those who were in it, only those who come are read for each of many."""
        if not place or self._kept is not None or self._staying is None:
            yield from self._passing()
            return
        nobody = some_of(self.shape, "member", "version").empty_table()
        for staying in self._staying:
            yield _Passing(_NOBODY, staying, nobody, nobody)
        unordered, additions = self._coming()
        for edges in windows_of((unordered, additions), self._window):
            self._keep()
            yield _Passing(_NOBODY, nobody, unordered.between(*edges), additions.between(*edges))

    def _passing(self) -> Iterator[_Passing]:
        """Everybody who is wanted, window by window; the first time with whoever was in the audience."""
        if self._kept is not None:
            yield from self._kept
            return
        staying, coming = _Few[pa.Table](self._room.wanted), _Few[_Passing](self._room.wanted)
        for passing in self._read():
            yield passing
            staying.add(passing.staying, passing.staying.num_rows)
            coming.add(replace(passing, members=_NOBODY), passing.rows)
        self._staying, self._kept = staying.found, coming.found

    def _read(self) -> Iterator[_Passing]:
        named = some_of(self.shape, "member", "version")
        base = Roll(_sheets(self.draft.base), some_of(self.shape, "member", "version", "state"))
        gone = Roll(_sheets(self.draft.removals), pa.schema([named.field("member"), named.field("version")]))
        unordered, additions = self._coming()
        for edges in windows_of((base, gone, unordered, additions), self._window):
            self._keep()
            rows = base.between(*edges)
            staying = _without(picked(rows, in_state(rows, Held.HELD)), gone.between(*edges))
            yield _Passing(
                _members(picked(rows, in_state(rows, Held.HELD, Held.UNSURE))),
                staying.drop_columns(["state"]),
                unordered.between(*edges),
                additions.between(*edges),
            )

    def _coming(self) -> tuple[Roll, Roll]:
        named = some_of(self.shape, "member", "version")
        return Roll(_sheets(self.draft.unordered), named), Roll(_sheets(self.draft.additions), named)


@dataclass
class _Few(Generic[T]):
    """What was read, kept as long as it is few rows; else nothing."""

    most: int
    found: list[T] | None = field(default_factory=list)
    rows: int = 0

    def add(self, one: T, rows: int) -> None:
        """Takes one more."""
        self.rows += rows
        if self.found is not None and self.rows <= self.most:
            self.found.append(one)
        else:
            self.found = None


@dataclass(frozen=True)
class _Passing:
    """A window of the others: members who may have been in it, rows that stay as they are, and rows that are added."""

    members: np.ndarray
    staying: pa.Table
    unordered: pa.Table
    additions: pa.Table

    @property
    def wanted(self) -> tuple[pa.Table, pa.Table, pa.Table]:
        """Rows of members who are in the audience afterwards."""
        return self.staying, self.unordered, self.additions

    @property
    def repeatable(self) -> pa.Table:
        """Rows that are added again where they share a key with a removal."""
        return together([self.staying, self.unordered])

    @property
    def rows(self) -> int:
        """How many they have."""
        return sum(rows.num_rows for rows in self.wanted)

    @property
    def before(self) -> int:
        """How many were in it."""
        return len(distinct(self.members))

    @property
    def after(self) -> int:
        """How many are in it afterwards."""
        return len(distinct(np.concatenate([_members(rows) for rows in self.wanted])))


class _Piece:
    """Some removals, and what is found out about them while the others pass by."""

    def __init__(self, shape: Shape, rows: pa.Table) -> None:
        self.shape, self.rows = shape, rows
        self.keys = [KeySet(keys_of(rows, key)) for key in shape.keys]
        # for each of the keys; the last one is for rows without any
        self.wanted = [np.zeros(len(keys) + 1, np.bool_) for keys in self.keys]
        self.repeated = [np.zeros(len(keys) + 1, np.bool_) for keys in self.keys]
        self.members = distinct(_members(rows))
        self.stays = np.zeros(len(self.members), np.bool_)
        self.sent = np.zeros(0, np.bool_)

    def meet(self, passing: _Passing) -> None:
        """Which of the keys, and of the members, are wanted."""
        for rows in passing.wanted:
            if not rows.num_rows:
                continue
            self._meet_members(_members(rows))
            for number, (keys, key) in enumerate(zip(self.keys, self.shape.keys, strict=True)):
                found = keys.find(keys_of(rows, key))
                self.wanted[number][found] = True
                if rows is not passing.additions:
                    self.repeated[number][found] = True
        for marks in (*self.wanted, *self.repeated):
            marks[-1] = False

    def _meet_members(self, members: np.ndarray) -> None:
        low, high = np.searchsorted(self.members, [members.min(), members.max() + 1])
        self.stays[low:high] |= np.isin(self.members[low:high], members)

    def cut(self) -> tuple[Cut, np.ndarray]:
        """The removals without the keys that somebody wanted has, and the members who leave."""
        rows = self.rows
        self.sent = np.zeros(rows.num_rows, np.bool_)
        for keys, key, wanted in zip(self.keys, self.shape.keys, self.wanted, strict=True):
            spared = wanted[keys.of]
            for name in key.columns:
                left = rows.column(name)
                if spared.any():
                    left = pc.if_else(pa.array(spared), pa.scalar(None, left.type), left)
                    rows = rows.set_column(rows.column_names.index(name), name, left)
                self.sent |= left.is_valid().to_numpy()
        members = distinct(_members(rows)[self.sent])
        leaving = np.setdiff1d(members, self.members[self.stays], assume_unique=True)
        return Cut(picked(rows, self.sent), _notes(picked(rows, ~self.sent))), leaving

    def shared(self) -> list[Names]:
        """Keys of removals that are sent, whole, which somebody has who is in the audience and may be added again."""
        found = []
        for keys, repeated in zip(self.keys, self.repeated, strict=True):
            places = np.unique(keys.of[self.sent & repeated[keys.of]])
            found.append(Names(keys.words[places], np.ones(len(places), np.bool_)))
        return found


def _members(rows: pa.Table) -> np.ndarray:
    members: np.ndarray = rows.column("member").to_numpy()
    return members


def _notes(rows: pa.Table) -> pa.Table:
    op, number = pa.repeat(DROP, rows.num_rows), pa.repeat(pa.scalar(0, pa.int64()), rows.num_rows)
    return pa.table({"op": op, "member": rows["member"], "version": rows["version"], "change_no": number})


def _without(rows: pa.Table, gone: pa.Table) -> pa.Table:
    """The rows that are not taken out; others of the same members stay."""
    if not gone.num_rows:
        return rows
    return picked(rows, ~KeySet(versions_of(gone)).has(versions_of(rows)))


def _all(names: Sequence[Names]) -> Names:
    return Names(np.concatenate([each.words for each in names]), np.concatenate([each.filled for each in names]))


def _sheets(files: Sequence[Path]) -> list[Sheet]:
    return [Sheet(path) for path in files]
