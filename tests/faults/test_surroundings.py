"""What happens around a run: Redis loses everything, clocks move, two schedulers, a full disk, a channel that hangs up or is away."""

from __future__ import annotations

import os
import resource
from dataclasses import dataclass, field
from datetime import timedelta
from itertools import cycle
from random import Random
from typing import Any

import pytest
from sqlalchemy import select

from segsync.actions import schedule
from segsync.effects import Effect
from segsync.models import Alert, Run
from segsync.processes import fork
from tests.faults.lives import second
from tests.faults.stage import Watch, newest

SELDOM = 0.2
"""Not every so many effects: that could be the same one of each round."""


@dataclass
class Disturbed(Watch):
    """Something happens after every effect."""

    happens: Any = None
    count: int = field(default=0)

    def after(self, effect: Effect) -> None:
        super().after(effect)
        self.count += 1
        self.happens(self.count)


def ends_right(world, watch: Watch) -> bool:
    with world.process(watch) as process:
        return process.work(newest(process)).state == "done" and process.is_right()


def test_redis_may_lose_everything_at_any_time(born, redis_client):
    """Redis is emptied again and again during a run: what is due stands in the database, and the audience is right (B1)."""
    world, dice = born("at once"), Random(7)
    second(world)
    assert ends_right(world, Disturbed(happens=lambda _count: dice.random() > SELDOM or redis_client.flushall()))


def test_clocks_may_move(born, clock):
    """The machine's clock jumps to and fro during a run, by more than a plan lasts: the audience is right (B1)."""
    world = born("at once")
    second(world)
    jumps = cycle([timedelta(0)] * 9 + [timedelta(minutes=50)] + [timedelta(0)] * 9 + [timedelta(minutes=-45)])

    def jump(_count: int) -> None:
        clock.now += next(jumps)

    assert ends_right(world, Disturbed(happens=jump))


def test_two_schedulers_start_nothing_twice(born):
    """While one scheduler wakes workers another does the same: each run is opened once, and the audience is right (B1)."""
    world = born("at once")
    second(world)
    with world.process() as process:
        other = Disturbed(happens=lambda count: count % 10 or schedule.tick(process.runtime))
    assert ends_right(world, other)
    with world.process() as process, process.runtime.sessions() as session:
        assert len(session.scalars(select(Run.id)).all()) == 2


@pytest.mark.parametrize("fault", ["cut", "cut_before", "html"])
def test_a_connection_may_break_whatever_became_of_the_batch(born, simulators, fault):
    """The channel applied a batch and hung up, or hung up at once, or a proxy answered: it is sent again, and all is right (B1)."""
    world = born("meta")
    second(world)
    simulators.world.add_fault("meta", fault, operation="", times=2)
    assert ends_right(world, Watch())
    simulators.world.clear_faults()


def test_a_full_disk_is_told_and_mended_by_itself(born):
    """No room for the ledger: the sync says so, nothing is sent that was not written down, and the next run puts it right (B1)."""
    world = born("at once")
    second(world)

    def work() -> None:
        with world.process() as process:
            resource.setrlimit(resource.RLIMIT_FSIZE, (500, 500))  # a real process, whose files may not grow
            process.work(newest(process))

    assert os.waitpid(fork(work), 0)[1] == 0
    with world.process() as process:
        with process.runtime.sessions() as session:
            assert session.get_one(Run, newest(process)).problem_code == "disk.full"
            assert session.scalars(select(Alert.code).where(Alert.closed_at.is_(None))).all() == ["disk.full"]
        assert process.work(process.start()).state == "done"
        assert process.is_right()
