"""When who stays is sent again: channels forget whom nobody renews. Each member has a turn of its own, so that never everybody is due at once."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

PLACES, STEP = 1000, 619
"""Turns inside the spread, and how far the next member's is from one's own: the golden section of them, which fills them evenly
however few members there are. A member's is always the same."""
SPREAD: Final = 4
"""Turns begin a quarter before the latest moment; whoever rides along with a run that sends anyway does so at most as much earlier."""


@dataclass(frozen=True)
class Turns:
    """How long after it was last sent a member has its turn: `latest`, and up to `spread` earlier."""

    latest: timedelta
    spread: timedelta

    def nobody_at(self, now: datetime, oldest: datetime) -> bool:
        """Whether nobody has a turn, nor may ride along, where nobody was sent before `oldest`; that may be by a clock that was wrong."""
        return now < oldest + self.latest - 2 * self.spread and oldest <= now + AHEAD


AHEAD: Final = timedelta(days=1)
"""Whoever was sent so far ahead of now was sent while a clock was wrong: nobody knows when."""


def turns(resend_after: timedelta, every: timedelta) -> Turns:
    """The turns of a sync that runs `every` so often: early enough that the run before the last moment takes everybody."""
    latest = max(resend_after - every, resend_after / 2)
    return Turns(latest, latest / SPREAD)


def close_after(forgets_after: timedelta) -> timedelta:
    """How long after it was last sent a member is so close to being forgotten that somebody should know: runs must have failed for long."""
    return forgets_after * 3 / 4


def how_many(due: int, *, sends: bool, batch_rows: int) -> int:
    """How many are renewed at most, those due first: whole requests, because filling the last one costs nothing.

    Where nobody is due, a run that sends anyway takes a request of those whose turn is near; one that sends nothing asks for nothing.
    """
    if not due and not sends:
        return 0
    return -(-max(due, 1) // batch_rows) * batch_rows
