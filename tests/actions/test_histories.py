"""Random histories of an organization's life with one sync, against a simulator's own list of members."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from sqlalchemy import delete, select, update

from connectors.simulators import Simulators
from segsync.actions import runs, slices, tokens
from segsync.config import ChannelSettings
from segsync.models import Contact, Run, Segment, SegmentMember, Sync
from segsync.rules.terms import Status, Why
from tests.actions.pushing import let_go
from tests.builders import (
    make_contact,
    make_integration,
    make_organization,
    make_person,
    make_segment,
    make_sync,
    make_workspace,
)
from tests.contract.harness_meta import MetaHarness
from tests.fakes import Killed

EMAILS = [f"e{n}@example.org" for n in range(4)]
PHONES = [f"+4930000000{n}" for n in range(3)]
WHO = st.integers(0, 5)
GENERATE = (Phase.explicit, Phase.generate)
"""Without shrinking: a life takes seconds."""
EVENTS = st.one_of(
    st.tuples(st.just("change"), WHO, st.sampled_from([*EMAILS, None]), st.sampled_from([*PHONES, None])),
    st.tuples(st.just("leave"), WHO),
    st.tuples(st.just("opt out"), WHO),
    st.tuples(st.just("run")),
    st.tuples(st.just("killed"), st.integers(0, 3), st.booleans()),
    st.tuples(st.just("switched off and on"), st.integers(0, 3)),
)


@dataclass
class Interrupted:
    """The real connector, with something that happens at its nth batch."""

    connector: Any
    at: int = -1
    after: bool = False
    happens: Any = None
    count: int = field(default=0)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.connector, name)

    def push(self, *arguments: Any) -> Any:
        strikes = self.count == self.at
        self.count += 1
        if strikes and not self.after:
            self.happens()
        result = self.connector.push(*arguments)
        if strikes and self.after:
            self.happens()
        return result


@dataclass
class Life:
    """One sync of six people at Meta's simulator, sent in batches of two."""

    runtime: Any
    harness: MetaHarness
    sync_id: int
    contacts: list[int]

    def do(self, event: tuple) -> None:
        match event:
            case ("change", who, email, phone):
                self._set(who, email=email, phone=phone, subscription="yes")
                self._join(who)
            case ("leave", who):
                with self.runtime.sessions.begin() as session:
                    session.execute(delete(SegmentMember).where(SegmentMember.member_id == self.contacts[who]))
            case ("opt out", who):
                self._set(who, subscription="no")
            case ("run",):
                self.run()
            case ("killed", at, after):
                self.interrupt(at, after=after, happens=self._die)
            case ("switched off and on", at):
                self.interrupt(at, after=False, happens=self._off)
                self._on()

    def run(self) -> None:
        let_go(self.runtime, self.sync_id)
        with self.runtime.sessions.begin() as session:
            run = runs.start(session, session.get_one(Sync, self.sync_id), Why.NOW, by=None, now=self.runtime.clock())
        for _ in range(10):
            slices.work_slice(self.runtime, run.id)
            with self.runtime.sessions() as session:
                if session.get_one(Run, run.id).finished_at:
                    return

    def interrupt(self, at: int, *, after: bool, happens: Any) -> None:
        real = self.runtime.connector("meta").channel
        self.runtime._connectors["meta"] = Interrupted(real, at, after, happens)
        try:
            self.run()
        except Killed:
            pass
        finally:
            self.runtime._connectors["meta"] = real

    def expected(self) -> set[str]:
        """Meta's rule, read once more: trimmed lower-case e-mail, digits of the phone, SHA-256."""
        with self.runtime.sessions() as session:
            rows = session.scalars(
                select(Contact)
                .join(SegmentMember, SegmentMember.member_id == Contact.id)
                .where(Contact.subscription != "no")
            ).all()
        emails = {f"email:{_sha(row.email)}" for row in rows if row.email}
        return emails | {f"phone:{_sha(row.phone.lstrip('+'))}" for row in rows if row.phone}

    def held(self) -> set[str]:
        with self.runtime.sessions() as session:
            audience = session.get_one(Sync, self.sync_id).audience_id
        return set(self.harness.world.members("meta", audience)["keys"]) if audience else set()

    def _set(self, who: int, **values: Any) -> None:
        with self.runtime.sessions.begin() as session:
            session.execute(update(Contact).where(Contact.id == self.contacts[who]).values(**values))

    def _join(self, who: int) -> None:
        with self.runtime.sessions.begin() as session:
            row = SegmentMember(segment_id=session.get_one(Sync, self.sync_id).segment_id, member_id=self.contacts[who])
            session.merge(row)

    def _die(self) -> None:
        raise Killed

    def _off(self) -> None:
        with self.runtime.sessions.begin() as session:
            sync = session.get_one(Sync, self.sync_id, with_for_update=True)
            runs.stop(session, sync, now=self.runtime.clock())
            sync.status = Status.INACTIVE.value

    def _on(self) -> None:
        with self.runtime.sessions.begin() as session:
            session.get_one(Sync, self.sync_id).status = Status.SYNCED.value


def _sha(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


@pytest.fixture(scope="module")
def simulators() -> Iterator[Simulators]:
    with Simulators() as running:
        yield running


@pytest.fixture
def born(runtime, simulators):
    """Makes a new life in an organization of its own."""
    harness = MetaHarness(simulators)
    app = harness.app
    runtime.settings.batch_rows = 2
    runtime.settings.__dict__["channels"] = {
        "meta": ChannelSettings(
            client_id=app.client_id, client_secret=app.client_secret, bases=dict(app.bases), options=dict(app.options)
        )
    }
    signed_in = harness.tokens()

    def make() -> Life:
        with runtime.sessions.begin() as session:
            session.execute(delete(SegmentMember))
            number = len(session.scalars(select(Segment)).all())
            organization = make_organization(session, f"Northwind {number}")
            workspace = make_workspace(session, organization)
            ada = make_person(session, organization, f"Ada {number}", workspaces=(workspace,))
            segment = make_segment(session, workspace, f"Life {number}", ada)
            signin = make_integration(session, ada, remote_id=harness.ada)
            tokens.store(runtime, signin, signed_in)
            sync = make_sync(session, segment, signin, account_id=harness.account.remote_id)
            contacts = [make_contact(session, workspace, email=None).id for _ in range(6)]
        return Life(runtime, harness, sync.id, contacts)

    return make


@pytest.mark.property
def test_any_life_ends_with_the_right_members(born):
    """Changes, shared identifiers, opt-outs, dead workers, switching off and on: the simulator's list is the segment (B1, S10)."""

    @settings(max_examples=4, deadline=None, database=None, phases=GENERATE, suppress_health_check=list(HealthCheck))
    @given(history=st.lists(EVENTS, min_size=3, max_size=10))
    def lives(history) -> None:
        life = born()
        for event in history:
            life.do(event)
        life.run()
        assert life.held() == life.expected()

    lives()
