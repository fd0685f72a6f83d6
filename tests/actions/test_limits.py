"""The contracted limit: it holds however many people press at once, and says what would free a place."""

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier, Event

import pytest
from sqlalchemy import func, select

from connectors.contract import Retire
from segsync.actions import limits
from segsync.actions.actor import Refused
from segsync.actions.sync_access import find
from segsync.actions.sync_switch import Off, switch_off, switch_on
from segsync.actions.syncs import Wanted, create, delete
from segsync.db import make_engine, make_sessions
from segsync.models import Run, Sync
from segsync.rules.limit import Use
from segsync.rules.terms import Status
from tests.actions.northwind import Northwind
from tests.builders import make_segment, make_sync


@pytest.fixture
def northwind(session):
    return Northwind(session, limit=10)


def fill(northwind, count, **values):
    for number in range(count):
        segment = make_segment(northwind.session, northwind.workspace, f"Segment {number}")
        make_sync(northwind.session, segment, northwind.integrations["Max"], **values)
    northwind.session.commit()


@pytest.mark.slow
def test_two_hundred_at_once_give_exactly_ten(runtime, northwind, database_url):
    """200 people create at the same moment at a limit of 10: exactly 10 syncs exist, 190 read why not. (S9)."""
    segments = [make_segment(northwind.session, northwind.workspace, f"At once {n}").id for n in range(200)]
    northwind.session.commit()
    actor, ticked = northwind.actor("Ada"), northwind.wanted().statements
    engine = make_engine(database_url, pool_size=20)
    sessions = make_sessions(engine)

    def press(segment_id):
        with sessions() as session:
            try:
                create(runtime, session, actor, Wanted(segment_id, "meta", "act-77", ticked))
                session.commit()
            except Refused as refused:
                return refused.message
        return "created"

    with ThreadPoolExecutor(200) as pool:
        outcomes = list(pool.map(press, segments))
    engine.dispose()
    assert outcomes.count("created") == 10
    assert sum("All 10 contracted syncs are in use" in outcome for outcome in outcomes) == 190
    assert northwind.session.scalar(select(func.count()).select_from(Sync)) == 10


def test_taking_a_place_never_waits_in_a_circle_with_a_sync_that_is_written(runtime, northwind):
    """The scheduler holds the sync and starts a run, while Ada takes a place and wants that sync: both end. (S9, S11)."""
    sync, ada = northwind.sync(status=Status.INACTIVE.value), northwind.actor("Ada")
    public_id = sync.public_id
    northwind.session.commit()
    held, taken = Event(), Event()

    def write():
        with runtime.sessions() as session:
            found = find(session, ada, public_id, lock=True)
            held.set()
            assert taken.wait(60)
            session.add(Run(organization_id=found.organization_id, sync_id=found.id, why="schedule", state="queued"))
            session.commit()

    def switch_it_on():
        with runtime.sessions() as session:
            limits.take(session, ada.organization_id)
            taken.set()
            find(session, ada, public_id, lock=True)

    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(write)
        assert held.wait(60)
        second = pool.submit(switch_it_on)
        first.result(60)
        second.result(60)


def test_switching_on_and_deleting_at_once_both_end(runtime, northwind):
    """Ada switches her sync on in the moment in which Grace deletes it: it ends deleted, and nobody waits for ever. (S11, B17)."""
    sync, ticked = northwind.sync(status=Status.INACTIVE.value), northwind.wanted().statements
    public_id, ada, grace, both = sync.public_id, northwind.actor("Ada"), northwind.actor("Grace"), Barrier(2)
    northwind.session.commit()

    def press(deed):
        with runtime.sessions() as session:
            both.wait(60)
            try:
                deed(session)
                session.commit()
            except Refused as refused:
                return refused.message
        return ""

    with ThreadPoolExecutor(2) as pool:
        off = pool.submit(press, lambda session: delete(runtime, session, grace, public_id, Retire.LEAVE))
        on = pool.submit(press, lambda session: switch_on(runtime, session, ada, public_id, ticked))
        assert off.result(60) == ""
        assert "was deleted" in on.result(60) or on.result() == ""
    northwind.session.refresh(sync)
    assert (sync.status, sync.deleted_by) == (Status.INACTIVE, grace.person_id)


def test_failed_ones_count_and_inactive_or_deleted_ones_do_not(northwind, clock):
    """A failed sync holds its place; one that is switched off or deleted does not. (S9)."""
    fill(northwind, 3, status=Status.FAILED.value)
    fill(northwind, 2, status=Status.INACTIVE.value)
    fill(northwind, 1, deleted_at=clock.now)
    assert limits.use(northwind.session, northwind.organization.id) == Use(3, 10)


def test_at_the_limit_nothing_starts_and_one_reads_what_would_help(runtime, northwind):
    """At the limit creating is refused with the reason, what frees a place, and a link to who uses them. (S9)."""
    fill(northwind, 10)
    with pytest.raises(Refused, match="Switching off or deleting a sync frees its place") as refused:
        northwind.create(runtime)
    assert refused.value.link == ("See who uses them", "/syncs/limit")


def test_switching_off_frees_the_place(runtime, northwind):
    """Somebody switches one off, and somebody else can create at once. (S9)."""
    fill(northwind, 9)
    first = northwind.sync()
    switch_off(runtime, northwind.session, northwind.actor("Grace"), first.public_id, Off("season is over"))
    other = make_segment(northwind.session, northwind.workspace, "Another")
    assert northwind.create(runtime, segment_id=other.id).use == Use(10, 10)


def test_resuming_takes_a_place_too(runtime, northwind):
    """At the limit, switching on is refused like creating. (S9, S11)."""
    fill(northwind, 10)
    sync = northwind.sync(status=Status.INACTIVE.value)
    with pytest.raises(Refused, match="All 10 contracted syncs"):
        switch_on(runtime, northwind.session, northwind.actor("Ada"), sync.public_id)


def test_lowering_the_contract_stops_nothing(runtime, northwind):
    """Below what is used, everything goes on, and nothing new starts. (S9)."""
    fill(northwind, 5)
    northwind.organization.contracted_limit = 3
    northwind.session.commit()
    assert limits.use(northwind.session, northwind.organization.id) == Use(5, 3)
    with pytest.raises(Refused, match="5 syncs are in use and 3 are contracted"):
        northwind.create(runtime)


def test_one_sees_who_uses_the_places(northwind, clock):
    """By person, channel and workspace, with failed syncs as what would free a place first. (S3, S9)."""
    fill(northwind, 2)
    broken = northwind.sync("Ada", status=Status.FAILED.value, in_step_since=None)
    told = limits.explain(northwind.session, northwind.organization.id)
    assert [(share.name, share.places, share.failed) for share in told.people] == [("Max", 2, 0), ("Ada", 1, 1)]
    assert [(share.name, share.places) for share in told.channels] == [("meta", 3)]
    assert [(share.name, share.places) for share in told.workspaces] == [("Main", 3)]
    assert told.candidates == [broken]
