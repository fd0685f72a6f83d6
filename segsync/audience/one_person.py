"""One person's rows in the files of the data path. Only the groups of rows that can hold them are read."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from connectors.contract import Shape
from connectors.digests import texts
from segsync.audience.files import FileUnreadable, Folder, Part
from segsync.rules.standing import Row


def parts_with(parts: Iterable[Part], member: int) -> list[Part]:
    """The files whose span of keys includes the person."""
    return [part for part in parts if part.low < member <= part.high]


def rows_of(folder: Folder, parts: Iterable[Part], member: int) -> Iterator[dict[str, Any]]:
    """The person's rows. Raises FileUnreadable for a file that is missing or is no Parquet; its checksum is a run's business."""
    for part in parts_with(parts, member):
        yield from _rows(folder.path(part), part.path, member)


def ledger_rows(folder: Folder, parts: Iterable[Part], member: int, shape: Shape) -> list[Row]:
    """The person's rows of a ledger, identifiers named and not told."""
    return [
        Row(
            int(row["state"]),
            row["reason"] or "",
            tuple(key.name for key in shape.keys if all(row.get(column) is not None for column in key.columns)),
            row["first_sent"],
            row["last_sent"],
        )
        for row in rows_of(folder, parts, member)
    ]


def _rows(path: Path, name: str, member: int) -> list[dict[str, Any]]:
    try:
        found: list[dict[str, Any]] = texts(pq.read_table(path, filters=[("member", "=", member)])).to_pylist()
    except (OSError, ValueError) as damaged:
        raise FileUnreadable(name) from damaged
    return found
