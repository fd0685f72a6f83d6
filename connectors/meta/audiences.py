"""Meta's custom audiences as we read them: ours by the marker, their state, and who uses them.

https://developers.facebook.com/docs/marketing-api/reference/custom-audience
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from connectors.contract import AudienceSpec, AudienceState, Campaign, Figure, Reason, State, Use
from connectors.problems import Code

STATE_FIELDS = (
    "name", "operation_status", "delivery_status", "approximate_count_lower_bound", "approximate_count_upper_bound",
)  # fmt: skip

# operation_status: what Meta is doing with it. Codes that are not here leave the word to delivery_status.
OPERATION: Mapping[int, tuple[State, Code | None]] = {
    100: (State.EXPIRED, Code.AUDIENCE_EXPIRED),
    410: (State.BUILDING, None),
    414: (State.UPDATING, None),
    415: (State.UPDATING, Code.AUDIENCE_FAILED),
    441: (State.BUILDING, None),
    442: (State.CLOSED, Code.AUDIENCE_FAILED),
    450: (State.ARCHIVED, None),
    470: (State.CLOSED, Code.AUDIENCE_CLOSED),
    471: (State.FLAGGED, Code.AUDIENCE_FLAGGED),
    500: (State.CLOSED, Code.AUDIENCE_FAILED),
}
READY, TOO_SMALL, UNUSABLE = 200, 300, 400
EVERYBODY_NAMED = "Estimated audience size"


def description(spec: AudienceSpec) -> str:
    """What stands at the audience: the description, and our marker in it."""
    return (
        spec.description if is_marked(spec.description, spec.marker) else f"{spec.description} [{spec.marker}]".strip()
    )


def is_marked(text: str, marker: str) -> bool:
    """Whether our marker stands in a description, whole: sync 12 is not sync 123."""
    return re.search(rf"(?<![\w-]){re.escape(marker)}(?![\w-])", text) is not None


def state(data: Mapping[str, Any]) -> AudienceState:
    """The channel's word about an audience."""
    operation, delivery = _code(data, "operation_status"), _code(data, "delivery_status")
    word, reason = OPERATION.get(operation, (None, None))
    if word is None:
        word, reason = _delivered(delivery)
    return AudienceState(
        word,
        raw=f"operation {operation}, delivery {delivery}",
        figures=_figures(data),
        reason=Reason(reason) if reason else None,
        name=str(data.get("name") or ""),
    )


def _delivered(code: int) -> tuple[State, Code | None]:
    if code >= UNUSABLE:
        return State.CLOSED, Code.AUDIENCE_FAILED
    if code == TOO_SMALL:
        return State.TOO_SMALL, Code.AUDIENCE_TOO_SMALL
    return (State.READY, None) if code == READY else (State.NOT_KNOWN, None)


def _code(data: Mapping[str, Any], field: str) -> int:
    status = data.get(field)
    return int(status.get("code") or 0) if isinstance(status, Mapping) else 0


def _figures(data: Mapping[str, Any]) -> tuple[Figure, ...]:
    """Meta tells a range; -1 means that it does not tell."""
    low, high = (data.get(f"approximate_count_{end}_bound") for end in ("lower", "upper"))
    if low is None or high is None or int(low) < 0:
        return (Figure(EVERYBODY_NAMED, "not available"),)
    return (Figure(EVERYBODY_NAMED, f"{int(low):,} to {int(high):,}", int(low), int(high)),)


def campaigns(audience: str, ads: Iterable[Mapping[str, Any]], ad_sets: Iterable[Mapping[str, Any]]) -> list[Campaign]:
    """Campaigns whose ads use the audience, and those with an ad set that keeps it out; each use once."""
    keeping_out = [row for row in ad_sets if audience in _audiences(row, "excluded_custom_audiences")]
    only_out = {str(row["id"]) for row in keeping_out if audience not in _audiences(row, "custom_audiences")}
    including = [row for row in ads if str(row.get("adset_id") or "") not in only_out]
    found = [_campaign(row, Use.INCLUDE) for row in including] + [_campaign(row, Use.EXCLUDE) for row in keeping_out]
    return list(dict.fromkeys(found))


def _audiences(ad_set: Mapping[str, Any], field: str) -> set[str]:
    return {str(named.get("id")) for named in (ad_set.get("targeting") or {}).get(field) or ()}


def _campaign(row: Mapping[str, Any], use: Use) -> Campaign:
    campaign = row.get("campaign") or {"id": row.get("campaign_id") or row["id"]}
    number = str(campaign["id"])
    status = str(campaign.get("effective_status") or row.get("effective_status") or "")
    return Campaign(number, str(campaign.get("name") or number), status.replace("_", " ").lower(), use)
