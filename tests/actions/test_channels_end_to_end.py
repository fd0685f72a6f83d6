"""A whole run through each real connector, against its simulator's own membership."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest
from sqlalchemy import delete, select, update

from connectors.contract import Retire
from connectors.simulators import Simulators
from segsync.actions import slices, tokens
from segsync.actions.actor import Actor
from segsync.actions.push import follow
from segsync.actions.sync_retire import retire
from segsync.actions.syncs import delete as delete_sync
from segsync.config import ChannelSettings
from segsync.models import Contact, Person, Run, SegmentMember, Sync
from tests.actions.test_push import start
from tests.builders import (
    make_contact,
    make_integration,
    make_organization,
    make_person,
    make_segment,
    make_sync,
    make_workspace,
)
from tests.contract.conftest import HARNESSES
from tests.contract.harness import Harness
from tests.passing import pass_time

NAMES = ("google", "linkedin", "meta")


@pytest.fixture(scope="module")
def simulators() -> Iterator[Simulators]:
    with Simulators() as running:
        yield running


@pytest.fixture(params=NAMES)
def channel(request, simulators, runtime) -> Iterator[Harness]:
    """A channel that the product is set up for."""
    harness = HARNESSES[request.param](simulators)
    app = harness.app
    quick = {"poll_seconds": "1", "source_platform": "SEGSYNC", "pause_after_create": "0"}
    runtime.settings.__dict__["channels"] = {
        harness.channel: ChannelSettings(
            client_id=app.client_id,
            client_secret=app.client_secret,
            bases=dict(app.bases),
            options={**app.options, **quick},
        )
    }
    yield harness
    simulators.world.clear_faults()
    simulators.world.drop(harness.channel, "settings", "main")


@pytest.fixture
def sync(runtime, session, channel) -> Sync:
    """Ada's sync of 40 people that the channel knows."""
    organization = make_organization(session)
    workspace = make_workspace(session, organization)
    ada = make_person(session, organization, "Ada", workspaces=(workspace,))
    segment = make_segment(session, workspace, "Customers", ada)
    signin = make_integration(session, ada, channel.channel, remote_id=channel.ada)
    tokens.store(runtime, signin, channel.tokens())
    account = channel.account
    made = make_sync(session, segment, signin, account_id=account.remote_id, account_via=account.via)
    for person in channel.people(40):
        fields = {name: value for name, value in person.items() if name != "person_id"}
        consent = {"ad_user_data": "granted", "ad_personalization": "granted"}
        contact = make_contact(session, workspace, **fields, **consent)
        session.add(SegmentMember(segment_id=segment.id, member_id=contact.id))
    session.commit()
    return made


def run_to_its_end(runtime, channel: Harness, clock, sync: Sync):
    """Slices, later results and the channel's own time, until the run is over."""
    run = start(runtime, sync)
    for _ in range(20):
        slices.work_slice(runtime, run.id)
        channel.wait()
        clock.forward(seconds=120)
        follow.settle(runtime, sync.id)
        with runtime.sessions() as session:
            now = session.get_one(type(run), run.id)
        if now.finished_at:
            return now
    return now


def matched(channel: Harness, runtime, sync: Sync) -> set[str]:
    """The known persons in the audience, by the simulator's own books."""
    with runtime.sessions() as session:
        audience = session.get_one(Sync, sync.id).audience_id
    return {p for p in channel.world.members(channel.channel, audience)["persons"] if not p.startswith("unknown:")}


def test_audience_holds_exactly_the_segment(runtime, channel, clock, session, sync):
    """After a run the simulator's own list holds exactly the segment's people; after the next, exactly who is left (B1, S2)."""
    run = run_to_its_end(runtime, channel, clock, sync)
    assert (run.state, run.problem_code, run.rows_added) == ("done", None, 40)
    assert len(matched(channel, runtime, sync)) == 40
    leavers = select(SegmentMember.member_id).order_by(SegmentMember.member_id).limit(5).scalar_subquery()
    session.execute(delete(SegmentMember).where(SegmentMember.member_id.in_(leavers)))
    session.scalars(select(Contact).order_by(Contact.id.desc())).first().city = "Hamburg"
    session.commit()
    run = run_to_its_end(runtime, channel, clock, sync)
    assert (run.state, run.rows_removed) == ("done", 5)
    assert len(matched(channel, runtime, sync)) == 35


def test_channel_says_what_it_makes_of_the_audience(runtime, channel, clock, session, sync):
    """The channel's own state is kept beside ours, with its age (B9)."""
    run_to_its_end(runtime, channel, clock, sync)
    follow.look(runtime, sync.id)
    session.expire_all()
    seen = session.get_one(Sync, sync.id)
    assert seen.status == "synced"
    assert seen.audience_state != "not known"
    assert seen.audience_seen_at == runtime.clock()


def test_nobody_who_stays_lapses_in_600_days(runtime, channel, clock, session, sync):
    """Nothing changes for 600 days, a run every twenty: nobody is lost although every channel forgets (promise 7)."""
    channel.world.put("meta", "settings", "main", {"retention_days": 30})
    session.execute(update(Sync).values(every_seconds=timedelta(days=20).total_seconds()))
    session.commit()
    run_to_its_end(runtime, channel, clock, sync)
    everybody = matched(channel, runtime, sync)
    renewals = []
    for turn in range(600 // 20):
        clock.forward(days=20)
        channel.world.advance(timedelta(days=20))
        if turn % 2 == 0:
            signed_in_again(runtime, channel, session, sync)
        renewals.append(run_to_its_end(runtime, channel, clock, sync).renewed_members)
        assert matched(channel, runtime, sync) == everybody
    assert sum(renewals) >= len(everybody) * 20


def signed_in_again(runtime, channel: Harness, session, sync: Sync) -> None:
    """People reconnect in time."""
    session.expire_all()
    tokens.store(runtime, session.get_one(Sync, sync.id).integration, channel.tokens())
    session.commit()


def test_an_audience_of_a_deleted_sync_is_emptied(runtime, channel, clock, session, sync):
    """Emptied when its sync was deleted, the simulator's own list holds nobody, at every channel (B17)."""
    run_to_its_end(runtime, channel, clock, sync)
    ada = Actor.person(session.get_one(Person, sync.creator_id))
    delete_sync(runtime, session, ada, sync.public_id, Retire.EMPTY)
    session.commit()
    retire(runtime, sync.id)
    channel.wait()
    session.expire_all()
    assert session.get_one(Sync, sync.id).retired_at == clock.now
    assert matched(channel, runtime, sync) == set()


# -- limits --------------------------------------------------------------------------------------------------------

AT_THE_CHANNEL = {
    "google": {"ingest_writes_a_minute": 2},
    "linkedin": {"users_per_minute": 2, "companies_per_minute": 2},
    "meta": {"score": 12, "score_seconds": 60},
}
KNOWN_HERE = {
    "google": {"limit_ingest_writes_a_minute": "2"},
    "linkedin": {"limit_members_a_minute": "2"},
    "meta": {"limit_score": "12"},
}


def through_the_waits(runtime, channel: Harness, clock, sync: Sync) -> tuple[Run, set[str]]:
    """A run in four batches until it is over, and the limits that it waited for."""
    runtime.settings.batch_rows = 10
    run, waited = start(runtime, sync), set()
    for _ in range(60):
        slices.work_slice(runtime, run.id)
        with runtime.sessions() as session:
            now = session.get_one(Run, run.id)
        if now.finished_at:
            break
        if now.scope:
            assert (now.state, now.lease_until, now.tries) == ("waiting", None, 0)
            waited.add(now.scope)
        pass_time(runtime.queue.client, 61)
        clock.forward(seconds=61)
        channel.world.advance(timedelta(seconds=61))
        follow.settle(runtime, sync.id)
    channel.wait()
    return now, waited


def test_a_channel_that_slows_us_down_gets_everybody_in_the_end(runtime, channel, clock, session, sync):
    """Told by the channel that it is too much, a run waits without a worker and ends with the exact audience (B1, S12)."""
    channel.world.put(channel.channel, "settings", "main", AT_THE_CHANNEL[channel.channel])
    run, waited = through_the_waits(runtime, channel, clock, sync)
    assert (run.state, run.problem_code, run.rows_added, run.batches_done) == ("done", None, 40, 4)
    assert len(waited) == 1
    assert len(matched(channel, runtime, sync)) == 40


def test_a_limit_that_is_known_is_not_run_into(runtime, channel, clock, session, sync):
    """Below a known limit the channel never has to refuse; the run waits before it asks, and the audience is exact (B1)."""
    settings = runtime.settings.channels[channel.channel]
    settings.options = {**settings.options, **KNOWN_HERE[channel.channel]}
    channel.world.put(channel.channel, "settings", "main", AT_THE_CHANNEL[channel.channel] | {"score_seconds": 300})
    run, waited = through_the_waits(runtime, channel, clock, sync)
    assert (run.state, run.rows_added, run.batches_done) == ("done", 40, 4)
    assert waited
    assert not any(runtime.queue.client.hexists(key, "closed") for key in buckets(runtime))
    assert len(matched(channel, runtime, sync)) == 40


def buckets(runtime) -> list[bytes]:
    """Where the limiter counts; a limit that was refused is marked as closed there."""
    return [key for key in runtime.queue.client.keys("segsync:rate:*") if not key.endswith(b":since")]
