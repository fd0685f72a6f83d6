"""Opt-outs and erasures: one person out of every audience, whatever the state of the syncs, and done only when all have confirmed."""

from __future__ import annotations

import pytest
from sqlalchemy import select

from connectors.contract import Action
from connectors.problems import Code, ReconnectNeeded
from segsync.actions import opt_outs, removal_work, removals, schedule
from segsync.actions.actor import Actor, NotAllowed
from segsync.actions.removals import Wish
from segsync.actions.waiting import resume_waiting
from segsync.models import Integration, Person, Removal, SegmentMember, Sync
from segsync.queue import Name
from segsync.rules.removal_words import Sort
from tests.actions.fake_channel import with_fakes
from tests.actions.pushing import again, go, keys, members, open_alerts, put, settle
from tests.actions.removing import carry_out, one_more, tasks
from tests.builders import make_contact, make_segment, make_sync, make_workspace
from tests.fakes import LATER


def test_one_action_takes_a_person_out_of_every_audience(runtime, channel, session, sync, take_out):
    """Two audiences hold the person, one action takes them out of both, and it is done with a receipt of each (B5)."""
    segment = make_segment(session, sync.workspace, "Other")
    contact = members(session, sync)[0]
    session.add(SegmentMember(segment_id=segment.id, member_id=contact.id))
    other = make_sync(session, segment, session.get_one(Integration, sync.integration_id), account_id="act-2")
    session.commit()
    for each in (sync, other):
        go(runtime, each)
    removal = carry_out(runtime, take_out(contact))
    assert (removal.state, removal.done_at) == ("done", runtime.clock())
    assert [task.state for task in tasks(runtime, removal.id)] == ["confirmed", "confirmed"]
    assert len(keys(channel)) == 2
    session.refresh(contact)
    assert contact.subscription == "no"


def test_goes_on_while_the_sync_is_switched_off(runtime, channel, session, sync, take_out):
    """A sync that is switched off keeps its audience, but not somebody who opted out (B5, B12)."""
    go(runtime, sync)
    session.get_one(Sync, sync.id).status = "inactive"
    session.commit()
    assert carry_out(runtime, take_out(members(session, sync)[0])).state == "done"
    assert len(keys(channel)) == 2


def test_next_run_neither_adds_nor_removes_them_again(runtime, channel, session, sync, take_out):
    """Our books know that they are out: the next run has nothing to do (B5)."""
    go(runtime, sync)
    carry_out(runtime, take_out(members(session, sync)[0]))
    sent = len(channel.pushed)
    assert go(runtime, sync).state == "done"
    assert len(channel.pushed) == sent
    assert again(runtime, sync).members_held == 2


def test_every_contact_of_the_person_goes(runtime, channel, session, sync, grace):
    """A second contact with the same e-mail, also in another workspace, or with the phone alone, is not added again (B5)."""
    one = put(session, sync, email="one@example.org", phone="+4930901820")
    twin, by_phone = put(session, sync, email="one@example.org"), put(session, sync, email=None, phone="+4930901820")
    colleague = put(session, sync, email="two@example.org", phone="+4930901820")
    phone_only = opt_outs.same_person(session, sync.organization_id, by_phone)
    elsewhere = make_contact(
        session, make_workspace(session, sync.workspace.organization, "Elsewhere"), email="one@example.org"
    )
    go(runtime, sync)
    removals.ask(session, grace, sync.workspace, one.id, Wish(Sort.OPT_OUT), now=runtime.clock())
    session.commit()
    for each in session.scalars(select(Removal.id)).all():
        carry_out(runtime, each)
    run = go(runtime, sync)
    session.expire_all()
    assert phone_only == []
    said = [each.subscription for each in (one, twin, by_phone, elsewhere, colleague)]
    assert said == ["no", "no", "no", "no", "unknown"]
    assert (run.skipped["not_subscribed"], session.scalars(select(Removal.state)).all()) == (3, ["done"] * 4)


def test_dead_signin_waits_in_an_alert_and_can_be_done_by_hand(runtime, channel, session, sync, take_out, grace):
    """Where the channel cannot be asked one alert says so; done on the channel's own page, it is kept with who did it (B5)."""
    go(runtime, sync)

    def dead(_batch) -> None:
        raise ReconnectNeeded(Code.SIGNIN_REVOKED)

    channel.before_push = dead
    removal = carry_out(runtime, take_out(members(session, sync)[0]))
    (task,) = tasks(runtime, removal.id)
    assert (task.state, task.problem_code, removal.done_at) == ("by hand", "signin.revoked", None)
    assert [(alert.code, alert.acts) for alert in open_alerts(runtime)] == [("removal.waits", "admin")]
    removals.done_by_hand(session, grace, removal.id, task.id, now=runtime.clock())
    session.commit()
    assert carry_out(runtime, removal.id).state == "done"
    assert tasks(runtime, removal.id)[0].by_hand_by == grace.person_id
    assert open_alerts(runtime) == []


@pytest.mark.parametrize("sort", [Sort.OPT_OUT, Sort.ERASURE])
def test_removal_that_a_channel_refuses_for_good_is_told(runtime, channel, clock, session, sync, take_out, sort):
    """A channel that does not take the person out is not asked forever in silence: an alert, a look a day, and done once it does (B5)."""
    go(runtime, sync)
    channel.refuse = lambda batch: {0: "row.bad_format"} if batch.action is Action.REMOVE else {}
    removal = carry_out(runtime, take_out(members(session, sync)[0], sort), clock)
    (task,) = tasks(runtime, removal.id)
    assert (task.state, removal.done_at) == ("by hand", None)
    assert [alert.code for alert in open_alerts(runtime)] == ["removal.waits"]
    channel.refuse = lambda _batch: {}
    clock.forward(days=1)
    assert (carry_out(runtime, removal.id, clock).state, open_alerts(runtime)) == ("done", [])


def test_one_audience_that_breaks_off_keeps_no_other_waiting(runtime, channel, session, sync, take_out):
    """Something that nobody thought of happens at one audience: the others are done meanwhile (B5)."""
    contact = members(session, sync)[0]
    other = one_more(session, sync, contact)
    for each in (sync, other):
        go(runtime, each)
    removal_id = take_out(contact)

    def breaks_off(_batch) -> None:
        channel.before_push = lambda _batch: None
        raise RuntimeError

    channel.before_push = breaks_off
    with pytest.raises(RuntimeError):
        removal_work.work(runtime, removal_id)
    with runtime.sessions.begin() as opened:
        opened.get_one(Removal, removal_id).lease_until = None  # it ran out
    carry_out(runtime, removal_id)
    assert sorted(task.state for task in tasks(runtime, removal_id)) == ["confirmed", "waiting"]


def dead_once(channel) -> None:
    """The sign-in is dead at the first call, and good again afterwards."""
    trouble = [ReconnectNeeded(Code.SIGNIN_REVOKED)]

    def dead(_batch) -> None:
        if trouble:
            raise trouble.pop()

    channel.before_push = dead


def test_signin_that_works_again_is_used_the_next_day(runtime, channel, clock, session, sync, take_out):
    """What waited is looked at once a day and goes on by itself (B5)."""
    go(runtime, sync)
    dead_once(channel)
    removal_id = take_out(members(session, sync)[0])
    carry_out(runtime, removal_id)
    clock.forward(hours=25)
    assert carry_out(runtime, removal_id).state == "done"
    assert open_alerts(runtime) == []


def test_reconnecting_takes_people_out_at_once(runtime, channel, session, sync, take_out):
    """A removal that waited for a dead sign-in goes on as soon as its person has reconnected, not only a day later (B5)."""
    go(runtime, sync)
    dead_once(channel)
    removal_id = take_out(members(session, sync)[0])
    assert carry_out(runtime, removal_id).done_at is None
    with runtime.sessions.begin() as fresh:
        resume_waiting(runtime, fresh, fresh.get_one(Integration, sync.integration_id))
    schedule.tick(runtime)
    assert runtime.queue.waiting(Name.REMOVALS) == 1
    assert carry_out(runtime, removal_id).state == "done"
    assert open_alerts(runtime) == []


def test_removal_renews_a_token_that_the_channel_calls_expired(runtime, channel, session, sync, take_out):
    """A token that ended is renewed in the midst of a removal, once, and nobody has to do anything (B5)."""
    go(runtime, sync)
    fake = with_fakes(runtime)
    fake.fakes.connector = channel
    expired = [ReconnectNeeded(Code.SIGNIN_EXPIRED)]

    def once(_batch) -> None:
        if expired:
            raise expired.pop()

    channel.before_push = once
    assert carry_out(fake, take_out(members(session, sync)[0])).state == "done"
    with runtime.sessions() as fresh:
        assert runtime.vault.open(fresh.get_one(Integration, sync.integration_id).access_sealed) == "access-new"
    assert open_alerts(runtime) == []


def test_channel_that_applies_later_is_waited_for(runtime, channel, clock, session, sync, take_out):
    """Where a channel carries out later it is done only when the channel says so (B5)."""
    channel.capabilities = LATER
    go(runtime, sync)
    clock.forward(hours=1)
    settle(runtime, sync)
    removal_id = take_out(members(session, sync)[0])
    removal_work.work(runtime, removal_id)
    assert tasks(runtime, removal_id)[0].state == "sent"
    clock.forward(minutes=11)
    assert carry_out(runtime, removal_id, clock).state == "done"
    assert len(keys(channel)) == 2


def test_who_subscribed_again_can_opt_out_again(runtime, channel, session, sync, take_out):
    """While an opt-out waits for one audience the person comes back into another: asked again, they leave that too (B5)."""
    contact = members(session, sync)[0]
    other = one_more(session, sync, contact)
    for each in (sync, other):
        go(runtime, each)
    answers = [None, ReconnectNeeded(Code.SIGNIN_REVOKED)]
    channel.before_push = lambda _batch: answer(answers)
    removal_id = take_out(contact)
    carry_out(runtime, removal_id)
    contact.subscription = "yes"
    session.commit()
    go(runtime, sync)
    session.get_one(Sync, sync.id).status = "inactive"
    assert take_out(contact) == removal_id
    carry_out(runtime, removal_id)
    assert [task.state for task in tasks(runtime, removal_id)] == ["confirmed", "by hand", "confirmed"]
    assert (contact.subscription, len(keys(channel))) == ("no", 3)


def answer(answers: list) -> None:
    if answers and (problem := answers.pop(0)):
        raise problem


def test_somebody_in_no_audience_is_done_at_once(runtime, session, sync, take_out):
    """Whoever was never sent is barred and done, with nothing to ask of a channel (B5)."""
    removal = carry_out(runtime, take_out(members(session, sync)[0]))
    assert (removal.state, tasks(runtime, removal.id)) == ("done", [])


def test_withdrawn_consent_is_kept_as_denied(session, sync, take_out):
    """A withdrawn consent is written down as that, and as not subscribed (B5)."""
    contact = members(session, sync)[0]
    take_out(contact, Sort.CONSENT)
    session.refresh(contact)
    assert (contact.subscription, contact.ad_user_data, contact.ad_personalization) == ("no", "denied", "denied")


def test_only_administrators_take_people_out(runtime, session, sync):
    """A Marketing User cannot take somebody out of everything (B5)."""
    ada = Actor.person(session.get_one(Person, sync.owner_id))
    contact = members(session, sync)[0]
    with pytest.raises(NotAllowed, match="administrator"):
        removals.ask(session, ada, sync.workspace, contact.id, Wish(Sort.ERASURE), now=runtime.clock())


def test_what_is_due_is_woken_in_a_queue_of_its_own(runtime, session, sync, take_out):
    """Removals have a queue of their own, behind no import, and the scheduler wakes what is due (B5)."""
    take_out(members(session, sync)[0])
    schedule.tick(runtime)
    assert runtime.queue.waiting(Name.REMOVALS) == 1
