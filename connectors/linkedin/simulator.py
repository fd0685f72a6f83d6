"""A stand-in for LinkedIn on this machine: sign-in, ad accounts, campaigns and DMP segments over LinkedIn's own protocol.

It checks what LinkedIn checks, keeps members exactly, and lives by its own clock. Its parts are `simulator_*.py`; it shares
no code with the connector.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import flask

from connectors.linkedin import simulator_accounts, simulator_life, simulator_oauth, simulator_segments
from connectors.linkedin.simulator_elements import people_hasher
from connectors.linkedin.simulator_wire import CHANNEL
from connectors.simulation import Document, World

MANAGER, VIEWER = "CAMPAIGN_MANAGER", "VIEWER"
SIGNINS = {"ada": "Ada Byron", "max": "Max Power", "grace": "Grace Hopper", "linus": "Linus Pauling"}
ALL_MANAGE = {"ada": "ACCOUNT_BILLING_ADMIN", "max": MANAGER, "grace": "ACCOUNT_MANAGER", "linus": "CREATIVE_MANAGER"}
ACCOUNTS: Mapping[str, Document] = {
    "507001": {"name": "Northwind Global", "currency": "USD", "roles": ALL_MANAGE},
    "507002": {"name": "Northwind DACH", "currency": "EUR", "roles": ALL_MANAGE},
    "507003": {"name": "Northwind Recruiting", "currency": "EUR", "roles": dict.fromkeys(SIGNINS, VIEWER)},
    "507004": {"name": "Northwind Events 2024", "currency": "EUR", "roles": ALL_MANAGE, "status": "CANCELED"},
}
CAMPAIGNS: Mapping[str, Document] = {
    "6001": {"account": "507001", "name": "Enterprise awareness", "status": "ACTIVE"},
    "6002": {"account": "507001", "name": "Renewal reminders", "status": "PAUSED"},
    "6003": {"account": "507002", "name": "Messe Hannover", "status": "ACTIVE"},
    "6004": {"account": "507002", "name": "Newsletter DACH", "status": "DRAFT"},
}


def blueprint(world: World) -> flask.Blueprint:
    """All of LinkedIn's addresses, to be mounted under one prefix."""
    made = flask.Blueprint("linkedin_simulator", __name__)
    made.before_request(lambda: process(world))
    for part in (simulator_oauth, simulator_accounts, simulator_segments):
        part.mount(made, world)
    return made


def seed(world: World) -> None:
    """Who can sign in, their ad accounts, and some campaigns. What is there already stays as it is."""
    signins = {key: {"name": name} for key, name in SIGNINS.items()}
    for sort, docs in (("signins", signins), ("accounts", ACCOUNTS), ("campaigns", CAMPAIGNS)):
        for key, doc in docs.items():
            if world.get(CHANNEL, sort, key) is None:
                world.put(CHANNEL, sort, key, dict(doc))


def process(world: World) -> None:
    """Carries out what is due by the simulated clock."""
    simulator_life.process(world)


def hasher(person: Mapping[str, str]) -> Iterable[str]:
    """The keys by which LinkedIn knows a person."""
    return people_hasher(person)
