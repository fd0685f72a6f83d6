"""Ad accounts, custom audiences and campaigns of the simulated Graph API, with the rights and states of the real ones."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

import flask

from connectors.meta.simulator_calls import CHANNEL, Call, answer, chosen, ordered, page, settings, wanted
from connectors.meta.simulator_errors import GraphError
from connectors.simulation import Document, World

ACTIVE, CLOSED = 1, 101
MAY_WRITE = frozenset({"MANAGE", "ADVERTISE"})
# Words of health and money that a reviewer at the real channel would stop at.
SENSITIVE = re.compile(
    r"\b(cancer|diabet\w*|hiv|disease|medical|patients?|bankrupt\w*|debts?|overdraft|loans?)\b", re.IGNORECASE
)
NAME, SOURCES = 255, {"USER_PROVIDED_ONLY", "PARTNER_PROVIDED_ONLY", "BOTH_USER_AND_PARTNER_PROVIDED"}
READY, BUILDING, NOTHING, REPLACING, REPLACE_FAILED, INVALID, FLAGGED = 200, 441, 410, 414, 415, 412, 471


def readable_account(call: Call, number: str) -> Document:
    """The account, if this person has any role on it."""
    account = call.world.get(CHANNEL, "accounts", number)
    if account is None or call.person not in account["roles"]:
        raise GraphError(100, 33)
    if not {"ads_management", "ads_read"} & set(call.token["scopes"]):
        raise GraphError(200)
    return account


def writable_account(call: Call, number: str) -> Document:
    """The account, if this person may change its audiences: permission, role, state and terms."""
    account = readable_account(call, number)
    if not call.may_write:
        raise GraphError(294)
    struck = call.fault is not None and call.fault.kind == "account_closed"
    open_ = _status(call.world, account) == ACTIVE and not struck
    if not MAY_WRITE & set(account["roles"][call.person]) or not open_:
        raise GraphError(200)
    if not account["tos"] or call.person not in account["user_tos"]:
        raise GraphError(200, 1870034)
    return account


def audience_of(call: Call, number: str) -> Document:
    """The audience, if its account is visible."""
    audience = call.world.get(CHANNEL, "audiences", number)
    if audience is None:
        raise GraphError(100, 33)
    readable_account(call, audience["account"])
    return audience


# -- ad accounts ---------------------------------------------------------------------------------------------------


def my_accounts(call: Call) -> flask.Response:
    """Accounts on which the person has a role."""
    call.strike("accounts")
    if not {"ads_management", "ads_read"} & set(call.token["scopes"]):
        raise GraphError(200)
    rows = [row for row in call.world.all(CHANNEL, "accounts") if call.person in row["roles"]]
    return page(call, rows, lambda row: _account(call.world, row, call.person))


def one_account(call: Call, number: str) -> flask.Response:
    """One account."""
    call.strike("account", number)
    return answer(chosen(_account(call.world, readable_account(call, number), call.person), wanted(call)))


def _status(world: World, account: Document) -> int:
    return CLOSED if ordered(world, "account_closed", account["key"]) else int(account["status"])


def _account(world: World, row: Document, person: str) -> Document:
    return {
        "id": f"act_{row['key']}",
        "account_id": row["key"],
        "name": row["name"],
        "account_status": _status(world, row),
        "disable_reason": row.get("disable_reason", 0),
        "currency": row.get("currency", "EUR"),
        "timezone_name": row.get("time_zone", "Europe/Berlin"),
        "business": row.get("business"),
        "user_tasks": row["roles"][person],
        "tos_accepted": {"custom_audience_tos": int(bool(row["tos"]) and not ordered(world, "terms", row["key"]))},
        "user_tos_accepted": {"custom_audience_tos": int(person in row["user_tos"])},
    }


# -- audiences -----------------------------------------------------------------------------------------------------


def account_audiences(call: Call, number: str) -> flask.Response:
    """Lists the account's audiences, or makes one."""
    if call.method == "POST":
        return _create(call, number)
    call.strike("audiences", number)
    readable_account(call, number)
    mine = [row for row in call.world.all(CHANNEL, "audiences") if row["account"] == number]
    return page(call, mine, lambda row: shown(call.world, row))


def _create(call: Call, number: str) -> flask.Response:
    call.strike("create_audience", number)
    writable_account(call, number)
    wishes = {
        name: str(call.params.get(name) or "") for name in ("name", "description", "subtype", "customer_file_source")
    }
    if not wishes["name"] or len(wishes["name"]) > NAME:
        raise GraphError(100, blame="name")
    if wishes["subtype"] != "CUSTOM" or wishes["customer_file_source"] not in SOURCES:
        raise GraphError(100, blame="subtype" if wishes["subtype"] != "CUSTOM" else "customer_file_source")
    world = call.world
    with world.transaction():
        mine = [row for row in world.all(CHANNEL, "audiences") if row["account"] == number]
        if len(mine) >= settings(world)["most_audiences"]:
            raise GraphError(2654)
        key = str(world.next_number(CHANNEL, "audience", 23840000000000001))
        now = world.now().isoformat()
        doc = {"account": number, **wishes, "created": now, "updated": now, "operation": NOTHING, "busy_until": ""}
        world.put(CHANNEL, "audiences", key, doc | {"counted": 0, "told": 0})
    return answer({"id": key})


def one_audience(call: Call, number: str) -> flask.Response:
    """Shows, changes or deletes an audience."""
    audience = audience_of(call, number)
    if call.method == "GET":
        call.strike("audience", audience["account"])
        return answer(chosen(shown(call.world, audience), wanted(call)))
    call.strike("delete_audience" if call.method == "DELETE" else "update_audience", audience["account"])
    writable_account(call, audience["account"])
    return _delete(call, audience) if call.method == "DELETE" else _update(call, audience)


def _delete(call: Call, audience: Document) -> flask.Response:
    if audience.get("lookalikes"):
        raise GraphError(2656)
    call.world.empty(CHANNEL, audience["key"])
    call.world.drop(CHANNEL, "audiences", audience["key"])
    return answer({"success": True})


def _update(call: Call, audience: Document) -> flask.Response:
    """A flagged audience may be changed only so that nothing sensitive is left in it."""
    changes = {name: str(call.params[name]) for name in ("name", "description") if name in call.params}
    after = audience | changes
    if is_flagged(after):
        raise GraphError(100, 1713228 if is_flagged(audience) else 1713231)
    call.world.put(CHANNEL, "audiences", audience["key"], after)
    return answer({"success": True, "id": audience["key"]})


def is_flagged(audience: Mapping[str, Any]) -> bool:
    """Whether its name or description would be flagged."""
    return SENSITIVE.search(f"{audience['name']} {audience['description']}") is not None


def shown(world: World, row: Document) -> Document:
    """An audience as Graph shows it: sizes as last counted, in a blurred range."""
    smallest = settings(world)["smallest"]
    matched = int(row["counted"])
    low, high = (-1, -1) if row["operation"] == NOTHING else _range(matched)
    operation = int(row.get("forced") or (FLAGGED if is_flagged(row) else row["operation"]))
    delivery = int(row.get("forced_delivery") or (READY if matched >= smallest else 300))
    return {
        "id": row["key"],
        **{name: row[name] for name in ("name", "description", "subtype", "customer_file_source")},
        "account_id": row["account"],
        "approximate_count_lower_bound": low,
        "approximate_count_upper_bound": high,
        "operation_status": {"code": operation, "description": "Simulated"},
        "delivery_status": {"code": delivery, "description": "Simulated"},
        "time_created": _seconds(row["created"]),
        "time_content_updated": _seconds(row["updated"]),
    }


def _range(matched: int) -> tuple[int, int]:
    """Two digits are told, no number below 100 (the real blur of small audiences is not documented)."""
    step = max(100, 10 ** max(0, len(str(matched)) - 2))
    low = matched // step * step
    return low, low + step


def _seconds(moment: str) -> int:
    return int(datetime.fromisoformat(moment).timestamp())


def touch(world: World, audience: Document, operation: int = BUILDING, told: int = 0) -> None:
    """Something was changed: the audience is busy until it is counted again."""
    audience = world.get(CHANNEL, "audiences", audience["key"]) or audience
    until = (world.now() + timedelta(seconds=settings(world)["delay_seconds"])).isoformat()
    changed = {"updated": world.now().isoformat(), "busy_until": until, "operation": operation, "told": told}
    world.put(CHANNEL, "audiences", audience["key"], audience | changed)


def count_again(world: World) -> None:
    """Counts the audiences whose time has come."""
    now = world.now().isoformat()
    with world.lock:
        for row in world.all(CHANNEL, "audiences"):
            if row["busy_until"] and row["busy_until"] <= now and row["operation"] != REPLACING:
                matched = world.count(CHANNEL, row["key"]).matched
                done = {"busy_until": "", "counted": matched, "operation": INVALID if row["told"] else READY}
                world.put(CHANNEL, "audiences", row["key"], row | done)


def forget(world: World) -> None:
    """Lets members go that nobody added again within the retention: the audience's own, else the channel's; 0 keeps them."""
    usual = settings(world)["retention_days"]
    with world.lock:
        for row in world.all(CHANNEL, "audiences"):
            if days := row.get("retention_days", usual):
                world.empty(CHANNEL, row["key"], world.now() - timedelta(days=days))


# -- campaigns -----------------------------------------------------------------------------------------------------


def audience_ads(call: Call, number: str) -> flask.Response:
    """Ads whose ad set names the audience."""
    audience = audience_of(call, number)
    call.strike("ads", audience["account"])
    rows = [ad for ad in _ad_sets(call, audience["account"]) if number in ad["include"] + ad["exclude"]]
    return page(call, rows, lambda row: {**_ad_set(row), "id": f"9{row['id']}", "adset_id": row["id"]})


def account_ad_sets(call: Call, number: str) -> flask.Response:
    """The account's ad sets with their targeting."""
    call.strike("adsets", number)
    readable_account(call, number)
    return page(call, _ad_sets(call, number), _ad_set)


def _ad_sets(call: Call, account: str) -> list[Document]:
    states = call.value("effective_status")
    return [
        _named_by_id(call.world, {**ad_set, "status": ad_set.get("status", campaign["status"]), "campaign": campaign})
        for campaign in call.world.all(CHANNEL, "campaigns")
        if campaign["account"] == account
        for ad_set in campaign["ad_sets"]
        if not states or ad_set.get("status", campaign["status"]) in states
    ]


def _named_by_id(world: World, ad_set: Document) -> Document:
    """Fixtures may name an audience by the marker that its maker gave it, before it has an id."""
    known = world.all(CHANNEL, "audiences")
    return ad_set | {
        use: [
            row["key"]
            for name in ad_set[use]
            for row in known
            if name == row["key"] or name in re.split(r"[\s\[\]()]+", row["description"])
        ]
        for use in ("include", "exclude")
    }


def _ad_set(row: Document) -> Document:
    campaign = row["campaign"]
    return {
        "id": row["id"],
        "name": row["name"],
        "effective_status": row["status"],
        "campaign_id": campaign["key"],
        "campaign": {"id": campaign["key"], "name": campaign["name"], "effective_status": campaign["status"]},
        "targeting": {
            "custom_audiences": [{"id": number} for number in row["include"]],
            "excluded_custom_audiences": [{"id": number} for number in row["exclude"]],
        },
    }
