"""A whole run through each real connector, against its simulator's own membership."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest
from sqlalchemy import delete, select, update

from connectors.contract import AudienceRef, Kind, Retire
from connectors.simulators import Simulators
from segsync.actions import removal_work, removals, slices, sync_rebuild, tokens
from segsync.actions.actor import Actor
from segsync.actions.ask_kinds import CAMPAIGNS, KINDS
from segsync.actions.push import follow
from segsync.actions.removals import Wish
from segsync.actions.sync_retire import retire
from segsync.actions.syncs import delete as delete_sync
from segsync.config import ChannelSettings
from segsync.models import Contact, ErasedKey, Person, RemovalTask, Run, SegmentMember, Sync
from segsync.rules.catalogue import entry
from segsync.rules.removal_words import Sort
from tests.actions import pushing
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


def somebody_new(channel: Harness, session, sync: Sync) -> None:
    """One more member, so that the next run has something to send."""
    fields = {name: value for name, value in channel.people(1)[0].items() if name != "person_id"}
    pushing.put(session, sync, **fields, ad_user_data="granted", ad_personalization="granted")


def test_an_audience_deleted_there_is_told_apart_from_lost_access_and_made_anew(runtime, channel, clock, session, sync):
    """Lost access is said as that; deleted there it waits for one click, which makes it anew with everybody in it (B17)."""
    run_to_its_end(runtime, channel, clock, sync)
    first = pushing.again(runtime, sync).audience_id
    somebody_new(channel, session, sync)
    channel.take_access(channel.ada, channel.account)
    lost = run_to_its_end(runtime, channel, clock, sync)
    channel.give_access(channel.ada, channel.account)
    channel.delete_there(AudienceRef(first, ""))
    gone = run_to_its_end(runtime, channel, clock, sync)
    assert (lost.problem_code.partition(".")[0], gone.problem_code) == ("account", "audience.gone")
    session.expire_all()
    ada = Actor.person(session.get_one(Person, sync.creator_id))
    sync_rebuild.rebuild(runtime, session, ada, sync.public_id)
    session.commit()
    made = run_to_its_end(runtime, channel, clock, sync)
    assert (made.state, len(matched(channel, runtime, sync))) == ("done", 41)
    assert pushing.again(runtime, sync).audience_id != first
    assert pushing.open_alerts(runtime) == []


def test_campaigns_that_use_the_audience_are_listed_for_the_switch_off_dialog(runtime, channel, clock, session, sync):
    """Before it is switched off one reads from the channel which campaigns use it, and which keep these people out (S10, B17)."""
    audience = channel.connector.create_audience(channel.token(), channel.account, channel.spec())
    channel.wait()
    wanted = {(channel.new_campaign(audience, use), use) for use in ("include", "exclude")}
    session.get_one(Sync, sync.id).audience_id = audience.remote_id
    session.commit()
    KINDS[CAMPAIGNS].answer(runtime, {"sync": sync.id})
    told = pushing.again(runtime, sync)
    assert {(one["name"], one["use"]) for one in told.campaigns} == wanted
    assert told.campaigns_at == clock.now


# -- one person ----------------------------------------------------------------------------------------------------


def there(channel: Harness, runtime, sync: Sync, **fields: str) -> bool:
    """Whether the simulator's own list has this key, as it is made from what we know."""
    (row,) = channel.batch([fields]).rows.to_pylist()
    with runtime.sessions() as session:
        audience = session.get_one(Sync, sync.id).audience_id
    keys = " ".join(channel.world.members(channel.channel, audience)["keys"])
    return any(value in keys for value in row.values() if value)


def carried_out(runtime, channel: Harness, clock, removal_ids: list[int]) -> list[RemovalTask]:
    """What workers and the channel do in half a day."""
    for _ in range(8):
        for removal_id in removal_ids:
            removal_work.work(runtime, removal_id)
        channel.wait()
        clock.forward(minutes=31)
    with runtime.sessions() as session:
        return list(session.scalars(select(RemovalTask).where(RemovalTask.removal_id.in_(removal_ids))))


def test_who_opted_out_or_is_erased_is_out_of_the_channels_own_list(runtime, channel, clock, session, sync, grace):
    """Also of a sync that is off: receipts and proof stand, and a colleague who shares a key is in again after the next run (B5)."""
    eve, bob, colleague = pushing.members(session, sync)[:3]
    shape = channel.can.shapes[Kind.PEOPLE]
    shared = "phone" if any(key.made_of == ("phone",) for key in shape.keys) else "mobile_ad_id"
    value = {"phone": eve.phone, "mobile_ad_id": "38400000-8cf0-11bd-b23e-10b96e40000d"}[shared]
    for contact in (eve, colleague):
        setattr(contact, shared, value)
    gone, stays, number = (eve.email, bob.email), colleague.email, eve.id
    session.commit()
    run_to_its_end(runtime, channel, clock, sync)
    session.get_one(Sync, sync.id).status = "inactive"
    wishes = [(bob, Sort.OPT_OUT), (eve, Sort.ERASURE)]
    asked = [removals.ask(session, grace, sync.workspace, one.id, Wish(sort), now=clock()).id for one, sort in wishes]
    session.commit()
    tasks = carried_out(runtime, channel, clock, asked)
    assert [(task.state, bool(task.receipt or task.reference), task.keys_sealed) for task in tasks] == [
        ("confirmed", True, None)
    ] * 2
    assert not any(there(channel, runtime, sync, email=email) for email in gone)
    assert not there(channel, runtime, sync, **{shared: value})
    session.expire_all()
    assert session.get(Contact, number) is None
    assert {key.removal_id for key in session.scalars(select(ErasedKey))} == {asked[1]}
    session.get_one(Sync, sync.id).status = "synced"
    session.commit()
    assert run_to_its_end(runtime, channel, clock, sync).state == "done"
    assert not any(there(channel, runtime, sync, email=email) for email in gone)
    assert there(channel, runtime, sync, email=stays)
    assert there(channel, runtime, sync, **{shared: value})


def test_a_removal_on_a_dead_sign_in_waits_and_names_the_channels_own_page(
    runtime, channel, clock, session, sync, grace
):
    """Where the channel refuses the sign-in one alert says so, with the page where it can be done by hand; it goes on by itself (B5)."""
    bob = pushing.members(session, sync)[0]
    email = bob.email
    run_to_its_end(runtime, channel, clock, sync)
    channel.world.add_fault(channel.channel, "token_revoked")
    asked = removals.ask(session, grace, sync.workspace, bob.id, Wish(Sort.OPT_OUT), now=clock()).id
    session.commit()
    (task,) = carried_out(runtime, channel, clock, [asked])
    (alert,) = pushing.open_alerts(runtime)
    assert (task.state, alert.code, there(channel, runtime, sync, email=email)) == ("by hand", "removal.waits", True)
    assert "{account}" in channel.can.links[entry(alert.code).link]
    assert (alert.channel, alert.account_id) == (channel.channel, channel.account.remote_id)
    channel.world.clear_faults()
    clock.forward(hours=24)
    (task,) = carried_out(runtime, channel, clock, [asked])
    assert (task.state, pushing.open_alerts(runtime)) == ("confirmed", [])
    assert not there(channel, runtime, sync, email=email)


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
