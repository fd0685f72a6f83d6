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
from segsync.rules.pace import Caller, Urgency, window
from tests.passing import pass_time

HALF = 0.5


@pytest.fixture
def limiter(redis_client) -> Limiter:
    return Limiter(redis_client)


def limit(amount=100.0, period=100.0, cost=1.0, **more) -> Limit:
    costs = {Call.ADD: cost, Call.REMOVE: cost, Call.CHECK: cost}
    return Limit("writes", Per.ACCOUNT, amount, timedelta(seconds=period), costs, **more)


def request(call=Call.ADD, account="77", urgency=Urgency.ASKED) -> Request:
    return Request(call, Caller("meta", "app", "ada", account), urgency)


def wait(limiter, *limits, **asked) -> float:
    """0 where a call passes, else how many seconds it is told to wait."""
    try:
        limiter.take(limits, request(**asked))
    except ScopeClosed as closed:
        return closed.retry_after.total_seconds()
    return 0.0


def passes(limiter, *limits, **asked) -> bool:
    return not wait(limiter, *limits, **asked)


def come_back(redis_client, limiter, one) -> None:
    """Redis counts since long ago, and nothing was used lately."""
    passes(limiter, one)
    pass_time(redis_client, one.period.total_seconds() * 4)


def test_of_an_unused_limit_all_may_go_at_once_and_then_one_waits(limiter, redis_client):
    """Nobody is slowed down while the budget is untouched; the next is told when its turn comes, and another ad account goes on."""
    come_back(redis_client, limiter, limit())
    assert sum(passes(limiter, limit()) for _ in range(140)) == 100
    with pytest.raises(ScopeClosed) as closed:
        limiter.take([limit()], request())
    assert timedelta(seconds=90) <= closed.value.retry_after <= timedelta(seconds=102)
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
    minute, day = limit(), Limit("day", Per.APPLICATION, 2, DAY, {Call.ADD: 1.0})
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


def test_what_costs_more_than_the_amount_still_gets_its_turn(limiter, redis_client):
    """A call that alone costs more than all waits until nothing is used, rather than for ever, and is counted as what it is."""
    one = limit(amount=2, cost=3)
    come_back(redis_client, limiter, one)
    assert passes(limiter, one)
    pass_time(redis_client, wait(limiter, one) - 1)
    assert not passes(limiter, one)
    pass_time(redis_client, 1.1)
    assert passes(limiter, one)


def test_many_workers_together_keep_to_the_limit(limiter, redis_client):
    """Eight workers asking at once get the amount, and not one more."""
    slow = limit(amount=25, period=1e9)
    come_back(redis_client, limiter, slow)
    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(lambda _: passes(limiter, slow), range(200))) == 25


def taken(limiter, one) -> list[int]:
    """How many additions, then removals, then questions of people pass at once."""
    return [sum(passes(limiter, one, urgency=urgency) for _ in range(140)) for urgency in reversed(Urgency)]


def test_additions_leave_something_to_removals_and_people(limiter, redis_client):
    """Nearly used up, a limit takes no more additions; removals go on, and people's questions longest."""
    hour = limit(amount=100.5, period=3600)
    come_back(redis_client, limiter, hour)
    assert taken(limiter, hour) == [80, 11, 9]


def test_what_is_kept_back_is_used_before_it_would_be_lost(limiter, redis_client):
    """What removals and people do not need is given to additions, little by little until the period is over."""
    hour = limit(period=3600)
    come_back(redis_client, limiter, hour)
    through = 0
    for _ in range(20):
        through += sum(passes(limiter, hour, urgency=Urgency.BULK) for _ in range(100))
        pass_time(redis_client, 3600 / 20)
    assert 95 <= through <= 100


# -- what holds for every history ----------------------------------------------------------------------------------

steps = st.lists(
    st.tuples(st.floats(0, 30), st.sampled_from(list(Urgency)), st.integers(1, 9), st.integers(0, 3)), max_size=30
)
real = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=25)


@pytest.mark.property
@real
@given(steps, st.integers(1, 40), st.sampled_from([1.0, 3.0, 2.5]), st.booleans())
def test_no_period_ever_sees_more_than_the_amount(limiter, redis_client, steps, amount, cost, known):
    """Whatever the workers' order, however long they waited: in no window as long as the period pass more than the channel counts."""
    redis_client.flushall()
    one, now, through = limit(amount=amount, cost=min(cost, amount)), 0.0, []
    if known:
        come_back(redis_client, limiter, one)
    workers = [limiter, *(Limiter(redis_client) for _ in range(3))]
    for pause, urgency, times, worker in steps:
        pass_time(redis_client, pause)
        now += pause
        through += [now for _ in range(times) if passes(workers[worker], one, urgency=urgency)]
    period = one.period.total_seconds() + 1  # calls do not take equally long to arrive
    for begin in through:
        assert sum(begin <= at <= begin + period for at in through) * min(cost, amount) <= amount + 1e-6


@pytest.mark.property
@real
@given(steps, st.integers(2, 12))
def test_a_day_gives_its_whole_amount_day_after_day(limiter, redis_client, steps, amount):
    """A quota of 100,000 a day is 100,000 a day: whoever asks for all that there is gets it, whatever was used before."""
    redis_client.flushall()
    day = limit(amount=amount, period=DAY.total_seconds())
    come_back(redis_client, limiter, day)
    for pause, urgency, times, _ in steps[:9]:
        pass_time(redis_client, pause * 1200)
        for _ in range(times):
            passes(limiter, day, urgency=urgency)
    now, through = 0.0, 0
    while now < 3 * window(day):
        told = wait(limiter, day, urgency=Urgency.ASKED)
        through += not told
        pass_time(redis_client, told + 0.01)
        now += told
    assert through >= 3 * amount


def test_a_day_of_additions_only_is_used_but_for_a_hundredth(limiter, redis_client):
    """What is kept for removals and people is what an hour gives, not a part of each day."""
    day = limit(amount=1000, period=DAY.total_seconds())
    come_back(redis_client, limiter, day)
    assert sum(passes(limiter, day, urgency=Urgency.BULK) for _ in range(1000)) >= 985


def test_an_empty_redis_goes_on_carefully(limiter, redis_client):
    """Restarted empty, nothing is known of what was sent: half may go, and never nothing at all."""
    come_back(redis_client, limiter, limit())
    redis_client.flushall()
    assert sum(passes(limiter, limit()) for _ in range(140)) == 100 * HALF
    for amount in (1, 2):
        redis_client.flushall()
        assert passes(limiter, limit(amount=amount), urgency=Urgency.BULK)


def test_an_answer_that_comes_first_makes_no_unused_limit(limiter):
    """Emptied while a call was under way, Redis knows no more for the answer's figure: half may go."""
    one = limit(period=1e6)
    limiter.used([one], request(), [Usage("writes", 0.1)])
    assert sum(passes(limiter, one) for _ in range(70)) == 100 * HALF


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
    come_back(redis_client, limiter, one)
    limiter.used([one], request(), [Usage("writes", 0.88)])
    assert [passes(limiter, one, urgency=urgency) for urgency in (Urgency.BULK, Urgency.SOON)] == [False, True]
    limiter.used([one], request(), [Usage("writes", 0.5, HOUR)])
    assert not passes(limiter, one)


def test_requests_that_a_batch_took_more_are_counted(limiter, redis_client):
    """A batch that was halved until its bad rows were found has cost every request of that."""
    come_back(redis_client, limiter, limit())
    limiter.used([limit()], request(), [], more=100)
    assert not passes(limiter, limit())


def test_a_wait_is_never_too_short_to_be_worth_it(limiter):
    """A run that must wait gives its worker back: for less than a second that costs more than it brings."""
    fast = limit(amount=5, period=0.5)
    while not (told := wait(limiter, fast)):
        pass
    assert told == LEAST_WAIT.total_seconds()
