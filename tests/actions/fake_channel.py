"""A channel made of two small classes, for what the simulators cannot be asked: who comes back, and what the channel answers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from datetime import UTC, datetime, timedelta
from typing import Any

from connectors.contract import AdAccount, AudienceState, Campaign, Identity, State, Tokens, Use
from connectors.problems import ConnectorProblem
from segsync.runtime import Runtime

LATER = datetime(2026, 5, 1, tzinfo=UTC)


@dataclass
class FakeOAuth:
    """Signs in whoever `identity` says. `problem` is raised by the next call."""

    identity: Identity = field(default_factory=lambda: Identity("remote-ada", "Ada at Meta", frozenset({"ads"})))
    scopes: tuple[str, ...] = ("ads",)
    needed: Mapping[str, str] = field(default_factory=lambda: {"ads": "keep audiences in step"})
    pkce: bool = True
    problem: ConnectorProblem | None = None
    revoked: list[Tokens] = field(default_factory=list)
    exchanged: list[tuple[str, str]] = field(default_factory=list)

    def authorize_url(self, app: Any, redirect_uri: str, state: str, verifier: str) -> str:
        return f"https://channel.example/consent?state={state}&to={redirect_uri}"

    def exchange_code(self, app: Any, redirect_uri: str, code: str, verifier: str) -> Tokens:
        self._maybe_fail()
        self.exchanged.append((code, verifier))
        return Tokens(f"access-{code}", LATER, f"refresh-{code}", scopes=self.identity.scopes)

    def refresh(self, app: Any, tokens: Tokens) -> Tokens:
        self._maybe_fail()
        return Tokens("access-new", LATER + timedelta(days=1), tokens.refresh_token, scopes=tokens.scopes)

    def revoke(self, app: Any, tokens: Tokens) -> None:
        self._maybe_fail()
        self.revoked.append(tokens)

    def whoami(self, app: Any, access_token: str) -> Identity:
        return self.identity

    def refresh_at(self, tokens: Tokens) -> datetime | None:
        return tokens.expires_at

    def must_act_by(self, tokens: Tokens) -> datetime | None:
        return tokens.expires_at

    def _maybe_fail(self) -> None:
        if self.problem is not None:
            raise self.problem


@dataclass
class FakeConnector:
    """Answers with what it was given; each entry of `problems` is raised once, in order; None lets a call pass."""

    accounts: Sequence[AdAccount] = ()
    checked: AdAccount | None = None
    campaigns: Sequence[Campaign] = field(default_factory=lambda: [Campaign("c1", "Spring EU", "active", Use.EXCLUDE)])
    state: AudienceState = field(default_factory=lambda: AudienceState(State.BUILDING, raw="441"))
    problems: list[ConnectorProblem | None] = field(default_factory=list)
    tokens: list[str] = field(default_factory=list)
    calls: list[Any] = field(default_factory=list)
    found: Any = None

    def ad_accounts(self, token: Any) -> Sequence[AdAccount]:
        self._called(token, "ad_accounts")
        return self.accounts

    def check_account(self, token: Any, account: Any) -> AdAccount | None:
        self._called(token, account)
        return self.checked

    def campaigns_using(self, token: Any, account: Any, audience: Any) -> Sequence[Campaign]:
        self._called(token, audience.remote_id)
        return self.campaigns

    def audience_state(self, token: Any, account: Any, audience: Any) -> AudienceState:
        self._called(token, audience.remote_id)
        return self.state

    def find_audience(self, token: Any, account: Any, spec: Any) -> Any:
        self._called(token, spec.marker)
        return self.found

    def retire(self, token: Any, account: Any, audience: Any, how: Any) -> None:
        self._called(token, (audience.remote_id, how))

    def _called(self, token: Any, call: Any) -> None:
        self.tokens.append(token.access_token)
        self.calls.append(call)
        problem = self.problems.pop(0) if self.problems else None
        if problem is not None:
            raise problem


class FakeRuntime(Runtime):
    """A runtime whose every channel is the fake one."""

    def oauth(self, name: str) -> Any:
        return self.fakes.oauth

    def connector(self, name: str, *, asked: bool = False) -> Any:
        return self.fakes.connector


@dataclass
class Fakes:
    oauth: FakeOAuth = field(default_factory=FakeOAuth)
    connector: FakeConnector = field(default_factory=FakeConnector)


def with_fakes(runtime: Runtime) -> Any:
    """The same runtime over the fake channel, under `fakes`."""
    made = FakeRuntime(**{one.name: getattr(runtime, one.name) for one in fields(runtime)})
    object.__setattr__(made, "fakes", Fakes())
    made.settings.channels["meta"].client_id = "our-application"
    return made
