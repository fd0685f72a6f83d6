"""How much is asked of a segment's source while few or many of its members differ."""

from __future__ import annotations

from dataclasses import dataclass, field
from types import SimpleNamespace

import duckdb
import pyarrow as pa

from connectors.contract import Kind
from segsync.actions.push.read import Pending
from segsync.actions.push.windows import Windows
from segsync.audience.files import Folder
from segsync.audience.identified import Identify, Method
from segsync.audience.ledger import Held, ledger_schema
from tests.fakes import FakeChannel

WINDOW = 20
METHOD = Method(FakeChannel(), Kind.PEOPLE, "basis 1", "secret")


@dataclass
class Source:
    """Members with a change number; `asked` is how many whole members each question brought."""

    changed: set[int]
    most: int
    asked: list[int] = field(default_factory=list)

    def window(self, low: int, rows: int) -> pa.Table:
        return self._numbers([i for i in range(1, self.most + 1) if i > low][:rows])

    def touched(self, _low: int, _high: int) -> None:
        return None

    def values(self, low: int, high: int, ids: pa.Array | None) -> pa.Table:
        told = [i for i in range(1, self.most + 1) if low < i <= high] if ids is None else ids.to_pylist()
        self.asked.append(len(told))
        fields = {name: pa.array([f"{name}{i}@example.org" for i in told], pa.string()) for name in METHOD.shape.fields}
        return pa.table(dict(zip(("id", "change_no"), self._numbers(told).columns[:2], strict=True)) | fields)

    def _numbers(self, ids: list[int]) -> pa.Table:
        told = {"id": ids, "change_no": [2 if i in self.changed else 1 for i in ids], "barred": [0] * len(ids)}
        return pa.table({name: pa.array(numbers, pa.int64()) for name, numbers in told.items()})


def asked_for(tmp_path, source: Source) -> list[int]:
    """Goes through all windows beside a ledger that has everybody, as a run does."""
    folder = Folder(tmp_path, "SY-1")
    rows = [
        {
            "member": i,
            "version": f"{i:032x}",
            "change_no": 1,
            "state": int(Held.HELD),
            "reason": "",
            "EMAIL": f"{i:064x}",
        }
        for i in range(1, source.most + 1)
    ]
    pieces = [rows[start : start + WINDOW] for start in range(0, len(rows), WINDOW)]
    tables = [pa.Table.from_pylist(piece, schema=ledger_schema(METHOD.shape)) for piece in pieces]
    parts = [folder.write("ledger", n, "run", table, group_rows=WINDOW) for n, table in enumerate(tables)]
    windows, low = Windows(source, parts, folder.open, WINDOW, same_basis=True), -1
    pending = Pending(SimpleNamespace(shape=METHOD.shape), source, low)
    with duckdb.connect() as bench:
        identify = Identify(bench, METHOD)
        while low < 2**62:
            window = windows.after(low)
            low = window.span[1]
            pending.take(window)
            if pending.rows >= WINDOW:
                list(pending.compared(identify, WINDOW))
        list(pending.compared(identify, WINDOW))
    return source.asked


def test_few_who_changed_are_asked_for_by_name(tmp_path):
    """One in seven has changed: nobody else's fields are read, however many windows they lie in (B1)."""
    source = Source(set(range(7, 1001, 7)), 1000)
    assert sum(asked_for(tmp_path, source)) == 142


def test_all_who_changed_are_read_some_at_a_time(tmp_path):
    """Everybody has changed: each is read once, never more than a window at a time (B1)."""
    source = Source(set(range(1, 201)), 200)
    asked_for(tmp_path, source)
    assert (sum(source.asked), max(source.asked) <= WINDOW) == (200, True)
