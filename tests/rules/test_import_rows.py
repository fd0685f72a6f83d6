"""Rows of a file laid over one another."""

from __future__ import annotations

from itertools import count

import pytest
from hypothesis import given
from hypothesis import strategies as st

from segsync.rules.cleaning import Door
from segsync.rules.identity import CONTACT_IDENTITY, ENOUGH, Known
from segsync.rules.import_mapping import ColumnMap, Custom, guess
from segsync.rules.import_rows import LISTS, Folded, Prepared, Reading, fold, prepare

TARGETS = ("external_id", "email", "phone", "first_name")
READING = Reading("contact", ColumnMap(TARGETS), Door("DE"))


def fold_all(rows, known=None, numbers=None) -> Folded:
    numbers = numbers or count(1)
    return fold("contact", rows, known or Known(), lambda: next(numbers), lambda member: f"no. {member}")


def test_later_cells_win_and_empty_ones_leave_what_stands():
    """A person in three rows becomes one contact."""
    rows = prepare(
        READING,
        [
            (2, ["7", "ada@x.example", "", "Ada"]),
            (3, ["7", "", "030 123456", ""]),
            (4, ["", "ADA@x.example", "", "Adah"]),
        ],
    )
    (laid,) = fold_all(rows).laid.values()
    assert laid.values == {"external_id": "7", "email": "ada@x.example", "phone": "+4930123456", "first_name": "Adah"}
    assert (laid.lines, laid.added) == ([2, 3, 4], 2)


def test_tags_of_several_rows_come_together():
    """A tag is never lost to a later row."""
    rows = [Prepared(2, {"email": "a@x", "tags": ["one"]}), Prepared(3, {"email": "a@x", "tags": ["two"]})]
    (laid,) = fold_all(rows).laid.values()
    assert laid.values["tags"] == ["one", "two"]


def test_a_row_that_fits_two_names_both():
    """Two people of the same file who share a phone are not told apart by it."""
    rows = [Prepared(n, {"email": f"{n}@x", "phone": "+1"}) for n in (2, 3)]
    (refused,) = fold_all([*rows, Prepared(4, {"phone": "+1"})]).refused
    assert refused[1] == "This row fits two contacts: no. 1 and no. 2."


values = st.fixed_dictionaries(
    {},
    optional={
        "external_id": st.sampled_from("AB"),
        "email": st.sampled_from("xyz"),
        "phone": st.sampled_from("12"),
        "first_name": st.text("pq", min_size=1, max_size=2),
        "tags": st.lists(st.sampled_from("ab"), min_size=1, unique=True),
        "idfv": st.lists(st.sampled_from("mn"), min_size=1, unique=True),
    },
)
emptied = st.frozensets(st.sampled_from(["phone", "first_name", "tags", "idfv"]))
files = st.lists(st.tuples(values, emptied), max_size=12).map(
    lambda rows: [Prepared(n, row, gone - row.keys()) for n, (row, gone) in enumerate(rows, 2)]
)
said = st.sampled_from([({"tags": ["a"]}, ()), ({"tags": ["b"]}, ()), ({"idfv": ["m"]}, ()), ({}, ("tags", "idfv"))])
of_one = st.lists(said, max_size=8).map(
    lambda rows: [Prepared(n, {"email": "x", **row}, frozenset(gone)) for n, (row, gone) in enumerate(rows, 2)]
)


def write(folded: Folded, members):
    """What a chunk is for those who are there: fields that it empties first, then what it sets or adds."""
    for number, laid in folded.laid.items():
        member = members.setdefault(number, {})
        for name in laid.gone:
            member.pop(name, None)
        for name, value in laid.values.items():
            member[name] = member.get(name, set()) | set(value) if name in LISTS else value
    return [row.line for row, _ in folded.refused]


@pytest.mark.property
@given(rows=files | of_one, size=st.integers(1, 6))
def test_where_a_chunk_ends_makes_no_difference(rows, size):
    """A file in chunks of any size makes the contacts that it makes row by row."""

    def imported(size):
        known, numbers, members, refused = Known(), count(1), {}, []
        for begun in range(0, len(rows), size):
            refused += write(fold_all(rows[begun : begun + size], known, numbers), members)
        return members, refused

    assert imported(size) == imported(1)


@pytest.mark.parametrize("name", sorted(LISTS))
def test_a_list_that_is_emptied_and_filled_again_holds_what_came_last(name):
    """Clear, then add: what stood before is gone, also where one chunk says both."""
    rows = [Prepared(2, {"email": "a@x", name: ["old"]}), Prepared(3, {"email": "a@x"}, frozenset({name}))]
    (laid,) = fold_all([*rows, Prepared(4, {"email": "a@x", name: ["new"]})]).laid.values()
    assert (laid.values[name], laid.gone) == (["new"], {name})


# Rows that say some of what identifies one of three people, never of two.
consistent = st.lists(
    st.builds(
        lambda person, said, name: {field: f"{field}-{person}" for field in said} | {"first_name": name},
        st.integers(1, 3),
        st.sets(st.sampled_from(["external_id", "email", "phone"]), min_size=1),
        st.sampled_from("pq"),
    ),
    max_size=12,
).map(lambda rows: [Prepared(n, row) for n, row in enumerate(rows, 2)])


@pytest.mark.property
@given(rows=consistent)
def test_the_same_file_again_makes_nobody_new(rows):
    """Every row of a file that does not contradict itself finds its person again, or says that it fits several."""
    known = Known()
    fold_all(rows, known)
    again = fold_all(rows, known, count(1000))
    assert all(number < 1000 for number in again.laid)


def test_columns_are_guessed_once_and_own_fields_before_standard_ones():
    """A header in German, French or Spanish, and a field of one's own."""
    custom = [Custom("plan", "Tarif", "text")]
    assert guess("contact", ["Correo electrónico", "Prénom", "Nachname", "E-Mail", "TARIF", "???"], custom) == [
        "email",
        "first_name",
        "last_name",
        "",
        "custom:plan",
        "",
    ]


few, many = st.none() | st.sampled_from("ab"), st.none() | st.sampled_from("abcdefgh")
identities = st.tuples(few | many, many, few | many) | st.tuples(st.none(), few, few)


@pytest.mark.property
@given(rows=st.lists(identities, max_size=10), contacts=st.lists(identities, max_size=10), again=st.integers(0, 10))
def test_rows_that_nobody_else_has_a_say_in_come_to_what_looking_at_everybody_comes_to(rows, contacts, again):
    """However quickly a row is found to mean somebody, it means whom it means when all are compared."""
    rows = [*rows, *contacts[:again]]
    there = dict(enumerate(contacts, 1))

    def fetch(asked, without):
        for place, value in enumerate(asked):
            having = [
                number
                for number, other in there.items()
                if value is not None
                and other[place] == value
                and number not in without
                and not any(map(all, zip(asked[:place], other[:place], strict=True)))
            ]
            yield from ((number, there[number]) for number in having[:ENOUGH])

    def folded(expects):
        known, found = Known(fetch), {number: other for row in rows for number, other in fetch(row, ())}
        if expects:
            known.expect(rows, found)
        for number, other in {} if expects else found.items():
            known.put(number, other)
        prepared = [
            Prepared(n, {k: v for k, v in zip(CONTACT_IDENTITY, row, strict=True) if v}) for n, row in enumerate(rows)
        ]
        result = fold_all(prepared, known, count(100))
        return result.refused, sorted(result.laid.items())

    assert folded(expects=True) == folded(expects=False)
