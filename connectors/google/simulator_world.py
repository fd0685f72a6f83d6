"""What the simulated Google remembers: accounts and who may use them, sign-ins and their tokens. Shared by its servers."""

from __future__ import annotations

import secrets
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

from connectors.simulation import Document, World

CHANNEL = "google"
ADS_SCOPE = "https://www.googleapis.com/auth/adwords"
DATA_SCOPE = "https://www.googleapis.com/auth/datamanager"
EMAIL_SCOPE = "https://www.googleapis.com/auth/userinfo.email"
PROFILE_SCOPE = "https://www.googleapis.com/auth/userinfo.profile"
LONG_SCOPES = {"email": EMAIL_SCOPE, "profile": PROFILE_SCOPE}
# What is counted of the Data Manager API, and the word for it in the name of its quota.
QUOTAS = {
    "ingest_writes": "IngestionMutate",
    "ingest_reads": "IngestionRead",
    "other_writes": "Mutate",
    "other_reads": "Read",
}
SETTINGS: dict[str, float] = {
    "delay_seconds": 2,  # seconds until members are processed
    "token_seconds": 3599,
    "sizes_after_seconds": 2,  # seconds until sizes are told after a list got its first members
    # The project's limits, e.g. ingest_writes_a_minute; 0 counts nothing.
    **{f"{sort}_a_{period}": 0 for sort in QUOTAS for period in ("minute", "day")},
    # Of the Google Ads API: operations of the project, and queries about one account.
    "ads_operations_a_day": 0,
    "ads_queries_a_second": 0,
}
# An account as far as nothing else is said of it. `terms`, `customer_match` and `political_declaration` say what its owner
# accepted, may use and declared.
ACCOUNT: Document = {
    "name": "",
    "manager": False,
    "manager_id": "",
    "status": "ENABLED",
    "currency": "EUR",
    "time_zone": "Europe/Berlin",
    "access": {},
    "test": False,
    "terms": True,
    "customer_match": True,
    "political_declaration": True,
}
UNUSED_REFRESH = timedelta(days=180)
WRITERS = {"ADMIN", "STANDARD"}


def setting(world: World, name: str) -> float:
    """A setting of this simulator; changed by putting a document ("google", "settings", "main")."""
    changed = world.get(CHANNEL, "settings", "main") or {}
    return float(changed.get(name, SETTINGS[name]))


# -- accounts ------------------------------------------------------------------------------------------------------


def account(world: World, number: str) -> Document | None:
    """One ad account or manager."""
    doc = world.get(CHANNEL, "accounts", number)
    return ACCOUNT | doc if doc else None


def accounts(world: World) -> list[Document]:
    """All ad accounts and managers."""
    return [ACCOUNT | doc for doc in world.all(CHANNEL, "accounts")]


def below(world: World, number: str) -> list[tuple[Document, int]]:
    """The account itself and all that it manages, each with its distance."""
    everything = accounts(world)
    own = next((doc for doc in everything if doc["key"] == number), None)
    found = [(own, 0)] if own else []
    for doc, level in found:
        found.extend((child, level + 1) for child in everything if child["manager_id"] == doc["key"])
    return found


def manages(world: World, login: str, number: str) -> bool:
    """Whether `login` is the account or a manager above it."""
    return any(doc["key"] == number for doc, _ in below(world, login))


def direct(world: World, person: str) -> dict[str, str]:
    """Accounts that this person is a user of -> role there."""
    return {doc["key"]: doc["access"][person] for doc in accounts(world) if person in doc["access"]}


# -- tokens --------------------------------------------------------------------------------------------------------


def known_application(world: World, client: str, secret: str) -> bool:
    """Whether this is the application's secret: the first one used with an id is the right one."""
    if not client or not secret:
        return False
    with world.lock:
        known = world.get(CHANNEL, "applications", client)
        if known is None:
            world.put(CHANNEL, "applications", client, {"secret": secret})
    return known is None or known["secret"] == secret


def grant(world: World, person: str, scopes: Iterable[str], client: str) -> tuple[str, str]:
    """A new sign-in: its access token and its refresh token."""
    allowed = list(scopes)
    number = secrets.token_urlsafe(12)
    refresh = "1//sim-" + secrets.token_urlsafe(24)
    doc = {"kind": "refresh", "person": person, "scopes": allowed, "client": client, "grant": number}
    world.put(CHANNEL, "tokens", refresh, doc | {"used": world.now().isoformat()})
    return access(world, doc), refresh


def access(world: World, of: Document) -> str:
    """A new access token of the same sign-in."""
    token = "ya29.sim-" + secrets.token_urlsafe(32)
    until = world.now() + timedelta(seconds=setting(world, "token_seconds"))
    doc = {name: of[name] for name in ("person", "scopes", "client", "grant")}
    world.put(CHANNEL, "tokens", token, doc | {"kind": "access", "until": until.isoformat()})
    return token


def access_of(world: World, header: str) -> Document | None:
    """The sign-in behind an Authorization header; None when the token is unknown, revoked or over."""
    scheme, _, token = header.partition(" ")
    doc = world.get(CHANNEL, "tokens", token) if scheme == "Bearer" else None
    if doc is None or doc["kind"] != "access" or datetime.fromisoformat(doc["until"]) <= world.now():
        return None
    return doc


def refresh_of(world: World, token: str) -> Document | None:
    """The sign-in behind a refresh token; one unused for half a year is dead."""
    doc = world.get(CHANNEL, "tokens", token)
    if doc is None or doc["kind"] != "refresh":
        return None
    if world.now() - datetime.fromisoformat(doc["used"]) > UNUSED_REFRESH:
        return None
    world.put(CHANNEL, "tokens", token, doc | {"used": world.now().isoformat()})
    return doc


def end_grant(world: World, token: str) -> bool:
    """Revokes a sign-in by either of its tokens; False when there is no such token."""
    doc = world.get(CHANNEL, "tokens", token)
    if doc is None:
        return False
    for other in world.all(CHANNEL, "tokens"):
        if other["grant"] == doc["grant"]:
            world.drop(CHANNEL, "tokens", other["key"])
    return True


# -- audiences -----------------------------------------------------------------------------------------------------


def audience(world: World, number: str, owner: str = "") -> Document | None:
    """A user list; of that account only, if one is named."""
    doc = world.get(CHANNEL, "audiences", number)
    return doc if doc and owner in {"", doc["account"]} else None


def changed(doc: Document, **values: Any) -> Document:
    """The document with some values replaced."""
    return {**doc, **values}
