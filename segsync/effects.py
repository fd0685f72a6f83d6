"""The one hook that everything passes which a process leaves outside itself: a transaction, a file, a request, a wake-up.

What a crash leaves behind is decided between two of these. By default nothing stands there; who wants to see them, or to end the
process between two of them, gives a runtime an `Effects` of their own.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum


class Sort(StrEnum):
    """Where an effect is left."""

    COMMIT = "commit"
    """A transaction that wrote something."""
    FILE = "file"
    """Of the ledger folder: written, given its name, deleted."""
    REQUEST = "request"
    """To a channel."""
    WAKE = "wake"
    """Through Redis."""
    WAREHOUSE = "warehouse"
    """In the schema that a warehouse has for us: a table written or taken away."""


@dataclass(frozen=True)
class Effect:
    """One of them. `what` names tables, sorts of files, paths of requests or queues: never a person."""

    sort: Sort
    what: str


class Effects:
    """What stands around every effect: nothing."""

    def before(self, effect: Effect) -> None:
        """It is about to happen."""

    def after(self, effect: Effect) -> None:
        """It happened."""

    @contextmanager
    def around(self, sort: Sort, what: str) -> Iterator[None]:
        """Both, around a block. Not `after`, where the block fails."""
        effect = Effect(sort, what)
        self.before(effect)
        yield
        self.after(effect)


NOTHING = Effects()
