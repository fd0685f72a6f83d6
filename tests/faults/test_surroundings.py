"""What happens around a run: Redis loses everything, clocks move, two schedulers, a channel that hangs up or is away."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from itertools import cycle
from random import Random
from typing import Any

import pytest
from sqlalchemy import select

from connectors.simulators import Simulators
from segsync.actions import schedule
from segsync.effects import Effect
from segsync.models import Run
from tests.faults.conftest import Ground
from tests.faults.lives import second
from tests.faults.stage import Watch, World, newest

SELDOM = 0.2
"""Not every so many effects: that could be the same one of each round."""

AMID = 50
"""After so many effects some batches are answered, and some are not."""


@dataclass
class Disturbed(Watch):
    """Something happens after every effect."""

    happens: Any = None
    count: int = field(default=0)

    def after(self, effect: Effect) -> None:
        super().after(effect)
        self.count += 1
        self.happens(self.count)


def ends_right(world: World, watch: Watch) -> bool:
    """The run ends well, all is right, and nobody was alarmed."""
    with world.process(watch) as process:
        return process.work(newest(process)).state == "done" and process.is_right() and not process.alerts()


def test_redis_may_lose_everything_at_any_time(born, redis_client):
    """Redis is emptied again and again during a run: what is due stands in the database, and the audience is right (B1)."""
    world, dice = born("at once", second), Random(7)
    assert ends_right(world, Disturbed(happens=lambda _count: dice.random() > SELDOM or redis_client.flushall()))


def test_clocks_may_move(born):
    """The machine's clock jumps to and fro during a run, by more than a plan lasts: the audience is right (B1)."""
    world = born("at once", second)
    jumps = cycle([timedelta(0)] * 9 + [timedelta(minutes=50)] + [timedelta(0)] * 9 + [timedelta(minutes=-45)])

    def jump(_count: int) -> None:
        world.clock.now += next(jumps)

    assert ends_right(world, Disturbed(happens=jump))


def test_two_schedulers_start_nothing_twice(born):
    """While one scheduler wakes workers another does the same: each run is opened once, and the audience is right (B1)."""
    world = born("at once", second)
    with world.process() as process:
        other = Disturbed(happens=lambda count: count % 10 or schedule.tick(process.runtime))
    assert ends_right(world, other)
    with world.process() as process, process.runtime.sessions() as session:
        assert len(session.scalars(select(Run.id)).all()) == 2


@pytest.mark.parametrize("fault", ["cut", "cut_before", "html"])
def test_a_connection_may_break_whatever_became_of_the_batch(born, simulators, fault):
    """The channel applied a batch and hung up, or hung up at once, or a proxy answered: it is sent again, and all is right (B1)."""
    world = born("meta", second)
    simulators.world.add_fault("meta", fault, operation="", times=2)
    assert ends_right(world, Watch())


def test_a_channel_may_be_away_for_long(born, simulators):
    """Down for longer than a run waits: one alert says so, and the run after it comes back puts all right and ends the alert (B1, S13)."""
    world = born("meta", second)
    with world.process() as process:
        simulators.world.add_fault("meta", "error", operation="")
        assert process.work(newest(process), rounds=400).problem_code == "wait.outage"
        assert process.work(process.start(), rounds=400).state == "failed"
        assert process.alerts() == [("wait.outage", True)]
        simulators.world.clear_faults()
        assert process.work(process.start()).state == "done"
        assert (process.is_right(), process.alerts()) == (True, [("wait.outage", False)])


def test_a_channel_may_stop_in_the_middle_and_come_back_with_what_it_had(servers, tmp_path):
    """Nobody listens there for a while: the run waits, goes on where it was, and nobody is alarmed (B1, S13)."""
    simulators = Simulators(tmp_path / "simulators")
    world = Ground(servers, tmp_path, simulators).world("meta")
    second(world)
    with world.process(Disturbed(happens=lambda count: count == AMID and simulators.stop())) as process:
        process.look_around()
        with process.runtime.sessions() as session:
            assert session.get_one(Run, newest(process)).cursor["waits_for"] == "wait.outage"
        with Simulators(tmp_path / "simulators", simulators.port, simulators.ads_port) as back:
            world.place.harness.simulators = back
            assert process.work(newest(process)).state == "done"
            assert (process.is_right(), process.alerts()) == (True, [])
    world.close()
