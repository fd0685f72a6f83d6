"""The limiter over a real Redis: whatever workers do at once, a channel's limit holds, and nobody waits in it."""

from __future__ import annotations

import pickle
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from connectors.limits import DAY, HOUR, MINUTE, Call, Limit, Per, Usage
from connectors.problems import Code, TryLater
from segsync.limiter import LEAST_WAIT, REDIS_AWAY, Limiter, NotCounted, Request, ScopeClosed
from segsync.queue import connect
from segsync.rules.pace import Caller, Urgency, pace
from tests.passing import pass_time

HALF_FULL = 0.5


@pytest.fixture
def limiter(redis_client) -> Limiter:
    return Limiter(redis_client)


def limit(amount=100.0, period=100.0, burst=0.25, **more) -> Limit:
    costs = {Call.ADD: 1.0, Call.REMOVE: 1.0, Call.CHECK: 1.0}
    return Limit("writes", Per.ACCOUNT, amount, timedelta(seconds=period), costs, burst, **more)


def request(call=Call.ADD, account="77", urgency=Urgency.ASKED, times=1) -> Request:
    return Request(call, Caller("meta", "app", "ada", account), urgency, times)


def passes(limiter, *limits, **asked) -> bool:
    try:
        limiter.take(limits, request(**asked))
    except ScopeClosed:
        return False
    return True


def fill(redis_client, limiter, one) -> None:
    """Time passes until the bucket is full."""
    passes(limiter, one)
    pass_time(redis_client, one.period.total_seconds() * 4)


def test_a_full_bucket_gives_its_burst_and_then_makes_one_wait(limiter, redis_client):
    """Twenty-five may go at once; the next is told when its turn comes, and another ad account is not held up."""
    fill(redis_client, limiter, limit())
    assert sum(passes(limiter, limit()) for _ in range(40)) == 25
    with pytest.raises(ScopeClosed) as closed:
        limiter.take([limit()], request())
    assert timedelta(seconds=1) <= closed.value.retry_after <= timedelta(seconds=1.4)
    assert closed.value.scope.name == "meta:writes:account:77"
    assert passes(limiter, limit(), account="78")


def test_being_told_to_wait_costs_nothing(limiter, redis_client):
    """Asking again and again does not push one's turn away."""
    one = limit(amount=4, period=400)
    while passes(limiter, one):
        pass
    waits = []
    for _ in range(20):
        with pytest.raises(ScopeClosed) as closed:
            limiter.take([one], request())
        waits.append(closed.value.retry_after)
    assert waits == sorted(waits, reverse=True)


def test_a_call_counts_in_all_its_limits_or_in_none(limiter, redis_client):
    """Where the day is used up, nothing is taken from the minute."""
    minute, day = limit(), Limit("day", Per.APPLICATION, 2, DAY, {Call.ADD: 1.0}, burst=0.5)
    while passes(limiter, minute, day):
        pass
    before = redis_client.hgetall("segsync:rate:meta:writes:account:77")
    assert not passes(limiter, minute, day)
    assert redis_client.hgetall("segsync:rate:meta:writes:account:77") == before


def test_a_limit_of_the_day_is_called_so(limiter):
    """The page tells a quota of the day from a moment's pause."""
    day = Limit("day", Per.APPLICATION, 1, DAY, {Call.ADD: 1.0})
    passes(limiter, day)
    with pytest.raises(ScopeClosed) as closed:
        limiter.take([day], request())
    assert (closed.value.code, closed.value.by_channel) == (Code.DAILY_LIMIT, False)


def test_what_costs_more_than_the_burst_still_gets_its_turn(limiter, redis_client):
    """Many receipts asked at once wait for a full bucket rather than for ever, and are counted as what they are."""
    fill(redis_client, limiter, limit())
    assert passes(limiter, limit(), times=60)
    pass_time(redis_client, 40)
    assert not passes(limiter, limit())
    pass_time(redis_client, 20)
    assert passes(limiter, limit())


def test_many_workers_together_keep_to_the_limit(limiter, redis_client):
    """Eight workers asking at once get the burst, and not one more."""
    slow = limit(amount=100, period=1e9)
    fill(redis_client, limiter, slow)
    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(lambda _: passes(limiter, slow), range(200))) == 25


def test_additions_leave_something_to_removals_and_people(limiter, redis_client):
    """Nearly used up, a limit takes no more additions; removals go on, and people's questions longest."""
    fill(redis_client, limiter, limit())
    taken = [sum(passes(limiter, limit(), urgency=one) for _ in range(40)) for one in (Urgency.BULK, Urgency.SOON)]
    assert taken == [18, 4]
    assert sum(passes(limiter, limit(), urgency=Urgency.ASKED) for _ in range(40)) == 3


steps = st.lists(
    st.tuples(st.floats(0, 30), st.sampled_from(list(Urgency)), st.integers(1, 5), st.integers(0, 3)), max_size=40
)


@pytest.mark.property
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
@given(steps, st.integers(4, 60), st.booleans())
def test_no_window_ever_sees_more_than_the_bucket_allows(limiter, redis_client, steps, amount, full):
    """Whatever the workers' order, between any two moments pass at most the burst and what came back meanwhile."""
    redis_client.flushall()
    one, now, through = limit(amount=amount), 0.0, []
    made = pace(one)
    if full:
        fill(redis_client, limiter, one)
    workers = [limiter, *(Limiter(redis_client) for _ in range(3))]
    for wait, urgency, times, worker in steps:
        pass_time(redis_client, wait)
        now += wait
        if times <= made.burst and passes(workers[worker], one, urgency=urgency, times=times):
            through.append((now, times))
    slack = 0.5  # the real clock went on, a little
    for first, (begin, _) in enumerate(through):
        for end, _ in through[first:]:
            seen = sum(times for at, times in through if begin <= at <= end)
            assert seen <= made.burst + made.rate * (end - begin + slack) + 1e-6


def test_an_empty_redis_goes_on_carefully(limiter, redis_client):
    """Restarted empty, nothing is known of what was sent: half the burst may go, and never nothing at all."""
    fill(redis_client, limiter, limit())
    redis_client.flushall()
    assert sum(passes(limiter, limit()) for _ in range(40)) == int(25 * HALF_FULL)
    redis_client.flushall()
    assert passes(limiter, limit(amount=1))


def test_an_answer_that_comes_first_makes_no_full_bucket(limiter):
    """Emptied while a call was under way, Redis knows no more for the answer's figure: half the burst may go."""
    one = limit(amount=400, period=1e6)
    limiter.used([one], request(), [Usage("writes", 0.1)])
    assert sum(passes(limiter, one) for _ in range(70)) == 100 * HALF_FULL


def test_a_closed_limit_is_told_from_process_to_process(limiter):
    """What was raised in a worker is the same where it is read: which limit, how long, and by whose word."""
    before = refused(limiter, limit(), retry_after=MINUTE, raw="80003")
    after = pickle.loads(pickle.dumps(before))
    assert (after.scope, after.retry_after, after.raw) == (before.scope, MINUTE, "80003")
    assert (after.code, after.by_channel, after.shut) == (Code.RATE_LIMIT, True, True)


def test_without_redis_one_waits_a_little(tmp_path):
    """Redis away is no failure: the call is put off by some seconds, nothing raises but that, and no limit is said to be used up."""
    away = Limiter(connect(f"unix://{tmp_path}/nobody.sock"))
    with pytest.raises(NotCounted) as told:
        away.take([limit(period=DAY.total_seconds())], request())
    assert (told.value.retry_after, told.value.code.value) == (REDIS_AWAY, "redis.absent")
    assert pickle.loads(pickle.dumps(told.value)).retry_after == REDIS_AWAY
    away.used([limit()], request(), [Usage("writes", 0.9, MINUTE)], more=3)
    assert away.refused([limit()], request(), TryLater(Code.RATE_LIMIT)).retry_after == MINUTE


# -- what the channel says -----------------------------------------------------------------------------------------


def refused(limiter, one, **told) -> ScopeClosed:
    return limiter.refused([one], request(), TryLater(Code.RATE_LIMIT, **told))


def test_one_refusal_stops_everybody_on_that_limit(limiter, redis_client):
    """A 429 that one worker meets closes the limit for all workers, until the time that the channel said."""
    closed = refused(limiter, limit(), retry_after=timedelta(seconds=90), raw="80003")
    assert (closed.by_channel, closed.raw, closed.retry_after) == (True, "80003", timedelta(seconds=90))
    other = Limiter(redis_client)
    assert not passes(other, limit(), urgency=Urgency.ASKED)
    assert passes(other, limit(), account="78")
    pass_time(redis_client, 91)
    assert passes(other, limit())


def test_where_the_channel_does_not_say_pauses_grow(limiter, redis_client):
    """A minute, two, four, and then the next day; what several workers met at once counts once (linkedin.md 7)."""
    one = limit(pauses=(MINUTE, 2 * MINUTE, 4 * MINUTE), until_day_end=True)
    waits = []
    for _ in range(4):
        waits.append(refused(limiter, one).retry_after)
        refused(limiter, one)
        pass_time(redis_client, waits[-1].total_seconds() + 1)
    assert waits[:3] == [MINUTE, 2 * MINUTE, 4 * MINUTE]
    assert waits[3] > 4 * MINUTE
    pass_time(redis_client, 2 * DAY.total_seconds())
    assert refused(limiter, one).retry_after == MINUTE


def test_refusals_with_calls_between_are_not_in_a_row(limiter, redis_client):
    """What got through after the pause shows that it was long enough: the next refusal is a first one again."""
    one = limit(amount=0)
    assert refused(limiter, one).retry_after == MINUTE
    pass_time(redis_client, 61)
    assert passes(limiter, one)
    pass_time(redis_client, 20)
    assert refused(limiter, one).retry_after == MINUTE
    pass_time(redis_client, 61)
    assert passes(limiter, one)
    assert refused(limiter, one).retry_after == 2 * MINUTE


def test_a_refusal_in_the_morning_does_not_close_the_next_day_too(limiter, redis_client):
    """Kept away until the day ended, the first refusal of the new day costs a minute."""
    one = limit(pauses=(MINUTE,), until_day_end=True)
    refused(limiter, one)
    pass_time(redis_client, 61)
    closed = refused(limiter, one).retry_after
    assert closed > MINUTE
    pass_time(redis_client, closed.total_seconds() + 16 * 60)
    assert refused(limiter, one).retry_after == MINUTE


def test_what_an_answer_tells_is_obeyed_before_the_refusal(limiter, redis_client):
    """At 90 % by the channel's own count additions wait, and removals go on; a told time closes for all (meta.md 7)."""
    one = limit(amount=400)
    fill(redis_client, limiter, one)
    limiter.used([one], request(), [Usage("writes", 0.88)])
    assert [passes(limiter, one, urgency=urgency) for urgency in (Urgency.BULK, Urgency.SOON)] == [False, True]
    limiter.used([one], request(), [Usage("writes", 0.5, HOUR)])
    assert not passes(limiter, one)


def test_requests_that_a_batch_took_more_are_counted(limiter, redis_client):
    """A batch that was halved until its bad rows were found has cost every request of that."""
    fill(redis_client, limiter, limit())
    limiter.used([limit()], request(), [], more=25)
    assert not passes(limiter, limit())


def test_a_wait_is_never_too_short_to_be_worth_it(limiter):
    """A run that must wait gives its worker back: for less than a second that costs more than it brings."""
    fast = limit(amount=1000, period=1)
    while passes(limiter, fast, times=200):
        pass
    with pytest.raises(ScopeClosed) as closed:
        limiter.take([fast], request(times=250))
    assert closed.value.retry_after == LEAST_WAIT
