"""What a run repeats: plans that grew old, batches in doubt, removals that were refused, and what has to wait for them."""

from __future__ import annotations

import os
from datetime import timedelta

from sqlalchemy import text

from connectors.contract import Action
from connectors.problems import Code, SegmentRefused, TryLater
from segsync.actions import chores, slices
from segsync.models import Run
from tests.actions.pushing import again, go, join, keys, leave, let_go, members, put, settle, start, work
from tests.fakes import LATER


def held_back(hours: float, batch: int = 1):
    """Something that happens before a push: the channel limits us once, at the nth batch."""
    once = [TryLater(Code.RATE_LIMIT, retry_after=timedelta(hours=hours))]
    count = [0]

    def limit(_batch) -> None:
        count[0] += 1
        if count[0] == batch and once:
            raise once.pop()

    return limit


def test_removal_refused_in_an_old_plan_hides_nothing_of_the_new_one(runtime, channel, session, clock, sync):
    """A removal is refused, then the channel makes us wait; the plan made after that is sent whole (B1, B15)."""
    go(runtime, sync)
    leaver = members(session, sync)[0]
    leave(session, sync, leaver)
    for name in ("fourth", "fifth"):
        put(session, sync, email=f"{name}@example.org")
    limit = held_back(2, batch=1)

    def refuse_then_limit(batch) -> None:
        if batch.action is Action.REMOVE:
            raise SegmentRefused(Code.REMOVAL_TOO_SMALL)
        limit(batch)

    channel.before_push = refuse_then_limit
    run = go(runtime, sync)
    join(session, sync, leaver)
    clock.forward(hours=3)
    assert work(runtime, run).state == "done"
    assert len(keys(channel)) == 5


def test_books_outlive_a_plan_that_was_made_again(runtime, channel, clock, session, sync):
    """A first batch that had to wait for hours, and files cleared up a week later: the ledger is still there (B1)."""
    channel.before_push = held_back(2)
    run = go(runtime, sync)
    clock.forward(hours=3)
    assert work(runtime, run).state == "done"
    clock.forward(days=8)
    chores.do(runtime, "collect", sync.id)
    leave(session, sync)
    let_go(runtime, sync.id)
    assert go(runtime, sync).state == "done"
    assert keys(channel) == set()


def test_clearing_up_takes_what_a_killed_worker_never_listed(runtime, channel, clock, sync):
    """Files that a worker wrote before it was killed, and no list knows, are cleared up with the old ones (S15)."""
    go(runtime, sync)
    folder = runtime.ledgers / sync.public_id
    (folder / "run99-1-new-0.parquet").write_bytes(b"rows of people")
    os.utime(folder / "run99-1-new-0.parquet", (clock().timestamp() - 86_400 * 8,) * 2)
    chores.do(runtime, "collect", sync.id)
    assert not (folder / "run99-1-new-0.parquet").exists()
    assert go(runtime, sync).state == "done"


def test_late_answer_to_an_old_plan_counts_for_no_batch_of_the_new_one(runtime, channel, clock, session, sync):
    """A worker that slept through its claim writes down its answer: nobody of the plan made since is left out (promise 1)."""
    run = start(runtime, sync)

    def sleep(_batch) -> None:
        channel.after_push = lambda _batch: None
        channel.before_push = held_back(0.01)
        with runtime.sessions.begin() as other:
            other.execute(text("update run set lease_until = now() - interval '1 second'"))
        clock.forward(minutes=31)
        for contact in members(session, sync)[:2]:
            leave(session, sync, contact)
        put(session, sync, email="new@example.org")
        slices.work_slice(runtime, run.id)  # another worker plans anew, and has to wait before its first batch

    channel.after_push = sleep
    slices.work_slice(runtime, run.id)
    clock.forward(minutes=1)
    assert work(runtime, run).state == "done"
    assert len(keys(channel)) == 2


def test_removal_that_was_refused_is_tried_again_after_the_additions(runtime, channel, session, sync):
    """Too small to take somebody out, until the additions of the same run are there: then they leave, and nothing is due (B1)."""
    go(runtime, sync)
    leave(session, sync, *members(session, sync)[:2])
    for number in range(10, 13):
        put(session, sync, email=f"p{number}@example.org")

    def at_least_four(batch) -> None:
        if batch.action is Action.REMOVE and len(keys(channel)) - batch.rows.num_rows < 4:
            raise SegmentRefused(Code.REMOVAL_TOO_SMALL)

    channel.before_push = at_least_four
    run = go(runtime, sync)
    assert (run.state, len(keys(channel)), again(runtime, sync).removals_due) == ("done", 4, 0)
    assert (run.new_members, run.gone_members, run.rows_added, run.rows_removed) == (3, 2, 3, 2)


def test_a_plan_that_is_made_again_opens_upload_sessions_of_its_own(runtime, channel, session, sync):
    """Nothing is sent into a session after its last batch: a channel throws away what comes too late, without a word (B1)."""
    go(runtime, sync)
    leave(session, sync, members(session, sync)[0])
    put(session, sync, email="fourth@example.org")
    sent = []

    def refuse_once(batch) -> None:
        sent.append((batch.session, batch.last))
        if batch.action is Action.REMOVE and len(sent) == 1:
            raise SegmentRefused(Code.REMOVAL_TOO_SMALL)

    channel.before_push = refuse_once
    assert go(runtime, sync).state == "done"
    closed = [number for number, last in sent if last]
    assert (len(sent), len(set(closed))) == (3, len(closed))


def test_removal_refused_for_a_row_is_said(runtime, channel, session, sync):
    """The sync says how many people should no longer be there, and takes them out at the next run (B1)."""
    go(runtime, sync)
    leave(session, sync)
    let_go(runtime, sync.id)
    channel.refuse = lambda batch: {0: "row.refused"} if batch.action is Action.REMOVE else {}
    go(runtime, sync)
    assert again(runtime, sync).removals_due == 2
    channel.refuse = lambda _batch: {}
    let_go(runtime, sync.id)
    go(runtime, sync)
    assert (again(runtime, sync).removals_due, keys(channel)) == (0, set())


def test_who_comes_back_waits_for_their_removal(runtime, channel, session, clock, sync):
    """Where a channel applies things in its own order, nobody is added while a removal of theirs is under way (promise 2)."""
    channel.capabilities = LATER
    go(runtime, sync)
    clock.forward(hours=1)
    settle(runtime, sync)
    back = members(session, sync)[0]
    leave(session, sync, back)
    go(runtime, sync)
    join(session, sync, back)
    run = go(runtime, sync)
    assert (run.state, run.cursor["waits_for"]) == ("waiting", "channel")
    clock.forward(minutes=31)
    settle(runtime, sync)
    assert work(runtime, run).state == "done"
    settle_all(runtime, sync, clock)
    assert len(keys(channel)) == 3


def test_waiting_for_the_channel_does_not_read_the_segment_again_and_again(runtime, channel, session, clock, sync):
    """While a removal cannot go yet, the plan is left alone, however old it grows (S12)."""
    channel.capabilities = LATER
    go(runtime, sync)
    leave(session, sync, members(session, sync)[0])
    run = go(runtime, sync)
    for _ in range(4):
        clock.forward(minutes=40)
        run = work(runtime, run)
    assert run.state == "waiting"
    assert [phase for phase, _ in run.phases].count("reading") == 1


def test_damaged_plan_stops_before_it_is_sent(runtime, channel, clock, sync):
    """A file of the plan that was changed on the disk is noticed before anything in it is sent (S15)."""
    channel.before_push = held_back(0.1)
    run = go(runtime, sync)
    for file in (runtime.ledgers / sync.public_id).glob("*-new-*"):
        file.write_bytes(file.read_bytes()[:-1] + b"x")
    clock.forward(minutes=10)
    run = work(runtime, run)
    assert (run.state, run.problem_code) == ("failed", "ledger.unreadable")
    assert channel.pushed == []


def settle_all(runtime, sync, clock) -> Run:
    """Lets the channel finish what it has."""
    clock.forward(hours=1)
    settle(runtime, sync)


def test_first_upload_that_takes_days_goes_on(runtime, channel, clock, session, sync):
    """A channel lets only so much through in a day: the run goes on day after day as long as something got through (S12, S15)."""
    for number in range(10, 14):
        put(session, sync, email=f"p{number}@example.org")
    run = start(runtime, sync)
    for _ in range(4):
        channel.before_push = held_back(13, batch=2)
        run = work(runtime, run)
        clock.forward(hours=14)
    assert (run.state, len(keys(channel))) == ("done", 7)


def test_outages_that_were_over_are_forgotten(runtime, channel, clock, sync):
    """A channel that was away before the run got anywhere, and once more much later, has not used up the tries (S13)."""
    away = [TryLater(Code.OUTAGE) for _ in range(3)]
    plain = channel.check_account

    def check_account(*arguments):
        if away:
            raise away.pop()
        channel.before_push = twice
        return plain(*arguments)

    again_away = [TryLater(Code.OUTAGE) for _ in range(2)]

    def twice(_batch) -> None:
        if again_away:
            raise again_away.pop()

    channel.check_account = check_account
    run = start(runtime, sync)
    for _ in range(6):
        run = work(runtime, run)
        clock.forward(minutes=20)
    assert run.state == "done"
