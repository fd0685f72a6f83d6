"""What a run is doing, in words."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from segsync.rules.progress import Standing, progress
from segsync.rules.terms import Phase, RunState

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
WORKING = RunState.WORKING.value


@pytest.mark.parametrize(
    ("run", "words"),
    [
        (Standing(RunState.QUEUED.value, "checking"), "Queued"),
        (Standing(WORKING, "checking"), "Checking the ad account"),
        (Standing(WORKING, "reading", members=50_000), "Reading, 50,000 members so far"),
        (Standing(WORKING, "comparing", members=50_000), "Comparing"),
        (Standing(WORKING, "removing", rows=200, rows_done=20), "Sending removals, 10 %"),
        (Standing(WORKING, "adding", rows=200, rows_done=199), "Sending, 99 %"),
        (Standing(RunState.QUEUED.value, "adding", rows=200, rows_done=84), "Sending, 42 %"),
        (Standing(WORKING, "recording"), "Writing down"),
    ],
)
def test_each_phase_has_its_words(run, words):
    """Queued, reading, comparing, sending n of m: one reads what is going on. (S12)."""
    assert progress(run, NOW).words == words


def test_waiting_says_for_what_and_until_when():
    """A run that the channel slows down says so, and when it goes on. (S12)."""
    later = NOW + timedelta(minutes=5)
    told = progress(
        Standing("waiting", "adding", rows=10, rows_done=5, not_before=later, waits_for="wait.rate_limit"), NOW
    )
    assert (told.words, told.until, told.percent) == ("Waiting for the channel's limit", later, 50)
    assert (
        progress(Standing("waiting", "adding", not_before=later, waits_for="rate limit"), NOW).words
        == "Waiting for the rate limit"
    )
    assert progress(Standing("waiting", "adding", not_before=NOW), NOW).words == "Going on"


@given(st.sampled_from(list(RunState)), st.sampled_from(list(Phase)), st.integers(0, 10**9), st.integers(0, 10**9))
def test_the_share_stays_between_nothing_and_all(state, phase, rows, rows_done):
    """Whatever was committed, the bar never runs over, and reads 100 only when all is sent. (S12)."""
    told = progress(Standing(state.value, phase.value, rows=rows, rows_done=rows_done), NOW)
    assert 0 <= told.percent <= 100
    assert told.percent < 100 or rows_done >= rows
