"""Who of a window has to be looked at, told by numbers alone."""

from __future__ import annotations

import tempfile
from itertools import pairwise
from pathlib import Path

import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from connectors.contract import Kind
from connectors.meta.identifiers import CAPABILITIES
from segsync.audience.differing import Window, differing, pieces
from segsync.audience.files import Folder
from segsync.audience.ledger import Held, ledger_schema

SHAPE = CAPABILITIES.shapes[Kind.PEOPLE]
MEMBERS = st.integers(1, 9)
ROWS = st.lists(st.tuples(MEMBERS, st.integers(1, 2), st.sampled_from(Held)), max_size=12).map(sorted)
PEOPLE = st.dictionaries(MEMBERS, st.tuples(st.integers(1, 2), st.sampled_from([0, 1])))
SPANS = st.tuples(st.integers(0, 4), st.integers(5, 9))


def written(folder: Path, rows: list[tuple[int, int, Held]]) -> list[Path]:
    """The rows of a ledger in two files, so that somebody's may lie in both."""
    store = Folder(folder, "SY-1")
    named = [
        {"member": member, "version": f"{number:032x}", "change_no": change, "state": int(state), "reason": ""}
        for number, (member, change, state) in enumerate(rows)
    ]
    pieces = [piece for piece in (named[: len(named) // 2], named[len(named) // 2 :]) if piece]
    tables = [pa.Table.from_pylist(piece, schema=ledger_schema(SHAPE)) for piece in pieces]
    return [store.path(store.write("ledger", n, "run", table, group_rows=3)) for n, table in enumerate(tables)]


def members(people: dict[int, tuple[int, int]]) -> pa.Table:
    """Members as a source gives them: change number, and whether something stands against them."""
    ids = sorted(people)
    numbers = {"change_no": [people[i][0] for i in ids], "barred": [people[i][1] for i in ids]}
    return pa.table(
        {"id": pa.array(ids, pa.int64())} | {name: pa.array(told, pa.int64()) for name, told in numbers.items()}
    )


def told(rows: pa.Table) -> list[tuple[int, int, Held]]:
    """Rows of the ledger, as they are written above."""
    return [(row["member"], row["change_no"], Held(row["state"])) for row in rows.to_pylist()]


@given(ROWS, PEOPLE, SPANS)
def test_only_who_is_as_the_ledger_has_them_is_left_alone(rows, people, span):
    """One sure row with the number that the member has now: everybody else is looked at, with every row of theirs, and whoever is gone is told apart (B1)."""
    rows = list(dict.fromkeys(rows))
    people = {member: told for member, told in people.items() if span[0] < member <= span[1]}
    inside = [row for row in rows if span[0] < row[0] <= span[1]]
    of_each = {member: [row for row in inside if row[0] == member] for member in range(10)}
    same = {
        member
        for member, (change, barred) in people.items()
        if not barred and [row[1] for row in of_each[member]] == [change] and of_each[member][0][2] is not Held.UNSURE
    }
    with tempfile.TemporaryDirectory() as folder:
        window = Window(members(people), written(Path(folder), rows), span, same_basis=True)
        found = differing(SHAPE, window)
    assert set(found.members.column("id").to_pylist()) == {m for m, (_, barred) in people.items() if not barred} - same
    wanted = {member for member, (_, barred) in people.items() if not barred}
    assert told(found.base) == [row for row in inside if row[0] in wanted - same]
    assert told(found.gone) == [row for row in inside if row[0] not in wanted]
    skipped = sum(of_each[member][0][2] is Held.SKIPPED for member in same)
    assert (found.counts["unchanged"], found.counts["no_identifier"]) == (len(same) - skipped, skipped)
    assert (found.counts["members"], found.counts["barred_1"]) == (len(people), sum(b for _, b in people.values()))


@given(ROWS, PEOPLE)
def test_under_other_rules_everybody_is_looked_at(rows, people):
    """Versions made by other rules tell nothing (B16)."""
    with tempfile.TemporaryDirectory() as folder:
        found = differing(SHAPE, Window(members(people), written(Path(folder), rows), (0, 9), same_basis=False))
    assert found.members.num_rows == sum(not barred for _, barred in people.values())
    assert found.base.num_rows + found.gone.num_rows == len(rows)


@given(ROWS, PEOPLE, st.integers(1, 5))
def test_what_differs_is_looked_at_piece_by_piece(rows, people, most):
    """However many differ, only some are looked at at a time: each once, with every row of theirs (B1)."""
    with tempfile.TemporaryDirectory() as folder:
        found = differing(SHAPE, Window(members(people), written(Path(folder), rows), (-1, 9), same_basis=True))
        cut = list(pieces(found, (-1, 9), most))
    assert [span for _, span in cut] == list(pairwise([-1, *(span[1] for _, span in cut)]))
    for name in ("members", "base", "gone"):
        key = "id" if name == "members" else "member"
        assert [row for piece, _ in cut for row in getattr(piece, name).to_pylist()] == getattr(found, name).to_pylist()
        for piece, (low, high) in cut:
            assert all(low < row[key] <= high for row in getattr(piece, name).to_pylist())


def test_no_piece_is_much_larger_than_was_wanted(tmp_path):
    """What is compared at a time is bounded, also where everybody has changed (B1)."""
    rows = [(member, 1, Held.HELD) for member in range(1, 9)]
    people = dict.fromkeys(range(1, 9), (2, 0))
    found = differing(SHAPE, Window(members(people), written(tmp_path, rows), (-1, 9), same_basis=True))
    assert [piece.rows for piece, _ in pieces(found, (-1, 9), 4)] == [4, 4, 4, 4]
    assert [piece.rows for piece, _ in pieces(found, (-1, 9), 12)] == [16]
