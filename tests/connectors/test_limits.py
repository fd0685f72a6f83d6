"""What each channel counts, and what its answers tell of it: read here, obeyed by the limiter."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest

from connectors.google import limits as google
from connectors.limits import Call, Per, Usage, with_options
from connectors.linkedin import limits as linkedin
from connectors.meta import limits as meta
from segsync.config import MetaSettings

CHANNELS = {"google": google.LIMITS, "linkedin": linkedin.LIMITS, "meta": meta.LIMITS}


@pytest.mark.parametrize("name", sorted(CHANNELS))
def test_no_two_limits_of_a_channel_have_the_same_name(name):
    """Each limit is counted apart, and an operator's figure changes one."""
    names = [limit.name for limit in CHANNELS[name]]
    assert len(set(names)) == len(names)


@pytest.mark.parametrize("call", [Call.ADD, Call.REMOVE, Call.CREATE, Call.STATE])
@pytest.mark.parametrize("name", sorted(CHANNELS))
def test_what_is_sent_and_asked_is_counted_at_every_channel(name, call):
    """Asks and follow-ups count as batches do: a refusal of theirs closes the limit for all."""
    assert [limit for limit in CHANNELS[name] if limit.costs.get(call)]


def test_googles_limits_are_those_of_the_project():
    """Google counts all customers of the installation together, writing and reading apart (google.md 2.5)."""
    counted = {limit.name: (limit.per, limit.amount) for limit in google.LIMITS}
    assert counted["ingest_writes_a_minute"] == (Per.APPLICATION, 300)
    assert counted["ingest_writes_a_day"] == (Per.APPLICATION, 100_000)
    assert counted["other_reads_a_day"] == (Per.APPLICATION, 50_000)


@pytest.mark.parametrize(
    ("told", "ours"),
    [
        ("IngestionMutateRequestsPerMinutePerProject", "ingest_writes_a_minute"),
        ("IngestionMutateRequestsPerDayPerProject", "ingest_writes_a_day"),
        ("IngestionReadRequestsPerMinutePerProject", "ingest_reads_a_minute"),
        ("MutateRequestsPerDayPerProject", "other_writes_a_day"),
        ("", ""),
    ],
)
def test_google_names_the_quota_that_is_used_up(told, ours):
    """A quota of the day is not mistaken for one of the minute (google.md 2.5)."""
    assert google.named(told) == ours


@pytest.mark.parametrize(
    ("told", "ours"),
    [
        ("Resource level throttle limit for calls to this resource is reached.", linkedin.MEMBERS),
        ("Resource level throttle MEMBER DAY limit for calls to this resource is reached.", linkedin.PERSON_DAY),
        ("Resource level throttle APPLICATION DAY limit for calls to this resource", linkedin.APPLICATION_DAY),
    ],
)
def test_linkedin_tells_member_and_application_apart(told, ours):
    """The limit of one member stops that sign-in, the application's stops all (linkedin.md 7)."""
    assert linkedin.named(told) == ours


def test_meta_tells_how_much_of_its_limits_is_used():
    """Usage stands in the headers of every answer, minutes in one and seconds in another (meta.md 7)."""
    use = {"type": "custom_audience", "call_count": 40, "total_time": 85, "estimated_time_to_regain_access": 0}
    headers = {
        "X-Business-Use-Case-Usage": json.dumps({"1": [use]}),
        "X-Ad-Account-Usage": json.dumps({"acc_id_util_pct": 100, "reset_time_duration": 90}),
        "X-App-Usage": json.dumps({"call_count": 12}),
    }
    assert meta.usage(headers) == (
        Usage(meta.AUDIENCE_CALLS, 0.85),
        Usage(meta.SCORE, 1.0, timedelta(seconds=90)),
    )


def test_a_time_to_wait_closes_metas_limit_although_the_call_was_answered():
    """Meta says before it refuses: whoever comes next need not find out (meta.md 7)."""
    use = {"type": "custom_audience", "call_count": 100, "estimated_time_to_regain_access": 7}
    told = meta.usage({"X-Business-Use-Case-Usage": json.dumps({"1": [use]})})
    assert told == (Usage(meta.AUDIENCE_CALLS, 1.0, timedelta(minutes=7)),)


def test_the_operator_gives_the_figures_that_are_not_published():
    """Full access at Meta, or LinkedIn's daily figure from its portal, is a setting."""
    (score, *_) = with_options(meta.LIMITS, {"limit_score": "9000"})
    assert (score.amount, with_options(meta.LIMITS, {})[0].amount) == (9000, 60)


def test_a_simulator_counts_only_what_it_is_told():
    """The demo is not slowed down by limits that nobody ordered."""
    assert {limit.amount for limit in with_options(google.LIMITS, {"simulated": "yes"})} == {0}


def test_a_figure_that_is_no_number_stops_the_start():
    """A mistyped limit is told at the start, in a sentence."""
    with pytest.raises(ValueError, match="limit_score has to be a number"):
        MetaSettings(options={"limit_score": "many"})


def test_a_misspelt_limit_stops_the_start():
    """A figure for a limit that the channel does not have would change nothing: it is told, with those that there are."""
    with pytest.raises(ValueError, match=r"limit_scores is no limit of this channel, which has .*limit_score"):
        MetaSettings(options={"limit_scores": "9000"})


@pytest.mark.parametrize("name", sorted(CHANNELS))
def test_what_asks_for_no_ad_account_counts_in_no_limit_of_one(name):
    """The list of somebody's ad accounts is about none of them: it would be counted under an ad account without a name."""
    per_account = [limit for limit in CHANNELS[name] if limit.per is Per.ACCOUNT]
    assert [limit.name for limit in per_account if limit.costs.get(Call.ACCOUNTS)] == []
