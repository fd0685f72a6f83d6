"""For how long a use counts, and who comes first when little is left."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from connectors.limits import DAY, HOUR, MINUTE, Call, Limit, Per
from segsync.rules.pace import Caller, Urgency, kept_back, refused_by, scope, until_day_end, urgency, window

periods = st.sampled_from([MINUTE, timedelta(minutes=5), HOUR, DAY])


def limit(name="writes", amount=300.0, period=MINUTE, per=Per.APPLICATION, cost=1.0, **more) -> Limit:
    return Limit(name, per, amount, period, {Call.ADD: cost, Call.REMOVE: cost}, **more)


@given(periods)
def test_a_use_counts_for_the_period_and_the_moment_that_calls_travel(period):
    """Two calls that we make a period apart may arrive closer together."""
    assert period.total_seconds() < window(limit(period=period)) <= period.total_seconds() + 2


@given(periods, st.sampled_from(list(Urgency)))
def test_no_more_is_kept_back_than_a_share_of_what_an_hour_gives(period, who):
    """Of a minute removals and people are kept a quarter, of a day a hundredth: that is enough for them, and loses nothing."""
    kept = kept_back(limit(period=period), who)
    assert kept * (period / HOUR) <= who.value
    assert kept <= who.value
    assert (kept > 0) == (who is not Urgency.ASKED)


def test_people_come_before_removals_and_removals_before_additions():
    """Where a limit is nearly used up, somebody at a page is answered, and whoever left is taken out, first."""
    order = [urgency(Call.ADD, asked=True), urgency(Call.REMOVE, asked=False), urgency(Call.ADD, asked=False)]
    assert order == [Urgency.ASKED, Urgency.SOON, Urgency.BULK]
    assert order == sorted(order, key=lambda one: one.value)


def test_each_is_counted_where_the_channel_counts_it():
    """Two ad accounts of one application have scores of their own, and one daily quota together."""
    here, there = (Caller("meta", "app", "ada", account) for account in ("1", "2"))
    assert scope(limit(per=Per.ACCOUNT), here) != scope(limit(per=Per.ACCOUNT), there)
    assert scope(limit(per=Per.APPLICATION), here) == scope(limit(per=Per.APPLICATION), there)
    assert scope(limit("score", per=Per.ACCOUNT), here) == "meta:score:account:1"


def test_a_refusal_is_about_the_limit_that_the_channel_names():
    """Where it names none, about the first that the call counts in."""
    minute, day = limit("a_minute"), limit("a_day")
    assert refused_by([minute, day], "a_day") is day
    assert refused_by([minute, day], "") is minute
    assert refused_by([], "a_day") is None


def test_a_day_ends_at_midnight_utc():
    """Five minutes after it, the channel has begun to count anew (linkedin.md 7)."""
    assert until_day_end(datetime(2026, 3, 2, 23, 0, tzinfo=UTC)) == timedelta(hours=1, minutes=5)
