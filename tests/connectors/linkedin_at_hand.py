"""LinkedIn for tests: its simulator on a local port, sign-ins, and a connector that points there."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import parse_qs, urlsplit

import flask
import pyarrow as pa
import pytest
import requests
from werkzeug.serving import WSGIRequestHandler, make_server

from connectors.contract import AccountRef, Action, Application, AudienceSpec, Batch, Kind, Token, Tokens
from connectors.linkedin import simulator
from connectors.linkedin.connector import LinkedInConnector
from connectors.linkedin.identifiers import CAPABILITIES
from connectors.linkedin.oauth import LinkedInOAuth
from connectors.problems import Code, ConnectorProblem
from connectors.simulation import World

REDIRECT = "http://127.0.0.1/return"
ACCOUNT = AccountRef("507001")
OTHER = AccountRef("507002")
VIEW_ONLY = AccountRef("507003")
CLOSED = AccountRef("507004")


class _Quiet(WSGIRequestHandler):
    def log_request(self, *_: object) -> None:
        """Keeps the test's output for the test."""


@dataclass
class LinkedIn:
    """A world with the simulator's fixtures, and the product's side of it."""

    world: World
    app: Application

    @property
    def connector(self) -> LinkedInConnector:
        return LinkedInConnector(self.app)

    def configure(self, **settings: object) -> None:
        """Changes settings of the simulator."""
        before = self.world.get("linkedin", "settings", "main") or {}
        self.world.put("linkedin", "settings", "main", before | settings)

    def with_options(self, **options: str) -> LinkedIn:
        return replace(self, app=replace(self.app, options={**self.app.options, **options}))

    def consent(
        self, person: str = "ada", scopes: tuple[str, ...] = LinkedInOAuth.scopes, **more: str
    ) -> dict[str, str]:
        """What LinkedIn hands to the return address after the person decided."""
        address = LinkedInOAuth().authorize_url(self.app, REDIRECT, "the-state", "the-verifier")
        form = {"signin": person, "scope": list(scopes), "decision": "allow", **more}
        reply = requests.post(address, data=form, allow_redirects=False, timeout=10)
        return {name: values[0] for name, values in parse_qs(urlsplit(reply.headers["Location"]).query).items()}

    def tokens(self, person: str = "ada", scopes: tuple[str, ...] = LinkedInOAuth.scopes) -> Tokens:
        code = self.consent(person, scopes)["code"]
        return LinkedInOAuth().exchange_code(self.app, REDIRECT, code, "the-verifier")

    def token(self, person: str = "ada", scopes: tuple[str, ...] = LinkedInOAuth.scopes) -> Token:
        return Token(self.tokens(person, scopes).access_token, person)


def spec(marker: str = "segsync-1", kind: Kind = Kind.PEOPLE) -> AudienceSpec:
    return AudienceSpec(marker, "Customers", "Customers (S-1)", "Kept in step by segsync", kind)


def batch(rows: list[dict[str, str]], action: Action = Action.ADD, kind: Kind = Kind.PEOPLE) -> Batch:
    """Rows by column; what is not given is null."""
    shape = CAPABILITIES.shapes[kind]
    columns = shape.columns if action is Action.ADD else shape.key_columns
    table = pa.table({name: pa.array([row.get(name) for row in rows], pa.string()) for name in columns})
    return Batch(action, table, 1, last=True, session=7, estimated_total=len(rows), kind=kind)


def refusal(work: Any, *arguments: Any) -> tuple[type[ConnectorProblem], Code]:
    """The problem that a call ends in, and its code."""
    with pytest.raises(ConnectorProblem) as caught:
        work(*arguments)
    return type(caught.value), caught.value.code


@contextmanager
def linkedin_at_hand() -> Iterator[LinkedIn]:
    """The simulator, running. It digests at once and finds new audiences at once, unless a test says otherwise."""
    world = World()
    world.register_hasher("linkedin", simulator.hasher)
    simulator.seed(world)
    web = flask.Flask("linkedin")
    web.register_blueprint(simulator.blueprint(world), url_prefix="/linkedin")
    server = make_server("127.0.0.1", 0, web, threaded=True, request_handler=_Quiet)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    base = f"http://127.0.0.1:{server.port}/linkedin"
    options = {"source_platform": "SEGSYNC", "pause_after_create": "0", "simulated": "yes"}
    at_hand = LinkedIn(world, Application("client", "secret", {"oauth": base, "api": base}, options=options))
    at_hand.configure(delay_seconds=0, not_found_seconds=0, users_per_minute=10**9, companies_per_minute=10**9)
    try:
        yield at_hand
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
        world.close()
