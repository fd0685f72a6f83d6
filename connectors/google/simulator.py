"""A local Google: consent page and tokens, Data Manager over HTTP, Google Ads over gRPC. Nothing leaves the machine.

It shares no code with the connector, and knows its population by its own reading of Google's rules.
"""

from __future__ import annotations

from collections.abc import Mapping

import flask

from connectors.google.simulator_ads import serve_ads
from connectors.google.simulator_gate import Gate
from connectors.google.simulator_lists import Lists
from connectors.google.simulator_members import Members
from connectors.google.simulator_process import process
from connectors.google.simulator_signin import SignIn
from connectors.google.simulator_wire import hasher
from connectors.google.simulator_world import ACCOUNT, CHANNEL
from connectors.simulation import Document, World

__all__ = ["blueprint", "hasher", "process", "seed", "serve_ads"]

ADA, MAX, GRACE, LINUS = (f"11000000000000000000{number}" for number in range(1, 5))
SIGNINS = {
    ADA: ("Ada Byron", "ada.byron@northwind.example"),
    MAX: ("Max Power", "max.power@northwind.example"),
    GRACE: ("Grace Hopper", "grace.hopper@northwind.example"),
    LINUS: ("Linus Pauling", "linus.pauling@northwind.example"),
}
GROUP = "1001000000"
ACCOUNTS: Mapping[str, Document] = {
    GROUP: {"name": "Northwind Group", "manager": True, "access": {ADA: "ADMIN", MAX: "STANDARD", GRACE: "STANDARD"}},
    "1001000001": {"name": "Northwind Search", "manager_id": GROUP},
    "1001000002": {
        "name": "Northwind Shopping",
        "access": {ADA: "ADMIN", MAX: "STANDARD", GRACE: "STANDARD", LINUS: "READ_ONLY"},
    },
    "1001000003": {"name": "Northwind Classic", "manager_id": GROUP, "status": "CANCELED"},
    "1001000004": {
        "name": "Northwind Brand",
        "access": {ADA: "READ_ONLY", MAX: "READ_ONLY", GRACE: "ADMIN", LINUS: "STANDARD"},
    },
}
# `uses` names user lists by id or by our marker once there are any: {"audience", "negative", "ad_group"}.
CAMPAIGNS: Mapping[str, Document] = {
    "20000000001": {"account": "1001000001", "name": "Autumn Sale", "status": "ENABLED"},
    "20000000002": {"account": "1001000001", "name": "Brand Terms", "status": "ENABLED"},
    "20000000003": {"account": "1001000001", "name": "Win-back", "status": "PAUSED"},
    "20000000004": {"account": "1001000002", "name": "All Products", "status": "ENABLED"},
    "20000000005": {"account": "1001000002", "name": "New Customers Only", "status": "ENABLED"},
    "20000000006": {"account": "1001000004", "name": "Brand Awareness", "status": "ENABLED"},
}


def blueprint(world: World) -> flask.Blueprint:
    """All HTTP addresses of this channel."""
    pages = flask.Blueprint(CHANNEL, __name__)
    gate = Gate(world, process)
    SignIn(world).mount(pages)
    Lists(world, gate).mount(pages)
    Members(world, gate).mount(pages)
    return pages


def seed(world: World) -> None:
    """People, accounts and campaigns of a made-up company. What is there already stays as it is."""
    fixtures: dict[str, dict[str, Document]] = {
        "signins": {person: {"name": name, "email": email} for person, (name, email) in SIGNINS.items()},
        "accounts": {number: ACCOUNT | doc for number, doc in ACCOUNTS.items()},
        "campaigns": {number: {"uses": [], **doc} for number, doc in CAMPAIGNS.items()},
    }
    for sort, documents in fixtures.items():
        for key, doc in documents.items():
            if world.get(CHANNEL, sort, key) is None:
                world.put(CHANNEL, sort, key, doc)
