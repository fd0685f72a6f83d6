"""What a channel would be sent for the people of a file: through the very code of import and of sync, with nothing stored."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any, Final

import duckdb
import pyarrow as pa

from connectors.contract import Kind, Shape
from connectors.protocols import Connector
from segsync.actions.actor import Refused
from segsync.actions.import_files import ENCODINGS, doubles, receive, sniff
from segsync.actions.import_files import Shape as FileShape
from segsync.actions.import_reading import Reader, Row
from segsync.audience.identified import Method, identifiers_sql
from segsync.rules.cleaning import SUBJECTS, Cell, Door, clean_row
from segsync.rules.import_mapping import guess
from segsync.rules.terms import COMPANY_FIELDS, CONTACT_FIELDS

ROWS_AT_A_TIME: Final = 5_000
FIELDS: Final = {Kind.PEOPLE: ("contact", CONTACT_FIELDS), Kind.COMPANIES: ("company", COMPANY_FIELDS)}


@dataclass(frozen=True)
class Told:
    """What becomes of one cell of the file."""

    line: int
    field: str
    normalized: str
    sent: str
    problem: str


@dataclass(frozen=True)
class Opened:
    """A file ready to be read. `ignored` are columns that are no standard field."""

    path: Path
    shape: FileShape
    targets: tuple[str, ...]
    ignored: tuple[str, ...]


def open_file(source: Path, folder: Path, kind: Kind, encoding: str) -> Opened:
    """Reads a file as an import would. `folder` takes a private copy. Raises Refused."""
    with source.open("rb") as stream:
        received = receive(stream, folder / "people.csv", most_mb=source.stat().st_size // 2**20 + 1)
    known = encoding or received.encoding
    if not known:
        names = ", ".join(name for name in ENCODINGS if name != "utf-8")
        raise Refused(f"This file is not UTF-8. Say which letters it is in: --encoding with one of {names}.")
    shape = sniff(received.path, known, header=True)
    twice = doubles(shape.columns)
    if twice:
        told = "; ".join(f"{name} (columns {' and '.join(map(str, places))})" for name, places in twice.items())
        raise Refused(f"The header names a field twice: {told}.")
    return Opened(received.path, shape, *_targets(kind, shape))


def _targets(kind: Kind, shape: FileShape) -> tuple[tuple[str, ...], tuple[str, ...]]:
    subject, standard = FIELDS[kind]
    exact = {name: name for name in standard}
    guessed = guess(subject, shape.columns)
    named = [exact.get(column.lower(), target) for column, target in zip(shape.columns, guessed, strict=True)]
    # A column that is called exactly like a field is that field, whatever another one looks like.
    targets = tuple(
        name if name in standard and (column.lower() == name or name not in map(str.lower, shape.columns)) else ""
        for column, name in zip(shape.columns, named, strict=True)
    )
    if not any(targets):
        raise Refused(f"The header names no standard field. Use: {', '.join(standard)}.")
    return targets, tuple(column for column, name in zip(shape.columns, targets, strict=True) if not name)


def tell(
    bench: duckdb.DuckDBPyConnection,
    connector: Connector,
    kind: Kind,
    opened: Opened,
    door: Door,
    *,
    progress: Callable[[int], object] = lambda _bytes: None,
) -> Iterator[Told]:
    """A `Told` for each cell that is not empty, in the order of the file. Raises Refused for a kind that the channel does not take."""
    shape = connector.capabilities.shapes.get(kind)
    if shape is None:
        label = connector.capabilities.label
        raise Refused(f"{label} takes no companies: they reach it as the people who work there.")
    teller = _Teller(bench, Method(connector, kind, "", ""), shape, opened.targets, door)
    with opened.path.open("rb") as file:
        reader = Reader(file, opened.shape, offset=opened.shape.first, line=opened.shape.lines)
        rows = iter(reader)
        while chunk := list(islice(rows, ROWS_AT_A_TIME)):
            yield from teller.tell(chunk)
            progress(reader.offset)


class _Teller:
    """Rows of one file at one channel."""

    def __init__(
        self,
        bench: duckdb.DuckDBPyConnection,
        method: Method,
        shape: Shape,
        targets: Sequence[str],
        door: Door,
    ) -> None:
        self._bench = bench
        self._method = method
        self._shape = shape
        self._columns = columns_of(shape)
        self._targets = [(place, target) for place, target in enumerate(targets) if target]
        self._cleaners = SUBJECTS[FIELDS[method.kind][0]]
        self._door = door

    def tell(self, rows: Sequence[Row]) -> Iterator[Told]:
        """Of these rows."""
        cleaned = {
            row.line: clean_row({name: row.cells[n] for n, name in self._targets}, self._cleaners, self._door)
            for row in rows
            if not row.problem
        }
        sent = self._sent(cleaned)
        for row in rows:
            if row.problem:
                yield Told(row.line, "", "", "", row.problem)
                continue
            for name, cell in cleaned[row.line].items():
                if cell.value is not None or cell.reason is not None:
                    yield self._told(row.line, name, cell, sent[row.line])

    def _sent(self, cleaned: dict[int, dict[str, Cell]]) -> dict[int, dict[str, Any]]:
        fields = self._shape.fields
        rows = cleaned.items()
        table = {"member": list(cleaned), "version": [""] * len(cleaned), "change_no": [0] * len(cleaned)}
        table |= {name: [_text(cells.get(name)) for _, cells in rows] for name in fields}
        types = {"member": pa.int64(), "version": pa.string(), "change_no": pa.int64()}
        schema = pa.schema([*types.items(), *((name, pa.string()) for name in fields)])
        self._bench.register("people_of_file", pa.table(table, schema=schema))
        answer = self._bench.execute(
            identifiers_sql(self._method.connector, self._method.kind, "people_of_file")
        ).to_arrow_table()
        return {row["member"]: row for row in answer.to_pylist()}

    def _told(self, line: int, name: str, cell: Cell, row: dict[str, Any]) -> Told:
        if cell.reason is not None:
            return Told(line, name, "", "", cell.reason.sentence)
        known = any(row[column] is not None for column in self._shape.key_columns)
        sent = [row[column] for column in self._columns.get(name, ()) if known and row[column] is not None]
        return Told(line, name, str(cell.value), " ".join(sent), "" if sent else self._why_not(name, known=known))

    def _why_not(self, name: str, *, known: bool) -> str:
        label = self._method.connector.capabilities.label
        if name not in self._columns:
            return f"{label} does not take this field."
        together = next((key.made_of for key in self._shape.keys if name in key.made_of and len(key.columns) > 1), ())
        if together:
            return f"{label} takes this only together with {', '.join(each for each in together if each != name)}."
        if not known:
            keys = dict.fromkeys(key.made_of[0] for key in self._shape.keys if len(key.columns) == 1)
            return f"Nothing of this row is sent: it has none of {', '.join(keys)}, by which {label} finds a member."
        return f"{label} takes nothing of this value."


def columns_of(shape: Shape) -> dict[str, list[str]]:
    """The columns that are a field's own part: its own in a key of several, else those that are mainly made of it."""
    owned: dict[str, list[str]] = {}
    for key in shape.keys:
        together = len(key.columns) == len(key.made_of)
        for column, name in zip(
            key.columns, key.made_of if together else key.made_of[:1] * len(key.columns), strict=True
        ):
            owned.setdefault(name, []).append(column)
    for qualifier in shape.qualifiers:
        owned.setdefault(qualifier.made_of[0], []).append(qualifier.column)
    return owned


def _text(cell: Cell | None) -> str | None:
    return None if cell is None or cell.value is None else str(cell.value)
