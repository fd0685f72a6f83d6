"""When who stays is sent again."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from segsync.rules.renewal import how_many, turns

DAY = timedelta(days=1)


def test_the_run_before_the_last_moment_takes_everybody():
    """A sync that runs weekly renews a week earlier, so that nobody is ever older than the channel's figure (promise 7)."""
    assert turns(25 * DAY, 7 * DAY).latest == 18 * DAY
    assert turns(25 * DAY, timedelta(hours=6)).latest == 25 * DAY - timedelta(hours=6)


def test_a_sync_that_runs_more_rarely_than_it_should_renew_still_has_turns():
    """Where a day is asked for and the sync runs weekly, every run renews (promise 7)."""
    assert turns(DAY, 7 * DAY).latest == DAY / 2


def test_nobody_has_a_turn_in_the_first_half():
    """Whoever was just sent is left alone, also by a run that sends anyway (promise 7)."""
    sent, often = datetime(2026, 3, 1, tzinfo=UTC), turns(26 * DAY, DAY * 0)
    assert [often.nobody_at(sent + days * DAY, sent) for days in (0, 12, 13)] == [True, True, False]


def test_whoever_was_sent_in_the_future_has_a_turn_now():
    """A clock was wrong when they were sent: nobody knows how long ago that was (promise 7)."""
    sent = datetime(2026, 3, 1, tzinfo=UTC)
    assert not turns(26 * DAY, DAY * 0).nobody_at(sent - 300 * DAY, sent)


def test_requests_are_filled():
    """A request that is sent anyway is filled with those whose turn is near (promise 7)."""
    assert how_many(1, sends=False, batch_rows=5000) == 5000
    assert how_many(5001, sends=False, batch_rows=5000) == 10_000
    assert how_many(0, sends=True, batch_rows=5000) == 5000


def test_nobody_due_and_nothing_to_send_asks_for_nothing():
    """A run with nothing changed and nobody due makes no request (B15)."""
    assert how_many(0, sends=False, batch_rows=5000) == 0
