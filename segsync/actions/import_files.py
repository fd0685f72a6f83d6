"""Files that people bring: taken in as a stream, kept private, and looked at just enough to know how to read them.

What is kept is always in letters that split at single line feeds: UTF-16 becomes UTF-8 on the way in.
"""

from __future__ import annotations

import codecs
import csv
import errno
import os
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final, Protocol

from segsync.actions.actor import Refused
from segsync.rules.cleaning_text import tidy

PIECE: Final = 1024 * 1024
LOOK: Final = 256 * 1024
MEGABYTE: Final = 1024 * 1024
ENCODINGS: Final = {"utf-8": "UTF-8", "cp1252": "Windows-1252 (Western Europe)", "latin-1": "Latin-1 (ISO 8859-1)"}
DELIMITERS: Final = {",": "comma", ";": "semicolon", "\t": "tab", "|": "bar"}
UTF16: Final = {codecs.BOM_UTF16_LE: "utf-16-le", codecs.BOM_UTF16_BE: "utf-16-be"}
UTF32: Final = (codecs.BOM_UTF32_LE, codecs.BOM_UTF32_BE)
OTHER_KINDS: Final = {
    b"PK\x03\x04": "This is an Excel workbook or a zip file. Save the sheet as “CSV UTF-8” and upload that.",
    b"\xd0\xcf\x11\xe0": "This is an old Excel workbook. Save the sheet as “CSV UTF-8” and upload that.",
    b"\x1f\x8b": "This file is compressed. Unpack it and upload the CSV file inside.",
    b"%PDF": "This is a PDF. Export the list as a CSV file and upload that.",
    b"{": "This is JSON. Export the list as a CSV file and upload that.",
}
NO_ROOM: Final = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
SEP_LINE: Final = "sep="
MOST_COLUMNS: Final = 500
LONGEST_HEADER: Final = 200


class Bytes(Protocol):
    """Where a file comes from."""

    def read(self, size: int, /) -> bytes:
        """At most so many bytes; b'' at the end."""


@dataclass(frozen=True)
class Shape:
    """How a file is to be read. `first` is where its first row of people begins; `lines` how many lines lie before it."""

    encoding: str
    delimiter: str
    columns: tuple[str, ...]
    header: bool = True
    first: int = 0
    lines: int = 0

    def as_json(self) -> dict[str, Any]:
        """For keeping it."""
        return {**asdict(self), "columns": list(self.columns)}

    @classmethod
    def from_json(cls, kept: dict[str, Any]) -> Shape:
        """What was kept."""
        return cls(**{**kept, "columns": tuple(kept["columns"])})


@dataclass(frozen=True)
class Received:
    """A file on our disk. `encoding` is '' where nobody can know it and a person has to say."""

    path: Path
    size: int
    encoding: str


def receive(stream: Bytes, path: Path, *, most_mb: int) -> Received:
    """Copies a stream to a private file, piece by piece. Raises Refused, leaving nothing behind."""
    try:
        kept_as = _copy(stream, path, most_mb * MEGABYTE)
    except Refused:
        path.unlink(missing_ok=True)
        raise
    except OSError as problem:
        path.unlink(missing_ok=True)
        raise no_room(problem) from None
    return Received(path, path.stat().st_size, kept_as)


def _copy(stream: Bytes, path: Path, most: int) -> str:
    intake = _Intake()
    with _private(path) as file:
        for piece in _pieces(stream, most):
            file.write(intake.take(piece))
        file.write(intake.rest())
        file.flush()
        os.fsync(file.fileno())
        if not file.tell():
            raise Refused("This file is empty.", field="file")
    return intake.kept_as


def no_room(problem: OSError) -> Exception:
    """What to raise for a disk that takes no more; any other problem is itself."""
    if problem.errno in NO_ROOM:
        return Refused(
            "The disk of this installation is full. Ask whoever runs it to make room, then try again.", field="file"
        )
    return problem


def _private(path: Path) -> Any:
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    return os.fdopen(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "wb")


def _pieces(stream: Bytes, most: int) -> Iterator[bytes]:
    size = 0
    while piece := stream.read(PIECE):
        size += len(piece)
        if size > most:
            raise Refused(f"This file is larger than the {most // MEGABYTE:,} MB that may be imported.", field="file")
        yield piece


class _Intake:
    """Looks at a stream as it passes: what letters it is in, and how its lines end."""

    def __init__(self) -> None:
        self.kept_as = "utf-8"
        self._decoder: codecs.IncrementalDecoder | None = None
        self._check = codecs.getincrementaldecoder("utf-8")("strict")
        self._old_mac = False
        self._begun = False

    def take(self, piece: bytes) -> bytes:
        """The piece as it is kept."""
        if not self._begun:
            piece = self._begin(piece)
        if self._decoder:
            piece = self._decode(piece)
        else:
            self._look(piece)
        return piece.replace(b"\r", b"\n") if self._old_mac else piece

    def rest(self) -> bytes:
        """What was still held back at the end."""
        if self._decoder:
            return self._decode(b"", last=True)
        self._look(b"", last=True)
        return b""

    def _begin(self, piece: bytes) -> bytes:
        self._begun = True
        for start, sentence in OTHER_KINDS.items():
            if piece.startswith(start):
                raise Refused(sentence, field="file")
        if piece.startswith(UTF32):
            raise Refused("This file is in UTF-32. Save it as “CSV UTF-8” and upload that.", field="file")
        for mark, encoding in UTF16.items():
            if piece.startswith(mark):
                self._decoder = codecs.getincrementaldecoder(encoding)("strict")
                return piece[len(mark) :]
        if piece[:4096].count(0) > len(piece[:4096]) // 4:
            raise Refused("This is not a text file, or UTF-16 without its mark. Save it as “CSV UTF-8”.", field="file")
        self._old_mac = b"\n" not in piece and b"\r" in piece
        return piece.removeprefix(codecs.BOM_UTF8)

    def _decode(self, piece: bytes, *, last: bool = False) -> bytes:
        try:
            return (self._decoder.decode(piece, last) if self._decoder else "").encode()
        except UnicodeError:
            raise Refused("This file says that it is UTF-16, and is damaged. Export it again.", field="file") from None

    def _look(self, piece: bytes, *, last: bool = False) -> None:
        if not self.kept_as:
            return
        try:
            self._check.decode(piece, last)
        except UnicodeDecodeError:
            self.kept_as = ""


def sniff(path: Path, encoding: str, *, header: bool | None = None, delimiter: str = "") -> Shape:
    """How a kept file is to be read. `header` None lets the first line tell. Raises Refused."""
    with path.open("rb") as file:
        start = file.read(LOOK)
    skipped, delimiter_said = _sep_line(start, encoding)
    lines = _whole_lines(start[skipped:], encoding)
    if not lines or not any(line.strip() for line in lines):
        raise Refused("This file has no rows.", field="file")
    delimiter = delimiter or delimiter_said or _delimiter(lines)
    blank, first_row, used = _first_row(lines, delimiter)
    named = _is_header(first_row) if header is None else header
    columns = tuple(tidy(cell)[:LONGEST_HEADER] for cell in first_row) if named else _numbered(len(first_row))
    if len(columns) > MOST_COLUMNS:
        raise Refused(f"This file has {len(columns):,} columns; {MOST_COLUMNS} can be read.", field="file")
    before = blank + used if named else blank
    offset = skipped + sum(len(line.encode(encoding)) for line in lines[:before])
    return Shape(encoding, delimiter, columns, named, offset, before + (1 if skipped else 0))


def _sep_line(start: bytes, encoding: str) -> tuple[int, str]:
    """Excel's own way to say the delimiter: a first line `sep=;`."""
    line = start.split(b"\n", 1)[0].decode(encoding, "replace").strip()
    if line.lower().startswith(SEP_LINE) and len(line) == len(SEP_LINE) + 1:
        return start.find(b"\n") + 1, line[-1]
    return 0, ""


def _whole_lines(start: bytes, encoding: str) -> list[str]:
    try:
        text = start.decode(encoding)
    except UnicodeDecodeError as cut:
        # The look ends anywhere, also in the middle of a letter.
        text = start[: cut.start].decode(encoding)
    lines = [line + "\n" for line in text.split("\n")]
    whole = len(start) < LOOK
    lines[-1] = lines[-1][:-1]
    return [line for line in (lines if whole else lines[:-1] or lines) if line]


def _delimiter(lines: list[str]) -> str:
    """The one that cuts most lines into the same number of cells, the header's."""
    sample = [line.replace("\r", " ") for line in lines[:50] if line.strip()]

    def agreement(delimiter: str) -> tuple[int, int]:
        try:
            widths = [len(row) for row in csv.reader(sample, delimiter=delimiter, skipinitialspace=True) if row]
        except csv.Error:
            return 0, 0
        return (sum(width == widths[0] for width in widths), widths[0]) if widths and widths[0] > 1 else (0, 0)

    best = max(DELIMITERS, key=agreement)
    return best if agreement(best)[0] else ","


def _first_row(lines: list[str], delimiter: str) -> tuple[int, list[str], int]:
    """How many blank lines come first, the first row, and how many lines it takes."""
    blank = next(number for number, line in enumerate(lines) if line.strip())
    reader = csv.reader((line.replace("\r", " ") for line in lines[blank:]), delimiter=delimiter, skipinitialspace=True)
    try:
        row = next(reader)
    except csv.Error:
        raise Refused("The first line cannot be read: look for a stray quotation mark in it.", field="file") from None
    if reader.line_num > 1 and any(len(cell) > 300 for cell in row):  # noqa: PLR2004 - no header has a name so long
        raise Refused("The first line has a quotation mark that is never closed.", field="file")
    return blank, row, reader.line_num


def _is_header(row: list[str]) -> bool:
    """A line with an address or a long number in it is a person, not a header."""
    cells = [cell.strip() for cell in row if cell.strip()]
    return not any("@" in cell or sum(c.isdigit() for c in cell) >= 6 for cell in cells)  # noqa: PLR2004


def _numbered(count: int) -> tuple[str, ...]:
    return tuple(f"Column {number}" for number in range(1, count + 1))


def doubles(columns: tuple[str, ...]) -> dict[str, list[int]]:
    """Names that stand over more than one column, with the columns' numbers counted from 1."""
    places: dict[str, list[int]] = {}
    for number, name in enumerate(columns, 1):
        if name:
            places.setdefault(name.casefold(), []).append(number)
    return {columns[numbers[0] - 1]: numbers for numbers in places.values() if len(numbers) > 1}
