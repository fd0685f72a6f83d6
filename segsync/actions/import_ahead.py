"""Chunks of a file, read and cleaned ahead of the database: by a process of its own where many are left.

Cleaning takes about as long as all the rest, and in one process the two would take turns. What is read goes through a pipe:
nothing of it is on a disk or in an argument, and the process ends with the one that it works for, whatever ends that.
"""

from __future__ import annotations

import gc
import os
import signal
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from multiprocessing.connection import Connection, Pipe
from typing import Final

import orjson

from segsync.actions.import_reading import Reader, Row
from segsync.processes import fork
from segsync.rules.import_rows import Cleaned, Prepared, Reading, cleaned

CHUNK_ROWS: Final = 10_000
CHUNK_BYTES: Final = 8 * 1024 * 1024
WORTH_A_PROCESS: Final = 512 * 1024
"""Bytes: what is less is cleaned while a process would be starting."""


@dataclass(frozen=True)
class Chunk:
    """Rows as they are clean, those that make no sense, and where the next ones begin."""

    cleaned: Cleaned
    broken: Sequence[Row]
    raw: bytes
    """The cells of the clean rows as they stand in the file: hardly any of them is asked for again."""
    offset: int
    lines: int

    def cells(self) -> dict[int, list[str]]:
        """The cells of the clean rows as they stand in the file, by line."""
        return dict(zip(self.cleaned.lines, orjson.loads(self.raw), strict=True))

    @cached_property
    def rows(self) -> list[Prepared]:
        """The clean rows."""
        return self.cleaned.rows()

    @property
    def count(self) -> int:
        """How many rows these are."""
        return len(self.cleaned.lines) + len(self.broken)


@contextmanager
def ahead(reader: Reader, reading: Reading, left: int) -> Iterator[Iterator[Chunk]]:
    """The chunks in order, of a file of which so many bytes are left; while the database writes one, the next is made."""
    with _without_collecting():
        if left < WORTH_A_PROCESS:
            yield _chunks(reader, reading)
            return
        ours, theirs = Pipe(duplex=False)
        cleaner = fork(lambda: _clean(ours, theirs, reader, reading))
        theirs.close()
        with ours, ThreadPoolExecutor(1) as hand:
            try:
                yield _coming(ours, hand)
            finally:  # which also ends what the hand waits for
                os.kill(cleaner, signal.SIGKILL)
                os.waitpid(cleaner, 0)


def _clean(ours: Connection, theirs: Connection, reader: Reader, reading: Reading) -> None:
    """All that the process does. Nothing else of its parent is touched here, least of all the database's connections."""
    ours.close()  # so that writing fails once nobody reads any more
    try:
        for chunk in _chunks(reader, reading):
            theirs.send(chunk)
        theirs.send(None)
    except BrokenPipeError:
        return


def _coming(ours: Connection, hand: ThreadPoolExecutor) -> Iterator[Chunk]:
    """The next chunk is taken in while whoever asked for this one waits for the database."""
    coming = hand.submit(_taken, ours)
    while chunk := coming.result():
        coming = hand.submit(_taken, ours)
        yield chunk


def _taken(ours: Connection) -> Chunk | None:
    """Raises ChildProcessError where the process ended before the file did."""
    try:
        chunk: Chunk | None = ours.recv()
    except (EOFError, OSError):  # at the end of a chunk, or in the midst of one
        raise ChildProcessError("The process that cleans the rows of an import has ended.") from None
    if chunk:
        _ = chunk.rows  # laid out here rather than when they are asked for
    return chunk


def _chunks(reader: Reader, reading: Reading) -> Iterator[Chunk]:
    while chunk := _next_chunk(reader, reading):
        yield chunk


def _next_chunk(reader: Reader, reading: Reading) -> Chunk | None:
    """Some thousand rows, fewer where they are long: memory is bounded by bytes too."""
    begun, rows = reader.offset, list[Row]()
    for row in reader:
        rows.append(row)
        if len(rows) == CHUNK_ROWS or reader.offset - begun > CHUNK_BYTES:
            break
    if not rows:
        return None
    whole = [row for row in rows if not row.problem]
    clean = cleaned(reading, [(row.line, row.cells) for row in whole])
    broken = [row for row in rows if row.problem]
    return Chunk(clean, broken, orjson.dumps([row.cells for row in whole]), reader.offset, reader.lines)


@contextmanager
def _without_collecting() -> Iterator[None]:
    """A chunk is hundreds of thousands of small objects and no circles: looking for those would take as long as the work."""
    was = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was:
            gc.enable()
