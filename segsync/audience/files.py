"""The files of the data path: immutable Parquet, private, known by size and checksum. They are personal data."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Container, Iterable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from connectors.digests import is_digest
from segsync.audience.packing import pack
from segsync.effects import NOTHING, Effects, Sort

PRIVATE = 0o600


class FileUnreadable(Exception):  # noqa: N818 - read aloud as "file unreadable"
    """A file of the data path is missing, cut short or another one than was written. Names the file, never its content."""


@dataclass(frozen=True)
class Part:
    """One file: rows of members with keys above `low` up to and with `high`, in key order."""

    sort: str
    number: int
    path: str
    low: int
    high: int
    rows: int
    size: int
    checksum: str


@dataclass(frozen=True)
class Folder:
    """Where the files of one sync lie, below the ledger folder of the installation."""

    root: Path
    sync: str
    effects: Effects = NOTHING

    def write(self, sort: str, number: int, stem: str, table: pa.Table, *, group_rows: int) -> Part:
        """Writes a table whole or not at all. `stem` is unique to the claim that writes. Raises OSError when the disk is full."""
        path = Path(self.sync) / f"{stem}-{sort}-{number}.parquet"
        target = self.root / path
        target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        unfinished = target.with_suffix(".part")
        with self.effects.around(Sort.FILE, f"write {sort}"):
            size, checksum = _write(unfinished, table, group_rows)
        with self.effects.around(Sort.FILE, f"name {sort}"):
            unfinished.replace(target)
            _settle_name(target.parent)
        low, high = _bounds(table)
        return Part(sort, number, str(path), low, high, table.num_rows, size, checksum)

    def path(self, part: Part) -> Path:
        """Where the file lies."""
        return self.root / part.path

    def open(self, part: Part) -> Path:
        """The file, checked. Raises FileUnreadable."""
        path = self.path(part)
        try:
            with path.open("rb") as file:
                if os.fstat(file.fileno()).st_size != part.size:
                    raise FileUnreadable(part.path)
                if hashlib.file_digest(file, "sha256").hexdigest() != part.checksum:
                    raise FileUnreadable(part.path)
        except OSError as error:
            raise FileUnreadable(part.path) from error
        return path

    def discard(self, paths: Iterable[str]) -> None:
        """Removes files that nothing names; one that is gone already is no error."""
        for path in paths:
            self._delete(self.root / path)

    def sweep(self, listed: Container[str], before: datetime) -> int:
        """Removes files older than `before` that are not `listed`: what a worker wrote and was killed before it said so."""
        gone = 0
        for path in (self.root / self.sync).glob("*"):
            if str(path.relative_to(self.root)) not in listed and path.stat().st_mtime < before.timestamp():
                self._delete(path)
                gone += 1
        return gone

    def _delete(self, path: Path) -> None:
        with self.effects.around(Sort.FILE, "delete"):
            path.unlink(missing_ok=True)


def _write(path: Path, table: pa.Table, group_rows: int) -> tuple[int, str]:
    """Writes a table, onto the disk. Returns size and checksum of the file."""
    table = pack(table)
    # what is as good as random does not become smaller
    compression = {field.name: "none" if is_digest(field.type) else "zstd" for field in table.schema}
    descriptor = os.open(path, os.O_CREAT | os.O_TRUNC | os.O_RDWR, PRIVATE)
    with os.fdopen(descriptor, "w+b") as file:
        pq.write_table(
            table,
            file,
            row_group_size=max(group_rows, 1),
            compression=compression,
            use_dictionary=False,
            write_statistics=["member"],
        )
        file.flush()
        os.fsync(file.fileno())
        file.seek(0)
        return os.fstat(file.fileno()).st_size, hashlib.file_digest(file, "sha256").hexdigest()


def _settle_name(folder: Path) -> None:
    """Puts the names of a folder on the disk: the database may soon say that a file is there, even after a power cut."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _bounds(table: pa.Table) -> tuple[int, int]:
    if table.num_rows == 0:
        return 0, 0
    members = table.column("member")
    return int(members[0].as_py()) - 1, int(members[table.num_rows - 1].as_py())
