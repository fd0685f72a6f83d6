"""Windows of members beside the ledger of the same keys."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from segsync.actions.push.windows import MOST, TOP, Windows
from segsync.audience.files import Part

ROWS = 3


@dataclass
class People:
    """A segment, by the keys of its members."""

    keys: list[int]

    def window(self, low: int, rows: int) -> pa.Table:
        return pa.table({"id": pa.array([key for key in self.keys if key > low][:rows], pa.int64())})

    def touched(self, _low: int, _high: int) -> None:
        return None


def ledger(files: int) -> list[Part]:
    """Files with three members each: 1 to 3, 4 to 6, and so on."""
    return [Part("ledger", n, f"{n}", n * ROWS, (n + 1) * ROWS, ROWS, 0, "") for n in range(files)]


@given(st.lists(st.integers(1, 60), unique=True).map(sorted), st.integers(0, 20))
def test_everybody_is_in_one_window_beside_the_ledger_of_the_same_keys(keys, files):
    """However many have left, no window has more than a few windows' worth of the ledger, and nobody is met twice (promise 9)."""
    base, low, seen, read = ledger(files), -1, [], 0
    windows = Windows(People(keys), base, lambda part: Path(part.path), ROWS, same_basis=True)
    while low < TOP:
        window = windows.after(low)
        assert window.span[0] == low
        assert len(window.base) <= MOST + 1
        mine = window.members.column("id").to_pylist()
        assert all(low < key <= window.span[1] for key in mine)
        low, seen, read = window.span[1], seen + mine, read + 1
    assert seen == keys
    assert read <= len(keys) / ROWS + files / (MOST - 1) + 2
