"""Those who differ, compared with the ledger's rows of them: read a second time here, row by row."""

from __future__ import annotations

from collections import Counter

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

MEMBERS = st.integers(1, 6)
EMAIL = st.sampled_from(EMAILS)
PEOPLE = st.dictionaries(MEMBERS, st.tuples(EMAIL, st.integers(1, 2)))
ROWS = st.dictionaries(st.tuples(MEMBERS, EMAIL), st.tuples(st.integers(1, 2), st.sampled_from(Held)), max_size=12)


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


def differing(made, people, rows, *, packed: bool, same_basis: bool = True) -> Differing:
    """Members and the ledger's rows of them, digests as bytes or as text."""
    table = pa.Table.from_pylist(
        [
            {**made[email], "member": member, "change_no": number, "state": int(state)}
            for (member, email), (number, state) in sorted(rows.items(), key=lambda row: row[0][0])
        ],
        schema=ledger_schema(METHOD.shape),
    )
    table = pack(table) if packed else table
    theirs = pa.array([member in people for member in table.column("member").to_pylist()], pa.bool_())
    members = fields(people).select(["id", "change_no"])
    return Differing(members, table.filter(theirs), table.filter(pc.invert(theirs)), same_basis=same_basis)


def stays(member, theirs, *, same_basis: bool) -> set[str | None]:
    """Which of their rows are as the member is now: by the change number, or else by what is in it."""
    email, number = member
    sure = {known: of_then for known, (of_then, state) in theirs.items() if state is not Held.UNSURE}
    return {known for known, of_then in sure.items() if same_basis and of_then == number} or {email} & set(sure)


def read_again(people, rows, *, same_basis: bool) -> dict[str, list]:
    """The same, worked out for one member after the other."""
    told: dict[str, list] = {name: [] for name in ("new", "after", "removals", "note", "skip", "drop", "stays")}
    for member in sorted({*people, *(member for member, _ in rows)}):
        theirs = {email: told for (of, email), told in rows.items() if of == member}
        email, number = people.get(member, (None, None))
        staying = stays((email, number), theirs, same_basis=same_basis) if member in people else set()
        told["stays"] += [theirs[known][1] for known in staying]
        sent = member in people and not staying
        there = any(state in (Held.HELD, Held.UNSURE) for _, state in theirs.values())
        if sent:
            told["skip" if email is None else "after" if there else "new"].append((member, email, number))
        elif staying and not (same_basis and any(theirs[known][0] == number for known in staying)):
            told["note"].append((member, email, number))
        for known, (of_then, state) in theirs.items():
            if state in (Held.REFUSED, Held.SKIPPED) and known not in staying:
                told["drop"].append((member, known, of_then))
            elif known not in staying and not (sent and known == email):
                told["removals"].append((member, known))
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


@given(PEOPLE, ROWS, st.booleans(), st.booleans())
def test_each_member_is_sent_what_differs_and_nothing_else(identify, made, people, rows, packed, same_basis):
    """Who is new, who changed, what has to go and what the books learn: the same as one member after the other gives it, whether digests lie as bytes or as text (B1, B16)."""
    found = differing(made, people, rows, packed=packed, same_basis=same_basis)
    asked = []

    def fetch(ids):
        asked.extend(ids.to_pylist())
        return fields(people)  # others may come too

    compared = compare(identify, found, fetch)
    expected = read_again(people, rows, same_basis=same_basis)
    stay = expected.pop("stays")
    assert said(made, compared) == {name: sorted(listed, key=repr) for name, listed in expected.items()}
    empty = stay.count(Held.SKIPPED)
    assert +compared.counts == +Counter(
        new=len(expected["new"]),
        changed=len(expected["after"]),
        unchanged=len(stay) - empty,
        no_identifier=empty + len(expected["skip"]),
    )
    if rows:
        as_they_were = {
            member
            for (member, _), (number, state) in rows.items()
            if same_basis and member in people and state is not Held.UNSURE and people[member][1] == number
        }
        assert set(asked) == set(people) - as_they_were
