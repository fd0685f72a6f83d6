"""User lists of the simulated Data Manager API: list with filters, make, read, change, delete.

Follows https://developers.google.com/data-manager/api/reference/rest/v1/accountTypes.accounts.userLists
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

import flask

from connectors.google.simulator_errors import Refused
from connectors.google.simulator_gate import Gate
from connectors.google.simulator_world import CHANNEL, audience, setting
from connectors.simulation import Document, World

DAY = 86_400
LONGEST = 540 * DAY
KEY_TYPES = {
    "CONTACT_ID": "CONTACT_ID",
    1: "CONTACT_ID",
    "MOBILE_ID": "MOBILE_ID",
    2: "MOBILE_ID",
    "USER_ID": "USER_ID",
    3: "USER_ID",
}
STATUSES = {"OPEN": "OPEN", 1: "OPEN", "CLOSED": "CLOSED", 2: "CLOSED"}
# Our name of a value -> Google's.
CHANGEABLE_AS = {
    "name": "displayName",
    "description": "description",
    "integration_code": "integrationCode",
    "membership_status": "membershipStatus",
    "membership_duration": "membershipDuration",
}
CHANGEABLE = set(CHANGEABLE_AS.values())
KNOWN = CHANGEABLE | {"name", "ingestedUserListInfo", "accountAccessStatus", "targetNetworkInfo"}
FIELDS = {"id", "displayName", "description", "membershipStatus", "integrationCode", "accessReason"}
SMALLEST = 100


class Lists:
    """The operations."""

    def __init__(self, world: World, gate: Gate) -> None:
        self._world = world
        self._gate = gate

    def mount(self, blueprint: flask.Blueprint) -> None:
        """Adds the addresses to a blueprint."""
        all_of = "/v1/accountTypes/GOOGLE_ADS/accounts/<number>/userLists"
        one = f"{all_of}/<found>"
        for path, operation, method, serve in (
            (all_of, "lists.find", "GET", self._list),
            (all_of, "lists.create", "POST", self._create),
            (one, "lists.get", "GET", self._get),
            (one, "lists.change", "PATCH", self._change),
            (one, "lists.delete", "DELETE", self._delete),
        ):
            view = self._gate.serves(operation, serve)
            blueprint.add_url_rule(path, operation.replace(".", "_"), view, methods=[method])

    def _list(self, person: str, number: str) -> dict[str, Any]:
        self._gate.may(person, number, self._gate.header_login(), write=False)
        tests = _filter(flask.request.args.get("filter", ""))
        shown = [_shown(self._world, doc) for doc in self._world.all(CHANNEL, "audiences") if doc["account"] == number]
        found = [body for body in shown if all(_holds(body, *test) for test in tests)]
        size = min(int(flask.request.args.get("pageSize", 50)), 1000) or 50
        start = int(flask.request.args.get("pageToken") or 0)
        more = {"nextPageToken": str(start + size)} if len(found) > start + size else {}
        return ({"userLists": found[start : start + size]} if found else {}) | more

    def _create(self, person: str, number: str) -> dict[str, Any]:
        owner = self._gate.may(person, number, self._gate.header_login())
        body = _body()
        with self._world.lock:
            self._check_eligible(owner)
            self._check_name(number, body.get("displayName"))
            made = {"account": number, "created": self._world.now().isoformat(), "closing": "", "first_members": ""}
            made |= {"kind": _key_type(body), **_values(body)}
            if flask.request.args.get("validateOnly") == "true":
                return {}
            key = str(self._world.next_number(CHANNEL, "audiences", 900_001))
            self._world.put(CHANNEL, "audiences", key, made)
        return _shown(self._world, made | {"key": key})

    def _get(self, person: str, number: str, found: str) -> dict[str, Any]:
        return _shown(self._world, self._one(person, number, found, write=False))

    def _change(self, person: str, number: str, found: str) -> dict[str, Any]:
        doc = self._one(person, number, found)
        body, mask = _body(), [_camel(path) for path in flask.request.args.get("updateMask", "").split(",") if path]
        if not mask or not set(mask) <= KNOWN:
            raise Refused("INVALID_UPDATE_MASK", ["update_mask"])
        if not set(mask) <= CHANGEABLE:
            raise Refused("IMMUTABLE_FIELD_FOR_UPDATE", mask)
        if "displayName" in mask:
            self._check_name(number, body.get("displayName"), found)
        values = {name: value for name, value in _values(body).items() if CHANGEABLE_AS[name] in mask}
        if flask.request.args.get("validateOnly") != "true":
            self._world.put(CHANNEL, "audiences", found, doc | values)
        return _shown(self._world, doc | values)

    def _delete(self, person: str, number: str, found: str) -> dict[str, Any]:
        self._one(person, number, found)
        if flask.request.args.get("validateOnly") != "true":
            self._world.drop(CHANNEL, "audiences", found)
            self._world.empty(CHANNEL, found)
        return {}

    def _one(self, person: str, number: str, found: str, *, write: bool = True) -> Document:
        self._gate.may(person, number, self._gate.header_login(), write=write)
        doc = audience(self._world, found, number)
        if doc is None:
            raise Refused("NOT_FOUND")
        return doc

    def _check_eligible(self, owner: Document) -> None:
        if not owner["customer_match"]:
            raise Refused("ADVERTISER_NOT_ALLOWLISTED_FOR_UPLOADED_DATA")
        if not owner["political_declaration"]:
            raise Refused("EU_POLITICAL_ADVERTISING_DECLARATION_REQUIRED")

    def _check_name(self, number: str, name: Any, but: str = "") -> None:
        if not isinstance(name, str) or not name.strip():
            raise Refused(
                "INVALID_DISPLAY_NAME" if name is not None else "REQUIRED_FIELD_MISSING", ["user_list.display_name"]
            )
        for other in self._world.all(CHANNEL, "audiences"):
            if other["account"] == number and other["key"] != but and other["name"] == name:
                raise Refused("DISPLAY_NAME_ALREADY_USED", ["user_list.display_name"])


def _body() -> Mapping[str, Any]:
    body = flask.request.get_json(silent=True)
    if not isinstance(body, dict):
        raise Refused("INVALID_ARGUMENT")
    unknown = [name for name in body if name not in KNOWN]
    if unknown:
        raise Refused("INVALID_ARGUMENT", [f"user_list.{name}" for name in unknown])
    return body


def _values(body: Mapping[str, Any]) -> dict[str, Any]:
    status = body.get("membershipStatus", "OPEN")
    if status not in STATUSES:
        raise Refused("INVALID_ARGUMENT", ["user_list.membership_status"])
    return {
        "name": str(body.get("displayName", "")),
        "description": str(body.get("description", "")),
        "integration_code": str(body.get("integrationCode", "")),
        "membership_status": STATUSES[status],
        "membership_duration": _duration(str(body.get("membershipDuration", f"{LONGEST}s"))),
    }


def _duration(text: str) -> int:
    match = re.fullmatch(r"(\d+)s", text)
    if match is None or int(match[1]) % DAY:
        raise Refused("INVALID_ARGUMENT", ["user_list.membership_duration"])
    if int(match[1]) > LONGEST:
        raise Refused("MEMBERSHIP_DURATION_TOO_LONG", ["user_list.membership_duration"])
    return int(match[1])


def _key_type(body: Mapping[str, Any]) -> str:
    info = body.get("ingestedUserListInfo")
    path = "user_list.ingested_user_list_info"
    if not isinstance(info, dict):
        raise Refused("REQUIRED_FIELD_MISSING", [path])
    kinds = info.get("uploadKeyTypes", [])
    if len(kinds) != 1 or kinds[0] not in KEY_TYPES:
        raise Refused("UNSUPPORTED_USER_LIST_UPLOAD_KEY_TYPES", [f"{path}.upload_key_types"])
    kind = KEY_TYPES[kinds[0]]
    mobile = info.get("mobileIdInfo", {})
    if kind == "MOBILE_ID" and not (mobile.get("appId") and mobile.get("keySpace")):
        raise Refused("REQUIRED_FIELD_MISSING", [f"{path}.mobile_id_info.app_id"])
    return kind


def _shown(world: World, doc: Document) -> dict[str, Any]:
    """A user list as the API shows it: fields without a value are left out, int64 are strings."""
    body: dict[str, Any] = {
        "name": f"accountTypes/GOOGLE_ADS/accounts/{doc['account']}/userLists/{doc.get('key', '')}",
        "id": doc.get("key", ""),
        "readOnly": bool(doc.get("read_only")),
        "displayName": doc["name"],
        "description": doc["description"],
        "integrationCode": doc["integration_code"],
        "membershipStatus": doc["membership_status"],
        "membershipDuration": f"{doc['membership_duration']}s",
        "closingReason": doc["closing"],
        "accessReason": "OWNED",
        "ingestedUserListInfo": {
            "uploadKeyTypes": [doc["kind"]],
            "contactIdInfo": {"dataSourceType": "DATA_SOURCE_TYPE_FIRST_PARTY"},
        },
    }
    _with_sizes(world, doc, body)
    return {name: value for name, value in body.items() if value not in ("", False)}


def _with_sizes(world: World, doc: Document, body: dict[str, Any]) -> None:
    first = doc["first_members"]
    ready = first and world.now() >= datetime.fromisoformat(first) + timedelta(
        seconds=setting(world, "sizes_after_seconds")
    )
    if not ready:
        return
    count = world.count(CHANNEL, doc["key"])
    size = str(count.matched)
    names = ("displayNetworkMembersCount", "searchNetworkMembersCount", "youtubeMembersCount", "gmailMembersCount")
    serves = count.matched >= SMALLEST and doc["membership_status"] == "OPEN"
    body["sizeInfo"] = dict.fromkeys(names, size)
    body["targetNetworkInfo"] = {"eligibleForDisplay": serves, "eligibleForSearch": serves}
    if count.persons:
        rate = round(100 * count.matched / count.persons)
        body["ingestedUserListInfo"]["contactIdInfo"]["matchRatePercentage"] = rate


# -- filters: https://google.aip.dev/160, as far as this API takes them --------------------------------------------


def _filter(text: str) -> list[tuple[str, str, str]]:
    tests = []
    for part in re.split(r"\s+AND\s+", text.strip()) if text.strip() else []:
        match = re.fullmatch(r"([\w.]+)\s*(!=|>=|<=|=|>|<|:)\s*(?:\"([^\"]*)\"|'([^']*)'|(\S+))", part.strip())
        name = _camel(match[1]) if match else ""
        if match is None or name not in FIELDS | {"ingestedUserListInfo.uploadKeyTypes"}:
            raise Refused("INVALID_FILTER", ["filter"])
        tests.append((name, match[2], next(value for value in match.groups()[2:] if value is not None)))
    return tests


def _holds(body: Mapping[str, Any], name: str, operator: str, value: str) -> bool:
    if name == "ingestedUserListInfo.uploadKeyTypes":
        return value in body["ingestedUserListInfo"]["uploadKeyTypes"]
    own = str(body.get(name, ""))
    left, right = (int(own), int(value)) if name == "id" and value.isdigit() else (own, value)
    compare = {"=": left == right, "!=": left != right, ":": str(value) in own}
    if operator in compare:
        return compare[operator]
    return {">": left > right, "<": left < right, ">=": left >= right, "<=": left <= right}[operator]  # type: ignore[operator]


def _camel(name: str) -> str:
    return re.sub(r"_(\w)", lambda match: match[1].upper(), name)
