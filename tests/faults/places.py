"""The channel of a life: kept in memory, or a simulator. Who is in the audience, and who should be."""

from __future__ import annotations

import copy
import hashlib
import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from connectors.contract import AccountRef, Token, Tokens
from connectors.problems import Code, TryLater
from connectors.simulators import CHANNELS
from segsync.config import ChannelSettings
from segsync.effects import Effects, Sort
from segsync.runtime import Runtime
from tests.contract.harness import Harness
from tests.fakes import FakeChannel

ASKED = ("check_account", "find_audience", "create_audience", "push", "settle", "audience_state", "ad_accounts")
TOKEN, ACCOUNT = Token("token", "ada"), AccountRef("act-1")
SENT = {"email", "phone"}
Members = tuple[set[Any], set[Any]]
"""Keys as added, and the persons they belong to."""
Fields = Sequence[Mapping[str, str]]
"""Of each contact that should be there, what identifies it."""


class Asked:
    """The channel kept in memory, with every request passing the hook as the real connectors' do."""

    def __init__(self, place: InMemory, effects: Effects) -> None:
        self.place, self.effects = place, effects

    def __getattr__(self, name: str) -> Any:
        found = getattr(self.place.channel, name)
        return self._around(name, found) if name in ASKED else found

    def _around(self, name: str, ask: Any) -> Any:
        def asked(*arguments: Any) -> Any:
            with self.effects.around(Sort.REQUEST, name):
                if self.place.away:
                    raise TryLater(Code.OUTAGE)
                return ask(*arguments)

        return asked


@dataclass
class InMemory:
    """The channel kept in memory. Whoever shares a key is one person to it."""

    channel: FakeChannel
    name: str = "meta"
    audience: str = ""
    away: bool = False
    """Nothing that is asked of it arrives."""
    account: AccountRef = ACCOUNT
    signin: str = "ada"

    @property
    def settings(self) -> ChannelSettings:
        return ChannelSettings(client_id="app", client_secret="secret", options={"poll_seconds": "10"})

    def tokens(self) -> Tokens | None:
        """Any will do."""

    def enter(self, runtime: Runtime, effects: Effects) -> None:
        """A new process knows the channel."""
        runtime._connectors[self.name] = Asked(self, effects)

    def let_time_pass(self) -> None:
        """Nothing happens here by time alone."""

    def saved(self) -> tuple[Any, FakeChannel]:
        """What tells its state from others, and what brings it back."""
        self.channel.pushed.clear()
        held = {name: (set(one.keys), set(one.persons)) for name, one in self.channel.audiences.items()}
        return (held, [receipt for receipt, *_ in self.channel._pending]), copy.deepcopy(self.channel)

    def restore(self, saved: FakeChannel) -> None:
        self.channel = copy.deepcopy(saved)

    def held(self) -> Members:
        self.channel.settle(TOKEN, ACCOUNT, [])  # what is under way is done
        audiences = self.channel.audiences.values()
        return {key for one in audiences for key in one.keys}, {who for one in audiences for who in one.persons}

    def wanted(self, people: Fields) -> Members:
        """By Meta's rule, read once more."""
        keys = {("EMAIL", _sha(one["email"])) for one in people if "email" in one}
        keys |= {("PHONE", _sha(one["phone"].lstrip("+"))) for one in people if "phone" in one}
        return keys, {self.channel.person(key) for key in keys}


@dataclass
class Simulated:
    """A channel's simulator, asked over HTTP."""

    harness: Harness
    audience: str = ""
    """Its id, once it is made."""

    @property
    def name(self) -> str:
        return self.harness.channel

    @property
    def settings(self) -> ChannelSettings:
        """What sets the product up for it."""
        app = self.harness.app
        quick = {"poll_seconds": "10", "source_platform": "SEGSYNC", "pause_after_create": "0"}
        return ChannelSettings(
            client_id=app.client_id,
            client_secret=app.client_secret,
            bases=dict(app.bases),
            options={**app.options, **quick},
        )

    @property
    def account(self) -> AccountRef:
        return self.harness.account

    @property
    def signin(self) -> str:
        return self.harness.ada

    def tokens(self) -> Tokens | None:
        return self.harness.tokens()

    def enter(self, runtime: Runtime, effects: Effects) -> None:
        """A new process reaches it by its address."""

    def let_time_pass(self) -> None:
        self.harness.wait()

    def saved(self) -> tuple[Any, sqlite3.Connection]:
        """The whole simulator, with its clock and what it has still to do."""
        kept = self.harness.world.saved()
        return kept.serialize(), kept

    def restore(self, saved: sqlite3.Connection) -> None:
        self.harness.world.restore(saved)

    def held(self) -> Members:
        self.harness.wait()
        if not self.audience:
            return set(), set()
        members = self.harness.world.members(self.name, self.audience)
        return set(members["keys"]), set(members["persons"])

    def wanted(self, people: Fields) -> Members:
        """By the simulator's own reading of the channel's rule. It knows people by more than we send."""
        hashed = CHANNELS[self.name].module.hasher
        keys = {key for one in people for key in hashed(one) if key.partition(":")[0] in SENT}
        return keys, set(self.harness.world.persons_of(self.name, keys))


def _sha(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
