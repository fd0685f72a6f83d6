"""What the contract suite needs to know of a channel beyond the contract: who signs in, which accounts stand for what.

A new channel adds a `harness_<channel>.py` with a subclass, and a row in `conftest.py`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from itertools import count
from typing import Any, ClassVar
from urllib.parse import parse_qs, urlsplit

import ibis
import pyarrow as pa
import requests

from connectors.contract import (
    AccountRef,
    Action,
    Application,
    Applies,
    AudienceRef,
    AudienceSpec,
    Batch,
    Capabilities,
    Kind,
    PushResult,
    Token,
    Tokens,
)
from connectors.protocols import Connector, OAuth
from connectors.registry import CHANNELS, load
from connectors.simulation import World
from connectors.simulators import Simulators
from segsync.audience.engines import DuckDBWords

RETURN = "http://127.0.0.1/return"
VERIFIER = "a-verifier-of-forty-three-characters-or-more-as-asked"
numbers = count(1)


@dataclass
class Harness:
    """One channel at its simulator. The class variables are the channel's own words."""

    simulators: Simulators
    options: Mapping[str, str] = field(default_factory=dict)

    channel: ClassVar[str]
    ada: ClassVar[str]
    """A sign-in that manages `account`."""
    grace: ClassVar[str]
    """Another that does."""
    account: ClassVar[AccountRef]
    view_only: ClassVar[AccountRef]
    """An account that Ada sees but may not change."""
    closed: ClassVar[AccountRef]
    """An account that takes nothing any more."""
    usual: ClassVar[Mapping[str, str]] = {"simulated": "yes"}
    operations: ClassVar[Mapping[str, str]]
    """The simulator's names for what can be struck by a fault: "create"."""

    # -- the product's side ----------------------------------------------------------------------------------------

    @property
    def app(self) -> Application:
        bases = self.simulators.urls[self.channel]
        return Application("contract", "contract-secret", bases, options={**self.usual, **self.options})

    @property
    def connector(self) -> Connector:
        return load(self.channel, self.app)

    @property
    def oauth(self) -> OAuth:
        return CHANNELS[self.channel].oauth

    @property
    def can(self) -> Capabilities:
        return CHANNELS[self.channel].capabilities

    @property
    def world(self) -> World:
        return self.simulators.world

    def operation(self, name: str) -> str:
        return self.operations[name]

    # -- signing in ------------------------------------------------------------------------------------------------

    def consent(self, person: str = "", scopes: Sequence[str] | None = None, decision: str = "allow") -> dict[str, str]:
        """What the channel hands to the return address after somebody decided."""
        address = self.oauth.authorize_url(self.app, RETURN, "the-state", VERIFIER)
        form = {"signin": person or self.ada, "scope": self.oauth.scopes if scopes is None else scopes}
        reply = requests.post(address, data={**form, "decision": decision}, allow_redirects=False, timeout=10)
        return {name: values[0] for name, values in parse_qs(urlsplit(reply.headers["Location"]).query).items()}

    def tokens(self, person: str = "", scopes: Sequence[str] | None = None) -> Tokens:
        code = self.consent(person, scopes)["code"]
        return self.oauth.exchange_code(self.app, RETURN, code, VERIFIER)

    def token(self, person: str = "", scopes: Sequence[str] | None = None) -> Token:
        return Token(self.tokens(person, scopes).access_token, person or self.ada)

    # -- audiences and people --------------------------------------------------------------------------------------

    def spec(self, name: str = "") -> AudienceSpec:
        """An audience nobody has asked for yet."""
        number = next(numbers)
        name = name or f"Customers {number}"
        return AudienceSpec(
            f"segsync-{number:06}", name, f"{name} (S-{number})", "Kept in step by segsync", Kind.PEOPLE
        )

    def people(self, how_many: int) -> list[dict[str, str]]:
        """New people that the channel knows, in canonical form; `person_id` is what the simulator calls them."""
        new = [self._person(next(numbers)) for _ in range(how_many)]
        self.world.add_people(new)
        return new

    def _person(self, number: int) -> dict[str, str]:
        return {
            "person_id": f"person-{number:06}",
            "email": f"person{number}@contract.example",
            "phone": f"+4930{number:08}",
            "first_name": "José",
            # In letters, and nobody else's: names and postal code together are a key on some channels.
            "last_name": "Müller" + "".join(chr(97 + int(digit)) for digit in str(number)),
            "postal_code": "10115",
            "city": "Berlin",
            "country": "DE",
        }

    def batch(self, people: Sequence[Mapping[str, str]], action: Action = Action.ADD, **more: Any) -> Batch:
        """People as this channel's own expression writes them, prepared by DuckDB as in a run."""
        shape = self.can.shapes[Kind.PEOPLE]
        fields = dict.fromkeys(shape.fields, "string")
        rows = [{name: person.get(name) for name in fields} for person in people]
        members = ibis.memtable(pa.Table.from_pylist(rows, schema=ibis.schema(fields).to_pyarrow()))
        written = self.connector.identifiers(members, Kind.PEOPLE, DuckDBWords())
        connection = ibis.duckdb.connect()
        try:
            table = connection.to_pyarrow(written)
        finally:
            connection.disconnect()
        columns = shape.columns if action is Action.ADD else shape.key_columns
        there = [name for name in columns if table[name].null_count < table.num_rows]
        usual = {"number": 1, "last": True, "session": next(numbers), "estimated_total": table.num_rows}
        return Batch(action, table.select(there), **{**usual, **more})

    def push(self, token: Token, audience: AudienceRef, batch: Batch) -> PushResult:
        """Sends, and lets the channel finish what it does later."""
        result = self.connector.push(token, self.account, audience, batch)
        self.wait()
        return result

    def wait(self) -> None:
        """Lets the channel work through what it has; by the simulated clock."""
        self.world.advance(timedelta(minutes=30 if self.can.applies is Applies.LATER else 1))
        requests.get(f"{self.simulators.url}/control/clock", timeout=10)

    def persons(self, audience: AudienceRef) -> set[str]:
        """Who is in the audience, at the channel."""
        return set(self.world.members(self.channel, audience.remote_id)["persons"])

    def delete_there(self, audience: AudienceRef) -> None:
        """Somebody deletes it in the channel's own pages."""
        address = f"{self.simulators.url}/control/{self.channel}/audiences/{audience.remote_id}"
        requests.delete(address, timeout=10).raise_for_status()

    def new_campaign(self, audience: AudienceRef, use: str) -> str:
        """Somebody lets a campaign include or exclude the audience."""
        base = f"{self.simulators.url}/control/{self.channel}/campaigns"
        name = f"Campaign {next(numbers)}"
        known = self.world.all(self.channel, "campaigns")[0]
        campaign = {"key": str(7_000_000 + next(numbers)), "name": name, "account": self.account.remote_id}
        campaign["status"] = known["status"]
        requests.post(base, json=self.campaign(campaign), timeout=10).raise_for_status()
        named = {"audience": audience.remote_id, "use": use}
        requests.post(f"{base}/{campaign['key']}/audiences", json=named, timeout=10).raise_for_status()
        return name

    def settle_down(self) -> None:
        """Lets the channel make of it whatever it makes of it later."""
        self.world.advance(self.can.settles_in)
        self.wait()

    # -- in each channel's own form --------------------------------------------------------------------------------

    def campaign(self, campaign: dict[str, Any]) -> dict[str, Any]:
        """A campaign's document with what this channel's has besides."""
        return campaign

    def take_access(self, person: str, account: AccountRef) -> None:
        """Somebody takes this person's access to the ad account away."""
        raise NotImplementedError

    def give_access(self, person: str, account: AccountRef) -> None:
        """And gives it back."""
        raise NotImplementedError
