"""Reading CSV files line by line."""

from __future__ import annotations

import csv
import io
from itertools import islice

import pytest
from hypothesis import given
from hypothesis import strategies as st

from segsync.actions.import_files import Shape
from segsync.actions.import_reading import LONGEST_LINE, Reader

SHAPE = Shape("utf-8", ",", ("a", "b", "c"))


def read(content: bytes, shape: Shape = SHAPE):
    return list(Reader(io.BytesIO(content), shape, offset=0, line=0))


texts = st.text(
    st.characters(exclude_categories=["Cs"], exclude_characters="\r\x00\x0b\x0c\x1c\x1d\x1e\x85\u2028\u2029"),
    max_size=8,
)
tables = st.lists(st.lists(texts, min_size=3, max_size=3), max_size=6)


@pytest.mark.property
@given(rows=tables, quoting=st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]), end=st.sampled_from(["\n", "\r\n"]))
def test_what_a_spreadsheet_writes_is_read_as_it_was_meant(rows, quoting, end):
    """Quotation marks, commas and line ends inside cells come back as they were."""
    text = io.StringIO()
    csv.writer(text, quoting=quoting, lineterminator=end).writerows(rows)
    told = [row for row in rows if any(cell and not cell.isspace() for cell in row)]
    found = read(text.getvalue().encode())
    assert [row.problem for row in found] == [""] * len(told)
    assert [[cell.lstrip() for cell in row.cells] for row in found] == [[cell.lstrip() for cell in row] for row in told]


@pytest.mark.property
@given(content=st.binary(max_size=200) | st.text(alphabet='ab,"\n\r;', max_size=80).map(str.encode))
def test_no_file_stops_the_reading(content):
    """Whatever stands in a file, each row is used or rejected with its line, and reading ends at the end."""
    reader = Reader(io.BytesIO(content), SHAPE, offset=0, line=0)
    rows = list(reader)
    assert reader.offset == len(content)
    assert all(row.problem or len(row.cells) == 3 for row in rows)
    assert [row.line for row in rows] == sorted({row.line for row in rows})


@pytest.mark.property
@given(rows=tables, place=st.integers(0, 6))
def test_reading_goes_on_from_where_it_stopped(rows, place):
    """Whoever takes over finds the rows that are left, with their lines."""
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(rows)
    content = text.getvalue().encode()
    whole = read(content)
    first = Reader(io.BytesIO(content), SHAPE, offset=0, line=0)
    begun = list(islice(first, place))
    rest = Reader(io.BytesIO(content), SHAPE, offset=first.offset, line=first.lines)
    assert [*begun, *rest] == whole


def test_a_line_without_end_is_rejected_and_the_next_one_read():
    """A line of megabytes is not taken into memory."""
    rows = read(b"x" * (3 * LONGEST_LINE) + b"\n1,2,3\n")
    assert [(row.line, bool(row.problem)) for row in rows] == [(1, True), (2, False)]


def test_letters_that_are_no_utf_8_cost_their_line():
    """One damaged line does not stop a file."""
    assert [bool(row.problem) for row in read(b"a,\xff,c\n1,2,3\n")] == [True, False]
