"""What Google counts: the Data Manager API and the Google Ads API, for each Cloud project, whoever signs in.

https://developers.google.com/data-manager/api/devguides/limits
https://developers.google.com/google-ads/api/docs/api-policy/access-levels
"""

from __future__ import annotations

from collections.abc import Mapping

from connectors.limits import DAY, HOUR, MINUTE, Call, Limit, Per

A_MINUTE, A_DAY = "_a_minute", "_a_day"
ADS = "ads_operations_a_day"
# How many queries one ad account takes in a second is not published: Google's word closes it.
ADS_QUERIES = "ads_queries"
# Of the Google Ads API: 2,880 operations a day at the level Explorer, 15,000 at Basic, no limit at Standard.
BASIC = 15_000


def _pair(name: str, a_day: int, costs: Mapping[Call, float]) -> tuple[Limit, Limit]:
    return (
        Limit(name + A_MINUTE, Per.APPLICATION, 300, MINUTE, costs),
        Limit(name + A_DAY, Per.APPLICATION, a_day, DAY, costs, pauses=(HOUR,)),
    )


ADS_COSTS = {Call.ACCOUNTS: 4, Call.CHECK: 2, Call.CAMPAIGNS: 2}
LIMITS = (
    *_pair("ingest_writes", 100_000, dict.fromkeys((Call.ADD, Call.REMOVE, Call.RETIRE, Call.ERASE), 1)),
    *_pair("ingest_reads", 100_000, {Call.SETTLE: 1}),
    *_pair("other_writes", 50_000, dict.fromkeys((Call.CHECK, Call.CREATE, Call.RENAME, Call.RETIRE), 1)),
    *_pair("other_reads", 50_000, dict.fromkeys((Call.FIND, Call.CREATE, Call.STATE), 1)),
    Limit(ADS, Per.APPLICATION, BASIC, DAY, ADS_COSTS, pauses=(HOUR,)),
    Limit(ADS_QUERIES, Per.ACCOUNT, 0, MINUTE, {Call.CHECK: 2, Call.CAMPAIGNS: 2}),
)


def named(quota_limit: str) -> str:
    """Our name of a quota of the Data Manager API ('IngestionMutateRequestsPerDayPerProject'); '' where Google names none."""
    if not quota_limit:
        return ""
    text = quota_limit.lower().replace("_", "")
    part = "ingest" if "ingest" in text else "other"
    kind = "_writes" if "mutate" in text or "write" in text else "_reads"
    return part + kind + (A_DAY if "perday" in text else A_MINUTE)
