"""No channel keeps a worker longer than the operator allows."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace

import pytest

from connectors.contract import Application, Token
from connectors.problems import Code, TryLater
from connectors.registry import load

PATIENCE = 0.3
SLOW = 1.5


@dataclass
class Calls:
    """A sign-in and an audience of a channel, and a connector without patience."""

    channel: object
    token: Token
    audience: object

    def connector(self):
        app: Application = replace(self.channel.app, request_seconds=PATIENCE)
        return load(self.channel.channel, app)

    def accounts(self):
        self.connector().ad_accounts(self.token)

    def push(self):
        batch = self.channel.batch(self.channel.people(2))
        self.connector().push(self.token, self.channel.account, self.audience, batch)

    def whoami(self):
        app = replace(self.channel.app, request_seconds=PATIENCE)
        self.channel.oauth.whoami(app, self.token.access_token)


@pytest.mark.parametrize("call", ["accounts", "push", "whoami"])
def test_a_slow_channel_is_given_up_in_time(channel, ada, audience, call):
    """However slow the channel is, a call ends within the operator's limit, and is tried again later (S7)."""
    calls = Calls(channel, ada, audience)
    channel.world.add_fault(channel.channel, "slow", facts={"seconds": SLOW})
    began = time.monotonic()
    with pytest.raises(TryLater) as told:
        getattr(calls, call)()
    assert told.value.code is Code.TIMEOUT
    time.sleep(
        max(0.0, SLOW - (time.monotonic() - began))
    )  # the simulator answers into nothing: not into the next test
