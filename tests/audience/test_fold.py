"""The fold against the table of the document, said once more in plain Python."""

from __future__ import annotations

import tempfile
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
from hypothesis import given, settings
from hypothesis import strategies as st

from connectors.contract import Kind
from connectors.digests import texts
from connectors.meta.identifiers import CAPABILITIES
from segsync.audience.files import Folder
from segsync.audience.ledger import Books, Held, Sums, _cut, fold, ledger_schema
from segsync.audience.plan import (
    ADDITIONS,
    AFTER,
    AGAIN,
    DROP,
    NEW,
    NOTE,
    REMOVALS,
    RENEWED,
    SECTIONS,
    SKIP,
    Acknowledgements,
    Plan,
    PlanFile,
)

SHAPE = CAPABILITIES.shapes[Kind.PEOPLE]
SCHEMA = ledger_schema(SHAPE)
NOW, BATCH_ROWS, WINDOW = 1_700_000_000, 2, 3
REFUSED, WAITS = "row.refused", "wait.small"
MEMBERS = range(1, 9)
ROWS = st.lists(st.tuples(st.sampled_from(MEMBERS), st.integers(1, 2)), unique=True, max_size=6).map(sorted)
BASE = st.dictionaries(st.tuples(st.sampled_from(MEMBERS), st.integers(1, 2)), st.sampled_from(Held), max_size=9)
PLAN = st.fixed_dictionaries(dict.fromkeys(SECTIONS, ROWS))
NOTES = st.dictionaries(st.sampled_from(MEMBERS), st.sampled_from([NOTE, SKIP, DROP]), max_size=2)
ANSWERS = st.dictionaries(st.integers(1, 15), st.dictionaries(st.integers(0, 1), st.sampled_from([REFUSED, WAITS])))


def digest(version: int) -> str:
    return f"{version:032x}"


def key(member: int, version: int) -> str:
    return f"{member:032x}{version:032x}"


def row(member: int, version: int, **more) -> dict:
    return {"member": member, "version": digest(version), "change_no": 7, "EMAIL": key(member, version), **more}


class Shelf:
    """Files of a case: every other one as a release from before wrote it, with digests as text."""

    def __init__(self, folder: str) -> None:
        self.folder, self.written = Folder(Path(folder), "SY-1"), 0

    def put(self, rows: list[dict], schema: pa.Schema) -> Path:
        self.written += 1
        table = pa.Table.from_pylist(rows, schema=schema)
        path = self.folder.path(self.folder.write("any", self.written, "run", table, group_rows=BATCH_ROWS))
        if self.written % 2:
            pq.write_table(table, path, row_group_size=BATCH_ROWS)
        return path


def books(shelf: Shelf, base, plan, notes, answers) -> Books:
    """What the fold reads, on the disk; the ledger in two files."""
    told = [
        row(*known, state=int(state), reason="", first_sent=5, last_sent=6) for known, state in sorted(base.items())
    ]
    halves = [half for half in (told[: len(told) // 2], told[len(told) // 2 :]) if half]
    sent = pa.schema([SCHEMA.field(name) for name in ("member", "version", "change_no", *SHAPE.key_columns)])
    files = [
        PlanFile(section, shelf.put([row(*each) for each in rows], sent), len(rows))
        for section, rows in plan.items()
        if rows
    ]
    named = [{"op": op, "member": member, "version": digest(1), "change_no": 9} for member, op in sorted(notes.items())]
    schema = pa.schema([("op", pa.string()), *(SCHEMA.field(name) for name in ("member", "version", "change_no"))])
    return Books(
        [shelf.put(half, SCHEMA) for half in halves],
        Plan(tuple(files), BATCH_ROWS, 1, (shelf.put(named, schema),) if named else ()),
        Acknowledgements(
            frozenset(answers),
            tuple((number, place, code) for number, codes in answers.items() for place, code in codes.items()),
        ),
    )


def sent_as(plan, answers) -> dict[str, dict[tuple[int, int], list[tuple[bool, str | None]]]]:
    """By what a section does: of each row, every time that it is sent, whether that was answered, and how."""
    number, found = 1, {"remove": {}, "add": {}}
    for section in SECTIONS:
        rows = plan[section]
        for place, each in enumerate(rows):
            batch = number + place // BATCH_ROWS
            told = batch in answers, answers.get(batch, {}).get(place % BATCH_ROWS)
            found["add" if section in ADDITIONS else "remove"].setdefault(each, []).append(told)
        number += -(-len(rows) // BATCH_ROWS)
    return found


def added(before: Held | None, times: list[tuple[bool, str | None]]) -> Held:
    """What is known of a row that was added."""
    codes = [code for _, code in times]
    if not all(answered for answered, _ in times):
        return Held.UNSURE
    if not any(codes):
        return Held.HELD
    for_good = all(codes) and WAITS not in codes
    return Held.REFUSED if for_good and before in {None, Held.REFUSED, Held.SKIPPED} else Held.UNSURE


def expected(base, plan, notes, answers) -> dict[tuple[int, int], Held]:
    """The document's table."""
    sent = sent_as(plan, answers)
    after = {}
    for known, state in base.items():
        times = sent["remove"].get(known)
        op = notes.get(known[0]) if known[1] == 1 else None
        if op not in {DROP, SKIP} and not (times and all(answered and not code for answered, code in times)):
            after[known] = Held.UNSURE if times else state
    after |= {(member, 1): Held.SKIPPED for member, op in notes.items() if op == SKIP}
    return after | {each: added(base.get(each), times) for each, times in sent["add"].items()}


@settings(max_examples=60, deadline=None)
@given(BASE, PLAN, NOTES, ANSWERS)
def test_the_fold_is_what_the_document_says(base, plan, notes, answers):
    """Removed, added, refused, unsure, in doubt: whatever was sent and answered, the ledger is right, in order, with whole keys (B1)."""
    touched = {member for section in ADDITIONS for member, _ in plan[section]}
    notes = {member: op for member, op in notes.items() if member not in touched or op == DROP}
    with tempfile.TemporaryDirectory() as folder, duckdb.connect() as bench:
        files = books(Shelf(folder), base, plan, notes, answers)
        tables = [texts(table) for table in fold(bench, SHAPE, files, now=NOW, window=WINDOW)]
    rows = [each for table in tables for each in table.to_pylist()]
    told = {(each["member"], int(each["version"], 16)): Held(each["state"]) for each in rows}
    assert len(told) == len(rows)
    assert told == expected(base, plan, notes, answers)
    assert [each["member"] for each in rows] == sorted(each["member"] for each in rows)
    kept = [each for each in rows if each["state"] != Held.SKIPPED]
    assert all(each["EMAIL"] in {key(each["member"], int(each["version"], 16)), None} for each in kept)
    sums = Sums()
    for table in tables:
        sums = sums.plus(table)
    assert sums.held == len({each["member"] for each in rows if each["state"] == Held.HELD})
    assert sums.refused == sum(each["state"] == Held.REFUSED for each in rows)


def test_who_is_new_is_held_since_now(tmp_path):
    """Two people are new, one of them was refused before: both are there since the channel answered (B1)."""
    plan = {section: [] for section in SECTIONS} | {NEW: [(1, 1), (2, 1)]}
    with duckdb.connect() as bench:
        files = books(Shelf(str(tmp_path)), {(2, 1): Held.REFUSED}, plan, {}, {1: {}})
        rows = pa.concat_tables([texts(one) for one in fold(bench, SHAPE, files, now=NOW, window=WINDOW)]).to_pylist()
    assert [(each["state"], each["first_sent"], each["last_sent"]) for each in rows] == [(0, NOW, NOW), (0, 5, NOW)]


def test_every_section_is_folded():
    """None is forgotten here (B1)."""
    assert {REMOVALS, NEW, AFTER, AGAIN, RENEWED} == set(SECTIONS)


@given(ROWS, ROWS, st.integers(1, 4))
def test_whom_a_plan_touches_is_worked_out_in_pieces(base, added, most):
    """However many a plan touches, some are looked at at a time, each with all rows of theirs (B1)."""
    kinds = {
        name: pa.table({"member": pa.array([m for m, _ in rows], pa.int64())})
        for name, rows in (("b", base), ("a", added))
    }
    cut = list(_cut(kinds, most)) if base or added else []
    for name, rows in kinds.items():
        assert [m for piece in cut for m in piece[name]["member"].to_pylist()] == rows["member"].to_pylist()
    seen = [{m for rows in piece.values() for m in rows["member"].to_pylist()} for piece in cut]
    assert sum(len(members) for members in seen) == len(set().union(*seen))
    # of each member at most two rows of a kind
    assert all(sum(rows.num_rows for rows in piece.values()) <= most + 4 for piece in cut)
