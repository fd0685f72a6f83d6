"""What a carrier answers after one bounded piece of work."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol


@dataclass(frozen=True)
class Progress:
    """More is left: the frame goes on, or gives the worker to others."""


@dataclass(frozen=True)
class WaitUntil:
    """Nothing can be done before this time. `why` is a word for the page: 'rate limit', 'channel'."""

    time: datetime
    why: str


@dataclass(frozen=True)
class InOtherHands:
    """What is left is being done by others: whoever is the last of them wakes the run."""


@dataclass(frozen=True)
class Done:
    """The destination has answered the last request. `refused` counts rows that it did not take."""

    refused: int = 0


Outcome = Progress | WaitUntil | InOtherHands | Done


class Carrier(Protocol):
    """Brings one kind of destination up to date, a piece at a time."""

    def step(self) -> Outcome:
        """One bounded piece of work. Raises ConnectorProblem, ClaimLost, FileUnreadable, OSError."""
