"""Google for tests: its simulator on local ports (HTTP and gRPC), sign-ins, and a connector that points there."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import flask
import pyarrow as pa
import pytest
import requests
from werkzeug.serving import WSGIRequestHandler, make_server

from connectors.contract import AccountRef, Action, Application, AudienceRef, AudienceSpec, Batch, Kind, Token, Tokens
from connectors.google import simulator
from connectors.google.connector import GoogleConnector
from connectors.google.identifiers import PEOPLE
from connectors.google.oauth import GoogleOAuth
from connectors.problems import ConnectorProblem
from connectors.simulation import World

REDIRECT = "http://127.0.0.1/return"
ADA, MAX, GRACE, LINUS = simulator.ADA, simulator.MAX, simulator.GRACE, simulator.LINUS
MANAGER = "1001000000"
SEARCH = AccountRef("1001000001", MANAGER)
SHOPPING = AccountRef("1001000002")
CLOSED = AccountRef("1001000003", MANAGER)
BRAND = AccountRef("1001000004")
DELAY = timedelta(seconds=5)


class _Quiet(WSGIRequestHandler):
    def log_request(self, *_: object) -> None:
        """Keeps the test's output for the test."""


@dataclass
class Google:
    """A world with the simulator's fixtures, and the product's side of it."""

    world: World
    app: Application

    @property
    def connector(self) -> GoogleConnector:
        return GoogleConnector(self.app)

    def consent(self, person: str = ADA, scopes: Sequence[str] = GoogleOAuth.scopes, **more: str) -> dict[str, str]:
        """What Google hands to the return address after the person decided."""
        address = GoogleOAuth().authorize_url(self.app, REDIRECT, "the-state", "the-verifier")
        form = {"signin": person, "scope": list(scopes), "decision": "allow", **more}
        reply = requests.post(address, data=form, allow_redirects=False, timeout=10)
        return {name: values[0] for name, values in parse_qs(urlsplit(reply.headers["Location"]).query).items()}

    def tokens(self, person: str = ADA, scopes: Sequence[str] = GoogleOAuth.scopes) -> Tokens:
        code = self.consent(person, scopes)["code"]
        return GoogleOAuth().exchange_code(self.app, REDIRECT, code, "the-verifier")

    def token(self, person: str = ADA, scopes: Sequence[str] = GoogleOAuth.scopes) -> Token:
        return Token(self.tokens(person, scopes).access_token, person)

    def fault(self, kind: str, operation: str = "", times: int = 1, **facts: object) -> str:
        """Orders one thing to go wrong."""
        return self.world.add_fault("google", kind, operation=operation, times=times, facts=facts)

    def change(self, sort: str, key: str, **values: object) -> None:
        """Changes something at Google."""
        self.world.put("google", sort, key, (self.world.get("google", sort, key) or {}) | values)

    def later(self) -> None:
        """Time passes until Google has done what it was asked."""
        self.world.advance(DELAY)
        simulator.process(self.world)

    def keys(self, audience: AudienceRef) -> list[str]:
        """The match keys of everybody in an audience, as the simulator has them."""
        return self.world.members("google", audience.remote_id)["keys"]

    def ask(self, method: str, path: str, token: Token, body: Any = None, **headers: str) -> requests.Response:
        """A call to the Data Manager API as anybody could write it."""
        headers["Authorization"] = f"Bearer {token.access_token}"
        address = f"{self.app.bases['datamanager']}/v1/{path}"
        return requests.request(method, address, json=body, headers=headers, timeout=10)

    def at_version(self, version: str) -> Google:
        return replace(self, app=replace(self.app, version=version))


def sha(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def spec(marker: str = "sync-1", name: str = "Customers") -> AudienceSpec:
    return AudienceSpec(marker, name, f"{name} ({marker})", "Kept in step by segsync", Kind.PEOPLE)


def refusal(call: Any, *arguments: Any) -> ConnectorProblem:
    """The problem that a call ends in."""
    with pytest.raises(ConnectorProblem) as caught:
        call(*arguments)
    return caught.value


def people(count: int, start: int = 0) -> list[dict[str, str]]:
    """Rows of made-up people with an e-mail address."""
    return [{"emailAddress": sha(f"person{number}@people.example")} for number in range(start, start + count)]


def population(count: int) -> list[dict[str, str]]:
    """The same people as Google knows them."""
    return [{"email": f"person{number}@people.example"} for number in range(count)]


def batch(rows: Sequence[Mapping[str, str]], action: Action = Action.ADD) -> Batch:
    """Rows by column; what is not given is null."""
    table = pa.table({name: pa.array([row.get(name) for row in rows], pa.string()) for name in PEOPLE.columns})
    return Batch(action, table, 1, last=True, session=7, estimated_total=len(rows))


@contextmanager
def google_at_hand() -> Iterator[Google]:
    """The simulator, running."""
    world = World()
    world.register_hasher("google", simulator.hasher)
    simulator.seed(world)
    web = flask.Flask(__name__)
    web.register_blueprint(simulator.blueprint(world), url_prefix="/google")
    server = make_server("127.0.0.1", 0, web, threaded=True, request_handler=_Quiet)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    ads, port = simulator.serve_ads(world)
    bases = dict.fromkeys(("accounts", "token", "userinfo", "datamanager"), f"http://127.0.0.1:{server.port}/google")
    app = Application("client", "secret", bases | {"ads": f"http://127.0.0.1:{port}"}, options={"simulated": "yes"})
    try:
        yield Google(world, app)
    finally:
        ads.stop(None).wait()
        server.shutdown()
        thread.join()
        server.server_close()
        world.close()
