"""Who stays is sent again in time, a few at a time, however long nothing changes."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from connectors.contract import Kind
from connectors.meta.identifiers import CAPABILITIES
from segsync.audience.ledger import Held, ledger_schema
from segsync.audience.renewing import Staying, choose, renewed
from segsync.audience.workbench import workbench
from segsync.rules.renewal import how_many, turns
from tests.builders import NOW

DAY = timedelta(days=1)
SHAPE = CAPABILITIES.shapes[Kind.PEOPLE]
REQUEST = 4
"""Rows of one."""
EVERY = 2
"""Days between two runs."""
OFTEN = turns(CAPABILITIES.resend_after, EVERY * DAY)


@dataclass
class Books:
    """A ledger of people who stay, and a run of it."""

    folder: Path
    sent: dict[int, float]

    def run(self, now) -> int:
        """Renews whose turn it is. Returns how many."""
        if OFTEN.nobody_at(now, NOW.fromtimestamp(min(self.sent.values()), NOW.tzinfo)):
            return 0
        staying = Staying([self._written()], [])
        with workbench(self.folder / "spill") as bench:
            most = how_many(choose(bench, SHAPE, staying, OFTEN, now), sends=False, batch_rows=REQUEST)
            tables = list(renewed(bench, SHAPE, most, 1000))
        chosen = [member for table in tables for member in table.column("member").to_pylist()]
        self.sent |= dict.fromkeys(chosen, now.timestamp())
        return len(chosen)

    def _written(self) -> Path:
        path = self.folder / "ledger.parquet"
        rows = [
            {"member": who, "version": "v", "state": int(Held.HELD), "last_sent": int(at)}
            for who, at in self.sent.items()
        ]
        pq.write_table(pa.Table.from_pylist(rows, schema=ledger_schema(SHAPE)), path)
        return path


def test_in_600_days_nobody_lapses_and_renewals_are_spread(tmp_path):
    """Nothing changes for 600 days: nobody gets older than 25, and although all came on one day, ever more runs renew a few (promise 7)."""
    books = Books(tmp_path, dict.fromkeys(range(40), NOW.timestamp()))
    renewals = []
    for day in range(EVERY, 601, EVERY):
        now = NOW + day * DAY
        renewals.append(books.run(now))
        assert now.timestamp() - min(books.sent.values()) <= timedelta(days=25).total_seconds()
    assert not any(renewals[:8])
    assert max(renewals) <= 20
    assert sum(map(bool, renewals[-100:])) >= 50
    assert 40 * 600 / 25 <= sum(renewals) <= 40 * 600 / 12
