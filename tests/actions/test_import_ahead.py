"""The process that reads and cleans the rows of an import ahead of the database."""

from __future__ import annotations

import os
import signal
import time
from contextlib import contextmanager
from pathlib import Path

import pytest

from segsync.actions.import_ahead import WORTH_A_PROCESS, ahead
from segsync.actions.import_files import Shape
from segsync.actions.import_reading import Reader
from segsync.processes import fork
from segsync.rules.cleaning import Door
from segsync.rules.import_mapping import ColumnMap
from segsync.rules.import_rows import Reading
from segsync.servers import alive, wait_until

READING = Reading("contact", ColumnMap(("email", "phone", "tags"), frozenset({"phone"})), Door("DE"))
SHAPE = Shape("utf-8", ",", ("email", "phone", "tags"))
ROWS = " Ada@Example.com ,0151 12345678,one;two\nbob@example.com,??,\nonly one cell\n"


@pytest.fixture
def opened(tmp_path):
    """Chunks of a file of these rows, by a process of its own or not."""

    @contextmanager
    def opened(rows, left=WORTH_A_PROCESS):
        (tmp_path / "people.csv").write_text(rows)
        with (
            (tmp_path / "people.csv").open("rb") as file,
            ahead(Reader(file, SHAPE, offset=0, line=1), READING, left) as chunks,
        ):
            yield chunks

    return opened


def cleaners() -> set[int]:
    return {int(pid) for pid in Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()}


def test_rows_that_a_process_of_its_own_cleaned_are_those_that_were_cleaned_here(opened):
    """A large file comes in as a small one does: values, cells left out, rows that make no sense, and how far it is read (B15)."""
    with opened(ROWS * 4000) as chunks:
        there = list(chunks)
    with opened(ROWS * 4000, left=0) as chunks:
        here = list(chunks)
    assert there == here
    assert [chunk.count for chunk in there] == [10_000, 2_000]
    assert [(chunk.cleaned.rows(), chunk.cells()) for chunk in there] == [(c.cleaned.rows(), c.cells()) for c in here]


def test_a_slice_that_ends_early_leaves_no_process_behind(opened):
    """Whoever stops an import, or gives the worker back, is not followed by work in the background."""
    before = cleaners()
    with opened(ROWS * 40_000) as chunks:
        next(chunks)
        assert len(cleaners() - before) == 1
    assert cleaners() == before


def test_a_process_that_dies_is_noticed_and_its_rows_are_not_taken_for_the_end(opened):
    """What was not cleaned is not taken for the end of the file."""
    before = cleaners()
    with opened(ROWS * 40_000) as chunks:
        next(chunks)
        os.kill(*(cleaners() - before), signal.SIGKILL)
        with pytest.raises(ChildProcessError):
            list(chunks)


def test_a_worker_that_is_killed_takes_its_cleaner_along(opened, tmp_path):
    """After kill -9 nobody goes on reading people's data."""

    def work():
        with opened(ROWS * 40_000) as chunks:
            next(chunks)
            (tmp_path / "pid.part").write_text(str(*cleaners()))
            (tmp_path / "pid.part").rename(tmp_path / "pid")
            time.sleep(600)

    worker = fork(work)
    assert wait_until((tmp_path / "pid").exists, 30)
    cleaner = int((tmp_path / "pid").read_text())
    assert alive(cleaner)
    os.kill(worker, signal.SIGKILL)
    os.waitpid(worker, 0)
    assert wait_until(lambda: not alive(cleaner), 30)


def test_a_process_that_fails_says_where_and_no_value_of_a_person(capfd):
    """What a process prints when it breaks off may be kept for long."""
    os.waitpid(fork(lambda: int("ada@example.com")), 0)
    told = capfd.readouterr().err
    assert "ValueError" in told
    assert "test_import_ahead.py" in told
    assert "ada" not in told
