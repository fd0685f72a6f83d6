"""Limits as token buckets, and who comes first when little is left."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.limits import DAY, MINUTE, Call, Limit, Per
from segsync.rules.pace import Caller, Pace, Urgency, pace, refused_by, scope, until_day_end, urgency

amounts = st.integers(1, 1_000_000)
periods = st.sampled_from([MINUTE, timedelta(minutes=5), DAY])


def limit(name="writes", amount=300.0, period=MINUTE, per=Per.APPLICATION, cost=1.0, **more) -> Limit:
    return Limit(name, per, amount, period, {Call.ADD: cost, Call.REMOVE: cost}, **more)


@pytest.mark.property
@given(amounts, periods, st.floats(0.05, 0.75), st.floats(0.1, 10))
def test_no_period_sees_more_than_the_channel_allows(amount, period, burst, cost):
    """What may go at once and what comes back in a period are together no more than the amount."""
    made = pace(limit(amount=amount, period=period, burst=burst, cost=cost))
    if cost <= amount * 0.75:
        assert made.burst + made.rate * period.total_seconds() <= amount * (1 + 1e-9)
    assert made.burst >= cost
    assert made.rate > 0


def test_an_amount_that_is_not_known_holds_nobody_back():
    """LinkedIn does not publish its daily figures: there only its own word counts."""
    assert pace(limit(amount=0)) == Pace(0.0, 0.0)


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
