"""Members at the simulated Data Manager API: taken at once, processed later by its own clock, and told about when asked.

Follows https://developers.google.com/data-manager/api/reference/rest/v1/audienceMembers
"""

from __future__ import annotations

import uuid
from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import flask

from connectors.google import simulator_wire as wire
from connectors.google.simulator_errors import Refused
from connectors.google.simulator_gate import Gate, product_account
from connectors.google.simulator_world import ACCOUNT, CHANNEL, account, audience, setting
from connectors.simulation import Document, World

MOST_DESTINATIONS = 10
ACCEPTED = {"ACCEPTED", 1}
TOLD_FOR = timedelta(days=50)
BASE = {"destinations", "validateOnly", "encoding", "encryptionInfo", "audienceMembers"}
KNOWN = {
    "members.add": BASE | {"consent", "termsOfService"},
    "members.remove": BASE,
    "members.empty": {"destinations", "validateOnly", "removeAsOfTime"},
}


class Members:
    """The operations."""

    def __init__(self, world: World, gate: Gate) -> None:
        self._world = world
        self._gate = gate

    def mount(self, blueprint: flask.Blueprint) -> None:
        """Adds the addresses to a blueprint."""
        for path, operation, serve in (
            ("ingest", "members.add", self._add),
            ("remove", "members.remove", self._remove),
            ("removeAll", "members.empty", self._empty),
        ):
            view = self._gate.serves(operation, serve)
            blueprint.add_url_rule(f"/v1/audienceMembers:{path}", operation.replace(".", "_"), view, methods=["POST"])
        status = self._gate.serves("requests.status", self._status)
        blueprint.add_url_rule("/v1/requestStatus:retrieve", "requests_status", status, methods=["GET"])

    def _add(self, person: str) -> dict[str, Any]:
        body, places = self._read("members.add", person)
        found = wire.members(body.get("audienceMembers"), body.get("encoding"))
        self._check_terms(body, places)
        errors = {
            index: reason
            for index, member in enumerate(found)
            if (reason := wire.consent(member.consent, body.get("consent")))
        }
        return self._taken(body, places, "add", found, errors)

    def _remove(self, person: str) -> dict[str, Any]:
        body, places = self._read("members.remove", person)
        found = wire.members(body.get("audienceMembers"), body.get("encoding"))
        return self._taken(body, places, "remove", found, {})

    def _empty(self, person: str) -> dict[str, Any]:
        body, places = self._read("members.empty", person)
        if (_moment(body.get("removeAsOfTime")) or self._world.now()) > self._world.now():
            raise Refused("INVALID_REMOVE_AS_OF_TIME", ["remove_as_of_time"])
        return self._taken(body, places, "empty", [], {})

    def _read(self, operation: str, person: str) -> tuple[dict[str, Any], list[Document]]:
        body = flask.request.get_json(silent=True)
        if not isinstance(body, dict):
            raise Refused("INVALID_ARGUMENT")
        unknown = sorted(set(body) - KNOWN[operation])
        if unknown:
            raise Refused("INVALID_ARGUMENT", unknown)
        places = body.get("destinations")
        if not isinstance(places, list) or not places:
            raise Refused("REQUIRED_FIELD_MISSING", ["destinations"])
        if len(places) > MOST_DESTINATIONS:
            raise Refused("TOO_MANY_DESTINATIONS", ["destinations"])
        return body, [self._place(person, place, f"destinations[{n}]") for n, place in enumerate(places)]

    def _place(self, person: str, place: Mapping[str, Any], path: str) -> Document:
        number = product_account(place.get("operatingAccount"), f"{path}.operating_account")
        named = place.get("loginAccount")
        login = product_account(named, f"{path}.login_account") if named else ""
        if place.get("linkedAccount"):
            raise Refused("LINKED_ACCOUNT_ONLY_ALLOWED_WITH_DATA_PARTNER_LOGIN_ACCOUNT", [f"{path}.linked_account"])
        self._gate.may(person, number, login)
        doc = audience(self._world, str(place.get("productDestinationId", "")), number)
        if doc is None:
            raise Refused("INVALID_USER_LIST_ID", [f"{path}.product_destination_id"])
        if doc["kind"] != "CONTACT_ID":
            raise Refused("INVALID_USER_LIST_TYPE", [f"{path}.product_destination_id"])
        return doc

    def _check_terms(self, body: Mapping[str, Any], places: Sequence[Document]) -> None:
        said = body.get("termsOfService", {}).get("customerMatchTermsOfServiceStatus")
        owners = [account(self._world, place["account"]) or ACCOUNT for place in places]
        if said not in ACCEPTED or not all(owner["terms"] for owner in owners):
            raise Refused("TERMS_AND_CONDITIONS_NOT_SIGNED", ["terms_of_service"])
        if not all(owner["customer_match"] for owner in owners):
            raise Refused("ADVERTISER_NOT_ALLOWLISTED_FOR_UPLOADED_DATA")

    def _taken(
        self,
        body: Mapping[str, Any],
        places: Sequence[Document],
        action: str,
        found: Sequence[wire.Member],
        errors: dict[int, str],
    ) -> dict[str, Any]:
        """Puts the request aside for processing, and answers with its id."""
        errors = errors | self._ordered_refusals(places[0]["account"], found)
        number = str(uuid.uuid4())
        if body.get("validateOnly"):
            return {"requestId": number}
        now = self._world.now()
        due = now + timedelta(seconds=setting(self._world, "delay_seconds"))
        doc: Document = {"at": now.isoformat(), "due": due.isoformat(), "action": action, "records": len(found)}
        doc |= {"places": [place["key"] for place in places], "destinations": body["destinations"]}
        doc |= {"sorts": wire.counts(found), "shape": found[0].shape if found else "", "status": "PROCESSING"}
        waiting = {
            "rows": [member.keys for member in found],
            "errors": {str(key): value for key, value in errors.items()},
        }
        with self._world.lock:
            order = f"{self._world.next_number(CHANNEL, 'pending'):012d}"
            self._world.put(CHANNEL, "requests", number, doc)
            self._world.put(
                CHANNEL, "pending", order, waiting | {"request": number, "until": body.get("removeAsOfTime")}
            )
        return {"requestId": number}

    def _ordered_refusals(self, owner: str, found: Sequence[wire.Member]) -> dict[int, str]:
        """Fault `reject_rows`. Facts: rows (positions) or count (of the first ones), reason, at_once (refuses the request)."""
        fault = self._world.fault(CHANNEL, "members.add", account=owner, kinds={"reject_rows"}) if found else None
        if fault is None:
            return {}
        rows = [row for row in fault.facts.get("rows") or range(fault.facts.get("count", 1)) if row < len(found)]
        if fault.facts.get("at_once"):
            paths = [f"audience_members[{row}].composite_data.user_data" for row in rows]
            raise Refused(str(fault.facts.get("reason", "INVALID_AUDIENCE_MEMBER")), paths)
        return dict.fromkeys(rows, str(fault.facts.get("reason", "INVALID_FORMAT")))

    # -- what became of it -----------------------------------------------------------------------------------------

    def _status(self, _: str) -> dict[str, Any]:
        doc = self._world.get(CHANNEL, "requests", flask.request.args.get("requestId", ""))
        if doc is None:
            raise Refused("INVALID_REQUEST_ID", ["request_id"])
        if self._world.now() - datetime.fromisoformat(doc["at"]) > TOLD_FOR:
            raise Refused("REQUEST_TOO_OLD", ["request_id"])
        return {"requestStatusPerDestination": [_told(doc, place) for place in doc["destinations"]]}


def _moment(text: str | None) -> datetime | None:
    try:
        return datetime.fromisoformat(text) if text else None
    except ValueError:
        raise Refused("INVALID_FORMAT", ["remove_as_of_time"]) from None


def _told(doc: Document, place: Mapping[str, Any]) -> dict[str, Any]:
    told: dict[str, Any] = {"destination": place, "requestStatus": doc["status"]}
    if doc.get("errors"):
        told["errorInfo"] = {"errorCounts": doc["errors"]}
    if doc["action"] == "empty":
        return told | {"removeAllAudienceMembersStatus": {}}
    counted: dict[str, Any] = {"recordCount": str(doc["records"])}
    if doc["shape"] == "compositeData":
        counted["dataTypeCounts"] = doc["sorts"]
    else:
        counted["userIdentifierCount"] = str(sum(int(sort["count"]) for sort in doc["sorts"]))
    if doc["action"] == "add":
        counted["uploadMatchRateRange"] = doc.get("match", "MATCH_RATE_RANGE_UNKNOWN")
        return told | {"audienceMembersIngestionStatus": {f"{doc['shape']}IngestionStatus": counted}}
    return told | {"audienceMembersRemovalStatus": {f"{doc['shape']}RemovalStatus": counted}}


def error_counts(errors: Mapping[str, str]) -> list[dict[str, Any]]:
    """The records that failed, by reason."""
    by_reason: dict[str, list[str]] = defaultdict(list)
    for index, reason in errors.items():
        by_reason[reason].append(index)
    return [
        {"reason": f"PROCESSING_ERROR_REASON_{reason}", "recordCount": str(len(rows)), "recordIndices": rows}
        for reason, rows in by_reason.items()
    ]
