"""The file of rejected rows: line, reason and the row as it was, safe to open in a spreadsheet and to import once mended."""

from __future__ import annotations

import csv
import io
import os
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from segsync.rules.csv_cells import guarded

MARK: Final = "\ufeff"
"""So that spreadsheets read the letters right."""


class Rejects:
    """Written beside the progress: what lies behind `size` is of a slice that was killed, and is cut off."""

    def __init__(self, path: Path, size: int) -> None:
        self.path = path
        self.size = size
        self._file: int | None = None

    def __enter__(self) -> Self:
        if self.size or self.path.exists():
            os.truncate(self.path, self.size)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._file is not None:
            os.close(self._file)

    def add(self, columns: Sequence[str], rows: Sequence[tuple[int, str, Sequence[str]]]) -> None:
        """Adds rows (line, reason, cells) and sees that they are on the disk. Raises OSError for a full disk."""
        if not rows:
            return
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\r\n")
        if not self.size:
            text.write(MARK)
            writer.writerow(["line", "reason", *(guarded(column) for column in columns)])
        writer.writerows([line, reason, *(guarded(cell) for cell in cells)] for line, reason, cells in rows)
        if self._file is None:
            self._file = os.open(self.path, os.O_CREAT | os.O_APPEND | os.O_WRONLY, 0o600)
        data = memoryview(text.getvalue().encode("utf-8", "replace"))
        while data:
            data = data[os.write(self._file, data) :]
        os.fsync(self._file)
        self.size = os.fstat(self._file).st_size
