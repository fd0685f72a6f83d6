"""The time by the database's clock, so that all machines go by one: what one writes down, others go by."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Final

from sqlalchemy import Engine, func, select
from sqlalchemy.exc import SQLAlchemyError

ASKED_EVERY: Final = 60.0
_COUNTS: Final = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)
"""Goes on while the machine sleeps, where the system has such a clock."""


def utc_now() -> datetime:
    """The machine's own clock."""
    return datetime.now(UTC)


class DatabaseClock:
    """Asks the database now and then, and counts the seconds in between. While it is away, the last answer goes on."""

    def __init__(self, engine: Engine, machine: Callable[[], datetime] = utc_now) -> None:
        self.engine = engine
        self.machine = machine
        self._told: tuple[datetime, float] | None = None

    def __call__(self) -> datetime:
        """The time. By the machine's clock, where the database never answered."""
        if self._told is None or time.clock_gettime(_COUNTS) - self._told[1] > ASKED_EVERY:
            self._ask()
        if self._told is None:
            return self.machine()
        at, counted = self._told
        return at + timedelta(seconds=time.clock_gettime(_COUNTS) - counted)

    def _ask(self) -> None:
        try:
            with self.engine.connect() as connection:
                self._told = (
                    connection.execute(select(func.clock_timestamp())).scalar_one(),
                    time.clock_gettime(_COUNTS),
                )
        except SQLAlchemyError:
            return
