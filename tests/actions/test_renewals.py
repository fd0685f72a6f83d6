"""Who stays is sent again before the channel forgets them, spread over time, and the run says so."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from connectors.contract import Action
from connectors.digests import texts
from connectors.problems import Code, TryLater
from segsync.actions import runs
from segsync.models import Sync
from tests.actions.pushing import again, go, keys, leave, members, put, settle
from tests.builders import NOW
from tests.fakes import LATER


@pytest.fixture
def many(session, channel, sync) -> Sync:
    """Forty people, in requests of four."""
    channel.capabilities = replace(channel.capabilities, batch_rows=4)
    for number in range(3, 40):
        put(session, sync, email=f"p{number}@example.org")
    return sync


def added(channel) -> list[str]:
    """The e-mail keys of all additions since the last look, as sent."""
    sent = [
        value
        for batch in channel.pushed
        if batch.action is Action.ADD
        for value in texts(batch.rows)["EMAIL"].to_pylist()
    ]
    channel.pushed.clear()
    return sent


def test_who_stays_is_renewed_in_time(runtime, channel, clock, sync):
    """Nothing changes, and after 25 days everybody was sent once more; the run says why (promise 7, B16)."""
    go(runtime, sync)
    first = added(channel)
    clock.forward(days=25)
    run = go(runtime, sync)
    assert (run.state, run.renewed_members, run.unchanged_members) == ("done", 3, 3)
    assert sorted(added(channel)) == sorted(first)
    assert again(runtime, sync).oldest_sent_at == clock().replace(microsecond=0)


def test_nobody_due_is_no_request(runtime, channel, clock, sync):
    """Nothing changed and nobody's turn: the channel is asked for nothing (promise 7)."""
    go(runtime, sync)
    added(channel)
    clock.forward(days=10)
    run = go(runtime, sync)
    assert (run.renewed_members, run.requests, added(channel)) == (0, 0, [])


def test_not_everybody_falls_due_in_one_run(runtime, channel, clock, many):
    """All were sent on one day, and their turns are spread over days, in whole requests (promise 7)."""
    go(runtime, many)
    added(channel)
    clock.forward(days=18)
    renewed = []
    for _ in range(14):
        clock.forward(hours=12)
        renewed.append(go(runtime, many).renewed_members)
    assert max(renewed) <= 8
    assert set(renewed) <= {0, 4, 8}
    assert set(added(channel)) == {value for _, value in channel.audiences["audience-1"].keys}


def test_whose_turn_is_near_rides_along(runtime, channel, clock, session, many):
    """A run that sends anyway takes a request of those whose turn comes next, and no more (promise 7)."""
    go(runtime, many)
    clock.forward(days=16)
    assert go(runtime, many).renewed_members == 0
    put(session, many, email="new@example.org")
    assert go(runtime, many).renewed_members == 4


def test_who_leaves_is_not_renewed(runtime, channel, clock, session, sync):
    """A member whose turn it is and who left is taken out, not sent again (B1)."""
    go(runtime, sync)
    leaver = members(session, sync)[0]
    leave(session, sync, leaver)
    clock.forward(days=25)
    run = go(runtime, sync)
    assert (run.renewed_members, run.rows_removed, len(keys(channel))) == (2, 1, 2)


def test_who_changed_is_sent_once(runtime, channel, clock, session, sync):
    """A changed member whose turn it is goes with the change, not a second time (B1)."""
    go(runtime, sync)
    members(session, sync)[0].phone = "+49301234567"
    session.commit()
    added(channel)
    clock.forward(days=25)
    run = go(runtime, sync)
    assert (run.renewed_members, run.changed_members, len(added(channel))) == (2, 1, 3)


def test_renewal_that_was_not_answered_is_done_again(runtime, channel, clock, session, sync):
    """Switched off in the middle of renewing: whoever was not acknowledged is sent by the next run (promise 1)."""
    go(runtime, sync)
    added(channel)
    clock.forward(days=25)
    channel.before_push = lambda _batch: cut_off(runtime, sync) if channel.pushed else None
    assert go(runtime, sync).renewed_members == 2
    channel.before_push = lambda _batch: None
    added(channel)
    assert go(runtime, sync).state == "done"
    assert len(added(channel)) == 1
    assert again(runtime, sync).oldest_sent_at >= NOW + timedelta(days=25)


def test_turns_count_from_when_somebody_was_sent(runtime, channel, clock, session, sync):
    """A run that was cut off and taken up weeks later does not make what it had sent any younger (promise 7)."""
    channel.before_push = lambda _batch: cut_off(runtime, sync) if channel.pushed else None
    go(runtime, sync)
    channel.before_push = lambda _batch: None
    sent = added(channel)
    clock.forward(days=25)
    assert go(runtime, sync).renewed_members == len(sent) == 2


def cut_off(runtime, sync) -> None:
    """The run under way is stopped, as switching off does, and its request never arrives."""
    with runtime.sessions.begin() as session:
        runs.stop(session, session.get_one(Sync, sync.id), now=runtime.clock())
    raise TryLater(Code.OUTAGE)


def test_renewal_does_not_wait_for_removals_of_its_own_run(runtime, channel, clock, session, sync):
    """Who shares nothing with a leaver is renewed at once, also where the channel applies later (promise 7)."""
    channel.capabilities = LATER
    go(runtime, sync)
    clock.forward(hours=1)
    settle(runtime, sync)
    leave(session, sync, members(session, sync)[0])
    clock.forward(days=25)
    run = go(runtime, sync)
    assert (run.state, run.renewed_members) == ("done", 2)


def test_what_a_clock_that_was_ahead_wrote_down_keeps_nobody_from_being_renewed(runtime, channel, clock, sync):
    """Everybody was sent while the clock was a year ahead: once it is right they are sent again, not in a year (promise 7)."""
    clock.forward(days=365)
    go(runtime, sync)
    clock.forward(days=-365)
    assert go(runtime, sync).renewed_members == 3
    assert go(runtime, sync).renewed_members == 0


def test_operator_may_ask_for_sooner_never_for_later(settings):
    """The setting shortens a channel's own figure and cannot exceed it (promise 7)."""
    month = timedelta(days=25)
    assert settings.model_copy(update={"resend_days": 5.0}).resend_after(month) == timedelta(days=5)
    assert settings.model_copy(update={"resend_days": 300.0}).resend_after(month) == month
    assert settings.model_copy(update={"resend_days": 0}).resend_after(month) == month
