"""Those who differ, compared with the ledger's rows of them: read a second time here, row by row."""

from __future__ import annotations

from collections import Counter, defaultdict

import pyarrow as pa
import pyarrow.compute as pc
import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.contract import Kind
from connectors.digests import texts
from segsync.audience.compare import compare
from segsync.audience.differing import Differing
from segsync.audience.identified import Method, identifying
from segsync.audience.ledger import Held, ledger_schema
from segsync.audience.packing import pack
from segsync.audience.workbench import workbench
from tests.fakes import FakeChannel

METHOD = Method(FakeChannel(), Kind.PEOPLE, "basis", "secret")
EMAILS = (None, "ada@example.org", "grace@example.org")
"""What is known of somebody; nothing can be sent of the first."""

TOLD = ("new", "after", "removals", "note", "skip", "drop")

MEMBERS = st.integers(1, 6)
EMAIL = st.sampled_from(EMAILS)
PEOPLE = st.dictionaries(MEMBERS, st.tuples(EMAIL, st.integers(1, 2)))
ROWS = st.lists(st.tuples(MEMBERS, EMAIL, st.sampled_from([None, 1, 2]), st.sampled_from(Held)), max_size=12)
"""Rows of a ledger, in which somebody may stand several times, and the same way too: member, address, change number, state."""


@pytest.fixture(scope="module")
def identify(tmp_path_factory):
    with workbench(tmp_path_factory.mktemp("spill")) as bench, identifying(bench, METHOD) as opened:
        yield opened


def fields(people: dict[int, tuple[str | None, int]]) -> pa.Table:
    """Members with all that a channel asks for, in key order."""
    ids = sorted(people)
    nothing = {name: pa.nulls(len(ids), pa.string()) for name in METHOD.shape.fields}
    told = {
        "id": pa.array(ids, pa.int64()),
        "change_no": pa.array([people[member][1] for member in ids], pa.int64()),
        "email": pa.array([people[member][0] for member in ids], pa.string()),
    }
    return pa.table(nothing | told)


@pytest.fixture(scope="module")
def made(identify):
    """What a channel is sent of somebody with each of the addresses."""
    rows = texts(identify.rows(fields({place: (email, 0) for place, email in enumerate(EMAILS)}))).to_pylist()
    return dict(zip(EMAILS, rows, strict=True))


def differing(made, people, rows, *, packed: bool, same_basis: bool, apart: bool) -> Differing:
    """Members and the ledger's rows of them, digests as bytes or as text, in chunks as they come of several windows."""
    table = pa.Table.from_pylist(
        [
            {**made[email], "member": member, "change_no": number, "state": int(state)}
            for member, email, number, state in sorted(rows, key=lambda row: row[0])
        ],
        schema=ledger_schema(METHOD.shape),
    )
    table = pack(table) if packed else table
    known = [member in people or not apart for member in table.column("member").to_pylist()]
    theirs = pa.array(known, pa.bool_())
    members = fields(people).select(["id", "change_no"])
    members = pa.concat_tables([members.slice(0, 2), members.slice(2)])
    return Differing(members, table.filter(theirs), table.filter(pc.invert(theirs)), same_basis=same_basis)


def what_is(somebody, theirs, *, there: bool, same_basis: bool) -> tuple[str, set[str | None]]:
    """What is to be done about somebody, and which of their rows stay. `there` is False for who left between the two reads."""
    email, number = somebody
    sure = [(known, of_then) for known, of_then, state in theirs if state is not Held.UNSURE]
    as_they_were = {known for known, of_then in sure if same_basis and of_then == number}
    if as_they_were:
        return "nothing", as_they_were
    if not there:
        return "leaves", set()
    if any(known == email for known, _ in sure):
        return "note", {email}
    held = any(state in (Held.HELD, Held.UNSURE) for _, _, state in theirs)
    return "skip" if email is None else "after" if held else "new", set()


def read_again(people, rows, lost, *, same_basis: bool) -> dict[str, list]:
    """The same, worked out for one member after the other."""
    told = defaultdict(list)
    for member in sorted({*people, *(row[0] for row in rows)}):
        theirs = [row[1:] for row in rows if row[0] == member]
        somebody = people.get(member, (None, 0))
        there = member in people and member not in lost
        what, staying = what_is(somebody, theirs, there=there, same_basis=same_basis)
        told[what].append((member, *somebody))
        spared = staying | ({somebody[0]} if what in ("new", "after", "skip") else set())
        told["stays"] += [state for known, _, state in theirs if known in staying]
        for known, number, state in theirs:
            if state in (Held.HELD, Held.UNSURE) and known not in spared:
                told["removals"].append((member, known))
            elif state in (Held.REFUSED, Held.SKIPPED) and known not in staying:
                told["drop"].append((member, known, number))
    return told


def said(made, compared) -> dict[str, list]:
    """What was compared, with addresses in place of digests."""
    address = {row["version"]: email for email, row in made.items()}
    key = {row["EMAIL"]: email for email, row in made.items()}

    def rows(table, *more):
        listed = [
            (row["member"], address[row["version"]], *(row[name] for name in more)) for row in texts(table).to_pylist()
        ]
        assert [row[0] for row in listed] == sorted(row[0] for row in listed)
        assert all(key[row["EMAIL"]] == address[row["version"]] for row in texts(table).to_pylist() if "EMAIL" in row)
        return sorted(listed, key=repr)

    notes = compared.notes
    noted = {
        op: rows(notes.filter(pc.equal(notes.column("op"), op)), "change_no") if notes.num_rows else []
        for op in ("note", "skip", "drop")
    }
    return {
        "new": rows(compared.new, "change_no"),
        "after": rows(compared.after, "change_no"),
        "removals": rows(compared.removals),
        **noted,
    }


@given(PEOPLE, ROWS, st.sets(MEMBERS), st.tuples(*[st.booleans()] * 4))
def test_each_member_is_sent_what_differs_and_nothing_else(identify, made, people, rows, lost, ways):
    """Who is new, who changed, what has to go and what the books learn: the same as one member after the other gives it, whether digests lie as bytes or as text, and whether members were worked out here or in a warehouse (B1, B6, B16)."""
    packed, same_basis, in_warehouse, apart = ways
    asked = []

    def fetch(ids):
        asked.extend(ids.to_pylist())
        came = fields({member: told for member, told in people.items() if member not in lost})  # others may come too
        return texts(identify.rows(came)).rename_columns({"member": "id"}) if in_warehouse else came

    found = differing(made, people, rows, packed=packed, same_basis=same_basis, apart=apart or not people)
    compared = compare(identify, found, fetch)
    expected = read_again(people, rows, lost, same_basis=same_basis)
    assert said(made, compared) == {name: sorted(expected[name], key=repr) for name in TOLD}
    empty = expected["stays"].count(Held.SKIPPED)
    assert +compared.counts == +Counter(
        new=len(expected["new"]),
        changed=len(expected["after"]),
        unchanged=len(expected["stays"]) - empty,
        no_identifier=empty + len(expected["skip"]),
    )
    if people:
        assert set(asked) == set(people) - {member for member, *_ in expected["nothing"]}
