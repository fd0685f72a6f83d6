"""Files whose rows lie in key order, given out window by window. Each is read once, and let go when the windows are past it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from segsync.audience.packing import read_rows, together
from segsync.audience.workbench import tidy


@dataclass(frozen=True)
class Sheet:
    """One file. `number` is that of its first batch, where its rows are batches of a plan with `batch_rows` rows."""

    path: Path
    number: int = 0
    batch_rows: int = 0


@dataclass
class Roll:
    """Files of one kind with the columns that are wanted of them; one that a file does not have is empty."""

    sheets: Sequence[Sheet]
    schema: pa.Schema
    numbered: bool = False
    """Whether each row is told with the `number` of its batch and its `position` in it."""
    _spans: list[Span] = field(init=False)
    _read: dict[int, pa.Table] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Looks at which keys are in which file."""
        self._spans = [_span(sheet.path) for sheet in self.sheets]

    @property
    def edges(self) -> list[tuple[int, int]]:
        """The last key of each file, and how many rows it has."""
        return [(span.high, span.rows) for span in self._spans]

    @property
    def all(self) -> pa.Schema:
        """What `between` gives, with digests as text."""
        more = [("number", pa.int64()), ("position", pa.int64())] if self.numbered else []
        return pa.schema([*self.schema, *(pa.field(*each) for each in more)])

    def between(self, low: int, high: int) -> pa.Table:
        """The rows with keys above `low` up to `high`, in key order in each file, digests as they lie there. Windows only go up."""
        found = []
        for place, span in enumerate(self._spans):
            if span.low <= high and span.high > low:
                table = self._table(place)
                start, stop = np.searchsorted(table.column("member").to_numpy(), [low, high], side="right")
                found.append(table.slice(int(start), int(stop - start)))
                if span.high <= high:
                    del self._read[place]
        return together(found) if found else self.all.empty_table()

    def _table(self, place: int) -> pa.Table:
        if place not in self._read:
            self._read[place] = self._load(self.sheets[place])
        return self._read[place]

    def _load(self, sheet: Sheet) -> pa.Table:
        rows = read_rows(sheet.path, self.schema.names)
        if self.numbered:
            place = np.arange(rows.num_rows, dtype=np.int64)
            rows = rows.append_column("number", pa.array(sheet.number + place // sheet.batch_rows))
            rows = rows.append_column("position", pa.array(place % sheet.batch_rows))
        return in_key_order(rows)


NOBODY = -1
"""Below every key."""


def windows_of(rolls: Sequence[Roll], rows: int) -> Iterator[tuple[int, int]]:
    """Windows over several rolls, above the first key up to the second: each ends as soon as files with as many rows have ended.

    Memory that was let go of is given back between them.
    """
    low = high = NOBODY
    met = windows = 0
    for high, more in sorted(edge for roll in rolls for edge in roll.edges):
        met += more
        if met >= rows:
            yield low, high
            low, met, windows = high, 0, windows + 1
            tidy(windows)
    if met:
        yield low, high


def gathered(tables: Iterable[pa.Table], rows: int) -> Iterator[pa.Table]:
    """Small tables, one after the other, as some of about `rows` rows."""
    waiting: list[pa.Table] = []
    for table in tables:
        waiting.append(table)
        if sum(one.num_rows for one in waiting) >= rows:
            yield pa.concat_tables(waiting)
            waiting = []
    if waiting:
        yield pa.concat_tables(waiting)


def in_key_order(rows: pa.Table, key: str = "member") -> pa.Table:
    """By member. Mostly they come so, and sorting would copy all of them."""
    members = rows.column(key).to_numpy()
    return rows if (members[1:] >= members[:-1]).all() else rows.sort_by(key)


def inside(rows: pa.Table, low: int, high: int, *, key: str = "member") -> pa.Table:
    """The rows with keys above `low` up to `high`, in whatever order they lie."""
    keys = rows.column(key).to_numpy()
    return rows.filter(pa.array((keys > low) & (keys <= high)))


def picked(rows: pa.Table, mask: np.ndarray) -> pa.Table:
    """Some of the rows. Mostly it is all of them, and picking would copy them."""
    return rows if mask.all() else rows.filter(pa.array(mask))


def distinct(members: np.ndarray) -> np.ndarray:
    """Each once, in order. Mostly they come so."""
    if (members[1:] < members[:-1]).any():
        members = np.sort(members)
    once: np.ndarray = members[np.append(np.ones(min(len(members), 1), np.bool_), members[1:] != members[:-1])]
    return once


@dataclass(frozen=True)
class Span:
    """The first and the last key of a file, and how many rows it has."""

    low: int
    high: int
    rows: int


def _span(path: Path) -> Span:
    about = pq.read_metadata(path)
    column = about.schema.to_arrow_schema().names.index("member")
    told = [about.row_group(group).column(column).statistics for group in range(about.num_row_groups)]
    return Span(min(one.min for one in told), max(one.max for one in told), about.num_rows)
