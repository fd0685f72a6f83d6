"""Rows found by the keys that others have, against the same said with sets."""

from __future__ import annotations

import hashlib

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.contract import Key
from segsync.audience import keysets
from segsync.audience.keysets import NOT_THERE, KeySet, Names, keys_of, versions_of
from segsync.audience.packing import pack

ONE = Key("one", ("a",), ("email",), hashed=True)
BOTH = Key("both", ("a", "b"), ("first_name", "country"), hashed=True)
DIGESTS = [f"{number:064x}" for number in range(4)]
VALUES = st.sampled_from([*DIGESTS, *(digest[:32] for digest in DIGESTS), "ABC", "abc", "", "Łódź", None])
ROWS = st.lists(st.tuples(VALUES, VALUES), max_size=12)
PACKED = st.lists(st.tuples(st.sampled_from([*DIGESTS, None]), st.sampled_from([*DIGESTS, None])), max_size=12)


def table(rows) -> pa.Table:
    """Packed where every value is a digest, as the data path's files are."""
    columns = zip(*rows, strict=True) if rows else ((), ())
    return pack(pa.table(dict(zip("ab", (pa.array(each, pa.string()) for each in columns), strict=True))))


def value(row, key: Key) -> tuple | None:
    held = tuple(dict(zip("ab", row, strict=True))[name] for name in key.columns)
    return None if None in held else held


@given(st.sampled_from([ONE, BOTH]), ROWS | PACKED, ROWS | PACKED)
def test_rows_with_one_of_these_keys_are_found(key, those, others):
    """Whoever shares a key is found, whether a file holds it as text or as bytes; a key with a gap is none (promise 2)."""
    keys = KeySet(keys_of(table(those), key))
    filled = {value(row, key) for row in those} - {None}
    assert len(keys) == len(filled)
    assert list(keys.has(keys_of(table(others), key))) == [value(row, key) in filled for row in others]


@given(ROWS)
def test_a_row_finds_itself(rows):
    """Where a key stands is the same for the rows that brought it and for those who are found by it."""
    keys = KeySet(keys_of(table(rows), ONE))
    assert list(keys.find(keys_of(table(rows), ONE))) == list(keys.of)
    assert {place for place in keys.of if place != NOT_THERE} == set(range(len(keys)))


def test_words_that_begin_alike_are_told_apart():
    """Two values whose first word is the same, as somebody could make them on purpose, are still two."""
    odd = int(keysets._ODD)  # what each process draws for itself
    alike = [(0, odd), (1, 0), (0, odd), (2, (-odd) % 2**64)]
    names = Names(np.array(alike, np.uint64), np.ones(4, np.bool_))
    assert len(set(keysets._heads(names.words))) == 1
    keys = KeySet(names)
    assert len(keys) == 3
    assert list(keys.find(names)) == list(keys.of)
    assert not keys.has(Names(np.array([(3, (-2 * odd) % 2**64)], np.uint64), np.ones(1, np.bool_))).any()


@pytest.mark.parametrize("text", ["customer-17", DIGESTS[1][:32]])
def test_nobody_can_make_up_a_value_that_counts_as_another(text):
    """Whoever knows how values are told apart, but not this process, makes no two of them one (promise 2)."""
    made_up = [hashlib.blake2b(text.encode(), digest_size=32).hexdigest(), text + "f" * 32, text + "0" * 32]
    keys = KeySet(keys_of(table([(text, None)]), ONE))
    assert not keys.has(keys_of(table([(value, None) for value in made_up]), ONE)).any()


@given(st.lists(st.tuples(st.integers(0, 3), st.sampled_from(DIGESTS)), max_size=8), st.integers(0, 8))
def test_a_row_is_known_by_member_and_version(rows, cut):
    """Somebody's old entry and their new one are two rows."""
    told = pack(pa.table({"member": pa.array([m for m, _ in rows], pa.int64()), "version": [v for _, v in rows]}))
    first = KeySet(versions_of(told.slice(0, cut)))
    assert list(first.has(versions_of(told))) == [row in rows[:cut] for row in rows]
