"""A process is ended before and after every effect of a run, and another goes on: nothing is lost, nothing too much.

Nobody picks these points: a run is recorded, and what it left at every effect is taken. Where two are equal, one is enough.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import pytest

from segsync.effects import Effect
from segsync.models import Sync
from tests.faults.lives import damaged, emptying, first, renewing, second
from tests.faults.stage import Process, Watch, World, newest, points
from tests.faults.states import State

QUICK = {"window_rows": 100, "slice_seconds": 60.0}
"""Whoever goes on reads and works in larger pieces: somebody changed the settings."""
ALL = "TEST_EVERY_STATE"
"""Set in the environment it leaves out none, which takes long."""
GoesOn = Callable[[Process], bool]
"""Whether it ended well."""


@dataclass
class Recorded(Watch):
    """What a process that nobody disturbs would leave, if it ended before an effect, or after the last."""

    world: World | None = None
    left: list[tuple[str, State]] = field(default_factory=list)

    def before(self, effect: Effect) -> None:
        self.keep(f"before effect {len(self.seen)}, {effect.sort} {effect.what}")
        super().before(effect)

    def keep(self, when: str) -> None:
        """Notes what is left now, where it is not what was left before."""
        state = self.world.state()
        if not self.left or state != self.left[-1][1]:
            self.left.append((when, state))


def resumed(process: Process) -> bool:
    """The run that was under way is gone on with."""
    return process.work(newest(process)).state == "done" and process.is_right()


def another(process: Process) -> bool:
    """A new run: somebody switched the sync off and on again."""
    process.switch_off()
    return process.work(process.start()).state == "done" and process.is_right()


def emptied(process: Process) -> bool:
    """Until the audience counts as emptied; nobody is in it then."""
    for _ in range(60):
        process.round()
        with process.runtime.sessions() as session:
            if session.get_one(Sync, process.world.sync_id).retired_at:
                return process.world.place.held() == (set(), set())
    return False


def passes(record_property, world: World, title: str, ways: Sequence[GoesOn], *, every: int = 1) -> None:
    """Every end of what a life goes through is survived, and nobody is alarmed. The ways to go on take turns."""
    watch = Recorded(world=world)
    with world.process(watch) as process:
        assert ways[0](process)
        told = process.alerts()
    watch.keep("after the last effect")
    chosen = watch.left[:: 1 if ALL in os.environ else every]
    figures = f"{len(chosen)} of {len(watch.left)} different states around {len(watch.seen)} effects"
    record_property("points", f"{title}: ended in {figures} ({points(watch.seen)})")
    for number, (when, state) in enumerate(chosen):
        goes_on = ways[number % len(ways)]
        world.enter(state)
        with world.process(**QUICK) as process:
            assert (goes_on(process), process.alerts()) == (True, told), f"ended {when}; then {goes_on.__name__}"


def test_a_process_may_end_anywhere_in_a_first_run(born, record_property):
    """Whatever ends a worker, and wherever: nobody is missing from a new audience, and nobody is sent without a trace (B1)."""
    passes(record_property, born("at once", first), "a first run", [resumed, another])


@pytest.mark.parametrize(("channel", "every"), [("at once", 1), ("later", 3)])
def test_a_process_may_end_anywhere(born, record_property, channel, every):
    """Whatever ends a worker, and wherever: after the next run the audience is exactly the segment, and nobody is alarmed (B1, S13)."""
    title = f"a run with changes, channel kept in memory, applied {channel}"
    passes(record_property, born(channel, second), title, [resumed, another], every=every)


@pytest.mark.parametrize(("channel", "every"), [("google", 10), ("linkedin", 8), ("meta", 8)])
def test_a_process_may_end_anywhere_at_every_channel(born, record_property, channel, every):
    """The same with each channel's simulator over HTTP, and its own list of members (B1)."""
    passes(record_property, born(channel, second), f"a run with changes, {channel}", [resumed, another], every=every)


def test_a_process_may_end_anywhere_while_everybody_is_renewed(born, record_property):
    """Ended in the middle of sending who stays once more: all of them were sent in the end (promise 7, B1)."""
    passes(record_property, born("at once", renewing), "a run that renews", [resumed, another], every=3)


def test_a_process_may_end_anywhere_while_books_are_rebuilt(born, record_property):
    """Ended in the middle of rebuilding a damaged ledger: everybody is in the audience and no leaver is (B17, B1)."""
    passes(record_property, born("at once", damaged), "a rebuilding", [resumed, another], every=3)


@pytest.mark.parametrize("channel", ["at once", "linkedin"])
def test_a_process_may_end_anywhere_while_an_audience_is_emptied(born, record_property, channel):
    """Ended in the middle of emptying the audience of a deleted sync: nobody is in it in the end (B17, B1)."""
    passes(record_property, born(channel, emptying), f"an emptying, {channel}", [emptied])
