"""Emptying an audience where the channel cannot do it by itself: everybody who is there because of us is taken out."""

from __future__ import annotations

from dataclasses import replace

import pytest

from connectors.contract import Action, PushResult, Refused, Retire
from connectors.problems import Code, TryLater
from segsync.actions.actor import Actor
from segsync.actions.sync_retire import retire
from segsync.actions.syncs import delete
from segsync.models import DataFile, Person, Run
from tests.actions.pushing import again, die, go, keys, open_alerts, put
from tests.fakes import FakeChannel


class WithoutEmpty(FakeChannel):
    """A channel that can add and remove, and nothing else; `cut` rows of the next batch wait."""

    cut = False

    def retire(self, token, account, audience, how):
        raise AssertionError(how)

    def push(self, token, account, audience, batch):
        answer = super().push(token, account, audience, batch)
        cut, self.cut = self.cut, False
        return PushResult(0, (Refused(Code.OUTAGE.value, 1, (0,)),)) if cut else answer


@pytest.fixture
def channel(runtime):
    """Says, as LinkedIn does, that it cannot empty."""
    fake = WithoutEmpty()
    fake.capabilities = replace(fake.capabilities, retire=frozenset({Retire.LEAVE, Retire.DELETE}))
    runtime._connectors["meta"] = fake
    return fake


def emptied(runtime, session, sync):
    """Ada deletes the sync and chooses that the audience is emptied."""
    ada = Actor.person(session.get_one(Person, sync.creator_id))
    delete(runtime, session, ada, sync.public_id, Retire.EMPTY)
    session.commit()
    retire(runtime, sync.id)
    return again(runtime, sync)


def test_nobody_of_ours_is_left(runtime, session, channel, sync, clock):
    """After a run three people are there; emptied by our books, nobody is, and the audience itself stays. (B17)."""
    go(runtime, sync)
    assert len(keys(channel)) == 3
    assert emptied(runtime, session, sync).retired_at == clock.now
    assert (keys(channel), list(channel.audiences)) == (set(), ["audience-1"])


def test_what_a_broken_run_may_have_brought_is_taken_out_too(runtime, session, channel, sync):
    """A worker died after the channel took a batch: no ledger names those people yet, and they go all the same. (B17, B1)."""
    run = die(runtime, channel, sync, when="after_push")
    session.get_one(Run, run.id).lease_until = None
    session.commit()
    assert keys(channel)
    assert emptied(runtime, session, sync).retired_at
    assert keys(channel) == set()


def test_a_channel_that_fails_on_the_way_is_tried_again(runtime, session, channel, sync, clock):
    """The channel is away after the first batch: the rest is taken out ten minutes later. (B17)."""
    go(runtime, sync)
    problems = [None, TryLater(Code.OUTAGE)]

    def away(_batch):
        problem = problems.pop(0) if problems else None
        if problem:
            raise problem

    channel.before_push = away
    assert emptied(runtime, session, sync).retired_at is None
    assert len(keys(channel)) == 1
    clock.forward(minutes=11)
    retire(runtime, sync.id)
    assert (keys(channel), again(runtime, sync).retired_at) == (set(), clock.now)


def test_rows_that_the_channel_left_for_later_are_sent_again(runtime, session, channel, sync, clock):
    """A removal that was cut short is no success: it is repeated until everybody was reached. (B17)."""
    go(runtime, sync)
    channel.cut = True
    assert emptied(runtime, session, sync).retired_at is None
    clock.forward(minutes=11)
    retire(runtime, sync.id)
    assert again(runtime, sync).retired_at == clock.now


def test_a_limit_on_the_way_does_not_begin_it_anew(runtime, session, channel, sync, clock):
    """The channel takes one request in ten minutes: each takes out others, until everybody is out. (B17, S12)."""
    for name in ("fourth", "fifth", "sixth", "seventh"):
        put(session, sync, email=f"{name}@example.org")
    go(runtime, sync)
    sent, taken = len(channel.pushed), []

    def one_in_ten_minutes(_batch):
        if clock.now in taken:
            raise TryLater(Code.RATE_LIMIT)
        taken.append(clock.now)

    channel.before_push = one_in_ten_minutes
    emptied(runtime, session, sync)
    for _ in range(4):
        clock.forward(minutes=11)
        retire(runtime, sync.id)
    assert (keys(channel), len(channel.pushed) - sent) == (set(), 4)
    assert again(runtime, sync).retired_at


def test_two_workers_never_empty_it_at_once(runtime, session, channel, sync):
    """While one worker takes people out, a second one that is woken looks and leaves it alone. (B17)."""
    go(runtime, sync)
    sent = len(channel.pushed)
    channel.before_push = lambda _batch: retire(runtime, sync.id)
    emptied(runtime, session, sync)
    assert [batch.action for batch in channel.pushed[sent:]] == [Action.REMOVE, Action.REMOVE]


def test_damaged_books_are_told_and_nothing_is_guessed(runtime, session, channel, sync):
    """A file of the ledger is damaged: nothing is sent, and the alert tells whoever runs the installation. (B17, S13)."""
    go(runtime, sync)
    for file in session.query(DataFile).where(DataFile.ledger_id.is_not(None)):
        (runtime.ledgers / file.path).write_bytes(b"damaged")
    sent = len(channel.pushed)
    assert emptied(runtime, session, sync).retired_at is None
    assert (len(channel.pushed), [alert.code for alert in open_alerts(runtime)]) == (sent, ["ledger.unreadable"])
