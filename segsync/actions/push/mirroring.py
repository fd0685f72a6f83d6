"""The mirror of this sync's ledger in its warehouse: found, or brought up to what the ledger is now, before anything is compared there."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import duckdb
from sqlalchemy import func, select

from segsync.actions import books
from segsync.actions.push.job import Job
from segsync.audience import mirrors
from segsync.audience.files import FileUnreadable
from segsync.audience.mirrors import Mirror, Sums, Writing
from segsync.audience.warehouse_readers import Limits
from segsync.audience.warehouses import Warehouse, opened
from segsync.models import Ledger, Sync
from segsync.rules.warehouse_urls import Address

LOOKED_AT: Final = 2
"""Mirrors of earlier generations that are looked at, before all of it is written anew."""


@dataclass(frozen=True)
class Held:
    """A mirror that has what the ledger has, and what that comes to."""

    mirror: Mirror
    holds: Sums


@dataclass(frozen=True)
class Mirrors:
    """The schema of a warehouse, for one run."""

    job: Job
    schema: str
    address: Address
    limits: Limits

    def current(self, told: dict[str, Any]) -> Held | None:
        """The mirror of the ledger that this run compares with; None where there is nothing to compare with. Raises WarehouseProblem.

        What had to be written there is added to `told`.
        """
        job = self.job
        with job.runtime.sessions() as session:
            ledger_id = books.current_ledger(session, job.run.id)
            ledger = session.get(Ledger, ledger_id) if ledger_id else None
        if ledger is None or not ledger.rows or ledger.basis != job.basis:
            return None
        files = self._files(ledger.id) or []
        with job.tools.workbench() as bench:
            holds = mirrors.sums(bench, job.shape, files)
            with opened(self.address, self.limits) as warehouse:
                mine = [one for one in self._there(warehouse) if one.sync == self._sync]
                for one in mine:
                    if one.ledger == ledger.id and mirrors.fits(warehouse, self.schema, one, holds):
                        return Held(one, holds)
                writing = self._from_older(warehouse, bench, [one for one in mine if one.ledger != ledger.id], files)
            made = Mirror(ledger.id, job.run.id, job.claim.fence or 0, self._sync)
            with opened(self.address, self.limits, writing=True) as warehouse:
                writing.write(warehouse, bench, self.schema, made)
                self._clear(warehouse, made)
                told["laid_down"] = warehouse.went["bytes"]
        return Held(made, holds)

    @property
    def _sync(self) -> str:
        return mirrors.plain(self.job.sync.public_id)

    def _there(self, warehouse: Warehouse) -> list[Mirror]:
        return mirrors.found(warehouse.tables(self.schema))

    def _from_older(
        self, warehouse: Warehouse, bench: duckdb.DuckDBPyConnection, older: Sequence[Mirror], files: Sequence[Path]
    ) -> Writing:
        """From the newest that has what its ledger had, where that can still be read here; else from nothing."""
        shape = self.job.shape
        for one in older[:LOOKED_AT]:
            had = self._files(one.ledger)
            if had is not None and mirrors.fits(warehouse, self.schema, one, mirrors.sums(bench, shape, had)):
                return Writing(shape, files, one, had)
        return Writing(shape, files)

    def _files(self, ledger_id: int) -> list[Path] | None:
        """The files of a generation of this sync's ledger; None where they are no longer all here. Raises FileUnreadable for the current one."""
        job = self.job
        with job.runtime.sessions() as session:
            ledger = session.get(Ledger, ledger_id)
            if ledger is None or ledger.sync_id != job.sync.id:
                return None
            parts = books.ledger_parts(session, ledger_id)
            current = books.current_ledger(session, job.run.id) == ledger_id
        if sum(part.rows for part in parts) != ledger.rows:
            return None
        try:
            return [job.open(part) for part in parts]
        except FileUnreadable:
            if current:
                raise
            return None

    def _clear(self, warehouse: Warehouse, made: Mirror) -> None:
        """Takes away mirrors of this sync from before, and those of syncs that are deleted."""
        there = self._there(warehouse)
        others = {one.sync for one in there} - {self._sync}
        plain = func.lower(func.replace(Sync.public_id, "-", "_"))
        with self.job.runtime.sessions() as session:
            deleted = set(session.scalars(select(plain).where(Sync.deleted_at.is_not(None), plain.in_(others))))
        old = [one for one in there if one.sync in deleted or (one.sync == self._sync and one < made)]
        mirrors.clear(warehouse, self.schema, old)
