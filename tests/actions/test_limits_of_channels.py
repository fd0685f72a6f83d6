"""Runs before a limit of a channel: they wait without a worker, in a line, and go on exactly where they were."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import select

from connectors.contract import AccountRef, Action, Token
from connectors.limits import DAY, Call, Limit, Per, Usage
from connectors.problems import Code, TryLater
from segsync.actions import turns
from segsync.actions.push import follow
from segsync.models import LimitScope, Run, RunBatch, Sync
from segsync.queue import Queue, connect
from segsync.rules.progress import progress, standing
from tests.actions.pushing import go, keys, leave, members, put, settle, start, work
from tests.builders import NOW, make_segment, make_sync
from tests.fakes import LATER
from tests.passing import pass_time, use_up

MINUTE = timedelta(minutes=1)
COUNTED = {Call.ADD: 1.0, Call.REMOVE: 1.0}


def a_minute(amount=4.0, costs=COUNTED, **more) -> Limit:
    return Limit("writes", Per.ACCOUNT, amount, MINUTE, costs, **more)


@pytest.fixture
def ten(session, channel, sync) -> Sync:
    """The sync of ten people, sent two at a time, at a channel that takes four requests a minute."""
    for number in range(3, 10):
        put(session, sync, email=f"p{number}@example.org")
    channel.limits = (a_minute(),)
    return sync


def beside(session, sync: Sync, name: str, **values) -> Sync:
    """Another sync of the same people to the same ad account."""
    other = make_segment(session, sync.workspace, name, sync.creator)
    made = make_sync(session, other, sync.integration, account_id=sync.account_id, **values)
    put(session, made, email=f"{name}@example.org")
    return made


def minute_later(runtime, seconds=60) -> None:
    runtime.clock.forward(seconds=seconds)
    pass_time(runtime.queue.client, seconds)


def to_its_end(runtime, run: Run, between=minute_later) -> Run:
    for _ in range(20):
        now = work(runtime, run)
        if now.finished_at:
            break
        between(runtime)
    return now


def test_a_run_before_a_limit_gives_its_worker_back_and_goes_on_where_it_was(runtime, channel, ten):
    """Each batch is sent once, however often the run had to wait, and the audience is exact (S12)."""
    run = go(runtime, ten)
    assert (run.state, run.lease_until, run.scope) == ("waiting", None, "meta:writes:account:act-1")
    assert (run.cursor["waits_for"], run.not_before > runtime.clock(), run.tries) == ("wait.rate_limit", True, 0)
    sent = len(channel.pushed)
    assert 0 < sent < 5
    run = to_its_end(runtime, run)
    assert (run.state, run.scope, run.rows_added) == ("done", None, 10)
    assert (len(channel.pushed), len(keys(channel))) == (5, 10)


def test_redis_emptied_in_the_middle_changes_nothing_but_the_pace(runtime, channel, ten):
    """What was counted is forgotten, what was sent is not: the run ends with every batch sent once."""
    run = go(runtime, ten)
    runtime.queue.client.flushall()
    run = to_its_end(runtime, run, between=lambda runtime: (minute_later(runtime), runtime.queue.client.flushall()))
    assert (run.state, len(channel.pushed), len(keys(channel))) == ("done", 5, 10)


def test_without_redis_a_run_waits_some_seconds_and_nothing_fails(runtime, channel, ten, tmp_path):
    """Redis away is no failure of the run, whose limit of the day is not used up: it waits in no line, says for what, and goes on."""
    channel.limits = (Limit("day", Per.APPLICATION, 2.0, DAY, COUNTED | {Call.CHECK: 0.1}),)
    alone = replace(runtime, queue=Queue(connect(f"unix://{tmp_path}/nobody.sock")))
    run = go(alone, ten)
    assert (run.state, run.tries, run.scope, channel.pushed) == ("waiting", 0, None, [])
    assert run.not_before - runtime.clock() <= timedelta(seconds=5)
    runtime.clock.forward(hours=25)
    run = work(alone, run)
    said = progress(standing(run), runtime.clock())
    assert (run.finished_at, said.words) == (None, "Waiting for a part of this installation")
    channel.limits = ()
    assert to_its_end(runtime, run).state == "done"


def test_a_line_that_lasts_for_days_fails_nobody(runtime, channel, ten):
    """A quota of the day that does not do for all stretches schedules, and no sync fails for it."""
    run = go(runtime, ten)
    for _ in range(2):
        runtime.clock.forward(hours=30)
        run = work(runtime, run)
    assert (run.state, run.problem_code) == ("waiting", None)


def test_a_channel_that_refuses_the_same_run_for_a_day_is_told(runtime, channel, ten):
    """Slowed down for 24 hours by the channel itself, without getting through once, is a failure that people see."""
    channel.limits = (a_minute(amount=0),)

    def refuse(_batch) -> None:
        raise TryLater(Code.RATE_LIMIT, retry_after=MINUTE)

    channel.before_push = refuse
    run = go(runtime, ten)
    minute_later(runtime, 25 * 3600)
    assert work(runtime, run).problem_code == "wait.rate_limit"


def test_a_day_in_our_own_line_is_not_held_against_a_run(runtime, channel, ten):
    """Whoever waited for a day until its turn came, and is then refused once by the channel, waits on and has not failed."""
    channel.limits = (slow := an_hour(COUNTED),)
    drain(runtime, slow, to=-100)
    run = go(runtime, ten)
    runtime.clock.forward(hours=25)
    drain(runtime, slow, to=8)
    once = [TryLater(Code.RATE_LIMIT, retry_after=MINUTE)]

    def refuse(_batch) -> None:
        if once:
            raise once.pop()

    channel.before_push = refuse
    run = work(runtime, run)
    assert (run.state, once, channel.pushed) == ("waiting", [], [])


def test_one_refusal_stops_everybody_on_the_limit(runtime, session, channel, ten):
    """What one run is told by the channel, all workers know: nobody else asks before the time."""
    other = beside(session, ten, "other")
    channel.limits = (a_minute(amount=0),)

    def refuse(_batch) -> None:
        channel.before_push = lambda _batch: None
        raise TryLater(Code.RATE_LIMIT, retry_after=timedelta(seconds=90), raw="80003")

    channel.before_push = refuse
    first, second = go(runtime, ten), go(runtime, other)
    assert (first.scope, second.scope, channel.pushed) == ("meta:writes:account:act-1", first.scope, [])
    closed = session.get_one(LimitScope, first.scope)
    assert (closed.per, closed.opens_at) == ("account", runtime.clock() + timedelta(seconds=90))
    minute_later(runtime, 91)
    assert [to_its_end(runtime, run).state for run in (first, second)] == ["done", "done"]


def test_what_any_answer_tells_of_a_limit_is_obeyed(runtime, channel, ten):
    """Told by the answer to a question that nothing is left of another limit, nobody runs into that one (meta.md 7)."""
    channel.limits = (a_minute(400),)
    channel.tells = [Usage("writes", 1.0, MINUTE)]
    runtime.connector("meta").check_account(Token("token", "ada"), AccountRef("act-1"))
    run = go(runtime, ten)
    assert (run.state, run.scope, channel.pushed) == ("waiting", "meta:writes:account:act-1", [])
    assert to_its_end(runtime, run).state == "done"


def test_nobody_in_a_line_is_woken_before_the_limit_opens(runtime, session, channel, ten):
    """A worker is not sent to find out what another has been told; then a few at a time go, not all at once."""
    others = [beside(session, ten, f"s{number}") for number in range(4)]
    run = go(runtime, ten)
    for other in others:
        work(runtime, start(runtime, other))
    session.get_one(LimitScope, run.scope).opens_at = runtime.clock() + timedelta(minutes=5)
    session.commit()
    runtime.clock.forward(minutes=4)
    assert picked(runtime) == []
    runtime.clock.forward(minutes=2)
    assert len(picked(runtime)) == turns.FROM_A_LINE


def picked(runtime, at_most=50) -> list[int]:
    with runtime.sessions.begin() as session:
        return list(turns.pick(session, runtime.clock(), at_most=at_most))


def test_those_longest_out_of_step_go_first_when_the_day_begins_anew(runtime, session, channel, ten):
    """A quota of the day that was not enough for all goes first to those whom it kept waiting longest."""
    channel.limits = (Limit("day", Per.APPLICATION, 2.0, DAY, COUNTED),)
    days = {"one": 1, "five": 5, "three": 3}
    syncs = {name: beside(session, ten, name, in_step_since=NOW - timedelta(days=n)) for name, n in days.items()}
    go(runtime, ten)
    runs = {work(runtime, start(runtime, sync)).id: name for name, sync in syncs.items()}
    runtime.clock.forward(days=1, minutes=1)
    assert [runs[run_id] for run_id in picked(runtime) if run_id in runs] == ["five", "three", "one"]


def test_removals_go_on_where_additions_wait(runtime, session, channel, ten):
    """Nearly used up, a limit lets whoever left the segment be taken out, and lets additions wait (promise 3)."""
    channel.limits = ()
    go(runtime, ten)
    leave(session, ten, members(session, ten)[0])
    put(session, ten, email="new@example.org")
    channel.limits = (slow := an_hour(COUNTED | {Call.CHECK: 1.0}),)
    drain(runtime, slow, to=5)
    run = go(runtime, ten)
    assert (run.state, run.rows_removed, run.rows_added) == ("waiting", 1, 0)
    assert channel.pushed[-1].action is Action.REMOVE


def test_additions_that_wait_hold_back_no_removals_in_the_same_line(runtime, session, channel, ten):
    """A removal that waits for seconds goes on after these, although additions before the same limit wait for minutes (promise 3)."""
    channel.limits = ()
    leaver, adder = beside(session, ten, "leaver"), ten
    put(session, leaver, email="stays@example.org")
    go(runtime, leaver)
    leave(session, leaver, members(session, leaver)[0])
    channel.limits = (slow := an_hour(COUNTED),)
    drain(runtime, slow, to=2.71)
    removing, adding = go(runtime, leaver), go(runtime, adder)
    assert (removing.scope, adding.scope) == ("meta:writes:account:act-1",) * 2
    with runtime.sessions() as now:
        (line,) = turns.lines(now, adder.organization_id)
    assert (line.waiting, line.opens_at) == (2, removing.not_before)
    minute_later(runtime)
    assert picked(runtime) == [removing.id]


def test_a_persons_question_is_answered_where_additions_wait(runtime, channel, ten):
    """Whoever sits at a page and asks about an ad account comes before uploads (S8)."""
    channel.limits = (slow := an_hour({Call.ADD: 1.0, Call.CHECK: 1.0}),)
    drain(runtime, slow, to=2)
    assert go(runtime, ten).state == "waiting"
    before = channel.checked
    runtime.connector("meta", asked=True).check_account(Token("token", "ada"), AccountRef("act-1"))
    assert channel.checked == before + 1


def an_hour(costs) -> Limit:
    """Twenty an hour: additions leave a quarter of what is used, everything but people's questions leaves a tenth of it."""
    return Limit("writes", Per.ACCOUNT, 20.0, 60 * MINUTE, costs)


def drain(runtime, limit: Limit, to: float) -> None:
    """Leaves so many requests of a limit."""
    use_up(runtime.queue.client, f"meta:{limit.name}:account:act-1", limit.amount - to)


def test_later_results_are_asked_for_later_where_the_limit_is_used_up(runtime, session, channel, ten):
    """A follow-up counts in its limit too; one that was not asked counts as no look."""
    channel.limits, channel.capabilities = (), LATER
    go(runtime, ten)
    channel.limits = (limit := an_hour({Call.SETTLE: 1.0}),)
    drain(runtime, limit, to=-10)
    runtime.clock.forward(minutes=31)
    settle(runtime, ten)
    batch = session.scalars(select(RunBatch)).first()
    assert (batch.polls, batch.next_poll > runtime.clock()) == (0, True)


def test_answers_before_a_refusal_are_kept(runtime, session, channel, ten):
    """Of many results that are due those that the limit lets through are written down; the others stay due, and count as no look."""
    channel.limits, channel.capabilities = (), LATER
    go(runtime, ten)
    channel.limits = (few := a_minute(3, {Call.SETTLE: 1.0}),)
    drain(runtime, few, to=3)
    passed = []
    for _ in range(3):
        runtime.clock.forward(minutes=31)
        pass_time(runtime.queue.client, 31 * 60)
        settle(runtime, ten)
        session.expire_all()
        batches = session.scalars(select(RunBatch).order_by(RunBatch.number)).all()
        passed.append([(batch.polls, batch.final_at is not None) for batch in batches])
    done, due = (1, True), (0, False)
    assert passed == [[done] * 2 + [due] * 3, [done] * 4 + [due], [done] * 5]


def test_the_audiences_state_is_looked_at_later_where_the_limit_is_used_up(runtime, session, channel, ten):
    """What the channel makes of an audience is asked when its limit opens, not a day later."""
    channel.limits = (limit := an_hour({Call.STATE: 1.0}),)
    go(runtime, ten)
    drain(runtime, limit, to=0)
    follow.look(runtime, ten.id)
    session.expire_all()
    assert runtime.clock() < session.get_one(Sync, ten.id).audience_next_poll < runtime.clock() + 61 * MINUTE
