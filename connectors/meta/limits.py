"""What Meta counts: a score and the calls of an hour for each ad account, and the calls of the application; and what its headers tell.

https://developers.facebook.com/docs/marketing-api/overview/rate-limiting
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import Any

from connectors.limits import EVERY_CALL, HOUR, Call, Limit, Per, Usage

SCORE, AUDIENCE_CALLS, APPLICATION = "score", "audience_calls", "application"
# Where an answer does not say how long: a block lasts 300 s with limited access to the API.
USUAL_BLOCK = timedelta(minutes=5)
# With limited access an ad account's score may reach 60 and is forgotten over 300 s; with full access 9,000.
LIMITED_SCORE = 60
# With limited access; with full access 190,000. More with every active audience, which is not counted on.
LIMITED_CALLS = 5_000

READ, WRITE = 1.0, 3.0
SCORES: Mapping[Call, float] = {
    **dict.fromkeys((Call.CHECK, Call.FIND, Call.STATE), READ),
    **dict.fromkeys((Call.RENAME, Call.ADD, Call.REMOVE, Call.RETIRE, Call.ERASE), WRITE),
    Call.CREATE: READ + WRITE,
    Call.CAMPAIGNS: 2 * READ,
}
CALLS: Mapping[Call, float] = {
    **dict.fromkeys((Call.FIND, Call.RENAME, Call.ADD, Call.REMOVE, Call.STATE, Call.RETIRE, Call.ERASE), 1.0),
    **dict.fromkeys((Call.CREATE, Call.CAMPAIGNS), 2.0),
}
PAUSES = (USUAL_BLOCK, 2 * USUAL_BLOCK, 3 * USUAL_BLOCK)
LIMITS = (
    Limit(SCORE, Per.ACCOUNT, LIMITED_SCORE, timedelta(minutes=5), SCORES, pauses=PAUSES),
    Limit(AUDIENCE_CALLS, Per.ACCOUNT, LIMITED_CALLS, HOUR, CALLS, pauses=PAUSES),
    # Depends on how many people use the application, which only Meta knows.
    Limit(APPLICATION, Per.APPLICATION, 0, HOUR, EVERY_CALL, pauses=PAUSES),
)
# An error's code -> the limit that it is about; every other limit is one of the ad account.
NAMED = {4: APPLICATION, 80003: AUDIENCE_CALLS}


def named(code: int) -> str:
    """The limit that an error is about."""
    return NAMED.get(code, SCORE)


def usage(headers: Mapping[str, str]) -> tuple[Usage, ...]:
    """What an answer tells of the limits. Minutes in one header, seconds in another; percents everywhere."""
    return (*_audiences(headers), *_account(headers), *_application(headers))


def wait(headers: Mapping[str, str]) -> timedelta | None:
    """How long Meta asks to wait in the answer to a call that it refused."""
    minutes = [_number(use.get("estimated_time_to_regain_access")) for use in _business(headers)]
    seconds = _number(_object(headers.get("X-Ad-Account-Usage")).get("reset_time_duration"))
    longest = max([timedelta(minutes=number) for number in minutes] + [timedelta(seconds=seconds)])
    return longest or None


def _audiences(headers: Mapping[str, str]) -> Iterator[Usage]:
    for use in _business(headers):
        if use.get("type") == "custom_audience":
            minutes = _number(use.get("estimated_time_to_regain_access"))
            yield Usage(AUDIENCE_CALLS, _share(use), timedelta(minutes=minutes) or None)


def _account(headers: Mapping[str, str]) -> Iterator[Usage]:
    told = _object(headers.get("X-Ad-Account-Usage"))
    throttle = _object(headers.get("x-fb-ads-insights-throttle"))
    used = max(_number(one.get("acc_id_util_pct")) for one in (told, throttle)) / 100
    if used:
        block = timedelta(seconds=_number(told.get("reset_time_duration"))) or USUAL_BLOCK
        yield Usage(SCORE, used, block if used >= 1 else None)


def _application(headers: Mapping[str, str]) -> Iterator[Usage]:
    used = _share(_object(headers.get("X-App-Usage")))
    if used >= 1:
        yield Usage(APPLICATION, used, USUAL_BLOCK)


def _share(use: Mapping[str, Any]) -> float:
    return max(_number(use.get(name)) for name in ("call_count", "total_cputime", "total_time")) / 100


def _business(headers: Mapping[str, str]) -> list[Mapping[str, Any]]:
    lists = _object(headers.get("X-Business-Use-Case-Usage")).values()
    return [use for uses in lists if isinstance(uses, list) for use in uses if isinstance(use, dict)]


def _object(text: str | None) -> dict[str, Any]:
    try:
        found = json.loads(text or "{}")
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _number(value: Any) -> int:
    try:
        return int(value)
    except (TypeError, ValueError):
        return 0
