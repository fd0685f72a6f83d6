"""Random histories with a channel that applies batches later, in an order of its own, and refuses some of them later still."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from sqlalchemy import delete, select, update

from segsync.actions import runs
from segsync.models import Contact, Run, SegmentMember, Sync
from tests.actions.pushing import go, keys, leave, let_go, settle, start, work
from tests.builders import make_contact
from tests.fakes import LATER, FakeChannel, Killed

EMAILS = [f"e{n}@example.org" for n in range(3)]
PHONES = [f"+4930000000{n}" for n in range(3)]
WHO = st.integers(0, 4)
CODES = st.sampled_from(["row.refused", "wait.outage"])
EVENTS = st.one_of(
    st.tuples(st.just("change"), WHO, st.sampled_from([*EMAILS, None]), st.sampled_from([*PHONES, None])),
    st.tuples(st.just("leave"), WHO),
    st.tuples(st.just("run")),
    st.tuples(st.just("hours pass"), st.integers(1, 12)),
    st.tuples(st.just("stopped"), st.integers(0, 3)),
    st.tuples(st.just("killed"), st.integers(0, 3), st.booleans()),
    st.tuples(st.just("refused"), st.integers(0, 1), CODES),
)


@dataclass
class Life:
    """One sync of five people at a channel that applies later."""

    runtime: Any
    session: Any
    clock: Any
    channel: FakeChannel
    sync: Sync
    contacts: list[Contact] = field(default_factory=list)
    run: Run | None = None

    def do(self, event: tuple) -> None:
        let_go(self.runtime, self.sync.id)
        match event:
            case ("change", who, email, phone):
                self._change(who, email=email, phone=phone)
            case ("leave", who):
                leave(self.session, self.sync, self.contacts[who])
            case ("run",):
                self.run = go(self.runtime, self.sync)
            case ("hours pass", hours):
                self.pass_hours(hours)
            case ("stopped", at):
                self._interrupted(at, self._stop)
            case ("killed", at, after):
                self._interrupted(at, self._die, after=after)
            case ("refused", position, code):
                self.channel.refuse = lambda _batch: {position: code}
                self.pass_hours(8)
                self.channel.refuse = lambda _batch: {}

    def pass_hours(self, hours: int) -> None:
        """Later results come in, and a run that waited goes on."""
        self.clock.forward(hours=hours)
        let_go(self.runtime, self.sync.id)
        settle(self.runtime, self.sync)
        if self.run is not None:
            self.run = work(self.runtime, self.run)

    def touch(self) -> None:
        """Changes something about everybody."""
        self.session.execute(update(Contact).values(first_name="Changed"))
        self.session.commit()

    def good_run(self) -> None:
        let_go(self.runtime, self.sync.id)
        self.run = go(self.runtime, self.sync)
        for _ in range(4):
            self.pass_hours(7)

    def expected(self) -> set[str]:
        """Meta's rule, read once more: lower-case e-mail and digits of the phone, SHA-256."""
        listed = select(SegmentMember.member_id).where(SegmentMember.segment_id == self.sync.segment_id)
        rows = self.session.execute(select(Contact.email, Contact.phone).where(Contact.id.in_(listed))).all()
        values = [row.email for row in rows] + [row.phone and row.phone.lstrip("+") for row in rows]
        return {hashlib.sha256(value.encode()).hexdigest() for value in values if value}

    def _change(self, who: int, **values: Any) -> None:
        contact = self.contacts[who]
        self.session.execute(update(Contact).where(Contact.id == contact.id).values(**values))
        self.session.merge(SegmentMember(segment_id=self.sync.segment_id, member_id=contact.id))
        self.session.commit()

    def _interrupted(self, at: int, happens: Any, *, after: bool = False) -> None:
        left = [at]

        def strike(_batch) -> None:
            left[0] -= 1
            if left[0] == -1:
                happens()

        hook = "after_push" if after else "before_push"
        setattr(self.channel, hook, strike)
        try:
            self.run = start(self.runtime, self.sync)
            self.run = work(self.runtime, self.run)
        except Killed:
            pass
        finally:
            setattr(self.channel, hook, lambda _batch: None)

    def _stop(self) -> None:
        with self.runtime.sessions.begin() as session:
            runs.stop(session, session.get_one(Sync, self.sync.id, with_for_update=True), now=self.clock())

    def _die(self) -> None:
        raise Killed


@pytest.fixture
def born(runtime, session, clock, channel, sync):
    """Makes a new life, over the same sync: its segment and its audience are emptied."""
    channel.capabilities = LATER

    def make() -> Life:
        life = Life(runtime, session, clock, channel, sync)
        session.execute(delete(SegmentMember))
        session.commit()
        life.good_run()
        life.good_run()
        life.contacts = [make_contact(session, sync.workspace, email=None) for _ in range(5)]
        session.commit()
        return life

    return make


@pytest.mark.property
def test_any_life_ends_with_the_right_members_at_a_channel_that_applies_later(born):
    """Whatever was refused hours later, stopped or killed: when all is told, the audience is the segment (B1, B15)."""

    @settings(max_examples=3, deadline=None, database=None, phases=(Phase.explicit, Phase.generate), suppress_health_check=list(HealthCheck))  # fmt: skip
    @given(history=st.lists(EVENTS, min_size=4, max_size=9))
    def lives(history) -> None:
        life = born()
        for event in history:
            life.do(event)
        life.touch()  # what was refused for good waits for a change
        for _ in range(2):
            life.good_run()
        assert keys(life.channel) == life.expected()

    lives()
