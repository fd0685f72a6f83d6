"""What the simulated Google Ads API can be asked for: the rows of each resource, flat, by the names of GAQL."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from connectors.google.simulator_world import CHANNEL, account, below
from connectors.simulation import Document, World

Row = dict[str, Any]

_CUSTOMER = ("id", "descriptive_name", "manager", "status", "currency_code", "time_zone", "test_account")
_CAMPAIGN = ("campaign.id", "campaign.name", "campaign.status")
_AD_GROUP = ("ad_group.id", "ad_group.name", "ad_group.status")
_CRITERION = ("type", "status", "negative", "user_list.user_list", "criterion_id")

FIELDS: Mapping[str, tuple[str, ...]] = {
    "customer": (
        *(f"customer.{name}" for name in _CUSTOMER),
        "customer.conversion_tracking_setting.accepted_customer_data_terms",
    ),
    "customer_client": tuple(f"customer_client.{name}" for name in (*_CUSTOMER, "level", "hidden", "client_customer")),
    "customer_user_access": tuple(
        f"customer_user_access.{name}" for name in ("user_id", "email_address", "access_role")
    ),
    "campaign": _CAMPAIGN,
    "campaign_criterion": (*_CAMPAIGN, *(f"campaign_criterion.{name}" for name in _CRITERION)),
    "ad_group_criterion": (*_CAMPAIGN, *_AD_GROUP, *(f"ad_group_criterion.{name}" for name in _CRITERION)),
}


def rows(world: World, number: str, resource: str) -> list[Row]:
    """All rows of a resource, seen from one account."""
    own = account(world, number) or {}
    return list(SOURCES[resource](world, own))


def _customer(_: World, own: Document) -> Iterator[Row]:
    terms = {"customer.conversion_tracking_setting.accepted_customer_data_terms": own["terms"]}
    yield {f"customer.{name}": value for name, value in _values(own).items()} | terms


def _clients(world: World, own: Document) -> Iterator[Row]:
    for doc, level in below(world, own["key"]):
        number = f"customers/{doc['key']}"
        values = _values(doc) | {"level": level, "hidden": bool(doc.get("hidden")), "client_customer": number}
        yield {f"customer_client.{name}": value for name, value in values.items()}


def _values(doc: Document) -> Row:
    return {
        "id": int(doc["key"]),
        "descriptive_name": doc["name"],
        "manager": doc["manager"],
        "status": doc["status"],
        "currency_code": doc["currency"],
        "time_zone": doc["time_zone"],
        "test_account": bool(doc["test"]),
    }


def _users(world: World, own: Document) -> Iterator[Row]:
    for person, role in own["access"].items():
        known = world.get(CHANNEL, "signins", person) or {}
        values = {"user_id": _number(person), "email_address": known.get("email", ""), "access_role": role}
        yield {f"customer_user_access.{name}": value for name, value in values.items()}


def _number(person: str) -> int:
    """Ads numbers its users by itself: not the id of the Google account."""
    return int.from_bytes(person.encode()[-6:], "big")


def _campaigns(world: World, own: Document) -> Iterator[Row]:
    for doc in world.all(CHANNEL, "campaigns"):
        if doc.get("account") == own["key"]:
            yield _campaign(doc)


def _campaign(doc: Document) -> Row:
    return {
        "campaign.id": int(doc["key"]),
        "campaign.name": doc.get("name", ""),
        "campaign.status": doc.get("status", "ENABLED"),
    }


def _campaign_criteria(world: World, own: Document) -> Iterator[Row]:
    for doc, use, criterion in _uses(world, own):
        if not use.get("ad_group"):
            yield _campaign(doc) | {f"campaign_criterion.{name}": value for name, value in criterion.items()}


def _ad_group_criteria(world: World, own: Document) -> Iterator[Row]:
    for doc, use, criterion in _uses(world, own):
        if use.get("ad_group"):
            group = {
                "ad_group.id": int(doc["key"]) * 100 + criterion["criterion_id"],
                "ad_group.name": use["ad_group"],
                "ad_group.status": use.get("ad_group_status", "ENABLED"),
            }
            values = {f"ad_group_criterion.{name}": value for name, value in criterion.items()}
            yield _campaign(doc) | group | values


def _uses(world: World, own: Document) -> Iterator[tuple[Document, Document, Row]]:
    """Each use of a user list by a campaign. A campaign names the list by its id, or by the marker it carries."""
    lists = [doc for doc in world.all(CHANNEL, "audiences") if doc["account"] == own["key"]]
    numbers = {name: doc["key"] for doc in lists for name in (doc["integration_code"], doc["key"])}
    for doc in world.all(CHANNEL, "campaigns"):
        for index, use in enumerate(doc.get("uses", []), start=1):
            number = numbers.get(str(use["audience"]))
            if doc.get("account") == own["key"] and number:
                criterion = {"type": "USER_LIST", "status": "ENABLED", "negative": bool(use.get("negative"))}
                name = f"customers/{own['key']}/userLists/{number}"
                yield doc, use, criterion | {"user_list.user_list": name, "criterion_id": index}


SOURCES: Mapping[str, Callable[[World, Document], Iterator[Row]]] = {
    "customer": _customer,
    "customer_client": _clients,
    "customer_user_access": _users,
    "campaign": _campaigns,
    "campaign_criterion": _campaign_criteria,
    "ad_group_criterion": _ad_group_criteria,
}
