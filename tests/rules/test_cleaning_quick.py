"""Short ways of cleaning: as quick as they are, they come to what the long way comes to."""

from __future__ import annotations

import phonenumbers
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from phonenumbers import PhoneNumberFormat

from segsync.rules.cleaning import CONTACT, Cell, Door, Unusable, clean_columns, clean_row
from segsync.rules.cleaning_phone import by_the_book, phone

COUNTRIES = ("DE", "FR", "GB", "US", "CA", "ES", "IT", "NL", "AT", "PL", "JP", "AU", "BR", "MX", "RU", "IN", "HU", "KZ")
doors = st.builds(
    lambda country, own: Door(country, row_country=own), st.sampled_from(COUNTRIES), st.sampled_from(("", *COUNTRIES))
)


def told(cleaner, text, door):
    """The number, or why there is none."""
    try:
        return cleaner(text, door)
    except Unusable as why:
        return why.reason


@st.composite
def written(draw):
    """Somebody's number, some digits other than the book's example, as people write it."""
    country, way = draw(st.sampled_from(COUNTRIES)), draw(st.sampled_from([0, 1, 2, 3]))
    number = phonenumbers.example_number_for_type(country, draw(st.sampled_from([0, 1])))
    number.national_number += draw(st.integers(-5000, 5000))
    text = phonenumbers.format_number(number, PhoneNumberFormat.NATIONAL if way == 3 else way)
    text = text.replace("+", draw(st.sampled_from(["+", "00"])), 1) if draw(st.booleans()) else text
    if draw(st.booleans()):  # +49 (0) 151, +7 (8) 916, and whatever else is dialled before a number at home
        code, _, rest = text.partition(" ")
        text = f"{code} {draw(st.sampled_from(['(0)', '0', '(8)', '06', '1']))}{draw(st.sampled_from(['', ' ']))}{rest}"
    cut = draw(st.integers(0, 2))
    return text[: len(text) - cut] if draw(st.booleans()) else text.replace(" ", draw(st.sampled_from(["", "-", "/"])))


@pytest.mark.property
@settings(max_examples=400)
@given(text=written() | st.text("0123456789+ ()-./", min_size=5, max_size=18), door=doors)
@example(text="0100 1234567", door=Door("JP"))
@example(text="8 (916) 123-45-67", door=Door("RU"))
@example(text="06 30 1234567", door=Door("HU"))
@example(text="4915112345678", door=Door("DE"))
@example(text="49151 12345", door=Door("DE"))
@example(text="+49 (0) 151 12345678", door=Door("DE"))
@example(text="+49 (0) 151 12345678", door=Door("US", row_country="IT"))
@example(text="+39 (0) 6 12345678", door=Door("IT"))
@example(text="+44 (0) 20 7946 0958", door=Door("GB"))
@example(text="+7 (8) 916 123-45-67", door=Door("RU"))
@example(text="+1 (1) 415 555 0132", door=Door("US"))
@example(text="+49 (0) 49 151 12345", door=Door("DE"))
@example(text="4915112345678.0", door=Door("DE"))
def test_a_phone_by_a_short_way_is_what_the_book_says(text, door):
    """However a number is written and wherever, the quick way and the book agree (B18)."""
    assert told(phone, text, door) == told(by_the_book, text, door)


cells = st.fixed_dictionaries(
    {
        "email": st.sampled_from(["ada@x.example", " Ada@X.example", "nobody", ""]),
        "phone": st.sampled_from(["0151 12345678", "06 12 34 56 78", "+4915112345678", "?", ""]),
        "country": st.sampled_from(["DE", "France", "??", ""]),
        "region": st.sampled_from(["Bayern", "California", ""]),
        "postal_code": st.sampled_from(["1067", "75001", ""]),
        "birth_date": st.sampled_from(["31.12.1980", "03/04/1980", ""]),
    }
)


@pytest.mark.property
@given(rows=st.lists(cells, max_size=8))
def test_cells_cleaned_column_by_column_are_those_cleaned_row_by_row(rows):
    """A value that many people share is cleaned once, in each one's own country (B18)."""
    cleaners, door = {name: CONTACT[name] for name in rows[0]} if rows else {}, Door("US")
    columns = clean_columns({name: [row[name] for row in rows] for name in cleaners}, cleaners, door)
    for place, row in enumerate(rows):
        cells = {name: Cell(column.values[place], column.unusable.get(place)) for name, column in columns.items()}
        assert cells == clean_row(row, cleaners, door)
