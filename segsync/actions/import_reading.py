"""Reads a CSV file from any place on, a row at a time, and loses no row to a neighbour's stray quote.

A row may be several lines long. Where such a row makes no sense, its first line alone is rejected and reading goes on
with the second: an unclosed quotation mark costs one line, not the rest of the file.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator
from typing import BinaryIO, Final, NamedTuple

from segsync.actions.import_files import Shape

LONGEST_LINE: Final = 256 * 1024
MOST_LINES: Final = 100
"""Of one row; a comment of a person may have some."""

csv.field_size_limit(LONGEST_LINE * 2)


class Row(NamedTuple):
    """A row of the file. `line` is the number of its first line; with a `problem` it cannot be used."""

    line: int
    cells: list[str]
    problem: str = ""


class Reader:
    """Rows of a file, and where the next one begins."""

    def __init__(self, file: BinaryIO, shape: Shape, *, offset: int, line: int) -> None:
        self._file = file
        self._shape = shape
        self.offset = offset
        self.lines = line
        file.seek(offset)

    def __iter__(self) -> Iterator[Row]:
        while (raw := self._line()) is not None:
            row = self._row(raw)
            if row is not None:
                yield row

    def _line(self) -> bytes | None:
        raw = self._file.readline(LONGEST_LINE)
        if not raw:
            return None
        self.offset += len(raw)
        self.lines += 1
        return raw

    def _row(self, raw: bytes) -> Row | None:
        line = self.lines
        if len(raw) == LONGEST_LINE and not raw.endswith(b"\n"):
            self._skip_line()
            return Row(line, [], f"This line is longer than {LONGEST_LINE // 1024} KB.")
        try:
            text = _whole(raw.decode(self._shape.encoding))
        except UnicodeDecodeError:
            return Row(line, [], "This line has letters that are not in the file's encoding.")
        cells = self._cells(text)
        if cells is None and '"' in text:
            cells = self._several_lines(text)
        if cells is None:
            cells = self._leniently(text)
        return self._judged(line, cells, text)

    def _judged(self, line: int, cells: list[str] | None, text: str) -> Row | None:
        if cells is None:
            return Row(line, [text.strip()], "There is a stray quotation mark in this line.")
        width = len(self._shape.columns)
        if not any(cell and not cell.isspace() for cell in cells):
            return None
        while len(cells) > width and not cells[-1].strip():
            cells.pop()
        if len(cells) != width:
            return Row(line, cells, f"This line has {len(cells)} cells, the first line has {width}.")
        return Row(line, cells)

    def _cells(self, text: str) -> list[str] | None:
        """The cells of one whole row; None where quotation marks do not close or stand where none may."""
        if '"' not in text:
            return text.rstrip("\r\n").split(self._shape.delimiter)
        try:
            rows = list(self._reader([text], strict=True))
        except csv.Error:
            return None
        return rows[0] if len(rows) == 1 else None

    def _several_lines(self, first: str) -> list[str] | None:
        """A row whose cells hold line ends. Goes back to behind the first line where the lines make no row."""
        offset, lines, text = self.offset, self.lines, first
        for _ in range(MOST_LINES):
            raw = self._line()
            if raw is None or len(text) + len(raw) > LONGEST_LINE:
                break
            text += _whole(raw.decode(self._shape.encoding, "replace"))
            cells = self._cells(text) if text.count('"') % 2 == 0 else None
            if cells is not None and len(cells) == len(self._shape.columns) and "\ufffd" not in text:
                return cells
        self.offset, self.lines = offset, lines
        self._file.seek(offset)
        return None

    def _leniently(self, text: str) -> list[str] | None:
        """A line with a quotation mark in the middle of a cell, such as 5'10", when its cells are as many as they should be."""
        try:
            # A mark that stays open would swallow the line put behind this one.
            rows = list(self._reader([text.rstrip("\r\n") + "\n", "x\n"], strict=False))
        except csv.Error:
            return None
        return rows[0] if len(rows) > 1 and len(rows[0]) == len(self._shape.columns) else None

    def _reader(self, lines: list[str], *, strict: bool) -> Iterator[list[str]]:
        return csv.reader(lines, delimiter=self._shape.delimiter, skipinitialspace=True, strict=strict)

    def _skip_line(self) -> None:
        while raw := self._file.readline(LONGEST_LINE):
            self.offset += len(raw)
            if raw.endswith(b"\n"):
                return


def _whole(line: str) -> str:
    """A line without line ends of other kinds inside it: they belong to no row's end."""
    return line.replace("\r\n", "\n").replace("\r", " ") if "\r" in line else line
