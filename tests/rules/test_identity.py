"""Who a row of a file is."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from segsync.rules.free_mail import is_free_mail
from segsync.rules.identity import ENOUGH, Known, fits, merged

LETTERS = st.none() | st.sampled_from("ab")
IDENTITIES = st.tuples(LETTERS, LETTERS, LETTERS)


def test_the_external_id_decides_before_the_email_and_the_email_before_the_phone():
    """Contact identity is the external id, else the e-mail, else the phone."""
    assert fits(("7", "new@x", None), ("7", "old@x", None))
    assert not fits(("7", "same@x", None), ("8", "same@x", None))
    assert fits((None, "same@x", "+1"), ("8", "same@x", "+2"))
    assert not fits((None, "mine@x", "+1"), (None, "other@x", "+1"))
    assert fits(("7", None, "+1"), (None, "other@x", "+1"))


def test_two_people_may_share_an_email_when_their_external_ids_differ():
    """A family with one address is imported again without a conflict."""
    known = Known()
    known.put(1, ("7", "family@x", None))
    known.put(2, ("8", "family@x", None))
    assert known.fitting(("8", "family@x", None)) == [2]
    assert known.fitting((None, "family@x", None)) == [1, 2]


@pytest.mark.property
@given(
    contacts=st.lists(IDENTITIES, max_size=6),
    changes=st.lists(st.tuples(st.integers(0, 5), IDENTITIES)),
    row=IDENTITIES,
)
def test_looking_up_finds_exactly_the_contacts_that_fit(contacts, changes, row):
    """The quick way to find who fits gives what comparing with everybody gives."""
    known, plain = Known(), dict(enumerate(contacts))
    plain |= {number: identity for number, identity in changes if number < len(contacts)}
    for number, identity in [*enumerate(contacts), *(c for c in changes if c[0] < len(contacts))]:
        known.put(number, identity)
    fitting = {number for number, identity in plain.items() if fits(row, identity)}
    found = known.fitting(row)
    assert set(found) <= fitting
    assert len(found) >= min(len(fitting), ENOUGH)


@pytest.mark.property
@given(
    contacts=st.lists(st.tuples(LETTERS, st.just("a"), LETTERS), min_size=4, max_size=8),
    changes=st.lists(st.tuples(st.integers(0, 4), IDENTITIES), min_size=2, max_size=6),
    row=st.tuples(st.none() | st.just("a"), st.just("a"), LETTERS),
)
def test_whoever_fits_is_found_although_only_a_few_were_fetched_and_those_changed(contacts, changes, row):
    """Of contacts who share an identifier a few are fetched; when these give it up, the next ones are."""

    def fits_by(place, asked, other):
        return asked[place] == other[place] is not None and not any(
            map(all, zip(asked[:place], other[:place], strict=True))
        )

    def fetch(asked, without):
        for place in range(len(asked)):
            having = [
                (number, identity)
                for number, identity in enumerate(contacts)
                if number not in without and fits_by(place, asked, identity)
            ]
            yield from having[:ENOUGH]

    known, plain = Known(fetch), dict(enumerate(contacts))
    for number, identity in fetch(row, ()):
        known.put(number, identity)
    for number, identity in changes:
        if number in known:
            known.put(number, identity)
            plain[number] = identity
    fitting = {number for number, identity in plain.items() if fits(row, identity)}
    found = known.fitting(row)
    assert set(found) <= fitting
    assert len(found) >= min(len(fitting), ENOUGH)


@pytest.mark.property
@given(row=IDENTITIES, other=IDENTITIES)
def test_a_row_that_was_taken_in_fits_its_contact_the_next_time(row, other):
    """Importing the same file again finds the same contacts."""
    if any(value is not None for value in row):
        assert fits(row, merged(row, other))


def test_a_free_mailbox_says_nothing_about_an_employer():
    """Free-mail domains never link a person to a company."""
    assert is_free_mail("gmail.com")
    assert not is_free_mail("northwind.example")
