"""The gate of the simulated Data Manager API: who calls, from which account, and whether they may act on another."""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable
from typing import Any

import flask

from connectors.google.simulator_errors import KINDS, Refused, strike
from connectors.google.simulator_world import (
    CHANNEL,
    DATA_SCOPE,
    QUOTAS,
    WRITERS,
    access_of,
    account,
    direct,
    manages,
    setting,
)
from connectors.simulation import GENERIC, Document, World

Serve = Callable[..., Any]
ADS_ACCOUNTS = {"GOOGLE_ADS", 1}


class Gate:
    """Wraps each operation: token, faults, refusals as Google's JSON."""

    def __init__(self, world: World, process: Callable[[World], None]) -> None:
        self._world = world
        self._process = process

    def serves(self, operation: str, serve: Serve) -> Callable[..., flask.Response]:
        """A view for one operation."""

        def view(**parts: str) -> flask.Response:
            self._process(self._world)
            try:
                person = self._person()
                struck = self._struck(operation, person, parts.get("number", ""))
                self._count(operation)
                return struck or flask.jsonify(serve(person, **parts))
            except Refused as refused:
                return refused.response(uuid.uuid4().hex)

        view.__name__ = operation.replace(".", "_")
        return view

    def _person(self) -> str:
        doc = access_of(self._world, flask.request.headers.get("Authorization", ""))
        if doc is None:
            raise Refused("ACCESS_TOKEN_EXPIRED")
        if DATA_SCOPE not in doc["scopes"]:
            raise Refused("ACCESS_TOKEN_SCOPE_INSUFFICIENT")
        return str(doc["person"])

    def _count(self, operation: str) -> None:
        """The limits of the project, where a setting orders them: so many calls a minute and a day. Raises Refused."""
        part = "ingest" if operation.startswith(("members.", "requests.")) else "other"
        sort = f"{part}_reads" if flask.request.method == "GET" else f"{part}_writes"
        for period, seconds in (("minute", 60), ("day", 86_400)):
            name = f"{sort}_a_{period}"
            quota = f"{QUOTAS[sort]}RequestsPer{period.title()}PerProject"
            if self._world.use(CHANNEL, name, most=setting(self._world, name), seconds=seconds).over:
                raise Refused("RESOURCE_EXHAUSTED", metadata={"quota_limit": quota})

    def _struck(self, operation: str, person: str, number: str) -> flask.Response | None:
        # Members name their account in the body.
        number = number or _operating(flask.request.get_json(silent=True))
        kinds = {*KINDS, *GENERIC, "version_dead", "code"}
        return strike(self._world.fault(CHANNEL, operation, account=number, person=person, kinds=kinds))

    # -- may they? -------------------------------------------------------------------------------------------------

    def may(self, person: str, number: str, login: str, *, write: bool = True) -> Document:
        """The account, if this person may act on it through `login` ('' is the account itself). Raises Refused."""
        doc = account(self._world, number)
        role = direct(self._world, person).get(login or number)
        if doc is None or role is None or doc["status"] != "ENABLED" or (write and role not in WRITERS):
            raise Refused("PERMISSION_DENIED")
        if login and not manages(self._world, login, number):
            raise Refused("OPERATING_ACCOUNT_LOGIN_ACCOUNT_MISMATCH")
        if doc["manager"]:
            raise Refused("DESTINATION_ACCOUNT_TYPE_MISMATCH")
        return doc

    def header_login(self) -> str:
        """The account named in the `login-account` header. Raises Refused."""
        value = flask.request.headers.get("login-account", "")
        if flask.request.headers.get("login-customer-id"):
            raise Refused("INVALID_ARGUMENT", ["login-customer-id"])
        match = re.fullmatch(r"accountTypes/GOOGLE_ADS/accounts/(\d+)", value) if value else None
        if value and not match:
            raise Refused("INVALID_ARGUMENT", ["login-account"])
        return match[1] if match else ""


def product_account(body: Any, path: str) -> str:
    """The id of a ProductAccount; names and numbers of enums are both taken. Raises Refused."""
    if not isinstance(body, dict) or body.get("accountType") not in ADS_ACCOUNTS:
        raise Refused("INVALID_DESTINATION", [f"{path}.account_type"])
    number = str(body.get("accountId", ""))
    if not number.isdigit():
        raise Refused("INVALID_DESTINATION", [f"{path}.account_id"])
    return number


def _operating(body: Any) -> str:
    try:
        return str(body["destinations"][0]["operatingAccount"]["accountId"])
    except (TypeError, KeyError, IndexError):
        return ""
