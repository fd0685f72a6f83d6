"""Trying without sending: the same code as a run up to the connector, and nothing is changed anywhere."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from sqlalchemy import select, update

from connectors.problems import Code, ReconnectNeeded
from segsync.actions import chores, limits, runs, schedule, tries
from segsync.actions.actor import Actor, NotAllowed, Refused
from segsync.actions.sync_access import Taken
from segsync.models import Contact, DataFile, Integration, Person, Run, RunBatch, SegmentSize, Sync
from tests.actions.northwind import Northwind
from tests.actions.pushing import again, go, join, keys, leave, let_go, members, open_alerts, put, start, work
from tests.builders import make_contact
from tests.fakes import FakeChannel, Killed

FIGURES = ("members", "new_members", "changed_members", "gone_members", "unchanged_members", "again_members")
FIGURES += ("rows_to_add", "rows_to_remove", "batches", "skipped", "everybody")


def figures(run: Run) -> dict[str, Any]:
    return {name: getattr(run, name) for name in FIGURES}


def try_out(runtime, sync: Sync) -> Run:
    """What Ada is shown."""
    with runtime.sessions.begin() as session:
        ada = Actor.person(session.get_one(Person, sync.creator_id))
        run = tries.try_sync(runtime, session, ada, sync.public_id)
    return work(runtime, run)


def standing(runtime, sync: Sync) -> tuple:
    """Everything of a sync that a try leaves alone."""
    with runtime.sessions() as session:
        now = session.get_one(Sync, sync.id)
        left = session.scalars(select(Run.id).where(Run.sync_id == sync.id, Run.plan_id.is_not(None))).all()
        kept = {name: getattr(now, name) for name in Sync.__table__.columns.keys()}  # noqa: SIM118 - no mapping
        kept["sizes"] = session.scalars(select(SegmentSize.size).where(SegmentSize.segment_id == now.segment_id)).all()
        return kept, left, session.scalars(select(RunBatch.number)).all()


def test_a_try_says_what_a_run_would_do_and_the_run_does_it(runtime, channel, session, sync):
    """What would be added, changed, removed, skipped, in how many requests: and the run right after sends just that (B3)."""
    go(runtime, sync)
    first, second, _ = members(session, sync)
    leave(session, sync, first)
    session.execute(update(Contact).where(Contact.id == second.id).values(email="other@example.org"))
    put(session, sync, email="new@example.org")
    put(session, sync, email=None)
    before, pushed = standing(runtime, sync), len(channel.pushed)
    tried = try_out(runtime, sync)
    assert (tried.state, tried.new_members, tried.changed_members, tried.gone_members) == ("done", 1, 1, 1)
    assert (tried.skipped, tried.batches) == ({"no_identifier": 1}, 3)
    assert (standing(runtime, sync), len(channel.pushed)) == (before, pushed)
    run = go(runtime, sync)
    assert figures(run) == figures(tried)
    assert (run.rows_added, run.rows_removed, run.batches_done) == (2, 2, tried.batches)


def test_a_try_shows_a_few_members_and_what_happens_to_them(runtime, channel, session, sync):
    """Ten at most, a little of everything; ids only, their values stay where they are (B3)."""
    go(runtime, sync)
    first, second, third = members(session, sync)
    leave(session, sync, first)
    session.execute(update(Contact).where(Contact.id == second.id).values(email="other@example.org"))
    session.commit()
    new = [put(session, sync, email=f"new{n}@example.org").id for n in range(20)]
    sample = try_out(runtime, sync).findings["sample"]
    assert sample[:3] == [["removed", first.id], ["changed", second.id], ["added", new[0]]]
    assert len(sample) == 10
    assert third.id not in [member for _, member in sample]


def test_nothing_is_made_at_the_channel_by_a_try(runtime, channel, sync):
    """A sync that never ran is tried: no audience is made, nothing is sent, and the first run still does everything (B3)."""
    tried = try_out(runtime, sync)
    assert (tried.state, tried.rows_to_add, tried.everybody) == ("done", 3, "the audience is new")
    assert (channel.audiences, channel.pushed, again(runtime, sync).audience_id) == ({}, [], None)
    assert figures(go(runtime, sync)) == figures(tried)


def test_a_try_says_whether_the_run_would_be_held(runtime, channel, session, sync):
    """That an administrator would have to look first is known before anything runs (B2, B3)."""
    go(runtime, sync)
    leave(session, sync)
    tried = try_out(runtime, sync)
    assert (tried.state, tried.findings["held_back"], tried.findings["leaving"]) == ("done", True, 3)
    assert (again(runtime, sync).status, open_alerts(runtime)) == ("synced", [])
    assert go(runtime, sync).problem_code == "run.held"


@pytest.mark.parametrize(
    ("status", "detail"),
    [("synced", ""), ("failed", "needs a person"), ("failed", "held"), ("failed", "trying again"), ("inactive", "")],
)
def test_it_works_whatever_state_a_sync_is_in(runtime, channel, session, sync, status, detail):
    """Synced, failed, held or switched off: a try sends nothing, so nothing stands against it, and the state stays (B3)."""
    go(runtime, sync)
    session.execute(update(Sync).values(status=status, detail=detail))
    session.commit()
    put(session, sync, email="new@example.org")
    tried = try_out(runtime, sync)
    now = again(runtime, sync)
    assert (tried.state, tried.new_members, now.status, now.detail) == ("done", 1, status, detail)


def test_a_try_that_fails_says_why_and_alarms_nobody(runtime, channel, sync):
    """The cause stands on what was tried; the sync stays as it was, and no alert opens (B3)."""
    go(runtime, sync)

    def check_account(*_):
        raise ReconnectNeeded(Code.SIGNIN_REVOKED)

    channel.check_account = check_account
    tried = try_out(runtime, sync)
    assert (tried.state, tried.problem_code) == ("failed", "signin.revoked")
    assert (again(runtime, sync).status, open_alerts(runtime)) == ("synced", [])


@pytest.mark.parametrize(("before", "works"), [("connected", False), ("reconnect", True)])
def test_a_try_leaves_the_sign_in_as_it_is(runtime, channel, session, sync, before, works):
    """Whether it met a dead sign-in or one that works again: only what sends, or a look at it, says so of the sign-in (B3)."""
    go(runtime, sync)
    session.execute(update(Integration).values(state=before, problem=None))
    session.commit()

    def check_account(*_):
        raise ReconnectNeeded(Code.SIGNIN_REVOKED)

    if not works:
        channel.check_account = check_account
    assert try_out(runtime, sync).state == ("done" if works else "failed")
    assert session.execute(select(Integration.state, Integration.problem)).one() == (before, None)


def test_removed_means_the_same_of_a_try_and_of_a_run(runtime, channel, session, sync):
    """Who leaves the segment and who lost every identifier are removed, who only changes is not: one figure for both (B3)."""
    go(runtime, sync)
    first, second, third = members(session, sync)
    put(session, sync, email="stays@example.org")
    leave(session, sync, first)
    session.execute(update(Contact).where(Contact.id == second.id).values(email=None))
    session.execute(update(Contact).where(Contact.id == third.id).values(email="other@example.org"))
    session.commit()
    tried = try_out(runtime, sync)
    assert tried.gone_members == tried.findings["leaving"] == go(runtime, sync).gone_members == 2


def test_a_run_comes_before_a_try(runtime, channel, clock, session, sync):
    """What is due is not held up by somebody who tries: the try ends, because its figures are old, and the run goes on (B3)."""
    go(runtime, sync)
    with runtime.sessions.begin() as other:
        run = tries.try_sync(runtime, other, Actor.person(other.get_one(Person, sync.creator_id)), sync.public_id)
    clock.forward(hours=7)
    schedule.tick(runtime)
    with runtime.sessions() as other:
        assert other.get_one(Run, run.id).state == "stopped"
        due = runs.open_run(other, sync.id)
    assert work(runtime, due).state == "done"


def test_while_a_run_is_under_way_there_is_nothing_to_try(runtime, channel, session, sync):
    """The run says what it does (B3)."""
    start(runtime, sync)
    with pytest.raises(Refused, match="A run is under way"):
        tries.try_sync(runtime, session, Actor.person(sync.creator), sync.public_id)


def test_what_a_try_wrote_is_cleared_up(runtime, channel, clock, session, sync):
    """Its files go like all that nothing names, and the books stay (B3)."""
    go(runtime, sync)
    put(session, sync, email="new@example.org")
    tried = try_out(runtime, sync)
    clock.forward(days=8)
    chores.do(runtime, "collect", sync.id)
    assert session.scalars(select(DataFile).where(DataFile.run_id == tried.id)).all() == []
    assert list((runtime.ledgers / sync.public_id).glob(f"run{tried.id}-*")) == []
    assert (go(runtime, sync).rows_added, len(keys(channel))) == (1, 4)


# -- what is not there yet -----------------------------------------------------------------------------------------


@pytest.fixture
def northwind(runtime, session) -> Northwind:
    channel = FakeChannel()
    runtime._connectors["meta"] = channel
    made = Northwind(session)
    for name in ("Ada", "Grace"):
        made.integrations[name].access_sealed = runtime.vault.seal("token")
    session.commit()
    return made


def tried_new(runtime, northwind, name="Ada") -> Run:
    run = tries.try_new(runtime, northwind.session, northwind.actor(name), northwind.wanted(statements=frozenset()))
    northwind.session.commit()
    return work(runtime, run)


def test_what_does_not_exist_yet_is_tried_without_taking_a_place(runtime, session, northwind):
    """From Create: members, requests and who is left out, before there is a sync; no place is taken, nothing is listed (B3)."""
    trial = tried_new(runtime, northwind)
    assert (trial.state, trial.members, trial.rows_to_add) == ("done", 0, 0)
    assert limits.use(session, northwind.organization.id).used == 0
    assert runtime._connectors["meta"].audiences == {}
    again_tried = tried_new(runtime, northwind)
    assert again_tried.sync_id == trial.sync_id


def test_what_was_tried_before_belongs_to_the_sync_that_is_created(runtime, session, northwind):
    """Starting after a try makes the sync as always, and the try stands in its history (B3)."""
    trial = tried_new(runtime, northwind)
    made = northwind.create(runtime)
    assert work(runtime, made.run).state == "done"
    session.expire_all()
    assert session.get_one(Run, trial.id).sync_id == made.sync.id
    with pytest.raises(Taken):
        tried_new(runtime, northwind)


def test_at_the_limit_one_can_still_try(runtime, session, northwind):
    """All places are used; what would happen can be looked at all the same (B3, S9)."""
    northwind.organization.contracted_limit = 0
    session.commit()
    assert tried_new(runtime, northwind).state == "done"


def test_who_may_not_create_may_not_try(runtime, session, northwind):
    """Vera only looks; Max does not try Ada's sync; an administrator does (B3, S17)."""
    with pytest.raises(NotAllowed):
        tries.try_new(runtime, session, northwind.actor("Vera"), northwind.wanted())
    sync = northwind.sync()
    with pytest.raises(NotAllowed, match="Only Ada or an administrator"):
        tries.try_sync(runtime, session, northwind.actor("Max"), sync.public_id)
    assert tries.try_sync(runtime, session, northwind.actor("Grace"), sync.public_id).purpose == "try"


# -- whatever happened before --------------------------------------------------------------------------------------

WHO = st.integers(0, 4)
EVENTS = st.one_of(
    st.tuples(st.just("change"), WHO, st.integers(0, 3), st.integers(0, 2)),
    st.tuples(st.just("leave"), WHO),
    st.tuples(st.just("run")),
    st.tuples(st.just("killed"), st.integers(0, 3), st.booleans()),
    st.tuples(st.just("stopped"), st.integers(0, 3)),
    st.tuples(st.just("refused"), st.integers(0, 1)),
)


class Life:
    """A sync of five people who share phones, change, come and go, while runs are killed, stopped and refused in part."""

    def __init__(self, runtime, session, channel, sync) -> None:
        self.runtime, self.session, self.channel, self.sync = runtime, session, channel, sync
        leave(session, sync)
        self.contacts = [make_contact(session, sync.workspace, email=None) for _ in range(5)]
        session.commit()

    def do(self, event: tuple) -> None:
        match event:
            case ("change", who, email, phone):
                values = {"email": f"e{email}@example.org" if email else None, "phone": f"+4930000000{phone}"}
                self.session.execute(update(Contact).where(Contact.id == self.contacts[who].id).values(**values))
                leave(self.session, self.sync, self.contacts[who])
                join(self.session, self.sync, self.contacts[who])
            case ("leave", who):
                leave(self.session, self.sync, self.contacts[who])
            case ("refused", position):
                self.channel.refuse = lambda _batch: {position: "row.refused"}
                self.run()
                self.channel.refuse = lambda _batch: {}
            case ("run",):
                self.run()
            case ("killed", at, after):
                self.strike(at, self._die, "after_push" if after else "before_push")
            case ("stopped", at):
                self.strike(at, self._stop, "before_push")

    def run(self) -> Run:
        let_go(self.runtime, self.sync.id)
        return go(self.runtime, self.sync)

    def strike(self, at: int, happens, hook: str) -> None:
        left = [at]

        def struck(_batch) -> None:
            left[0] -= 1
            if left[0] == -1:
                happens()

        setattr(self.channel, hook, struck)
        try:
            self.run()
        except Killed:
            self._stop()
        finally:
            setattr(self.channel, hook, lambda _batch: None)

    def _die(self) -> None:
        raise Killed

    def _stop(self) -> None:
        with self.runtime.sessions.begin() as session:
            runs.stop(session, session.get_one(Sync, self.sync.id, with_for_update=True), now=self.runtime.clock())


@pytest.mark.property
def test_whatever_happened_before_a_run_sends_what_the_try_said(runtime, channel, session, sync):
    """Over random lives, with plans that were left behind and rows that were refused: each figure of the try is the run's (B3)."""

    @settings(max_examples=12, deadline=None, database=None, phases=(Phase.explicit, Phase.generate), suppress_health_check=list(HealthCheck))  # fmt: skip
    @given(history=st.lists(EVENTS, min_size=2, max_size=8))
    def lives(history) -> None:
        life = Life(runtime, session, channel, sync)
        for event in history:
            life.do(event)
        before, pushed = standing(runtime, sync), len(channel.pushed)
        let_go(runtime, sync.id)
        tried = try_out(runtime, sync)
        let_go(runtime, sync.id)
        assert len(channel.pushed) == pushed
        assert standing(runtime, sync)[1:] == before[1:]
        run = go(runtime, sync)
        assert (tried.state, run.state) == ("done", "done")
        assert figures(run) == figures(tried)
        assert (run.rows_added, run.rows_removed) == (tried.rows_to_add, tried.rows_to_remove)

    lives()
