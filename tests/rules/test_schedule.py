"""When syncs run by themselves."""

from datetime import UTC, datetime, time, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from segsync.rules.schedule import (
    EVERY_DAY,
    WEEKDAYS,
    At,
    ByHand,
    Every,
    longest,
    next_run,
    overdue_at,
    place,
    words,
)

SIX_HOURS = timedelta(hours=6)
DAY = timedelta(days=1)
NOON = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
"""A Monday."""
EVERY = Every(SIX_HOURS)
ZONES = st.sampled_from(
    ["UTC", "Europe/London", "America/New_York", "Australia/Lord_Howe", "Asia/Kolkata", "Pacific/Apia"]
)
MOMENTS = st.datetimes(datetime(2026, 1, 1), datetime(2036, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001 - Hypothesis adds the zone
CALENDARS = st.builds(At, st.times().map(lambda at: at.replace(second=0, microsecond=0)), st.frozensets(st.integers(0, 6), min_size=1), ZONES)  # fmt: skip


def daily(at: time, zone: str, days: frozenset[int] = EVERY_DAY) -> At:
    return At(at, days, zone)


def turns(schedule, after, count):
    found = []
    for _ in range(count):
        after = next_run(schedule, 1, after)
        found.append(after)
    return found


def test_syncs_made_together_are_spread_evenly():
    """A hundred syncs created one after the other leave no gap of more than three times their share (S15)."""
    places = sorted(place(number, SIX_HOURS) for number in range(1, 101))
    gaps = [later - earlier for earlier, later in pairwise(places)]
    assert max(gaps) < 3 * SIX_HOURS / 100


@given(st.integers(1, 10**9), MOMENTS)
def test_the_next_turn_is_about_an_interval_away(sync_id, after):
    """The next run comes within an interval and a quarter, and never right after another one (S15)."""
    wait = next_run(EVERY, sync_id, after) - after
    assert SIX_HOURS / 4 - timedelta(seconds=1) <= wait <= SIX_HOURS * 5 / 4


@given(st.integers(1, 10**9))
def test_turns_stay_where_they_are(sync_id):
    """From one scheduled run to the next it is exactly the interval: turns do not drift together (S15)."""
    first = next_run(EVERY, sync_id, NOON)
    second = next_run(EVERY, sync_id, first)
    assert abs(second - first - SIX_HOURS) <= timedelta(seconds=1)


def test_a_time_of_the_day_is_that_of_its_zone():
    """07:00 in London is 07:00 there in summer and in winter (B23)."""
    london = daily(time(7), "Europe/London")
    assert next_run(london, 1, datetime(2026, 1, 5, 12, tzinfo=UTC)) == datetime(2026, 1, 6, 7, tzinfo=UTC)
    assert next_run(london, 1, datetime(2026, 7, 5, 12, tzinfo=UTC)) == datetime(2026, 7, 6, 6, tzinfo=UTC)
    assert next_run(london, 1, datetime(2026, 1, 5, 6, 50, tzinfo=UTC)) == datetime(2026, 1, 5, 7, tzinfo=UTC)


def test_a_time_that_the_clocks_skip_comes_as_much_later():
    """On the night when 02:30 does not exist the run comes at 03:30, and the next night at 02:30 again (B23)."""
    berlin = daily(time(2, 30), "Europe/Berlin")
    there = [turn.astimezone(ZoneInfo("Europe/Berlin")) for turn in turns(berlin, datetime(2026, 3, 28, tzinfo=UTC), 3)]
    assert [f"{turn:%d %H:%M}" for turn in there] == ["28 02:30", "29 03:30", "30 02:30"]


def test_a_time_that_the_clocks_show_twice_runs_once():
    """On the night when 02:30 comes twice the run comes the first time only (B23)."""
    berlin = daily(time(2, 30), "Europe/Berlin")
    assert turns(berlin, datetime(2026, 10, 24, 12, tzinfo=UTC), 2) == [
        datetime(2026, 10, 25, 0, 30, tzinfo=UTC),
        datetime(2026, 10, 26, 1, 30, tzinfo=UTC),
    ]


@pytest.mark.property
@given(CALENDARS, MOMENTS)
def test_every_chosen_day_has_one_turn_and_no_other_day_has_any(schedule, after):
    """Whatever the clocks do, each chosen day has its one run at its time, and they follow one another (B23)."""
    found = turns(schedule, after, 8)
    assert all(earlier < later for earlier, later in pairwise([after, *found]))
    days = [turn.astimezone(ZoneInfo(schedule.zone)).date() for turn in found]
    assert all(day.weekday() in schedule.days for day in days)
    first, last = days[0], days[-1]
    between = [first + number * DAY for number in range((last - first).days + 1)]
    assert days == [day for day in between if day.weekday() in schedule.days]


@pytest.mark.property
@given(CALENDARS, MOMENTS)
def test_a_turn_is_late_when_the_next_one_comes(schedule, after):
    """A run that was due is late by a whole interval exactly when the next one is due (B23)."""
    due, following = turns(schedule, after, 2)
    assert overdue_at(schedule, due) == following
    assert following - due <= longest(schedule) + timedelta(hours=1)
    assert overdue_at(schedule, after) > after


def test_a_run_that_was_started_in_between_is_not_late_at_the_next_turn():
    """Sync now ten minutes before a daily run has a day to end, not ten minutes (B23)."""
    begun = datetime(2026, 3, 2, 6, 50, tzinfo=UTC)
    assert overdue_at(daily(time(7), "UTC"), begun) == begun + DAY
    assert overdue_at(EVERY, begun) == begun + SIX_HOURS


def test_nothing_runs_by_itself_where_only_people_start_it():
    """Only by hand has no next run, and a run that somebody started has a day to end (B23)."""
    assert next_run(ByHand(), 1, NOON) is None
    assert overdue_at(ByHand(), NOON) == NOON + DAY


@pytest.mark.parametrize(
    ("days", "gap"),
    [(EVERY_DAY, 1), (frozenset({0}), 7), (frozenset({0, 1}), 6), (WEEKDAYS, 3), (frozenset({0, 3}), 4)],
)
def test_members_are_renewed_by_the_longest_time_between_two_runs(days, gap):
    """Who runs on Mondays and Tuesdays is without a run for six days: renewals reckon with those (B23)."""
    assert longest(daily(time(7), "UTC", days)) == gap * DAY


def test_a_zone_that_is_not_known_any_more_stops_nothing():
    """A zone whose name was given up goes by UTC, and every other sync by its own (B23)."""
    assert next_run(daily(time(7), "Atlantis/Capital"), 1, NOON) == datetime(2026, 3, 3, 7, tzinfo=UTC)


@pytest.mark.parametrize(
    ("schedule", "said"),
    [
        (Every(timedelta(hours=1)), "Every hour"),
        (EVERY, "Every 6 hours"),
        (Every(timedelta(minutes=20)), "Every 20 minutes"),
        (daily(time(7), "Europe/London"), "Every day at 07:00, Europe/London"),
        (daily(time(7), "America/New_York", WEEKDAYS), "Every weekday at 07:00, America/New York"),
        (daily(time(19, 5), "UTC", frozenset({3, 0, 5})), "Every Monday, Thursday and Saturday at 19:05, UTC"),
        (daily(time(7), "UTC", frozenset({6})), "Every Sunday at 07:00, UTC"),
        (ByHand(), "Only by hand"),
    ],
)
def test_a_schedule_reads_as_a_sentence(schedule, said):
    """People read when a sync runs, and by whose clocks (B23)."""
    assert words(schedule) == said
