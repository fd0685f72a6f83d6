"""A connector whose every call is counted by the shared limiter first, and whose answers tell the limiter what they say of limits."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, TypeVar

from connectors.contract import (
    AccountRef,
    Action,
    AdAccount,
    AudienceRef,
    AudienceSpec,
    AudienceState,
    Batch,
    Campaign,
    Capabilities,
    Erased,
    Kind,
    PushResult,
    Retire,
    Settlement,
    Token,
)
from connectors.limits import Call, Limit, Usage
from connectors.problems import Code, ConnectorProblem, TryLater
from connectors.protocols import Connector, Words
from segsync.limiter import Limiter, Request
from segsync.rules import pace
from segsync.rules.pace import Caller

if TYPE_CHECKING:
    import ibis.expr.types as ir

T = TypeVar("T")
LIMITS = frozenset({Code.RATE_LIMIT, Code.DAILY_LIMIT})


@dataclass(frozen=True)
class Limited:
    """`connectors.contract.Connector` around another. Every call may raise ScopeClosed, before or after the channel was asked, and NotCounted before."""

    channel: Connector
    limiter: Limiter
    name: str
    application: str
    asked: bool = False
    """Whether a person waits for the answers."""

    @property
    def capabilities(self) -> Capabilities:
        """What the channel can do."""
        return self.channel.capabilities

    @property
    def limits(self) -> Sequence[Limit]:
        """What the channel counts."""
        return self.channel.limits

    def heard(self) -> Sequence[Usage]:
        """Nothing is left to tell: the limiter was told after each call."""
        return self.channel.heard()

    def identifiers(self, members: ir.Table, kind: Kind, words: Words) -> ir.Table:
        """No call."""
        return self.channel.identifiers(members, kind, words)

    def ad_accounts(self, token: Token) -> Sequence[AdAccount]:
        """Counted."""
        return self._counted(Call.ACCOUNTS, token, None, lambda: self.channel.ad_accounts(token))

    def check_account(self, token: Token, account: AccountRef) -> AdAccount:
        """Counted."""
        return self._counted(Call.CHECK, token, account, lambda: self.channel.check_account(token, account))

    def find_audience(self, token: Token, account: AccountRef, spec: AudienceSpec) -> AudienceRef | None:
        """Counted."""
        return self._counted(Call.FIND, token, account, lambda: self.channel.find_audience(token, account, spec))

    def create_audience(self, token: Token, account: AccountRef, spec: AudienceSpec) -> AudienceRef:
        """Counted."""
        return self._counted(Call.CREATE, token, account, lambda: self.channel.create_audience(token, account, spec))

    def rename_audience(self, token: Token, account: AccountRef, audience: AudienceRef, name: str) -> None:
        """Counted."""
        rename = self.channel.rename_audience
        self._counted(Call.RENAME, token, account, lambda: rename(token, account, audience, name))

    def push(self, token: Token, account: AccountRef, audience: AudienceRef, batch: Batch) -> PushResult:
        """Counted as a removal or an addition, with every request that it took."""
        call = Call.REMOVE if batch.action is Action.REMOVE else Call.ADD
        result = self._counted(call, token, account, lambda: self.channel.push(token, account, audience, batch))
        if result.requests > 1:
            self.limiter.used(self.limits, self._request(call, token, account), (), more=result.requests - 1)
        return result

    def settle(self, token: Token, account: AccountRef, receipts: Sequence[str]) -> Sequence[Settlement]:
        """Asked and counted one by one. What is known is kept where a limit or the channel then stops it: fewer results than receipts."""
        told: list[Settlement] = []
        for receipt in receipts:
            ask = partial(self.channel.settle, token, account, [receipt])
            try:
                told += self._counted(Call.SETTLE, token, account, ask)
            except ConnectorProblem:
                if not told:
                    raise
                break
        return told

    def audience_state(self, token: Token, account: AccountRef, audience: AudienceRef) -> AudienceState:
        """Counted."""
        return self._counted(Call.STATE, token, account, lambda: self.channel.audience_state(token, account, audience))

    def campaigns_using(self, token: Token, account: AccountRef, audience: AudienceRef) -> Sequence[Campaign]:
        """Counted."""
        using = self.channel.campaigns_using
        return self._counted(Call.CAMPAIGNS, token, account, lambda: using(token, account, audience))

    def retire(self, token: Token, account: AccountRef, audience: AudienceRef, how: Retire) -> None:
        """Counted."""
        self._counted(Call.RETIRE, token, account, lambda: self.channel.retire(token, account, audience, how))

    def erase(self, token: Token, account: AccountRef, audience: AudienceRef, batch: Batch) -> Erased:
        """Counted."""
        return self._counted(Call.ERASE, token, account, lambda: self.channel.erase(token, account, audience, batch))

    def _counted(self, call: Call, token: Token, account: AccountRef | None, ask: Callable[[], T]) -> T:
        request = self._request(call, token, account)
        self.limiter.take(self.limits, request)
        try:
            return ask()
        except TryLater as refusal:
            closed = self.limiter.refused(self.limits, request, refusal) if refusal.code in LIMITS else None
            if closed is None:
                raise
            raise closed from None
        finally:
            told = self.channel.heard()
            if told:
                self.limiter.used(self.limits, request, told)

    def _request(self, call: Call, token: Token, account: AccountRef | None) -> Request:
        caller = Caller(self.name, self.application, token.person, account.remote_id if account else "")
        return Request(call, caller, pace.urgency(call, asked=self.asked))
