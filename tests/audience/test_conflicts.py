"""The check of a draft, against the rules said once more with sets."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st

from connectors.contract import Kind
from connectors.digests import texts
from connectors.google.identifiers import CAPABILITIES as GOOGLE
from connectors.meta.identifiers import CAPABILITIES as META
from segsync.audience.conflicts import Check, Draft, Room
from segsync.audience.ledger import Held, ledger_schema, some_of
from segsync.rules.removals import Removals
from tests.audience.test_fold import Shelf, digest

KEYS = ("first", "second")
SHAPES = {"meta": (META.shapes[Kind.PEOPLE], 1), "google": (GOOGLE.shapes[Kind.PEOPLE], 2)}
"""Of a channel, and the place of the key that is the second one here: at Google an address, of four columns."""
ROWS = st.lists(
    st.tuples(
        st.tuples(st.integers(1, 8), st.integers(1, 2)),
        st.sampled_from([None, *(f"{n:064x}" for n in range(4))]),
        st.sampled_from([None, "of all", *(f"{n:064x}" for n in range(4))]),
    ),
    unique_by=lambda row: row[0],
    max_size=8,
).map(lambda rows: sorted(rows, key=lambda row: row[0]))
STATES = st.lists(st.sampled_from(Held), min_size=16, max_size=16)


def names_of(row) -> set[tuple[str, str]]:
    return {(name, value) for name, value in zip(KEYS, row[1:], strict=True) if value}


def held_in(rows) -> set[tuple[str, str]]:
    return {name for row in rows for name in names_of(row)}


class Case:
    """A draft on the disk, each kind of rows in two files, and what has to come of it."""

    def __init__(self, folder: str, channel: str, base, states, gone, additions, unordered) -> None:
        self.shape, second = SHAPES[channel]
        self.columns = dict(zip(KEYS, (self.shape.keys[0].columns, self.shape.keys[second].columns), strict=True))
        self.shelf = Shelf(folder)
        self.base = [(row, state) for row, state in zip(base, states, strict=False) if names_of(row)]
        self.removals = [row for place, (row, _) in enumerate(self.base) if place in gone]
        self.staying = [row for row, state in self.base if state is Held.HELD and row not in self.removals]
        # whoever is added has no row of that version that stays
        kept = {row[0] for row, _ in self.base}
        self.additions = [row for row in additions if names_of(row) and row[0] not in kept]
        kept |= {row[0] for row in self.additions}
        self.unordered = [row for row in unordered if names_of(row) and row[0] not in kept]

    def draft(self) -> Draft:
        states = {row[0]: int(state) for row, state in self.base}
        schema = some_of(self.shape, "member", "version")
        return Draft(
            self._files([row for row, _ in self.base], ledger_schema(self.shape), states),
            *(self._files(rows, schema, {}) for rows in (self.removals, self.additions, self.unordered)),
        )

    def _files(self, rows, schema: pa.Schema, states) -> list[Path]:
        told = [
            {"member": row[0][0], "version": digest(row[0][1]), "state": states.get(row[0])}
            | {column: value for name, value in zip(KEYS, row[1:], strict=True) for column in self.columns[name]}
            for row in rows
        ]
        cut = len(told) // 2
        return [self.shelf.put(part, schema) for part in (told[:cut], told[cut:]) if part]

    @property
    def after(self) -> list:
        return [*self.staying, *self.additions, *self.unordered]

    @property
    def sent(self) -> dict[tuple[int, int], set[tuple[str, str]]]:
        """Removals, each with the keys that nobody wanted has."""
        cut = {row[0]: names_of(row) - held_in(self.after) for row in self.removals}
        return {known: names for known, names in cut.items() if names}

    @property
    def repeated(self) -> dict[tuple[int, int], set[tuple[str, str]]]:
        """Those who are in it, or perhaps come in before the removals, and share a key with one that is sent."""
        shared = held_in([row for row in self.removals if row[0] in self.sent])
        return {row[0]: names_of(row) for row in [*self.staying, *self.unordered] if names_of(row) & shared}

    @property
    def found(self) -> Removals:
        before = {known[0] for (known, *_), state in self.base if state in {Held.HELD, Held.UNSURE}}
        after = {row[0][0] for row in self.after}
        leaving = {member for member, _ in self.sent} - after
        return Removals(len(leaving), len(before), len(after)) if leaving else Removals(0, 0, 0)


def told(case: Case, tables) -> dict[tuple[int, int], set[tuple[str, str]]]:
    """Rows of tables, by member and version, with their keys."""
    rows = [
        ((row["member"], int(row["version"], 16)), *(row.get(case.columns[name][-1]) for name in KEYS))
        for row in in_text(tables)
    ]
    assert rows == sorted(rows, key=lambda row: row[0])
    return {row[0]: names_of(row) for row in rows}


def in_text(tables) -> list[dict]:
    return [row for table in tables for row in texts(table).to_pylist()]


@settings(deadline=None)
@given(
    st.sampled_from(list(SHAPES)),
    ROWS,
    STATES,
    st.sets(st.integers(0, 7)),
    ROWS,
    ROWS,
    st.integers(1, 4),
    st.sampled_from([1, 3, 100]),
    st.sampled_from([2, 100]),
)
def test_nothing_is_taken_from_somebody_who_stays(
    channel, base, states, gone, additions, unordered, window, at_once, kept
):
    """Removals carry only keys that no wanted row has, and whoever shares one of theirs is added again, whole (promise 2, B2)."""
    with tempfile.TemporaryDirectory() as folder:
        case = Case(folder, channel, base, states, gone, additions, unordered)
        check = Check(case.shape, case.draft(), window=window, keep=lambda: None, room=Room(at_once, kept))
        cuts = list(check.cuts())
        assert told(case, [cut.removals for cut in cuts]) == case.sent
        assert set(told(case, [cut.forgotten for cut in cuts])) == {row[0] for row in case.removals} - set(case.sent)
        assert told(case, check.sharing()) == case.repeated
        assert check.found == case.found
        assert len(check.leaving) == check.found.leaving


def test_a_few_of_those_who_leave_are_told(tmp_path):
    """Some examples are enough to see what a run would do, however many leave (B3)."""
    rows = [((member, 1), f"{member:064x}", None) for member in range(1, 31)]
    case = Case(str(tmp_path), "meta", rows, [Held.HELD] * 30, set(range(25)), [], [])
    check = Check(case.shape, case.draft(), window=7, keep=lambda: None, room=Room(9, 9))
    for _ in check.cuts():
        pass
    assert check.found == Removals(25, 30, 5)
    assert check.leaving == list(range(1, 11))
