"""Removals of one person in words, and until when each has to be done."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from enum import StrEnum
from typing import Final


class Sort(StrEnum):
    """Why a person is taken out."""

    OPT_OUT = "opt_out"
    CONSENT = "consent"
    ERASURE = "erasure"

    @property
    def label(self) -> str:
        """As people read it."""
        return _LABELS[self]

    @property
    def due_in(self) -> timedelta:
        """By when it has to be done."""
        return _DUE[self]


_LABELS: Final[Mapping[Sort, str]] = {
    Sort.OPT_OUT: "Opt-out",
    Sort.CONSENT: "Withdrawn consent",
    Sort.ERASURE: "Erasure",
}
_DUE: Final[Mapping[Sort, timedelta]] = {
    Sort.OPT_OUT: timedelta(days=10),
    Sort.CONSENT: timedelta(days=10),
    # a month by law; the shortest one counts
    Sort.ERASURE: timedelta(days=28),
}


class TaskState(StrEnum):
    """Where the removal from one audience stands."""

    WAITING = "waiting"
    SENT = "sent"
    CONFIRMED = "confirmed"
    BY_HAND = "by hand"
    """The channel cannot be asked: somebody does it on the channel's own page, or sees to the cause."""


class RemovalState(StrEnum):
    """Where the whole of it stands."""

    BEGUN = "begun"
    REMOVING = "removing"
    DONE = "done"
