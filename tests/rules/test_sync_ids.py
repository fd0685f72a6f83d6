"""Sync IDs as people quote them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from segsync.rules import sync_ids


def test_they_look_the_same_everywhere():
    """A sync ID is SY and two groups of four, without letters that are mistaken for digits (S6, B33)."""
    assert sync_ids.from_number(0) == "SY-0000-0000"
    assert sync_ids.from_number(2**40 - 1) == "SY-ZZZZ-ZZZZ"
    assert not set("ILOU") & set(sync_ids.ALPHABET)


@given(st.integers(0, 2**40 - 1))
def test_every_one_is_read_back(number):
    """What is printed can be typed back, in lower case and without hyphens too (B33)."""
    printed = sync_ids.from_number(number)
    assert sync_ids.read(printed) == printed
    assert sync_ids.read(printed.lower().replace("-", "")) == printed


@pytest.mark.parametrize("typed", ["see sy-0a1b-2c3d please", "SY 0A1B 2C3D", "sy-OaIb-2c3d", "SY-0A1B-2C3D."])
def test_it_is_found_in_what_people_paste(typed):
    """Quoted in a sentence, with O for 0 or I for 1, it is still found (B33)."""
    assert sync_ids.read(typed) == "SY-0A1B-2C3D"


@pytest.mark.parametrize("typed", ["", "symphony", "SY-0A1B", "SY-UUUU-0000", "easy-0a1b-2c3d"])
def test_other_words_are_no_sync_id(typed):
    """A search for ordinary words is not taken for a sync ID (S5)."""
    assert sync_ids.read(typed) is None


def test_fresh_ones_differ():
    """Two syncs never get the same ID by chance (S6)."""
    assert len({sync_ids.fresh() for _ in range(1000)}) == 1000
