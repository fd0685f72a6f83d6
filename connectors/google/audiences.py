"""Audiences (user lists) through the Data Manager API: found by our marker, made, renamed, looked at, retired.

https://developers.google.com/data-manager/api/reference/rest/v1/accountTypes.accounts.userLists
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from connectors.contract import (
    AccountRef,
    AudienceRef,
    AudienceSpec,
    AudienceState,
    Figure,
    Reason,
    Retire,
    State,
)
from connectors.google.data_manager import ACCOUNT, DataManager, destination, login_of
from connectors.google.identifiers import CAPABILITIES
from connectors.problems import Code, ConnectorProblem, SegmentRefused

# The longest that Google keeps a member: 540 days.
DURATION = f"{540 * 86_400}s"
KINDS_OF_SIZE = {
    "displayNetworkMembersCount": "on the Display Network",
    "searchNetworkMembersCount": "on Search",
    "youtubeMembersCount": "on YouTube",
    "gmailMembersCount": "in Gmail",
}


class Audiences:
    """The user lists of ad accounts, with somebody's access token."""

    def __init__(self, manager: DataManager) -> None:
        self._manager = manager

    def find(self, token: str, account: AccountRef, spec: AudienceSpec) -> AudienceRef | None:
        """The list that carries our marker, whatever it is called now."""
        params = {"filter": f'integration_code = "{spec.marker}"', "pageSize": "1000"}
        reply = self._call(token, account, "GET", params=params)
        mine = [found for found in reply.get("userLists", []) if found.get("integrationCode") == spec.marker]
        # Should there ever be two, everybody has to choose the same one: the elder.
        mine.sort(key=lambda found: int(found["id"]))
        return AudienceRef(str(mine[0]["id"]), str(mine[0].get("displayName", ""))) if mine else None

    def create(self, token: str, account: AccountRef, spec: AudienceSpec) -> AudienceRef:
        """Finds or makes it. Looks before every attempt and after every failure: no answer does not mean not made."""
        return self.find(token, account, spec) or self._made(token, account, spec)

    def _made(self, token: str, account: AccountRef, spec: AudienceSpec) -> AudienceRef:
        try:
            return self._make(token, account, spec, spec.name)
        except ConnectorProblem as problem:
            found = self.find(token, account, spec)
            if found:
                return AudienceRef(found.remote_id, found.name, created=True)
            if problem.code is not Code.AUDIENCE_NAME or spec.fallback_name == spec.name:
                raise
        return self._make(token, account, spec, spec.fallback_name)

    def _make(self, token: str, account: AccountRef, spec: AudienceSpec, name: str) -> AudienceRef:
        reply = self._call(token, account, "POST", body=_user_list(spec, name))
        return AudienceRef(str(reply["id"]), str(reply.get("displayName", name)), created=True)

    def try_out(self, token: str, account: AccountRef, spec: AudienceSpec) -> None:
        """Asks whether such a list could be made, without making it. Raises any ConnectorProblem."""
        body = _user_list(spec, spec.name)
        self._call(token, account, "POST", body=body, params={"validateOnly": "true"})

    def rename(self, token: str, account: AccountRef, audience: AudienceRef, name: str) -> None:
        """Another name, nothing else."""
        self._call(
            token,
            account,
            "PATCH",
            number=audience.remote_id,
            body={"displayName": name},
            params={"updateMask": "displayName"},
        )

    def state(self, token: str, account: AccountRef, audience: AudienceRef) -> AudienceState:
        """What Google says of it now."""
        try:
            found = self._call(token, account, "GET", number=audience.remote_id)
        except SegmentRefused as problem:
            if problem.code is Code.AUDIENCE_GONE:
                return AudienceState(State.GONE, raw=problem.raw, reason=Reason(Code.AUDIENCE_GONE))
            raise
        return _state(found)

    def retire(self, token: str, account: AccountRef, audience: AudienceRef, how: Retire) -> None:
        """Leaves, empties or deletes it; one that is gone already is no error."""
        try:
            if how is Retire.EMPTY:
                place = {"destinations": [destination(account, audience)]}
                self._manager.call(token, "POST", "audienceMembers:removeAll", body=place)
            elif how is Retire.DELETE:
                self._call(token, account, "DELETE", number=audience.remote_id)
        except SegmentRefused as problem:
            if problem.code is not Code.AUDIENCE_GONE:
                raise

    def _call(
        self,
        token: str,
        account: AccountRef,
        method: str,
        *,
        number: str = "",
        body: Any = None,
        params: Mapping[str, str] | None = None,
    ) -> Mapping[str, Any]:
        path = f"{ACCOUNT.format(account.remote_id)}/userLists" + (f"/{number}" if number else "")
        return self._manager.call(token, method, path, body=body, params=params, login=login_of(account))


def _user_list(spec: AudienceSpec, name: str) -> dict[str, Any]:
    return {
        "displayName": name,
        "description": spec.description or "Kept in step by segsync.",  # Google's mapping table calls it required
        "integrationCode": spec.marker,
        "membershipDuration": DURATION,
        "ingestedUserListInfo": {
            "uploadKeyTypes": ["CONTACT_ID"],
            "contactIdInfo": {"dataSourceType": "DATA_SOURCE_TYPE_FIRST_PARTY"},
        },
    }


def _state(found: Mapping[str, Any]) -> AudienceState:
    figures = _figures(found.get("sizeInfo", {}))
    state, code = _judged(found, figures)
    raw = str(found.get("closingReason") or found.get("membershipStatus", ""))
    rate = found.get("ingestedUserListInfo", {}).get("contactIdInfo", {}).get("matchRatePercentage")
    smallest = str(CAPABILITIES.smallest_audience)
    return AudienceState(
        state=state,
        raw=raw,
        figures=figures,
        match_rate=f"{rate} %" if rate else "",
        reason=Reason(code, {"smallest": smallest}) if code else None,
        name=str(found.get("displayName", "")),
    )


def _judged(found: Mapping[str, Any], figures: tuple[Figure, ...]) -> tuple[State, Code | None]:
    """Sizes stay away until Google has worked them out, which takes up to two days; a list too small to show ads says so."""
    if found.get("membershipStatus") == "CLOSED":
        return State.CLOSED, Code.AUDIENCE_CLOSED
    if found.get("readOnly"):
        return State.FLAGGED, Code.AUDIENCE_NOT_OURS
    largest = max((figure.low or 0 for figure in figures), default=0)
    if largest == 0:
        return State.BUILDING, None
    if largest < CAPABILITIES.smallest_audience:
        return State.TOO_SMALL, Code.AUDIENCE_TOO_SMALL
    networks = found.get("targetNetworkInfo", {})
    eligible = networks.get("eligibleForDisplay") or networks.get("eligibleForSearch")
    return (State.READY, None) if eligible else (State.UPDATING, None)


def _figures(sizes: Mapping[str, Any]) -> tuple[Figure, ...]:
    counted = {label: int(sizes[name]) for name, label in KINDS_OF_SIZE.items() if name in sizes}
    return tuple(Figure(f"people {label}", f"{size:,}", size, size) for label, size in counted.items())
