"""The scheduler's loop: it outlives what is away, may run twice, and shows that it is alive."""

from __future__ import annotations

import pytest
import redis
from sqlalchemy import select
from sqlalchemy.exc import OperationalError

from segsync.models import Installation
from segsync.scheduler import LONGEST_PAUSE, Scheduler


class Ticks:
    """What the scheduler calls every second; raises what it was told to, in turn."""

    def __init__(self, *outcomes: Exception | None) -> None:
        self.outcomes = list(outcomes)
        self.counted = 0

    def __call__(self, _runtime) -> None:
        self.counted += 1
        outcome = self.outcomes.pop(0) if self.outcomes else None
        if outcome:
            raise outcome


GONE = OperationalError("select", {}, Exception("connection refused"))


def test_it_ticks_every_second(runtime):
    """What is due is looked for within a second."""
    assert 0.5 < Scheduler(runtime, Ticks()).once() <= 1.0


@pytest.mark.parametrize("away", [GONE, redis.ConnectionError("refused")])
def test_it_waits_longer_and_longer_while_something_is_away_and_then_goes_on(runtime, away):
    """An absent database or Redis does not end the scheduler, nor does it hammer on the door."""
    scheduler = Scheduler(runtime, Ticks(*[away] * 8))
    pauses = [scheduler.once() for _ in range(8)]
    assert pauses[:4] == [1, 2, 4, 8]
    assert pauses[-1] == LONGEST_PAUSE
    assert scheduler.once() <= 1.0


def test_a_mistake_in_the_program_is_not_hidden(runtime):
    """Only what may come back is waited for; anything else ends the process, and its supervisor tells."""
    with pytest.raises(ZeroDivisionError):
        Scheduler(runtime, Ticks(ZeroDivisionError())).once()


def test_a_late_tick_is_followed_at_once(runtime):
    """Two seconds of work are not followed by another second of waiting."""
    scheduler = Scheduler(runtime, lambda _: scheduler.stopped.wait(1.1))
    assert scheduler.once() == 0


def test_it_shows_that_it_is_alive(runtime, session):
    """`segsync check` finds it by a row that is renewed every few seconds."""
    Scheduler(runtime, Ticks()).once()
    assert len(session.scalars(select(Installation).where(Installation.key.startswith("scheduler "))).all()) == 1


def test_it_stops_when_told_to(runtime):
    """SIGTERM ends the loop without waiting for the next tick."""
    ticks = Ticks()
    scheduler = Scheduler(runtime, ticks)
    scheduler.tick = lambda _: scheduler.stopped.set()
    scheduler.loop()
    assert ticks.counted == 0
