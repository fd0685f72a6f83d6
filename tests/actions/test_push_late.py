"""What a channel says hours after it took a batch: refused rows are never forgotten, and nobody counts them twice."""

from __future__ import annotations

import pytest

from connectors.contract import Action, Refused, Settlement
from segsync.actions import chores, runs
from segsync.models import Run, Sync
from tests.actions.pushing import again, go, keys, leave, members, open_alerts, put, settle, start, work
from tests.fakes import LATER, FakeChannel


@pytest.fixture
def later(channel, runtime, clock, sync) -> FakeChannel:
    """The channel applies batches later. Three people are in the audience, and that is final."""
    channel.capabilities = LATER
    finish(runtime, clock, sync, go(runtime, sync))
    return channel


def finish(runtime, clock, sync, run: Run) -> Run:
    """Later results and the run's next slices, until it is over and everything is final."""
    for _ in range(4):
        clock.forward(hours=2)
        settle(runtime, sync)
        run = work(runtime, run)
    return run


def refusing(action: Action, code: str = "row.refused"):
    return lambda batch: {0: code} if batch.action is action else {}


def test_removal_refused_later_is_due_again(runtime, later, session, clock, sync):
    """Hours later the channel says that it did not take somebody out: the sync says so, and the next run does it again (B1)."""
    leave(session, sync, members(session, sync)[0])
    later.refuse = refusing(Action.REMOVE)
    finish(runtime, clock, sync, go(runtime, sync))
    assert (len(keys(later)), again(runtime, sync).removals_due) == (3, 1)
    later.refuse = lambda _batch: {}
    run = finish(runtime, clock, sync, go(runtime, sync))
    assert (run.state, run.rows_removed) == ("done", 1)
    assert (len(keys(later)), again(runtime, sync).removals_due) == (2, 0)


def test_removal_that_failed_as_a_whole_is_due_again(runtime, later, session, clock, sync):
    """A removal that failed without naming rows is repeated for everybody in it (B1)."""
    leave(session, sync, *members(session, sync)[:2])
    go(runtime, sync)
    later._pending.clear()
    later.settle = lambda _token, _account, receipts: [  # it failed, and says only how many
        Settlement(receipt, final=True, refused=(Refused("row.refused", 2),)) for receipt in receipts
    ]
    clock.forward(hours=2)
    settle(runtime, sync)
    del later.settle
    finish(runtime, clock, sync, go(runtime, sync))
    assert len(keys(later)) == 1


def test_addition_that_failed_for_a_while_is_sent_again(runtime, later, session, clock, sync):
    """The channel had an error of its own for one person: they are sent again although nothing about them changed (B1, B15)."""
    leave(session, sync, members(session, sync)[0])
    finish(runtime, clock, sync, go(runtime, sync))
    for contact in members(session, sync):
        contact.email = f"new-{contact.email}"
    session.commit()
    later.refuse = refusing(Action.ADD, "wait.outage")
    finish(runtime, clock, sync, go(runtime, sync))
    assert (len(keys(later)), again(runtime, sync).members_held) == (1, 2)
    later.refuse = lambda _batch: {}
    finish(runtime, clock, sync, go(runtime, sync))
    assert (len(keys(later)), again(runtime, sync).members_held) == (2, 2)


def test_row_refused_for_good_waits_for_a_change(runtime, channel, session, clock, sync):
    """A row that the channel refuses later is no member in step, is said in an alert, and is not sent again unchanged (B15)."""
    channel.capabilities = LATER
    channel.refuse = refusing(Action.ADD)
    run = finish(runtime, clock, sync, go(runtime, sync))
    assert (run.refused, [alert.code for alert in open_alerts(runtime)]) == ({"row.refused": 2}, ["row.refused"])
    sent = len(channel.pushed)
    finish(runtime, clock, sync, go(runtime, sync))
    assert (len(channel.pushed), again(runtime, sync).members_held) == (sent, 1)


def test_refused_members_are_said_as_long_as_they_are_missing(runtime, channel, session, sync):
    """Runs that change nothing do not end the alert of a refused member; it ends once they are taken, or wanted no more (B15)."""
    channel.refuse = refusing(Action.ADD)
    go(runtime, sync)
    go(runtime, sync)
    told = again(runtime, sync).members_refused, [alert.code for alert in open_alerts(runtime)]
    assert told == (2, ["row.refused"])  # the first of each request
    channel.refuse = lambda _batch: {}
    put(session, sync, email="new@example.org")
    go(runtime, sync)
    assert [alert.code for alert in open_alerts(runtime)] == ["row.refused"]
    leave(session, sync, *members(session, sync)[:3:2])
    put(session, sync, email="newer@example.org")
    go(runtime, sync)
    assert (again(runtime, sync).members_refused, "row.refused" in {alert.code for alert in open_alerts(runtime)}) == (
        0,
        False,
    )


def test_refusal_told_after_a_run_was_stopped(runtime, later, session, clock, sync):
    """A run is stopped after it sent something, and a removal of it is refused later: the next run knows both (promise 1, B1)."""
    leave(session, sync, *members(session, sync)[:2])
    new = put(session, sync, email="new@example.org")
    run = start(runtime, sync)

    def stop(batch) -> None:
        if batch.action is Action.ADD:
            with runtime.sessions.begin() as other:
                runs.stop(other, other.get_one(Sync, sync.id, with_for_update=True), now=runtime.clock())

    later.after_push, later.refuse = stop, refusing(Action.REMOVE)
    finish(runtime, clock, sync, work(runtime, run))
    later.after_push, later.refuse = (lambda _batch: None), (lambda _batch: {})
    leave(session, sync, new)
    finish(runtime, clock, sync, go(runtime, sync))
    assert (len(keys(later)), again(runtime, sync).members_held) == (1, 1)


def test_files_are_kept_for_what_was_refused_later(runtime, later, session, clock, sync):
    """Clearing up leaves the files of a plan that a later refusal still has to be read from (promise 1)."""
    leave(session, sync, members(session, sync)[0])
    later.refuse = refusing(Action.REMOVE)
    finish(runtime, clock, sync, go(runtime, sync))
    clock.forward(days=9)
    chores.do(runtime, "collect", sync.id)
    later.refuse = lambda _batch: {}
    finish(runtime, clock, sync, go(runtime, sync))
    assert len(keys(later)) == 2


def test_two_who_ask_at_once_count_a_refusal_once(runtime, channel, clock, sync):
    """Two workers that ask for the same later results write them down once (S13)."""
    channel.capabilities = LATER
    channel.refuse = refusing(Action.ADD)
    plain = channel.settle

    def both(*arguments):
        channel.settle = plain
        settle(runtime, sync)
        return plain(*arguments)

    run = go(runtime, sync)
    channel.settle = both
    run = finish(runtime, clock, sync, run)
    assert run.refused == {"row.refused": 2}
    assert [alert.times for alert in open_alerts(runtime)] == [1]
