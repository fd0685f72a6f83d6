"""What LinkedIn tells of an audience: its state, its sizes, and the campaigns that name it.

https://learn.microsoft.com/linkedin/marketing/matched-audiences/create-and-manage-segment-destinations
https://learn.microsoft.com/linkedin/shared/references/v2/ads/targeting-criteria
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

from connectors.contract import AudienceState, Campaign, Figure, Reason, State, Use
from connectors.linkedin.identifiers import CAPABILITIES
from connectors.linkedin.rest import urn
from connectors.problems import Code

STATES = {
    "BUILDING": State.BUILDING,
    "READY": State.READY,
    "UPDATING": State.UPDATING,
    "ARCHIVED": State.ARCHIVED,
    "EXPIRED": State.EXPIRED,
    "FAILED": State.CLOSED,
    "ERROR": State.CLOSED,
}
REASONS = {
    State.EXPIRED: Reason(Code.AUDIENCE_EXPIRED.value),
    State.CLOSED: Reason(Code.AUDIENCE_FAILED.value),
}
# LinkedIn counts matches and rows over a moving week, so both fall to nothing when little changes; only the size is whole.
FIGURES = (
    ("audienceSize", "Audience size"),
    ("matchedCount", "Matched in the last 7 days"),
    ("inputCount", "Received in the last 7 days"),
)
SMALLEST = CAPABILITIES.smallest_audience
FACET = "urn:li:adTargetingFacet:audienceMatchingSegments"


def state_of(segment: Mapping[str, Any], now: datetime) -> AudienceState:
    """The state of a segment's LinkedIn destination."""
    told = {**segment, **_destination(segment)}
    raw = str(told.get("status", ""))
    state = STATES.get(raw, State.NOT_KNOWN)
    reason = REASONS.get(state)
    if _should_serve(state, told, now) and isinstance(size := told.get("audienceSize"), int) and size < SMALLEST:
        state = State.TOO_SMALL
        reason = Reason(Code.AUDIENCE_TOO_SMALL.value, {"size": str(size), "smallest": str(SMALLEST)})
    name = str(segment.get("name", ""))
    return AudienceState(state, raw, _figures(told), _match_rate(told), reason, name)


def _should_serve(state: State, told: Mapping[str, Any], now: datetime) -> bool:
    """An audience below the smallest size may stay at "building" for ever: past LinkedIn's 48 hours it is just too small."""
    created = told.get("created")
    if state is not State.BUILDING or not isinstance(created, int):
        return state is State.READY
    return now - datetime.fromtimestamp(created / 1000, UTC) > CAPABILITIES.settles_in


def _destination(segment: Mapping[str, Any]) -> Mapping[str, Any]:
    """Status and sizes belong to the destination; older answers have them on the segment, which is read as well."""
    found: Iterable[Mapping[str, Any]] = segment.get("destinations", [])
    return next((one for one in found if one.get("destination", "LINKEDIN") == "LINKEDIN"), {})


def _figures(told: Mapping[str, Any]) -> tuple[Figure, ...]:
    return tuple(
        Figure(label, f"{told[name]:,}", told[name], told[name])
        for name, label in FIGURES
        if isinstance(told.get(name), int)
    )


def _match_rate(told: Mapping[str, Any]) -> str:
    matched, received = told.get("matchedCount"), told.get("inputCount")
    if not isinstance(matched, int) or not isinstance(received, int) or received == 0:
        return ""
    return f"{100 * matched / received:.0f} % of what it received in the last 7 days"


def targeted_as(segment: Mapping[str, Any]) -> frozenset[str]:
    """The names under which campaigns target a segment: the ad segment made from it, which its destination tells."""
    ad_segment = _destination(segment).get("destinationSegmentId")
    return frozenset(filter(None, (ad_segment, urn("dmpSegment", str(segment.get("id", ""))))))


def campaigns_of(campaigns: Iterable[Mapping[str, Any]], names: frozenset[str]) -> list[Campaign]:
    """Those that include or exclude one of the names, once for each."""
    return [
        Campaign(str(campaign.get("id", "")), str(campaign.get("name", "")), str(campaign.get("status", "")), use)
        for campaign in campaigns
        for use, groups in _uses(campaign.get("targetingCriteria", {}))
        if any(names.intersection(group.get(FACET, ())) for group in groups)
    ]


def _uses(targeting: Mapping[str, Any]) -> list[tuple[Use, list[Mapping[str, Any]]]]:
    """Includes are "and" of "or"s, excludes are one "or"."""
    included = [part.get("or", {}) for part in targeting.get("include", {}).get("and", [])]
    return [(Use.INCLUDE, included), (Use.EXCLUDE, [targeting.get("exclude", {}).get("or", {})])]
