"""What a killed worker leaves on the disk is personal data too, and does not stay there."""

from __future__ import annotations

import os
import stat
import time
from datetime import UTC, datetime, timedelta

import pyarrow as pa

from segsync.audience.files import Folder
from segsync.audience.workbench import workbench

DAY = 86_400


def aged(path, days: float):
    os.utime(path, (time.time() - days * DAY,) * 2)
    return path


def test_spilled_rows_of_a_killed_worker_go(tmp_path):
    """A worker was killed while it compared: what it had spilled is gone a day later, what others use stays (promise 9)."""
    (dead := tmp_path / "spill-dead").mkdir()
    (dead / "rows.tmp").write_text("somebody@example.org")
    (young := tmp_path / "spill-young").mkdir()
    aged(dead, 2)
    with workbench(tmp_path):
        assert (dead.exists(), young.exists()) == (False, True)


def test_files_that_were_never_listed_go(tmp_path):
    """A worker was killed before it listed its files: they go with the others that nothing names, a week later (S15)."""
    folder = Folder(tmp_path, "SY-TEST-0001")
    rows = pa.table({"member": [1]})
    listed, forgotten, young = (folder.path(folder.write("ledger", n, f"run{n}", rows, group_rows=1)) for n in range(3))
    unfinished = listed.with_suffix(".part")
    unfinished.write_bytes(b"half")
    for path in (listed, forgotten, unfinished):
        aged(path, 8)
    gone = folder.sweep({f"SY-TEST-0001/{listed.name}"}, datetime.now(UTC) - timedelta(days=7))
    assert (gone, listed.exists(), forgotten.exists(), unfinished.exists(), young.exists()) == (
        2,
        True,
        False,
        False,
        True,
    )


def test_files_are_private(tmp_path):
    """Only the account that runs the workers reads a ledger."""
    folder = Folder(tmp_path / "ledgers", "SY-TEST-0001")
    path = folder.path(folder.write("ledger", 0, "run1", pa.table({"member": [1]}), group_rows=1))
    assert (stat.S_IMODE(path.stat().st_mode), stat.S_IMODE(path.parent.stat().st_mode)) == (0o600, 0o700)
