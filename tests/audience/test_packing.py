"""Digests as bytes in files: what was written comes back as it was."""

from __future__ import annotations

import hashlib
from pathlib import Path

import duckdb
import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from connectors.digests import is_digest, texts
from segsync.audience.files import Folder
from segsync.audience.packing import pack, rows_sql, together

DIGEST = st.text(max_size=5).map(lambda text: hashlib.sha256(text.encode()).hexdigest())
ODD = st.sampled_from(["", "DE", "é" * 32, "A" * 64, "a" * 63, "g" * 64, "0" * 32, "@" * 64])
COLUMNS = st.one_of(
    st.lists(st.none() | DIGEST, max_size=6),
    st.lists(st.none() | DIGEST | ODD, max_size=6),
    st.lists(st.none(), max_size=4),
)


def table(*cells: str | None) -> pa.Table:
    return pa.table({"member": pa.array(range(len(cells)), pa.int64()), "key": pa.array(cells, pa.string())})


@given(COLUMNS, st.integers(0, 3))
def test_what_is_packed_comes_back_as_it_was(cells, start):
    """Whatever a key is, a file gives it back letter by letter, also cut out of a larger table (B1)."""
    rows = table(*cells).slice(start)

    assert texts(pack(rows)).column("key").to_pylist() == rows.column("key").to_pylist()


@given(st.lists(COLUMNS.map(lambda cells: table(*cells)), min_size=1, max_size=4))
def test_tables_of_both_kinds_become_one(tables):
    """Rows passed through from a file and rows just made lie in one file (B1)."""
    rows = together([pack(one) if place % 2 else one for place, one in enumerate(tables)])

    assert texts(rows).column("key").to_pylist() == [key for one in tables for key in one.column("key").to_pylist()]


def test_digests_lie_in_files_as_bytes_and_are_read_as_text(tmp_path: Path):
    """A file with digests takes half the place, and one with other keys is read beside it (B1)."""
    folder = Folder(tmp_path, "SY-1")
    digest = hashlib.sha256(b"ada").hexdigest()
    written = [table(digest, None), table("tracker", digest), table(None)]

    parts = [folder.write("new", number, "run", rows, group_rows=5) for number, rows in enumerate(written)]

    assert is_digest(pack(written[0]).schema.field("key").type)
    found = duckdb.sql(rows_sql([folder.open(part) for part in parts])).fetchall()
    assert sorted(found, key=str) == sorted([(0, digest), (1, None), (0, "tracker"), (1, digest), (0, None)], key=str)
