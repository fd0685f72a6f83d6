"""A warehouse's members in a run: compared in their own engine where it has a schema for us, else streamed and compared here.

Our ledger is the truth in both ways; what is in the schema only tells what does not have to travel. Whatever is wrong with it costs
a run more rows, and never a wrong one.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from tempfile import TemporaryDirectory
from typing import Any, Final, TypeVar

import pyarrow as pa

from segsync.actions import warehouse_reading
from segsync.actions.push.job import Job
from segsync.actions.push.mirroring import Mirrors
from segsync.actions.trouble import TroubleFound
from segsync.actions.warehouse_reading import Asked
from segsync.audience.warehouse_members import Making
from segsync.audience.warehouse_readers import NOT_OURS, Limits, WarehouseProblem
from segsync.audience.warehouse_stage import Stage, stage
from segsync.audience.warehouse_there import OTHER_WORDS, There
from segsync.audience.warehouses import Warehouse, opened
from segsync.audience.workbench import private
from segsync.effects import Sort
from segsync.rules.warehouse_urls import Address

T = TypeVar("T")

HERE: Final = frozenset({NOT_OURS, OTHER_WORDS, "warehouse.broke"})
"""Problems with comparing there: members are streamed instead. One that streaming has too fails the run."""


@dataclass
class WarehouseMembers:
    """The members of a run, asked for when the first of them is needed. See `audience.sources.Source`."""

    job: Job
    about: Asked
    stack: ExitStack
    in_one_go = True
    """What was laid down is there only as long as this is open: it is read to its end."""
    counted: Counter[str] = field(default_factory=Counter)
    """Members that did not travel, because their own engine found nothing to do."""
    told: dict[str, Any] = field(default_factory=dict)
    """Where was compared and what travelled."""
    _laid: Stage | There | None = None

    @property
    def unclean(self) -> Mapping[str, int]:
        """Cells left out, by field."""
        return self._laid.unclean if self._laid else {}

    def window(self, low: int, rows: int) -> pa.Table:
        """See Source."""
        return self._staged().window(low, rows)

    def touched(self, low: int, high: int) -> pa.Table | None:
        """See Source."""
        return self._staged().touched(low, high)

    def values(self, low: int, high: int, ids: pa.Array | None) -> pa.Table:
        """See Source."""
        with self._problems():
            if self._laid is None:
                self._laid = self._try_there(self._lay_there) or self._here()
            return self._laid.values(low, high, ids)

    def _staged(self) -> Stage:
        if not isinstance(self._laid, Stage):
            with self._problems():
                self._laid = self._try_there(self._compared) or self._here()
        return self._laid

    @contextmanager
    def _problems(self) -> Iterator[None]:
        try:
            yield
        except WarehouseProblem as problem:
            raise TroubleFound(warehouse_reading.trouble_of(problem, self.about)) from None

    @property
    def _schema(self) -> str:
        return self.about.source.connection.schema_name

    @property
    def _address(self) -> Address:
        return warehouse_reading.address_of(self.job.runtime, self.about.source.connection)

    @property
    def _making(self) -> Making:
        return warehouse_reading.making(self.job.runtime, self.about, self.job.capabilities, self.job.basis)

    @property
    def _kept_out(self) -> pa.Table:
        return warehouse_reading.kept_out(self.job.runtime, self.about.segment, self.job.capabilities)

    def _limits(self) -> Limits:
        job = self.job
        spill = self.stack.enter_context(TemporaryDirectory(prefix="spill-", dir=private(job.spill)))
        allowed = warehouse_reading.limits(job.runtime, job.claim.keep)
        return replace(allowed, spill=spill, around=lambda what: job.runtime.effects.around(Sort.WAREHOUSE, what))

    def _opened(self, stack: ExitStack) -> Warehouse:
        """The warehouse, with the columns as they were when somebody said which is what."""
        warehouse = stack.enter_context(opened(self._address, self._limits()))
        warehouse_reading.check_types(self.about, warehouse.schema(self.about.query))
        return warehouse

    def _here(self) -> Stage:
        """Everybody, streamed and made into members here."""
        laid = self.stack.enter_context(stage(self.job.spill))
        making, out = self._making, self._kept_out
        with ExitStack() as until_read:
            warehouse = self._opened(until_read)
            rows = warehouse.stream(making.wanted.sql(self.about.engine, self.about.query))
            laid.lay(rows, making, out)
            self.told |= {"there": False, "rows": warehouse.came["rows"], "bytes": warehouse.came["bytes"]}
        return laid

    # -- there -------------------------------------------------------------------------------------------------

    def _try_there(self, work: Callable[[], T]) -> T | None:
        """What its own engine gives; None where it has no schema for us. What only this way has trouble with is noted."""
        if not self._schema:
            return None
        try:
            return work()
        except WarehouseProblem as problem:
            if problem.code not in HERE:
                raise
            self.told["why"] = problem.code
            return None

    def _lay_there(self, stack: ExitStack | None = None) -> There:
        """Everybody, made into members there."""
        warehouse = self._opened(stack or self.stack)
        there = There(warehouse, self._making, self.job.connector, self.job.kind)
        there.lay(self.about.query, self._kept_out)
        return there

    def _compared(self) -> Stage:
        """Those who changed, as their own engine found and made them."""
        job = self.job
        mirror = Mirrors(job, self._schema, self._address, self._limits()).current(self.told)
        laid = self.stack.enter_context(stage(job.spill))
        with ExitStack() as until_read:
            there = self._lay_there(until_read)
            if mirror is None:
                counted = there.everybody()
                laid.lay_changes(there.changed(None), None, job.shape.columns)
            else:
                place = there.warehouse.place(self._schema, mirror.mirror.name)
                counted = there.counted(place)
                laid.lay_changes(there.changed(place), there.gone(place), job.shape.columns)
                if there.known + laid.gone != mirror.holds.rows:
                    raise WarehouseProblem(NOT_OURS)  # somebody changed it meanwhile
            laid.unclean, self.counted = there.unclean, counted
            self._tell(there, laid)
        return laid

    def _tell(self, there: There, laid: Stage) -> None:
        """What travelled: those who changed, and a few counts."""
        warehouse = there.warehouse
        self.told["there"] = True
        self.told["read"] = there.members
        self.told["rows"] = laid.rows
        self.told["bytes"] = warehouse.came["bytes"]
        self.told["laid_down"] = self.told.get("laid_down", 0) + warehouse.went["bytes"]


@contextmanager
def members(job: Job) -> Iterator[WarehouseMembers]:
    """The members of a run's segment as its warehouse has them. Reading them raises TroubleFound, and then nothing was read."""
    with job.runtime.sessions() as session:
        about = warehouse_reading.asked(session, job.segment.id)
    with ExitStack() as stack:
        yield WarehouseMembers(job, about, stack)
