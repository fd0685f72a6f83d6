"""Random histories of a sync and of what happens around it: in the end, one undisturbed run makes the audience exactly the segment."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, precondition, rule, run_state_machine_as_test
from sqlalchemy import delete, select, update

from segsync.actions import runs
from segsync.effects import Effect
from segsync.models import Contact, SegmentMember, Sync
from segsync.rules.terms import Status
from tests.actions.pushing import let_go
from tests.fakes import Killed
from tests.faults.lives import filled
from tests.faults.stage import Process, Watch, World
from tests.faults.states import State

WHO = st.integers(0, 6)
EMAILS = st.sampled_from([None, *(f"e{number}@example.org" for number in range(4))])
PHONES = st.sampled_from([None, *(f"+493000{number}" for number in range(3))])
ENOUGH = settings(
    max_examples=4,
    stateful_step_count=9,
    derandomize=True,  # the same histories everywhere
    database=None,
    deadline=None,
    phases=(Phase.explicit, Phase.generate),  # without shrinking: a history takes seconds
    suppress_health_check=list(HealthCheck),
)
LEFT_TO_SAY = {"segment.empty", "segment.unusual", "row.no_identifier"}
"""What is true of a segment however well its run went."""


@dataclass
class Ending(Watch):
    """A process that ends before its nth effect. `left` is what it leaves; None: it had nothing to do that often."""

    world: World | None = None
    at: int = 0
    left: State | None = None

    def before(self, effect: Effect) -> None:
        if self.left is None and len(self.seen) == self.at:
            self.left = self.world.state()
        if self.left is not None:
            raise Killed
        super().before(effect)


class History(RuleBasedStateMachine):
    """Seven people of whom everybody may share an e-mail or a phone with others."""

    def __init__(self, world: World) -> None:
        super().__init__()
        self.world, self.on = world, True
        world.place.away = False
        world.enter(world.begun["filled"])
        with world.runtime.sessions() as session:
            self.people = session.scalars(select(Contact.id).order_by(Contact.id)).all()
            self.segment_id = session.get_one(Sync, world.sync_id).segment_id

    # -- people ----------------------------------------------------------------------------------------------------

    @rule(who=WHO, email=EMAILS, phone=PHONES)
    def joins_or_changes(self, who: int, email: str | None, phone: str | None) -> None:
        with self.world.runtime.sessions.begin() as session:
            found = update(Contact).where(Contact.id == self.people[who])
            session.execute(found.values(email=email, phone=phone, subscription="yes"))
            session.merge(SegmentMember(segment_id=self.segment_id, member_id=self.people[who]))

    @rule(who=WHO)
    def leaves(self, who: int) -> None:
        with self.world.runtime.sessions.begin() as session:
            session.execute(delete(SegmentMember).where(SegmentMember.member_id == self.people[who]))

    @rule(who=WHO)
    def opts_out(self, who: int) -> None:
        with self.world.runtime.sessions.begin() as session:
            session.execute(update(Contact).where(Contact.id == self.people[who]).values(subscription="no"))

    # -- runs ------------------------------------------------------------------------------------------------------

    @precondition(lambda self: self.on)
    @rule(rounds=st.integers(1, 4))
    def is_worked_on(self, rounds: int) -> None:
        with self.world.process() as process:
            self.begin(process)
            for _ in range(rounds):
                process.round()

    @precondition(lambda self: self.on)
    @rule(effects=st.integers(0, 80))
    def is_worked_on_by_one_who_ends(self, effects: int) -> None:
        watch = Ending(world=self.world, at=effects)
        with self.world.process() as process:
            self.begin(process)
        with self.world.process(watch) as process, suppress(Killed):
            process.round()
            process.round()
        if watch.left is not None:
            self.world.enter(watch.left)

    @rule()
    def is_switched_off_or_on(self) -> None:
        with self.world.runtime.sessions.begin() as session:
            sync = session.get_one(Sync, self.world.sync_id, with_for_update=True)
            runs.stop(session, sync, now=self.world.clock())
            sync.status = Status.INACTIVE.value if self.on else Status.SYNCED.value
        self.on = not self.on

    # -- around it -------------------------------------------------------------------------------------------------

    @rule()
    def the_channel_is_away_or_back(self) -> None:
        self.world.place.away = not self.world.place.away

    @rule(minutes=st.sampled_from([-45, 50, 60 * 7, 60 * 24 * 26]))
    def the_clock_moves(self, minutes: int) -> None:
        self.world.clock.forward(minutes=minutes)

    @rule()
    def redis_loses_everything(self) -> None:
        self.world.runtime.queue.client.flushdb()

    # -- in the end ------------------------------------------------------------------------------------------------

    def begin(self, process: Process) -> None:
        """Whatever leaves is meant to."""
        let_go(process.runtime, self.world.sync_id)
        process.start()
        process.time_passes()

    def teardown(self) -> None:
        """Everything is there again, and nobody disturbs the last run."""
        self.world.place.away = False
        if not self.on:
            self.is_switched_off_or_on()
        with self.world.process() as process:
            process.switch_off()
            let_go(process.runtime, self.world.sync_id)
            assert process.work(process.start(), rounds=200).state == "done"
            assert process.is_right()
            assert {code for code, is_open in process.alerts() if is_open} <= LEFT_TO_SAY


@pytest.mark.property
@pytest.mark.parametrize("channel", ["at once", "later"])
def test_any_history_ends_with_exactly_the_segment(born, channel):
    """People come, share, change and go; workers end, the channel, Redis and clocks fail: in the end the audience is the segment (B1, S13)."""
    world = born(channel, filled)
    run_state_machine_as_test(lambda: History(world), settings=ENOUGH)
