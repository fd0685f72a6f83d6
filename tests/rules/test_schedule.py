"""When syncs run by themselves."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from segsync.rules.schedule import next_run, place

SIX_HOURS = timedelta(hours=6)
NOON = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)


def test_syncs_made_together_are_spread_evenly():
    """A hundred syncs created one after the other leave no gap of more than three times their share (S15)."""
    places = sorted(place(number, SIX_HOURS) for number in range(1, 101))
    gaps = [later - earlier for earlier, later in pairwise(places)]
    assert max(gaps) < 3 * SIX_HOURS / 100


@given(st.integers(1, 10**9), st.datetimes(datetime(2026, 1, 1), datetime(2036, 1, 1), timezones=st.just(UTC)))  # noqa: DTZ001 - Hypothesis adds the zone
def test_the_next_turn_is_about_an_interval_away(sync_id, after):
    """The next run comes within an interval and a quarter, and never right after another one (S15)."""
    wait = next_run(sync_id, after, SIX_HOURS) - after
    assert SIX_HOURS / 4 - timedelta(seconds=1) <= wait <= SIX_HOURS * 5 / 4


@given(st.integers(1, 10**9))
def test_turns_stay_where_they_are(sync_id):
    """From one scheduled run to the next it is exactly the interval: turns do not drift together (S15)."""
    first = next_run(sync_id, NOON, SIX_HOURS)
    second = next_run(sync_id, first, SIX_HOURS)
    assert abs(second - first - SIX_HOURS) <= timedelta(seconds=1)
