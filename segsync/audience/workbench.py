"""DuckDB set up for the data path: bounded memory, spilling into a folder of ours, nothing fetched from elsewhere."""

from __future__ import annotations

import ctypes
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import duckdb
import pyarrow as pa

# what Arrow has let go of goes back to the system: its own allocator keeps a tenth of a worker's memory for later
pa.set_memory_pool(pa.system_memory_pool())
LARGE_BLOCK = 512 * 1024
"""Bytes from which on a block is the system's again as soon as it is let go of."""
KEPT_FREE = 16 * 1024 * 1024
"""Bytes that are kept for what is asked for next: on a virtual machine each page that is new takes as long as six hashes."""


def _settle_memory() -> None:
    """Glibc raises that size with every large block that is let go of, and keeps the larger ones then, in pieces.

    And it gives back all but 128 kB of the smaller ones, to ask for them again with the next batch.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)  # https://man7.org/linux/man-pages/man3/mallopt.3.html
    if mallopt is not None:
        mallopt(M_MMAP_THRESHOLD, LARGE_BLOCK)
        mallopt(M_TRIM_THRESHOLD, KEPT_FREE)


def tidy(windows: int) -> None:
    """Gives back to the system what was let go of, every so many windows: scattered between what is kept, it grows with the segment."""
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)  # https://man7.org/linux/man-pages/man3/malloc_trim.3.html
    if windows % TIDIED_EVERY == 0 and trim is not None:
        trim(0)


TIDIED_EVERY = 16
M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3
_settle_memory()
MEMORY = "200MB"
SPILL = "20GB"


class Fed:
    """A table to the engine, and another one each time it is read: a statement over it is planned once.

    Planning is most of what a statement over a few rows takes.
    """

    def __init__(self, schema: pa.Schema) -> None:
        self.schema = schema
        self.clear()

    def put(self, table: pa.Table) -> None:
        """What is read next, in the columns that it has always."""
        self._table = table.select(self.schema.names).cast(self.schema)

    def clear(self) -> None:
        """Lets go of what was read."""
        self._table = self.schema.empty_table()

    def __arrow_c_stream__(self, requested_schema: Any = None) -> Any:
        # https://arrow.apache.org/docs/format/CDataInterface/PyCapsuleInterface.html
        return self._table.__arrow_c_stream__(requested_schema)


LEFT_BEHIND = 86_400.0
"""Seconds after which a spill folder belongs to nobody: a workbench is open for minutes."""


@contextmanager
def workbench(folder: Path, *, threads: int = 2) -> Iterator[duckdb.DuckDBPyConnection]:
    """A connection of its own, closed at the end. `folder` takes what does not fit into memory."""
    with TemporaryDirectory(prefix="spill-", dir=private(folder)) as spill:
        connection = duckdb.connect(
            config={
                "memory_limit": MEMORY,
                "temp_directory": spill,
                "max_temp_directory_size": SPILL,
                "threads": threads,
                "autoinstall_known_extensions": False,
                "autoload_known_extensions": False,
                "allow_community_extensions": False,
            }
        )
        try:
            yield connection
        finally:
            connection.close()


def private(folder: Path) -> Path:
    """The folder, closed to others and without what killed workers left in it."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    _sweep(folder)
    return folder


def _sweep(folder: Path) -> None:
    """Removes what killed workers had spilled: it holds people's values."""
    for left in folder.glob("spill-*"):
        try:
            old = left.stat().st_mtime < time.time() - LEFT_BEHIND
        except FileNotFoundError:  # whoever it belonged to has ended meanwhile
            continue
        if old:
            shutil.rmtree(left, ignore_errors=True)
