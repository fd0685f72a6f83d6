"""DuckDB set up for the data path: bounded memory, spilling into a folder of ours, nothing fetched from elsewhere."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import duckdb

MEMORY = "400MB"
SPILL = "20GB"


@contextmanager
def workbench(folder: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    """A connection of its own, closed at the end. `folder` takes what does not fit into memory."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    with TemporaryDirectory(prefix="spill-", dir=folder) as spill:
        connection = duckdb.connect(
            config={
                "memory_limit": MEMORY,
                "temp_directory": spill,
                "max_temp_directory_size": SPILL,
                "threads": 2,
                "autoinstall_known_extensions": False,
                "autoload_known_extensions": False,
                "allow_community_extensions": False,
            }
        )
        try:
            yield connection
        finally:
            connection.close()
