"""A plan: what one run sends, recorded before anything is sent. A batch is one row group of one file.

Sections, in the order of sending: removals, then additions of new members, of changed members (`after`), of members who
stay but shared a key with somebody removed (`again`), and of members who are `renewed` before the channel forgets them. `notes` say what the ledger learns without anything being sent.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import pyarrow as pa

from connectors.contract import Action
from segsync.audience.files import Part
from segsync.audience.packing import read_rows
from segsync.audience.rolls import Sheet

REMOVALS, NEW, AFTER, AGAIN, RENEWED, NOTES = "removals", "new", "after", "again", "renewed", "notes"
ADDITIONS = (NEW, AFTER, AGAIN, RENEWED)
SECTIONS = (REMOVALS, *ADDITIONS)
NOTE, SKIP, DROP = "note", "skip", "drop"
"""Notes: a member is unchanged under a newer change number; has nothing to send; a row is forgotten without a removal."""


@dataclass(frozen=True)
class PlanFile:
    """A file of the plan. `part` is how it is listed, where it has still to be checked before it is read."""

    section: str
    path: Path
    rows: int
    part: Part | None = None


@dataclass(frozen=True)
class BatchRef:
    """One batch of a plan: which row group of which file."""

    number: int
    section: str
    file: PlanFile
    group: int
    rows: int

    @property
    def action(self) -> Action:
        """What it does."""
        return Action.REMOVE if self.section == REMOVALS else Action.ADD

    def read(self, columns: Sequence[str]) -> pa.Table:
        """The rows to send, in the plan's order, digests as they lie there. A column that the plan does not have is empty."""
        return read_rows(self.file.path, columns, group=self.group)


@dataclass(frozen=True)
class Acknowledgements:
    """What the channel answered: numbers of acknowledged batches, and rows it refused as (batch, position, code)."""

    numbers: frozenset[int] = frozenset()
    refused: tuple[tuple[int, int, str], ...] = ()


@dataclass(frozen=True)
class Plan:
    """The recorded plan of a run. Batches are numbered from `first`, files in the order of sending."""

    files: tuple[PlanFile, ...]
    batch_rows: int
    first: int = 1
    notes: tuple[Path, ...] = field(default=())

    @cached_property
    def batches(self) -> tuple[BatchRef, ...]:
        """Every batch, in the order of sending."""
        refs: list[BatchRef] = []
        for file in self._in_order:
            for group, start in enumerate(range(0, file.rows, self.batch_rows)):
                rows = min(self.batch_rows, file.rows - start)
                refs.append(BatchRef(self.first + len(refs), file.section, file, group, rows))
        return tuple(refs)

    def of(self, action: Action) -> Sequence[BatchRef]:
        """The batches of one action, in the order of sending: removals are the first of all."""
        return self.batches[: self._removals] if action is Action.REMOVE else self.batches[self._removals :]

    @cached_property
    def _removals(self) -> int:
        return sum(batch.action is Action.REMOVE for batch in self.batches)

    @property
    def rows_to_remove(self) -> int:
        """Rows of all removals."""
        return sum(file.rows for file in self.files if file.section == REMOVALS)

    @property
    def rows_to_add(self) -> int:
        """Rows of all additions."""
        return sum(file.rows for file in self.files if file.section != REMOVALS)

    def numbered(self, sections: Sequence[str]) -> list[Sheet]:
        """The files of some sections, each with the number of its first batch."""
        first, sheets = self.first, []
        for file in self._in_order:
            if file.section in sections:
                sheets.append(Sheet(file.path, first, self.batch_rows))
            first += -(-file.rows // self.batch_rows)
        return sheets

    @cached_property
    def _in_order(self) -> tuple[PlanFile, ...]:
        return tuple(sorted(self.files, key=lambda file: SECTIONS.index(file.section)))
