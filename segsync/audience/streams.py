"""A stream of rows on its way into files: cut so that every batch of a channel is one row group."""

from __future__ import annotations

from dataclasses import dataclass, field

import pyarrow as pa

from segsync.audience.files import Folder, Part
from segsync.audience.packing import pack, together


@dataclass
class Stream:
    """Collects rows in key order and writes a part whenever `part_rows` are together. Nothing is on disk before that."""

    folder: Folder
    sort: str
    stem: str
    group_rows: int
    part_rows: int
    first_number: int = 0
    parts: list[Part] = field(default_factory=list)
    _waiting: list[pa.Table] = field(default_factory=list)
    _rows: int = 0

    def add(self, table: pa.Table) -> None:
        """Takes rows; writes what fills whole batches once there are enough."""
        if table.num_rows == 0:
            return
        self._waiting.append(pack(table))
        self._rows += table.num_rows
        if self._rows >= max(self.part_rows, self.group_rows):
            rows = together(self._waiting)
            self._waiting = []
            whole = (self._rows // self.group_rows) * self.group_rows
            self._write(rows.slice(0, whole))
            rest = rows.slice(whole)
            self._waiting = [rest] if rest.num_rows else []
            self._rows = rest.num_rows

    def finish(self) -> list[Part]:
        """Writes what is left and returns the parts written."""
        if self._rows:
            self._write(together(self._waiting))
            self._waiting, self._rows = [], 0
        return self.parts

    def _write(self, table: pa.Table) -> None:
        number = self.first_number + len(self.parts)
        part = self.folder.write(self.sort, number, self.stem, table.combine_chunks(), group_rows=self.group_rows)
        self.parts.append(part)
