"""Stand-ins written by hand: a channel kept in memory that does what the contract says, and what the network does to it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from random import Random

from connectors.contract import (
    AccountRef,
    Action,
    AdAccount,
    Applies,
    AudienceRef,
    AudienceSpec,
    AudienceState,
    Batch,
    Campaign,
    Capabilities,
    Erased,
    Kind,
    PushResult,
    Refused,
    Retire,
    Settlement,
    State,
    Token,
)
from connectors.digests import texts
from connectors.limits import Limit, Usage
from connectors.meta.identifiers import CAPABILITIES, identifiers
from connectors.problems import Code, SegmentRefused


class Killed(BaseException):
    """The worker's process ended here."""


@dataclass
class Membership:
    """What one audience holds: keys as added, and the persons they belong to."""

    keys: set[tuple[str, str]] = field(default_factory=set)
    persons: set[str] = field(default_factory=set)


@dataclass
class FakeChannel:
    """Meta's shape, kept in memory. `population` says which keys are one person; an unknown key is a person of its own."""

    capabilities: Capabilities = field(default_factory=lambda: replace(CAPABILITIES, batch_rows=2))
    limits: Sequence[Limit] = ()
    tells: Sequence[Usage] = ()
    """What the next answer tells of the limits."""
    population: dict[tuple[str, str], str] = field(default_factory=dict)
    audiences: dict[str, Membership] = field(default_factory=dict)
    markers: dict[str, str] = field(default_factory=dict)
    before_push: Callable[[Batch], None] = lambda _batch: None
    after_push: Callable[[Batch], None] = lambda _batch: None
    refuse: Callable[[Batch], dict[int, str]] = lambda _batch: {}
    """Positions of a batch that are not taken, with the reason: told at once, or later where the channel applies later."""
    account: AdAccount = field(default_factory=lambda: AdAccount("act-1", "Ad account 1"))
    pushed: list[Batch] = field(default_factory=list)
    checked: int = 0
    made: int = 0
    random: Random = field(default_factory=lambda: Random(7))
    _pending: list[tuple[str, str, Batch]] = field(default_factory=list)
    _told: dict[str, tuple[Refused, ...]] = field(default_factory=dict)

    def heard(self) -> Sequence[Usage]:
        told, self.tells = self.tells, ()
        return told

    def identifiers(self, members, kind, words):
        return identifiers(members, kind, words)

    def ad_accounts(self, token: Token) -> Sequence[AdAccount]:
        return [self.account]

    def check_account(self, token: Token, account: AccountRef) -> AdAccount:
        self.checked += 1
        return self.account

    def find_audience(self, token: Token, account: AccountRef, spec: AudienceSpec) -> AudienceRef | None:
        known = self.markers.get(spec.marker)
        return AudienceRef(known, spec.name) if known else None

    def create_audience(self, token: Token, account: AccountRef, spec: AudienceSpec) -> AudienceRef:
        known = self.markers.get(spec.marker, "")
        if known not in self.audiences:
            self.made += 1
            known = self.markers[spec.marker] = f"audience-{self.made}"
            self.audiences[known] = Membership()
        return AudienceRef(known, spec.name, created=True)

    def rename_audience(self, token, account, audience, name) -> None:
        return None

    def push(self, token: Token, account: AccountRef, audience: AudienceRef, batch: Batch) -> PushResult:
        self.before_push(batch)
        if audience.remote_id not in self.audiences:
            raise SegmentRefused(Code.AUDIENCE_GONE)
        self.pushed.append(batch)
        if self.capabilities.applies is Applies.LATER:
            receipt = f"receipt-{len(self.pushed)}"
            self._pending.append((receipt, audience.remote_id, batch))
            self.after_push(batch)
            return PushResult(batch.rows.num_rows, receipt=receipt, reference=self._trace)
        refused = self._apply(audience.remote_id, batch)
        self.after_push(batch)
        accepted = batch.rows.num_rows - sum(one.count for one in refused)
        return PushResult(accepted, refused, reference=self._trace)

    @property
    def _trace(self) -> str:
        return f"trace-{len(self.pushed)}"

    def settle(self, token: Token, account: AccountRef, receipts: Sequence[str]) -> Sequence[Settlement]:
        """Applies everything that is pending, in an order of its own."""
        self.random.shuffle(self._pending)
        for receipt, audience, batch in self._pending:
            self._told[receipt] = self._apply(audience, batch)
        self._pending.clear()
        return [Settlement(receipt, final=True, refused=self._told.get(receipt, ())) for receipt in receipts]

    def audience_state(self, token, account, audience) -> AudienceState:
        return AudienceState(State.READY if audience.remote_id in self.audiences else State.GONE)

    def campaigns_using(self, token, account, audience) -> Sequence[Campaign]:
        return []

    def retire(self, token, account, audience, how: Retire) -> None:
        if how is Retire.DELETE:
            self.audiences.pop(audience.remote_id, None)
        if how is Retire.EMPTY:
            self.audiences[audience.remote_id] = Membership()

    def erase(self, token, account, audience, batch: Batch) -> Erased:
        """Out of every audience of the account, where it is done at once."""
        if self.capabilities.applies is Applies.LATER:
            return Erased(done=True, receipt=self.push(token, account, audience, batch).receipt)
        self.before_push(batch)
        self.pushed.append(batch)
        refused = [told for each in self.audiences for told in self._apply(each, batch)]
        return Erased(done=not refused, reference=f"erased-{len(self.pushed)}")

    def person(self, key: tuple[str, str]) -> str:
        """Whose key this is."""
        return self.population.get(key, f"unknown {key}")

    def _apply(self, audience: str, batch: Batch) -> tuple[Refused, ...]:
        held, refused = self.audiences[audience], self.refuse(batch)
        names = [name for name in self.capabilities.shapes[Kind.PEOPLE].key_columns if name in batch.rows.column_names]
        for position, row in enumerate(texts(batch.rows).to_pylist()):
            if position in refused:
                continue
            keys = {(name, row[name]) for name in names if row[name] is not None}
            persons = {self.person(key) for key in keys}
            if batch.action is Action.ADD:
                held.keys |= keys
                held.persons |= persons
            else:
                held.keys -= keys
                held.persons -= persons
        return tuple(Refused(code, 1, (position,)) for position, code in refused.items())


LATER = replace(CAPABILITIES, batch_rows=2, applies=Applies.LATER, poll_after=timedelta(minutes=30))
"""A channel that answers at once and applies in an order of its own."""
