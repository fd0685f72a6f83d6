"""How the simulated Meta knows people (its own reading of the published rule), and the demo's sign-ins, accounts, campaigns."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping
from typing import Any

from connectors.meta.simulator_calls import CHANNEL
from connectors.simulation import World

ADA, MAX, GRACE, LINUS = "10150000000000001", "10150000000000002", "10150000000000003", "10150000000000004"
SIGNINS = {ADA: "Ada Byron", MAX: "Max Power", GRACE: "Grace Hopper", LINUS: "Linus Pauling"}
ALL = ["MANAGE", "ADVERTISE", "ANALYZE", "DRAFT"]
WRITE = ["ADVERTISE", "ANALYZE", "DRAFT"]
VIEW = ["ANALYZE"]
BUSINESS = {"id": "620000000000001", "name": "Northwind"}
EVERYBODY = [ADA, MAX, GRACE, LINUS]

ACCOUNTS: Mapping[str, dict[str, Any]] = {
    "5510001": {
        "name": "Northwind EU", "status": 1, "tos": True, "user_tos": EVERYBODY, "currency": "EUR",
        "roles": {ADA: ALL, MAX: WRITE, GRACE: WRITE, LINUS: VIEW},
    },
    "5510002": {
        "name": "Northwind US", "status": 1, "tos": True, "user_tos": EVERYBODY, "currency": "USD",
        "time_zone": "America/New_York", "roles": {ADA: VIEW, MAX: WRITE, GRACE: ALL},
    },
    "5510003": {
        "name": "Northwind Outlet", "status": 1, "tos": False, "user_tos": [], "currency": "EUR",
        "roles": {ADA: ALL, MAX: WRITE},
    },
    "5510004": {
        "name": "Northwind Archive", "status": 2, "disable_reason": 1, "tos": True, "user_tos": EVERYBODY,
        "currency": "EUR", "roles": {ADA: ALL, MAX: WRITE},
    },
}  # fmt: skip

CAMPAIGNS: Mapping[str, dict[str, Any]] = {
    "6100000000001": {"account": "5510001", "name": "Winter coats", "status": "ACTIVE"},
    "6100000000002": {"account": "5510001", "name": "Win back", "status": "PAUSED"},
    "6100000000003": {"account": "5510002", "name": "Thanksgiving", "status": "ACTIVE"},
    "6100000000004": {"account": "5510001", "name": "Brand 2019", "status": "ARCHIVED"},
}


def seed(world: World) -> None:
    """The demo's fixtures, where they are not there yet."""
    for key, name in SIGNINS.items():
        _once(world, "signins", key, {"name": name})
    for key, account in ACCOUNTS.items():
        _once(world, "accounts", key, {"business": BUSINESS, **account})
    for key, campaign in CAMPAIGNS.items():
        ad_set = {"id": key.replace("61", "62", 1), "name": "Everybody", "include": [], "exclude": []}
        _once(world, "campaigns", key, {**campaign, "ad_sets": [ad_set]})


def _once(world: World, sort: str, key: str, doc: dict[str, Any]) -> None:
    if world.get(CHANNEL, sort, key) is None:
        world.put(CHANNEL, sort, key, doc)


def hasher(person: Mapping[str, str]) -> Iterable[str]:
    """The match keys of a person. An external id is nobody's until an advertiser brings it, so it is none of them."""
    mail = person.get("email", "").strip().lower()
    if re.fullmatch(r"[^@\s]+@[^@\s]+\.[^@\s.]+", mail):
        yield "email:" + _sha256(mail)
    digits = re.sub(r"\D", "", person.get("phone", "")).lstrip("0")
    if digits:
        yield "phone:" + _sha256(digits)
    device = person.get("mobile_ad_id", "").strip().lower()
    if device:
        yield "madid:" + device


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8")).hexdigest()
