"""Ad accounts, roles and campaigns of the simulated LinkedIn."""

from __future__ import annotations

import re
from collections.abc import Mapping

import flask

from connectors.linkedin.simulator_wire import (
    CHANNEL,
    Call,
    Refusal,
    answer,
    chained_page,
    denied,
    endpoint,
    page,
    role_of,
    suffers,
)
from connectors.simulation import Document, World

FACET = "urn:li:adTargetingFacet:audienceMatchingSegments"


def mount(blueprint: flask.Blueprint, world: World) -> None:
    """Adds the addresses of ad accounts."""
    for path, operation, work in (
        ("/rest/adAccountUsers", "adAccountUsers", _my_roles),
        ("/rest/adAccounts", "adAccounts", _search),
        ("/rest/adAccounts/<account>", "adAccount", _one),
        ("/rest/adAccounts/<account>/adCampaigns", "adCampaigns", _campaigns),
    ):
        blueprint.add_url_rule(path, operation, endpoint(world, operation, work, "r_ads"))


def _my_roles(call: Call, _: Mapping[str, str]) -> flask.Response:
    if call.query.get("q") != "authenticatedUser":
        raise Refusal(400, "BAD_REQUEST", "Unknown finder")
    found = [
        {
            "account": f"urn:li:sponsoredAccount:{doc['key']}",
            "role": role_of(call.world, call.signin, doc["key"]),
            "user": f"urn:li:person:{call.signin}",
        }
        for doc in _visible(call)
    ]
    return answer(page(found, call.query))


def _search(call: Call, _: Mapping[str, str]) -> flask.Response:
    if call.query.get("q") != "search":
        raise Refusal(400, "BAD_REQUEST", "Unknown finder")
    return answer(chained_page([_told(call.world, doc) for doc in _visible(call)], call.query))


def _one(call: Call, parts: Mapping[str, str]) -> flask.Response:
    doc = call.world.get(CHANNEL, "accounts", parts["account"])
    if doc is None:
        raise Refusal(404, "NOT_FOUND", "Could not find entity")
    if not role_of(call.world, call.signin, doc["key"]):
        raise denied()
    return answer(_told(call.world, doc))


def _visible(call: Call) -> list[Document]:
    docs = call.world.all(CHANNEL, "accounts")
    return [doc for doc in docs if role_of(call.world, call.signin, doc["key"])]


def _told(world: World, doc: Document) -> Document:
    closed = suffers(world, "account_closed", doc["key"])
    return {
        "id": int(doc["key"]) if doc["key"].isdigit() else doc["key"],
        "name": doc.get("name", ""),
        "status": "CANCELED" if closed else doc.get("status", "ACTIVE"),
        "type": "BUSINESS",
        "currency": doc.get("currency", "EUR"),
        "test": False,
        "servingStatuses": doc.get("serving", ["RUNNABLE"]),
        "reference": f"urn:li:organization:{doc.get('organization', 1000)}",
    }


def _campaigns(call: Call, parts: Mapping[str, str]) -> flask.Response:
    if call.query.get("q") != "search":
        raise Refusal(400, "BAD_REQUEST", "Unknown finder")
    if not role_of(call.world, call.signin, parts["account"]):
        raise denied()
    wanted = re.search(r"status:\(values:List\(([A-Z_,]+)\)\)", call.query.get("search", ""))
    states = wanted[1].split(",") if wanted else []
    found = [
        _campaign(call.world, doc)
        for doc in call.world.all(CHANNEL, "campaigns")
        if str(doc.get("account")) == parts["account"] and (not states or doc.get("status", "ACTIVE") in states)
    ]
    return answer(chained_page(found, call.query))


def _campaign(world: World, doc: Document) -> Document:
    included = [{"or": {"urn:li:adTargetingFacet:locations": ["urn:li:geo:101282230"]}}]
    if names := _ad_segments(world, doc.get("includes", [])):
        included.append({"or": {FACET: names}})
    targeting: Document = {"include": {"and": included}}
    if names := _ad_segments(world, doc.get("excludes", [])):
        targeting["exclude"] = {"or": {FACET: names}}
    return {
        "id": int(doc["key"]) if doc["key"].isdigit() else doc["key"],
        "name": doc.get("name", ""),
        "status": doc.get("status", "ACTIVE"),
        "account": f"urn:li:sponsoredAccount:{doc['account']}",
        "targetingCriteria": targeting,
    }


def _ad_segments(world: World, audiences: list[str]) -> list[str]:
    """Campaigns name audiences by their id or by the marker that their maker gave them."""
    known = world.all(CHANNEL, "audiences")
    return [
        f"urn:li:adSegment:{doc['ad_segment']}"
        for name in audiences
        for doc in known
        if str(name) in {doc["key"], doc["marker"]}
    ]
