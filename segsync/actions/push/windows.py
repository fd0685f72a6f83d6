"""The windows of a run: members in key order beside the ledger of the same keys, never much of either at once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Protocol

import numpy as np
import pyarrow as pa

from segsync.audience.differing import Window
from segsync.audience.files import Part
from segsync.audience.workbench import tidy

TOP: Final = 2**62
"""Above every key."""
MOST: Final = 2
"""Windows' worth of the ledger beside one window of members, where few are left of those who were in it."""


class Members(Protocol):
    """What windows are read from: `audience.sources.Source`, or a warehouse's members."""

    def window(self, low: int, rows: int) -> pa.Table:
        """Up to `rows` members with keys above `low`."""

    def touched(self, low: int, high: int) -> pa.Table | None:
        """Who of them is not as the ledger has them, where that is known already."""


@dataclass
class Windows:
    """One after the other, `rows` members at most in each. `opened` gives a file of the ledger, checked."""

    source: Members
    base: Sequence[Part]
    opened: Callable[[Part], Path]
    rows: int
    same_basis: bool
    _rest: tuple[pa.Table, int] | None = field(default=None, init=False)
    """Members who were read and come in the next window, and where theirs ends."""
    _given: int = field(default=0, init=False)

    def after(self, low: int) -> Window:
        """The window that begins above `low`, where the one before ended. Raises FileUnreadable."""
        self._given += 1
        tidy(self._given)
        members, high = self._rest or self._read(low)
        self._rest = None
        end = self._end(low, high)
        if end < high:
            here = int(np.searchsorted(members.column("id").to_numpy(), end, side="right"))
            self._rest = members.slice(here), high
            members, high = members.slice(0, here), end
        files = [self.opened(part) for part in self.base if part.high > low and part.low < high]
        return Window(members, files, (low, high), self.same_basis, self.source.touched(low, high))

    def _read(self, low: int) -> tuple[pa.Table, int]:
        members = self.source.window(low, self.rows)
        return members, int(members.column("id")[-1].as_py()) if members.num_rows == self.rows else TOP

    def _end(self, low: int, high: int) -> int:
        """Earlier than the last member, where so much of the ledger lies before it that most of those have left."""
        rows = 0
        for part in self.base:
            if part.high > low and part.low < high:
                rows += part.rows
                if rows >= MOST * self.rows:
                    return min(part.high, high)
        return high
