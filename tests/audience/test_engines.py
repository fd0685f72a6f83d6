"""Hashes are those that everybody else computes; the words themselves are held to their promise by the golden vectors."""

from __future__ import annotations

import hashlib

import ibis
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from segsync.audience.engines import DuckDBWords


@pytest.fixture(scope="module")
def hashed():
    connection = ibis.duckdb.connect()

    def said(text):
        table = ibis.memtable(pa.table({"text": pa.array([text], pa.string())}))
        return connection.to_pyarrow(table.select(said=DuckDBWords().sha256_hex(table.text)))["said"][0].as_py()

    yield said
    connection.disconnect()


@settings(max_examples=60, deadline=None)
@given(text=st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00")))
def test_hashes_are_of_the_text_as_it_stands(hashed, text):
    """The hash of any text is the one that everybody else computes for it (B18)."""
    assert hashed(text) == hashlib.sha256(text.encode()).hexdigest()
